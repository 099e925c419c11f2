//! Waiting for a whole batch, with a bar on a terminal that shows how far it is.
//!
//! The bar is on standard error and vanishes at the end; the answer is the same without it.

use std::io::{self, IsTerminal};
use std::time::Duration;

use domain::port::Clock;
use domain::task::TaskId;
use domain::usecase::wait::Waited;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::command::wait;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};

/// How often the bar is brought up to date.
const STEP: Duration = Duration::from_millis(500);

/// Waits until all have ended, or for so long; says how they fared, and what that means for the exit
/// code.
pub(super) async fn ended(
    context: &Context,
    ids: Vec<TaskId>,
    at_most: Option<Duration>,
) -> Result<(Waited, Option<Kind>), Failure> {
    if !io::stderr().is_terminal() {
        return wait::outcome(context, ids, at_most).await;
    }
    let bar = ProgressBar::new(ids.len() as u64).with_style(style());
    let began = context.wiring.clock.elapsed();
    let outcome = loop {
        let spent = context.wiring.clock.elapsed().saturating_sub(began);
        let left = at_most.map(|limit| limit.saturating_sub(spent));
        let step = left.map_or(STEP, |left| left.min(STEP));
        let (waited, how) = wait::outcome(context, ids.clone(), Some(step)).await?;
        bar.set_position(waited.ended.len() as u64);
        if !waited.timed_out || left.is_some_and(|left| left <= STEP) {
            break (waited, how);
        }
    };
    bar.finish_and_clear();
    Ok(outcome)
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos}/{len} ended, {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
