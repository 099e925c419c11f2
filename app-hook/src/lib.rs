//! The hook that droid runs on its events: one JSON object in, at most one out, and never in the way.
//!
//! The hook is silent when it has nothing to say, exits with 0 whatever comes (1 for a defect of its
//! own; never 2, which would make a model run again), starts no process, leaves living agents alone and is
//! done within [`DEADLINE`], whatever the store or the transcript do. [`domain::usecase`] decides what an
//! event means.

mod act;
mod answer;
#[cfg(feature = "crash-points")]
pub mod crash_points;
mod deliver;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod input;
mod wiring;

use std::io::Read;
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// The longest a hook may keep droid waiting.
pub const DEADLINE: Duration = Duration::from_secs(2);
/// The most bytes of input that are looked at; more is no event of ours.
const INPUT_LIMIT: u64 = 8 << 20;

/// Runs the program that droid starts.
pub fn main() -> ExitCode {
    adapters_process::limits::outlive_long_files();
    #[cfg(feature = "crash-points")]
    crash_points::arm("hook");
    run().into()
}

/// Does the hook's work; returns the exit code.
pub fn run() -> u8 {
    let (done, result) = channel();
    // A thread of its own, so that neither a slow disk nor an endless input outlasts the deadline.
    let worker = thread::Builder::new().name("hook".to_owned()).spawn(move || {
        work();
        // Nobody is left to tell once the deadline has passed.
        let _ = done.send(());
    });
    match worker.map(|_| result.recv_timeout(DEADLINE)) {
        Ok(Ok(()) | Err(RecvTimeoutError::Timeout)) => 0,
        Ok(Err(RecvTimeoutError::Disconnected)) | Err(_) => 1,
    }
}

fn work() {
    let mut bytes = Vec::new();
    let mut input = std::io::stdin().lock();
    let read = input.by_ref().take(INPUT_LIMIT + 1).read_to_end(&mut bytes);
    if read.is_err() || bytes.len() as u64 > INPUT_LIMIT {
        // Read to the end all the same: whoever writes it need not find a closed pipe.
        drop(std::io::copy(&mut input, &mut std::io::sink()));
        return;
    }
    if let Some(event) = input::decode(&bytes) {
        // A hook has nobody to complain to: what cannot be done is found by the next reader.
        drop(pollster::block_on(act::act(event)));
    }
}
