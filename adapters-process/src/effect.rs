//! The points at which a test lets a process die, or a step fail: before and after each process is started or
//! signalled.
//!
//! With the feature `crash-points`, which only the tests of the whole program ask for, a watch is told of each before
//! and after it happens. Without the feature, and so in what is shipped, `effect` is its closure and nothing else.
//! Nothing here decides what is to fail. Main type: [`Watch`].

use std::io;

/// What is told of each effect: what is done, and whether it was done already. It may end the process, or return what
/// the effect fails with in place of happening; after an effect, what it returns means nothing.
pub type Watch = fn(what: &'static str, done: bool) -> Option<io::Error>;

#[cfg(feature = "crash-points")]
static WATCH: std::sync::OnceLock<Watch> = std::sync::OnceLock::new();

/// Has `watch` told of every effect of this process from now on. The first watch stays.
#[cfg(feature = "crash-points")]
pub fn watch_effects(watch: Watch) {
    WATCH.get_or_init(|| watch);
}

/// Ends this process as the kernel does where nobody can do anything about it.
#[cfg(feature = "crash-points")]
pub fn die() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    loop {
        std::thread::park();
    }
}

/// Stops this process until somebody continues it.
#[cfg(feature = "crash-points")]
pub fn stop() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
}

/// Does something to another process, named `what`.
pub(crate) fn effect<T>(what: &'static str, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    match told(what, false) {
        None => {
            let done = act();
            drop(told(what, true));
            done
        }
        Some(error) => Err(error),
    }
}

#[cfg(feature = "crash-points")]
fn told(what: &'static str, done: bool) -> Option<io::Error> {
    WATCH.get().and_then(|watch| watch(what, done))
}

#[cfg(not(feature = "crash-points"))]
fn told(_what: &'static str, _done: bool) -> Option<io::Error> {
    None
}
