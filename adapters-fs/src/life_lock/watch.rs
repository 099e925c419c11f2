//! Waiting for tasks without polling them.
//!
//! One small thread for each watched task sleeps in a shared `flock` on its life lock and wakes the
//! moment the kernel frees it. Endings that come from outside free no lock; the watch notices those
//! by a look at the store every [`TICK`]. After a watch is dropped, each of its threads sleeps on
//! until its lock is free or the process ends, and holds nothing but one descriptor.

use std::collections::VecDeque;
use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::plan::reconcile::Custody;
use domain::port::{Watch, Woken};
use domain::task::TaskId;

use super::{FileLifeLocks, open};

/// How often the store is looked at. The port allows 200 ms, so this leaves some for the looking.
const TICK: Duration = Duration::from_millis(150);
/// The most threads of one watch. Locks beyond that are looked at, too, at each tick.
const MAX_THREADS: usize = 512;
/// How many of the descriptors that the process may have are left to everything else.
const SPARE: u64 = 12;
/// The stack of such a thread, in bytes: it makes one system call and sends one message.
const STACK: usize = 64 * 1024;

/// A watch over the life locks of some tasks.
pub(super) struct FileWatch {
    locks: FileLifeLocks,
    released: Receiver<TaskId>,
    // Kept so that the channel never closes, even when no thread is left.
    sender: Sender<TaskId>,
    threads: usize,
    most_threads: usize,
    /// Locks that are free already, to be told one at a time.
    ready: VecDeque<TaskId>,
    /// Locks that no thread waits for.
    unattended: Vec<TaskId>,
    /// The folder, and the records watched, as they were at the last look.
    sights: Vec<(PathBuf, Sight)>,
    /// Whether to report a change once more: one in the same instant as the last look may have
    /// left the same time stamp.
    echo: bool,
}

/// What can be seen of a file without opening it: inode, size, and modification time to the
/// nanosecond. `None` if it is not there.
type Sight = Option<(u64, u64, i64, i64)>;

impl FileWatch {
    /// Begins to watch `ids`. Everything that happens from now on is noticed.
    pub(super) fn begin(locks: FileLifeLocks, ids: &[TaskId]) -> Self {
        let records = ids.iter().map(|id| locks.dir.record(id));
        let paths = std::iter::once(locks.dir.root().to_path_buf()).chain(records);
        let sights = paths.map(|path| (path.clone(), sight(&path))).collect();
        let (sender, released) = mpsc::channel();
        let mut watch = Self {
            locks,
            released,
            sender,
            threads: 0,
            most_threads: most_threads(),
            ready: VecDeque::new(),
            unattended: Vec::new(),
            sights,
            echo: true,
        };
        for id in ids {
            watch.attend(id);
        }
        watch
    }

    fn attend(&mut self, id: &TaskId) {
        let by_thread = self.threads < self.most_threads;
        // A lock that cannot be opened now (no descriptor left, say) is looked at again at the tick.
        let Ok(opened) = open(&self.locks.dir.life_lock(id)) else {
            self.unattended.push(id.clone());
            return;
        };
        let Some(file) = opened else {
            self.ready.push_back(id.clone());
            return;
        };
        match file.try_lock_shared() {
            Ok(()) => self.ready.push_back(id.clone()),
            Err(TryLockError::WouldBlock)
                if by_thread && sleep_on(file, id, &self.sender).is_ok() =>
            {
                self.threads += 1;
            }
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {
                self.unattended.push(id.clone());
            }
        }
    }

    /// Looks at what no thread waits for, and at the store.
    fn look(&mut self) -> Option<Woken> {
        let locks = &self.locks;
        let held = |id: &TaskId| matches!(locks.custody_of(id), Ok(Custody::Held) | Err(_));
        let (still, free): (Vec<_>, Vec<_>) = self.unattended.drain(..).partition(held);
        self.unattended = still;
        self.ready.extend(free);
        if let Some(id) = self.ready.pop_front() {
            return Some(Woken::Released(id));
        }
        let mut changed = false;
        for (path, before) in &mut self.sights {
            let now = sight(path);
            changed |= now != *before;
            *before = now;
        }
        let echo = std::mem::replace(&mut self.echo, changed);
        (changed || echo).then_some(Woken::Changed)
    }
}

#[async_trait]
impl Watch for FileWatch {
    async fn next(&mut self, at_most: Duration) -> Woken {
        let began = Instant::now();
        loop {
            if let Some(id) = self.ready.pop_front() {
                return Woken::Released(id);
            }
            let left = at_most.saturating_sub(began.elapsed());
            match self.released.recv_timeout(left.min(TICK)) {
                Ok(id) => return Woken::Released(id),
                // Disconnected cannot be: we hold a sender.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if let Some(woken) = self.look() {
                return woken;
            }
            if left <= TICK {
                return Woken::TimedOut;
            }
        }
    }

    async fn include(&mut self, id: &TaskId) {
        let path = self.locks.dir.record(id);
        self.sights.push((path.clone(), sight(&path)));
        self.attend(id);
    }
}

/// How many threads, each of which keeps a descriptor, leave enough of them for reading records.
fn most_threads() -> usize {
    let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let free = allowed.map_or(u64::MAX, |allowed| (allowed / 2).saturating_sub(SPARE));
    usize::try_from(free).unwrap_or(MAX_THREADS).min(MAX_THREADS)
}

/// Lets a thread sleep until `file` is free, then tell so.
fn sleep_on(file: File, id: &TaskId, sender: &Sender<TaskId>) -> io::Result<()> {
    let (id, sender) = (id.clone(), sender.clone());
    let sleep = move || {
        while file.lock_shared().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {}
        // Freed at once: a shared lock that stays would make the next look say the wrong thing.
        drop(file);
        // Nobody listens any more if the watch was dropped.
        sender.send(id).unwrap_or_default();
    };
    thread::Builder::new().name("life watch".into()).stack_size(STACK).spawn(sleep).map(drop)
}

fn sight(path: &PathBuf) -> Sight {
    let seen = |file: Metadata| (file.ino(), file.size(), file.mtime(), file.mtime_nsec());
    fs::symlink_metadata(path).ok().map(seen)
}
