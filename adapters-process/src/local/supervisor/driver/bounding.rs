//! When the logs of a task are looked at, so that they keep their bound.
//!
//! While somebody writes, by the clock, as often as [`Bound`] says. While nobody does, the kernel says when that changes; where the
//! user has no such watch left, every [`SELDOM`]. Decides nothing about a task.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::run::machine::Input;

use super::super::Post;
use super::super::bound::{Bound, Found};
use super::super::haste::Haste;
use super::super::lookout::{Lookout, Shared, held};
use super::Driver;
use super::pacing::Pace;
use crate::local::termination;

/// How often logs are looked at to which nobody seems to write, where the kernel does not say it.
const SELDOM: Duration = Duration::from_secs(10);
/// How long a supervisor may be held up: it waits so long for the lock of a record.
const HELD_UP: Duration = Duration::from_secs(7);

/// The bound of the logs, and when they are looked at next.
#[derive(Debug)]
pub(in super::super) struct Bounding {
    pub(super) bound: Shared,
    /// `None` while the kernel is to say when.
    pub(super) next: Option<Instant>,
    pub(super) haste: Haste,
}

impl Bounding {
    /// The bound of the logs of this task, if they have one.
    pub(in super::super) fn of(post: &Post<'_>) -> Option<Self> {
        let logs = [&post.files.output, &post.files.events].map(Arc::clone);
        let bound = Bound::new(logs, post.most?);
        let next = Some(Instant::now() + bound.idle());
        let bound = Arc::new(Mutex::new(bound));
        Some(Self { bound, next, haste: Haste::default() })
    }

    /// Has another thread look at the logs as well, while this one is held up.
    pub(in super::super) fn look_out(&self) -> Option<Lookout> {
        Lookout::begin(&self.bound)
    }
}

impl Driver<'_> {
    /// Looks at the logs before anything else is done for an agent that was just started or found.
    pub(super) fn keep_bound_early(&mut self) {
        let Some(Bounding { bound, next, .. }) = &mut self.bounding else { return };
        if let Found::Grows(pause) = held(bound).look() {
            *next = Some(Instant::now() + pause);
        }
    }

    /// Has another thread look at the logs where a writer would pass the bound while this one is held up, and does not
    /// rest.
    pub(super) fn look_out(&self) -> Option<Lookout> {
        if self.lookout.is_some() {
            return None;
        }
        let bounding = self.bounding.as_ref()?;
        let is_resting = matches!(self.pace, Pace::Resting(..));
        let is_fast = || held(&bounding.bound).would_pass_within(HELD_UP);
        (!is_resting && is_fast()).then(|| bounding.look_out())?
    }

    /// The same for a task that was taken over, of whose speed nothing is known.
    pub(super) fn look_out_for_found(&self) -> Option<Lookout> {
        let is_resting = matches!(self.pace, Pace::Resting(..));
        self.bounding.as_ref().filter(|_| !is_resting)?.look_out()
    }

    /// The same for a task that is being stopped, and does not rest from now on.
    pub(super) fn look_out_while_stopping(&self) -> Option<Lookout> {
        let bounding = self.bounding.as_ref()?;
        let is_fast = || held(&bounding.bound).would_pass_within(HELD_UP);
        (self.is_paced() || is_fast()).then(|| bounding.look_out())?
    }

    /// Looks at the logs once more when the agent is gone: what it wrote since the last look nobody else gives back.
    pub(super) fn keep_bound_at_last(&mut self) {
        if let Some(Bounding { bound, .. }) = &self.bounding {
            // That there is too much of it changes nothing any more.
            held(bound).look();
        }
        self.skip_hole();
    }

    /// Has what is read of the events go on behind their hole, which whoever looks out may have made.
    pub(super) fn skip_hole(&mut self) {
        let end = self.bounding.as_ref().map_or(0, |it| held(&it.bound).hole_end(1));
        if let Some(following) = &mut self.stream {
            following.stream.skip_to(end);
        }
    }

    /// Looks at the logs, if that is due, and gives back what is too much of them.
    pub(super) async fn keep_bound(&mut self) {
        if let Some(limit) = self.look_at_logs() {
            self.forget_bound();
            self.tell(Input::Overflowed { limit }).await;
        }
    }

    /// Waits until a signal comes or the process of `also` has ended, for at most so long, while what outlives the agent keeps the bound. Where no middle can be given
    /// back, nobody looks any more: there is no agent that could be stopped for that.
    pub(super) fn wait_in_bounds(&mut self, at_most: Option<Duration>, also: Option<&OwnedFd>) {
        let until = at_most.map(|wait| Instant::now() + wait);
        loop {
            if self.look_at_logs().is_some() {
                self.forget_bound();
            }
            self.end_rest();
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let look = self.until_next_look_at_logs();
            let came = self.signals.wait([left, look].into_iter().flatten().min(), also);
            self.begin_rest();
            let is_over = left.is_some_and(|left| left.is_zero());
            if came || is_over || also.is_some_and(termination::is_over) {
                return;
            }
        }
    }

    /// Looks at the logs, if that is due; returns the bound that a log has passed whose middle cannot be given back.
    fn look_at_logs(&mut self) -> Option<u64> {
        let written = self.signals.take_written();
        let is_paced = self.is_paced();
        let Bounding { bound, next, haste } = self.bounding.as_mut()?;
        // Whoever looks out does so until this is done.
        let is_due =
            written || self.lookout.is_some() || next.is_some_and(|next| Instant::now() >= next);
        let pace = &self.pace;
        if pace.rests_until().is_some() || !(is_due || matches!(pace, Pace::Resting(..))) {
            return None;
        }
        let mut bound = held(bound);
        let mut found = bound.look();
        if found == Found::Quiet && self.grown.is_none() && !is_paced {
            let files = [&*self.post.files.output, &*self.post.files.events];
            let watched = self.signals.watch_writing(files);
            // Somebody may have written before the watch began.
            found = bound.look();
            *next = if watched { None } else { Some(Instant::now() + SELDOM) };
        }
        if bound.was_outrun() {
            haste.begin();
        }
        let end = bound.hole_end(1);
        if let Some(following) = &mut self.stream {
            following.stream.skip_to(end);
        }
        match found {
            Found::Quiet if self.grown.is_some() || is_paced => {
                *next = Some(Instant::now() + bound.idle());
            }
            Found::Quiet => {}
            Found::Grows(pause) => *next = Some(Instant::now() + pause),
            Found::Overflow => return Some(bound.most()),
        }
        drop(bound);
        self.measure_rest();
        None
    }
}
