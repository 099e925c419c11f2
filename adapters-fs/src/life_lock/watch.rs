//! Waiting for tasks without polling them.
//!
//! Whoever records an ending rings a bell ([`crate::bell`]), which tells of any number of tasks. For each of the first
//! few that are watched, a small thread sleeps in a shared `flock` on its life lock as well, and wakes the moment the
//! kernel frees it, however its holder died. What neither tells is noticed by a look at the other locks and at the
//! store every [`TICK`], or every [`SHORT_TICK`] where no bell can be hung. After a watch is dropped, each of its
//! threads sleeps on until its lock is free or the process ends, and holds nothing but two descriptors; so a process that
//! waits again and again has no more of them than one that waits once.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::plan::reconcile::Custody;
use domain::port::{Watch, Woken};
use domain::task::TaskId;

use super::{FileLifeLocks, open};
use crate::bell::{self, Bell};

/// How often the store is looked at where a bell tells of endings. The port allows 1.2 s.
const TICK: Duration = Duration::from_secs(1);
/// How often it is looked at where none does.
const SHORT_TICK: Duration = Duration::from_millis(150);
/// The most threads of all watches of this process, those that were dropped included.
const MAX_THREADS: usize = 3;
/// How many there are.
static THREADS: AtomicUsize = AtomicUsize::new(0);
/// The stack of such a thread, in bytes: it makes one system call and sends one message.
const STACK: usize = 64 * 1024;

/// A watch over the life locks of some tasks.
pub(super) struct FileWatch {
    locks: FileLifeLocks,
    bell: Option<Bell>,
    watched: HashSet<TaskId>,
    /// The tasks that have no lock yet, of whose end the bell tells.
    expected: HashSet<TaskId>,
    released: Receiver<TaskId>,
    // Kept so that the channel never closes, even when no thread is left.
    sender: Sender<TaskId>,
    /// What is known already, to be told one at a time.
    ready: VecDeque<Woken>,
    /// Locks that no thread waits for.
    unattended: Vec<TaskId>,
    /// The folder, and the records watched, as they were at the last look.
    sights: Vec<(PathBuf, Sight)>,
    /// When that was.
    looked: Instant,
    /// Whether to report a change once more: one in the same instant as the last look may have
    /// left the same time stamp.
    echo: bool,
}

/// What can be seen of a file without opening it: inode, size, and modification time to the
/// nanosecond. `None` if it is not there.
type Sight = Option<(u64, u64, i64, i64)>;

/// One of the threads, as long as it lives.
struct Counted;

impl Counted {
    fn begin() -> Option<Self> {
        let more = |threads: usize| (threads < MAX_THREADS).then_some(threads + 1);
        // Made only where it was counted: its drop counts back.
        THREADS.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok().then(|| Self)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::AcqRel);
    }
}

impl FileWatch {
    /// Begins to watch `ids`. Everything that happens from now on is noticed.
    pub(super) fn begin(locks: FileLifeLocks, ids: &[TaskId]) -> Self {
        let bell = Bell::hang(&locks.dir, &*locks.disk);
        let root = locks.dir.root().to_path_buf();
        let sights = vec![(root.clone(), sight(&root))];
        let (sender, released) = mpsc::channel();
        let mut watch = Self {
            locks,
            bell,
            watched: HashSet::new(),
            expected: HashSet::new(),
            released,
            sender,
            ready: VecDeque::new(),
            unattended: Vec::new(),
            sights,
            looked: Instant::now(),
            echo: true,
        };
        for id in ids {
            watch.watch(id);
        }
        watch
    }

    fn watch(&mut self, id: &TaskId) {
        let path = self.locks.dir.record(id);
        self.sights.push((path.clone(), sight(&path)));
        self.watched.insert(id.clone());
        // A lock that cannot be opened now (no descriptor left, say) is looked at again at the tick.
        let Ok(opened) = open(&self.locks.dir.life_lock(id)) else {
            self.unattended.push(id.clone());
            return;
        };
        let Some(file) = opened else {
            self.ready.push_back(Woken::Released(id.clone()));
            return;
        };
        match file.try_lock_shared() {
            Ok(()) => self.ready.push_back(Woken::Released(id.clone())),
            Err(TryLockError::WouldBlock) if self.sleep_on(file, id).is_ok() => {}
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {
                self.unattended.push(id.clone());
            }
        }
    }

    /// Lets a thread sleep until `file` is free, then tell so, if there may be one more.
    fn sleep_on(&self, file: File, id: &TaskId) -> io::Result<()> {
        let thread = Counted::begin().ok_or(io::ErrorKind::QuotaExceeded)?;
        let (id, sender) = (id.clone(), self.sender.clone());
        let end = self.bell.as_ref().and_then(Bell::pull);
        let sleep = move || {
            while file.lock_shared().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted)
            {
            }
            // Freed at once: a shared lock that stays would make the next look say the wrong thing.
            drop(file);
            // Nobody listens any more if the watch was dropped.
            sender.send(id).unwrap_or_default();
            end.iter().for_each(bell::pull);
            drop(thread);
        };
        thread::Builder::new().name("life watch".into()).stack_size(STACK).spawn(sleep).map(drop)
    }

    /// Sleeps until something is told, at most this long.
    fn sleep(&mut self, at_most: Duration) {
        let Some(bell) = &mut self.bell else {
            // Disconnected cannot be: we hold a sender.
            match self.released.recv_timeout(at_most) {
                Ok(id) => self.ready.push_back(Woken::Released(id)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            return;
        };
        if bell.wait(at_most) {
            let told = bell.listen();
            let is_ours = |id: &TaskId| self.watched.contains(id) || self.expected.contains(id);
            let ours = told.ended.into_iter().filter(is_ours);
            self.ready.extend(ours.map(Woken::Ended));
            self.ready.extend(told.overflowed.then_some(Woken::Changed));
        }
        self.ready.extend(self.released.try_iter().map(Woken::Released));
    }

    /// Looks at what no thread waits for, and at the store.
    fn look(&mut self) {
        let locks = &self.locks;
        let held = |id: &TaskId| matches!(locks.custody_of(id), Ok(Custody::Held) | Err(_));
        let (still, free): (Vec<_>, Vec<_>) = self.unattended.drain(..).partition(held);
        self.unattended = still;
        self.ready.extend(free.into_iter().map(Woken::Released));
        let mut changed = false;
        for (path, before) in &mut self.sights {
            let now = sight(path);
            changed |= now != *before;
            *before = now;
        }
        let echo = std::mem::replace(&mut self.echo, changed);
        self.ready.extend((changed || echo).then_some(Woken::Changed));
        self.looked = Instant::now();
    }
}

#[async_trait]
impl Watch for FileWatch {
    async fn next(&mut self, at_most: Duration) -> Woken {
        let began = Instant::now();
        let tick = if self.bell.is_some() { TICK } else { SHORT_TICK };
        loop {
            if let Some(woken) = self.ready.pop_front() {
                return woken;
            }
            let left = at_most.saturating_sub(began.elapsed());
            let until_look = tick.saturating_sub(self.looked.elapsed());
            self.sleep(left.min(until_look));
            let is_over = began.elapsed() >= at_most;
            if self.ready.is_empty() && (is_over || self.looked.elapsed() >= tick) {
                self.look();
            }
            if self.ready.is_empty() && is_over {
                return Woken::TimedOut;
            }
        }
    }

    async fn include(&mut self, id: &TaskId) {
        self.watch(id);
    }

    async fn expect(&mut self, id: &TaskId) {
        self.expected.insert(id.clone());
    }
}

fn sight(path: &PathBuf) -> Sight {
    let seen = |file: Metadata| (file.ino(), file.size(), file.mtime(), file.mtime_nsec());
    fs::symlink_metadata(path).ok().map(seen)
}
