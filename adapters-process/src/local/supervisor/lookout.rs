//! A second thread that looks at the logs of a task while its supervisor is held up.
//!
//! A record that waits for the disk or for a lock, and the kernel, which takes its time to move a process into a group, hold up the
//! supervisor for as long as it takes to write hundreds of megabytes. The thread lives as long as that, and does nothing else;
//! a supervisor that keeps up with its task has none.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::SigSet;

use super::bound::{Bound, Found};
use super::haste::go_first;

/// How much memory its stack may take.
const STACK: usize = 64 << 10;
/// The pause between two looks at logs to which nobody has written yet.
const QUIET: Duration = Duration::from_millis(5);

/// A bound that two threads look at.
pub(super) type Shared = Arc<Mutex<Bound>>;

/// The bound, for as long as the calling thread looks at it.
pub(super) fn held(bound: &Shared) -> MutexGuard<'_, Bound> {
    bound.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread. Whoever has this waits for its end when it is dropped.
#[derive(Debug)]
#[must_use = "it ends when this is dropped"]
pub(super) struct Lookout {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Lookout {
    /// Begins to look at the logs. `None` where there may be no thread more: then nobody does.
    pub(super) fn begin(bound: &Shared) -> Option<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let (bound, until) = (Arc::clone(bound), Arc::clone(&over));
        let thread = thread::Builder::new().stack_size(STACK);
        let thread = thread.spawn(move || look(&bound, &until)).ok()?;
        Some(Self { over, thread: Some(thread) })
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // One that panicked looks no more, as one that is over.
            drop(thread.join());
        }
    }
}

fn look(bound: &Shared, over: &AtomicBool) {
    // Signals are for the thread that waits for them.
    let _ = SigSet::all().thread_block();
    go_first();
    while !over.load(Ordering::Acquire) {
        let found = held(bound).look();
        match found {
            Found::Grows(pause) => thread::park_timeout(pause),
            Found::Quiet => thread::park_timeout(QUIET),
            // The loop finds it as well, and ends the task.
            Found::Overflow => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::MetadataExt as _;
    use std::time::Instant;

    use super::*;

    const MIB: usize = 1 << 20;

    // Once, a log grew as long as its supervisor was held up by a record.
    #[test]
    fn a_log_keeps_its_bound_while_nobody_looks_at_it_but_the_lookout() {
        let mut file = tempfile::tempfile().expect("a file");
        let log = Arc::new(file.try_clone().expect("a clone"));
        let bound = Arc::new(Mutex::new(Bound::new([log], 4 << 20)));
        let lookout = Lookout::begin(&bound).expect("a thread");
        for written in 1..=32u64 {
            file.write_all(&vec![b'y'; MIB]).expect("written");
            let began = Instant::now();
            loop {
                let taken = file.metadata().expect("it is there").blocks() * 512;
                if taken <= 3 << 20 {
                    break;
                }
                assert!(began.elapsed() < Duration::from_secs(20), "{taken} of {written} MiB");
                thread::yield_now();
            }
        }
        drop(lookout);
        assert!(held(&bound).hole_end(0) > 0 && Arc::strong_count(&bound) == 1, "it is over");
    }
}
