//! What wakes a supervisor: the end of a child, a request to stop or to look at the record, the removal of its life
//! lock's name, or the time.
//!
//! A handler only sets flags; the supervisor's loop does the rest. Any other thread of its process holds signals back.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{self, SigSet, SigmaskHow};
use nix::sys::time::TimeSpec;
use rustix::fs::inotify;
use rustix::process::Signal;
use signal_hook::flag;

use crate::local::proc_file;

/// What a signal asks for.
#[derive(Clone, Copy)]
enum Asks {
    ToStop,
    ToLook,
    Nothing,
}

/// What is listened to.
const HEARD: [(signal::Signal, Asks); 5] = [
    (signal::Signal::SIGTERM, Asks::ToStop),
    (signal::Signal::SIGINT, Asks::ToStop),
    (signal::Signal::SIGURG, Asks::ToLook),
    (signal::Signal::SIGCHLD, Asks::Nothing),
    // Nothing hangs up on a process without a terminal; whoever sends this means no harm.
    (signal::Signal::SIGHUP, Asks::Nothing),
];

/// Listens to signals for as long as the process lives.
pub(super) struct Signals {
    /// Whether any came since the last wait.
    came: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    look: Arc<AtomicBool>,
    /// Whether the file on standard input was seen to change.
    changed: Cell<bool>,
    /// Says when the file on standard input loses its name, and when a log is written to.
    watch: Option<OwnedFd>,
    written: Cell<bool>,
}

/// The file on standard input, which is the life lock.
const LIFE: &str = "/proc/self/fd/0";

/// Installs a handler for each signal that the caller of this program ignored, so that the agent does not
/// ignore it: `exec` gives a signal that has a handler its usual effect again. A signal that cannot have a
/// handler stays ignored.
fn hear_what_was_ignored() {
    let status = proc_file::text("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    // The standard library resets this one by itself.
    let reset_anyway = Signal::PIPE.as_raw();
    for signal in (1..=64).filter(|signal| ignored & (1 << (signal - 1)) != 0) {
        if signal != reset_anyway {
            drop(signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))));
        }
    }
}

impl Signals {
    /// Begins to listen. Until then, the signals have their usual effect.
    pub(super) fn listen() -> io::Result<Self> {
        let [came, stop, look]: [Arc<AtomicBool>; 3] = Default::default();
        for (signal, asks) in HEARD {
            let asked = match asks {
                Asks::ToStop => Some(&stop),
                Asks::ToLook => Some(&look),
                Asks::Nothing => None,
            };
            if let Some(asked) = asked {
                flag::register(signal as i32, Arc::clone(asked))?;
            }
            flag::register(signal as i32, Arc::clone(&came))?;
        }
        hear_what_was_ignored();
        let (changed, written) = (Cell::new(false), Cell::new(false));
        Ok(Self { came, stop, look, changed, watch: None, written })
    }

    /// From now on, whoever removes the name of the life lock asks for a look. Best effort: where a user watches as
    /// much as one may, the supervisor finds out with its next look.
    pub(super) fn watch_life(&mut self) {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let Ok(watch) = inotify::init(flags) else { return };
        // A file that is open here is not deleted when its name is removed: its number of links changes.
        let changes = inotify::WatchFlags::ATTRIB | inotify::WatchFlags::MOVE_SELF;
        self.watch = inotify::add_watch(&watch, LIFE, changes).is_ok().then_some(watch);
    }

    /// Begins to watch, if nothing is watched yet. Best effort, as above.
    pub(super) fn watch(&mut self) {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        self.watch = self.watch.take().or_else(|| inotify::init(flags).ok());
    }

    /// Says once when one of these files is written to next; returns whether it can. Call it before a last look at them.
    pub(super) fn watch_writing<'a>(&self, files: impl IntoIterator<Item = &'a File>) -> bool {
        let Some(watch) = &self.watch else { return false };
        let once = inotify::WatchFlags::MODIFY | inotify::WatchFlags::ONESHOT;
        files.into_iter().all(|file| {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            inotify::add_watch(watch, path, once).is_ok()
        })
    }

    /// Waits for a signal, or until `also` is readable; for at most so long, if a time is given. Returns at once if a signal came
    /// since the last wait, and says whether one came.
    pub(super) fn wait(&self, at_most: Option<Duration>, also: Option<&OwnedFd>) -> bool {
        let watched = self.watch.iter().chain(also);
        let mut polled: Vec<PollFd<'_>> =
            watched.map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)).collect();
        // Held back, so that none comes between the look at the flag and the wait, which alone lets them through. A pair of sockets
        // that handlers write to would do as well, at a dozen system calls more.
        let heard: SigSet = HEARD.into_iter().map(|(signal, _)| signal).collect();
        let Ok(usual) = heard.thread_swap_mask(SigmaskHow::SIG_BLOCK) else { return true };
        if !self.came.load(Ordering::SeqCst) {
            let _ = ppoll(&mut polled, at_most.map(TimeSpec::from_duration), Some(usual));
        }
        let came = self.came.swap(false, Ordering::SeqCst);
        let _ = usual.thread_set_mask();
        drop(polled);
        let Some(watch) = &self.watch else { return came };
        let mut buffer = [MaybeUninit::uninit(); 512];
        let mut events = inotify::Reader::new(watch, &mut buffer);
        while let Ok(event) = events.next() {
            let seen = event.events();
            // The kernel queues what a watch for once saw before it takes the watch away: one that was begun anew between these
            // two goes with it, and this is all that is heard of it.
            if seen.intersects(inotify::ReadFlags::MODIFY | inotify::ReadFlags::IGNORED) {
                self.written.set(true);
            } else {
                self.changed.set(true);
            }
        }
        came
    }

    /// Whether a log was written to since the last time this was looked at.
    pub(super) fn take_written(&self) -> bool {
        self.written.replace(false)
    }

    /// Whether somebody asked to look at the record since the last time this was looked at.
    pub(super) fn take_look(&self) -> bool {
        self.look.swap(false, Ordering::SeqCst) | self.changed.replace(false)
    }

    /// Whether somebody asked to stop since the last time this was looked at.
    pub(super) fn take_stop(&self) -> bool {
        self.stop.swap(false, Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_ends_a_wait_and_is_told_once() {
        let signals = Signals::listen().expect("it listens");
        let forever = Some(Duration::from_secs(60));
        for (signal, told) in [
            (Signal::URG, (false, true)),
            (Signal::TERM, (true, false)),
            (Signal::INT, (true, false)),
            (Signal::CHILD, (false, false)),
        ] {
            signal_hook::low_level::raise(signal.as_raw()).expect("raised");
            signals.wait(forever, None);
            assert_eq!((signals.take_stop(), signals.take_look()), told, "{signal:?}");
        }
        signal_hook::low_level::raise(Signal::HUP.as_raw()).expect("raised");
        signals.wait(Some(Duration::ZERO), None);
        assert_eq!((signals.take_stop(), signals.take_look()), (false, false), "it means no harm");
    }

    /// Once, a watch that the kernel took away together with the one before it was waited for until the task ended, and a
    /// log of 64 MiB took 3 GiB.
    #[test]
    fn a_watch_that_is_taken_away_unheard_asks_for_a_look_at_the_logs() {
        let mut signals = Signals::listen().expect("it listens");
        let log = tempfile::NamedTempFile::new().expect("a file");
        let watch = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK);
        signals.watch = watch.ok();
        assert!(signals.watch_writing([log.as_file()]));
        signals.wait(Some(Duration::ZERO), None);
        assert!(!signals.take_written());
        // Nobody writes; the watch goes with the file.
        drop(log);
        signals.wait(Some(Duration::from_secs(10)), None);
        assert!(signals.take_written());
    }
}
