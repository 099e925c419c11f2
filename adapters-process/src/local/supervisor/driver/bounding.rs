//! When the logs of a task are looked at, so that they keep their bound.
//!
//! While somebody writes, by the clock, as often as [`Bound`] says. While nobody does, the kernel says when that changes; where the
//! user has no such watch left, every [`SELDOM`]. Decides nothing about a task.

use std::time::{Duration, Instant};

use domain::run::machine::Input;

use super::super::Post;
use super::super::bound::{Bound, Found};
use super::Driver;
use super::pacing::{self, Pace};

/// How often logs are looked at to which nobody seems to write, where the kernel does not say it.
const SELDOM: Duration = Duration::from_secs(10);

/// The bound of the logs, and when they are looked at next.
pub(super) struct Bounding<'a> {
    pub(super) bound: Bound<'a>,
    /// `None` while the kernel is to say when.
    pub(super) next: Option<Instant>,
    pub(super) pace: Pace,
}

impl<'a> Bounding<'a> {
    /// The bound of the logs of this task, if they have one.
    pub(super) fn of(post: &'a Post<'_>) -> Option<Self> {
        let bound = Bound::new([&post.files.output, &post.files.events], post.most?);
        let next = Some(Instant::now() + bound.idle());
        Some(Self { bound, next, pace: Pace::Free })
    }

    pub(super) fn until_next_look(&self) -> Option<Duration> {
        pacing::until(self.next, &self.pace)
    }
}

impl Driver<'_> {
    /// Looks at the logs before anything else is done for an agent that was just started.
    pub(super) fn keep_bound_early(&mut self) {
        let Some(Bounding { bound, next, .. }) = &mut self.bounding else { return };
        if let Found::Grows(pause) = bound.look() {
            *next = Some(Instant::now() + pause);
        }
    }

    /// Looks at the logs once more when the agent is gone: what it wrote since the last look nobody else gives back.
    pub(super) fn keep_bound_at_last(&mut self) {
        let Some(Bounding { bound, .. }) = &mut self.bounding else { return };
        // That there is too much of it changes nothing any more.
        bound.look();
        let end = bound.hole_end(1);
        if let Some(following) = &mut self.stream {
            following.stream.skip_to(end);
        }
    }

    /// Looks at the logs, if that is due, and gives back what is too much of them.
    pub(super) async fn keep_bound(&mut self) {
        let written = self.signals.take_written();
        let Some(Bounding { bound, next, pace }) = &mut self.bounding else { return };
        let is_due = written || next.is_some_and(|next| Instant::now() >= next);
        if pace.rests_until().is_some() || !(is_due || matches!(pace, Pace::Resting(..))) {
            return;
        }
        let mut found = bound.look();
        if found == Found::Quiet && self.grown.is_none() && matches!(pace, Pace::Free) {
            let files = [&self.post.files.output, &self.post.files.events];
            let watched = self.signals.watch_writing(files);
            // Somebody may have written before the watch began.
            found = bound.look();
            *next = if watched { None } else { Some(Instant::now() + SELDOM) };
        }
        let end = bound.hole_end(1);
        if let Some(following) = &mut self.stream {
            following.stream.skip_to(end);
        }
        match found {
            Found::Quiet if self.grown.is_some() || !matches!(pace, Pace::Free) => {
                *next = Some(Instant::now() + bound.idle());
            }
            Found::Quiet => {}
            Found::Grows(pause) => *next = Some(Instant::now() + pause),
            Found::Overflow => {
                let limit = bound.most();
                self.bounding = None;
                self.tell(Input::Overflowed { limit }).await;
            }
        }
        self.measure_rest();
    }
}
