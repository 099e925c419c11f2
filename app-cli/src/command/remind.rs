//! The hidden verb that lets queued tasks in at a moment to come.
//!
//! One small process a moment, and the only thing that waits for one: where it is killed, the task
//! starts when somebody next looks.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use adapters_process::supervisor;
use domain::port::Clock;
use domain::task::Timestamp;

use crate::Outcome;
use crate::failure::{Failure, Kind};
use crate::view::Answer;
use crate::wiring::Wiring;

/// How long to sleep before the clock is looked at again: it may step, and the machine may sleep.
const LOOK: Duration = Duration::from_secs(30);

pub(super) async fn remind(micros: i64, store: PathBuf) -> Outcome {
    supervisor::detach().map_err(|error| Failure::new(Kind::Unexpected, error.to_string()))?;
    let wiring = Wiring::at(store)?;
    let moment = Timestamp::from_micros(micros);
    loop {
        let left = moment.since(wiring.clock.now());
        if left.is_zero() {
            break;
        }
        thread::sleep(left.min(LOOK));
    }
    wiring.admit().await?;
    Ok(Answer::nothing())
}
