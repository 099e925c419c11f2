//! The hidden verb that admits queued tasks at a moment to come.
//!
//! There is one small process for each moment, and nothing else waits for it: if the process is
//! killed, the task starts when somebody next looks.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use adapters_process::local::supervisor;
use domain::port::{Clock, Queue};
use domain::task::Timestamp;

use crate::kit::answer::Answer;
use crate::kit::wiring::Wiring;

/// How long the reminder sleeps before it looks at the clock again: the clock may step, and the
/// machine may sleep.
const LOOK: Duration = Duration::from_secs(30);

pub(super) async fn remind(micros: i64, store: PathBuf) -> Answer {
    if supervisor::detach().is_ok() {
        let wiring = Wiring::at(store.clone());
        let moment = Timestamp::from_micros(micros);
        loop {
            let left = moment.since(wiring.clock.now());
            if left.is_zero() {
                break;
            }
            // Nobody waits any more, or the store itself is gone: there is nothing to remind of.
            if wiring.queue.waiting().await.is_ok_and(|waiting| waiting.is_empty()) {
                return Answer::nothing();
            }
            thread::sleep(left.min(LOOK));
        }
        // Nobody listens to what goes wrong.
        Wiring::at(store).admit().await;
    }
    Answer::nothing()
}
