//! What there is to react to: keys, signals, changes in the store, and what came of an action. One wait for all of them.
//!
//! The store is followed by inotify: as long as nothing changes in it, nothing is looked at. Main type: [`Events`].

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use domain::task::TaskId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use signal_hook::consts::signal as signals;
use signal_hook::{flag, low_level};

use super::keys::{Key, Keys};
use crate::kit::wiring::Wiring;

/// The signals that end this process.
const ENDING: [i32; 12] = [
    signals::SIGHUP,
    signals::SIGINT,
    signals::SIGQUIT,
    signals::SIGTERM,
    signals::SIGUSR1,
    signals::SIGUSR2,
    signals::SIGALRM,
    signals::SIGVTALRM,
    signals::SIGPROF,
    signals::SIGXCPU,
    signals::SIGXFSZ,
    signals::SIGABRT,
];
/// Those after which the terminal is another one.
const CHANGING: [i32; 3] = [signals::SIGTSTP, signals::SIGCONT, signals::SIGWINCH];

/// What happened while nobody looked.
#[derive(Debug, Default)]
pub(super) struct Happened {
    /// The keys that were pressed.
    pub(super) keys: Vec<Key>,
    /// The signal that came last; one that ends this process before any other.
    pub(super) signal: Option<i32>,
    /// Whether nobody is left to press a key.
    pub(super) is_over: bool,
    /// What changed in the store.
    pub(super) found: Found,
}

/// What changed in the store.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The tasks whose files changed.
    pub(super) changed: BTreeSet<TaskId>,
    /// Whether everything has to be looked at.
    pub(super) is_all: bool,
    /// Whether the log that is followed changed.
    pub(super) log_grew: bool,
    /// Whether the store is no longer where it was.
    pub(super) is_store_gone: bool,
}

impl Found {
    /// Whether anything has to be looked at.
    pub(super) fn is_any(&self) -> bool {
        self.is_all || self.log_grew || !self.changed.is_empty()
    }

    /// Adds what changed later.
    pub(super) fn add(&mut self, later: Self) {
        self.changed.extend(later.changed);
        self.is_all |= later.is_all;
        self.log_grew |= later.log_grew;
        self.is_store_gone |= later.is_store_gone;
    }
}

/// All that is waited for.
pub(super) struct Events {
    keys: Keys,
    files: OwnedFd,
    /// The watches of the store, of the folder of what runs, and of the folder of what waits.
    folders: [Option<i32>; 3],
    /// The watch of the log that is shown.
    log: Option<i32>,
    /// The signal that came last of those that end this process, and of the others.
    ending: Arc<AtomicUsize>,
    changing: Arc<AtomicUsize>,
    /// Whether signals mean again what they mean to any process.
    is_over: Arc<AtomicBool>,
    rung: UnixStream,
    bell: UnixStream,
}

impl Events {
    /// Begins to watch.
    ///
    /// # Errors
    /// If the kernel watches no more, or the store's folder is not there.
    pub(super) fn of(wiring: &Wiring) -> io::Result<Self> {
        let files = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let (rung, bell) = UnixStream::pair()?;
        rung.set_nonblocking(true)?;
        bell.set_nonblocking(true)?;
        let (ending, changing) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let is_over = Arc::new(AtomicBool::new(false));
        let of = |signals: &'static [i32], caught| signals.iter().map(move |it| (*it, caught));
        for (signal, caught) in of(&ENDING, &ending).chain(of(&CHANGING, &changing)) {
            flag::register_conditional_default(signal, is_over.clone())?;
            flag::register_usize(signal, caught.clone(), usize::try_from(signal).unwrap_or(0))?;
            low_level::pipe::register(signal, bell.try_clone()?)?;
        }
        let mut events = Self {
            keys: Keys::default(),
            files,
            folders: [None; 3],
            log: None,
            ending,
            changing,
            is_over,
            rung,
            bell,
        };
        events.watch_folders(wiring)?;
        Ok(events)
    }

    /// What rings to make the wait end.
    ///
    /// # Errors
    /// If there are too many open files.
    pub(super) fn bell(&self) -> io::Result<UnixStream> {
        self.bell.try_clone()
    }

    fn watch_folders(&mut self, wiring: &Wiring) -> io::Result<()> {
        let names = WatchFlags::MOVED_TO | WatchFlags::CREATE | WatchFlags::DELETE;
        let gone = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF;
        let dir = &wiring.dir;
        self.folders[0] = Some(inotify::add_watch(&self.files, dir.root(), names | gone)?);
        // They are made by the first task; then the watch of the root says so.
        for (at, folder) in [(1, dir.active()), (2, dir.queue())] {
            self.folders[at] =
                inotify::add_watch(&self.files, &folder, names | WatchFlags::MOVED_FROM).ok();
        }
        Ok(())
    }

    /// Follows this log in place of the one before.
    pub(super) fn follow(&mut self, log: Option<&Path>) {
        if let Some(before) = self.log.take() {
            // One whose file was removed is gone already.
            inotify::remove_watch(&self.files, before).unwrap_or_default();
        }
        let grows = WatchFlags::MODIFY;
        self.log = log.and_then(|log| inotify::add_watch(&self.files, log, grows).ok());
    }

    /// Whether a signal came that ends this process and that nobody heard of yet.
    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed) != 0
    }

    /// Waits for nothing any more: from now on a signal does what it does to any process, at once.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Waits until anything happens, at most so long; or until a terminal takes more, if there is one that is behind.
    pub(super) fn next(
        &mut self,
        wiring: &Wiring,
        at_most: Option<Duration>,
        behind: Option<BorrowedFd<'_>>,
    ) -> Happened {
        let mut happened = Happened::default();
        let at_most = self.keys.patience().or(at_most);
        let at_most = at_most.and_then(|at_most| Timespec::try_from(at_most).ok());
        let stdin = io::stdin();
        let output = behind.map(|behind| PollFd::from_borrowed_fd(behind, PollFlags::OUT));
        let mut polled = vec![
            PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN),
            PollFd::new(&self.files, PollFlags::IN),
            PollFd::new(&self.rung, PollFlags::IN),
        ];
        polled.extend(output);
        // A signal only makes us look earlier.
        let ready = poll(&mut polled, at_most.as_ref());
        let came = |at: usize| polled.get(at).is_some_and(|polled| !polled.revents().is_empty());
        let (typed, changed) = (came(0), came(1));
        if ready == Ok(0) {
            happened.keys.extend(self.keys.alone());
        }
        if ready.is_ok() {
            if typed {
                self.read_keys(&mut happened);
            }
            if changed {
                self.read_changes(wiring, &mut happened.found);
            }
        }
        let mut rung = [0; 64];
        while matches!((&self.rung).read(&mut rung), Ok(1..)) {}
        let caught = |it: &AtomicUsize| i32::try_from(it.swap(0, Ordering::Relaxed)).ok();
        let caught = |it| caught(it).filter(|signal| *signal != 0);
        happened.signal = caught(&self.ending).or_else(|| caught(&self.changing));
        happened
    }

    fn read_keys(&mut self, happened: &mut Happened) {
        let mut bytes = [0; 4096];
        match rustix::io::read(io::stdin(), &mut bytes) {
            Ok(0) => happened.is_over = true,
            Ok(count) => happened.keys.extend(self.keys.after(&bytes[..count])),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => happened.is_over = true,
        }
    }

    fn read_changes(&mut self, wiring: &Wiring, found: &mut Found) {
        let mut room = [MaybeUninit::uninit(); 16 << 10];
        let mut made = false;
        let mut reader = Reader::new(&self.files, &mut room);
        while let Ok(event) = reader.next() {
            let (flags, watch) = (event.events(), Some(event.wd()));
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                found.is_all = true;
            } else if watch == self.folders[0] {
                let gone = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF;
                found.is_store_gone |= flags.intersects(gone);
                made |= flags.contains(ReadFlags::ISDIR);
            } else if watch == self.log && self.log.is_some() {
                found.log_grew = true;
                if flags.contains(ReadFlags::IGNORED) {
                    self.log = None;
                }
                continue;
            }
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            found.changed.extend(name.and_then(task_of));
        }
        if made {
            // A folder that was made again is another one.
            self.watch_folders(wiring).unwrap_or_default();
            found.is_all = true;
        }
    }
}

/// The task that a file is about: its name begins with the id. A temporary file is about none.
fn task_of(name: &OsStr) -> Option<TaskId> {
    let name = name.to_str().filter(|name| !name.starts_with('.'))?;
    let id = name.rsplit('-').next().unwrap_or(name);
    let id = id.split('.').next().unwrap_or(id);
    TaskId::parse(id).ok().filter(|id| id.as_str().starts_with("bg_"))
}
