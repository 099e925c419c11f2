//! Rests for a task that writes its logs faster than its supervisor can be sure to follow.
//!
//! Such a task writes only while its supervisor waits for it: the group is frozen as soon as that is awake, and goes on, after a
//! rest that [`Bound::rest`] names, just before it sleeps. So neither what a supervisor records meanwhile nor a hole that takes its
//! time lets the log grow, and whoever writes without end does so for a small part of the time. Nothing rests while it is
//! being stopped. A supervisor that is killed in a rest leaves a frozen group: whoever takes the task over, after a look at its logs,
//! stops it or puts it away lets it go on.

use std::time::{Duration, Instant};

use super::super::bound::Bound;
use super::super::lookout::held;
use super::Driver;
use super::bounding::Bounding;
use crate::local::group::Group;

/// Whether a task writes as it likes.
#[derive(Debug, Default)]
pub(super) enum Pace {
    /// It does.
    #[default]
    Free,
    /// It writes while its supervisor waits.
    Writing(Group),
    /// It rests, until the logs were looked at (`None`), and then until this moment.
    Resting(Group, Option<Instant>),
}

impl Pace {
    /// The moment at which the rest ends, if the logs were looked at in it.
    pub(super) const fn rests_until(&self) -> Option<Instant> {
        match self {
            Self::Resting(_, until) => *until,
            Self::Free | Self::Writing(_) => None,
        }
    }

    /// Ends a rest, and that there are any.
    pub(super) fn free(&mut self) {
        drop(std::mem::take(self));
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        if let Self::Resting(group, _) = self {
            group.go_on();
        }
    }
}

impl Driver<'_> {
    /// Has a task that was taken over rest until its logs were looked at in the loop. Where nobody looks at them, or the task
    /// cannot rest, it goes on: it may rest since its supervisor was killed.
    pub(super) fn rest_until_first_look(&mut self) {
        let Some(group) = &self.agent.group else { return };
        match &mut self.bounding {
            Some(Bounding { pace, .. }) if group.rest() => {
                *pace = Pace::Resting(group.clone(), None);
            }
            Some(_) | None => group.go_on(),
        }
    }

    /// Begins the next rest, as the first thing after a wait.
    pub(super) fn begin_rest(&mut self) {
        let Some(Bounding { pace, .. }) = &mut self.bounding else { return };
        if let Pace::Writing(group) = pace {
            let group = group.clone();
            *pace = if group.rest() { Pace::Resting(group, None) } else { Pace::Free };
        }
    }

    /// Says how long the rest is, after a look at the logs: a writer that is slow enough needs none.
    pub(super) fn measure_rest(&mut self) {
        let stops = self.termination.is_some() || self.stop_was_asked;
        let group = self.agent.group.as_ref();
        let Some(Bounding { bound, pace, haste, .. }) = &mut self.bounding else { return };
        let rest = held(bound).rest();
        if rest.is_zero() || stops {
            haste.end_rests();
            return pace.free();
        }
        let until = Some(Instant::now() + rest);
        if let Pace::Resting(_, rests) = pace {
            *rests = until;
        } else if let Some(group) = group.filter(|group| group.rest()) {
            *pace = Pace::Resting(group.clone(), until);
            haste.begin_in_rests();
        } else {
            haste.end_rests();
        }
    }

    /// Goes before others where a writer is about to be one that rests, as soon as it can: until then nothing holds it up.
    pub(super) fn hurry_before_rests(&mut self) {
        if let Some(Bounding { bound, haste, .. }) = &mut self.bounding
            && !held(bound).rest().is_zero()
        {
            haste.begin_in_rests();
        }
    }

    /// Ends a rest that is over, as the last thing before a wait.
    pub(super) fn end_rest(&mut self) {
        let Some(Bounding { bound, next, pace, .. }) = &mut self.bounding else { return };
        let now = Instant::now();
        if pace.rests_until().is_some_and(|until| until <= now)
            && let Pace::Resting(group, _) = pace
        {
            let group = group.clone();
            *next = Some(now + Bound::shortest_pause());
            held(bound).goes_on();
            // That the rest is dropped ends it.
            *pace = Pace::Writing(group);
        }
    }

    /// Whether the task rests from time to time.
    pub(super) fn is_paced(&self) -> bool {
        self.bounding.as_ref().is_some_and(|it| !matches!(it.pace, Pace::Free))
    }

    /// Ends that there are rests: what is being stopped does not write for long, and of what outlives its task nobody would end
    /// them.
    pub(super) fn free_pace(&mut self) {
        if let Some(Bounding { pace, haste, .. }) = &mut self.bounding {
            haste.end_rests();
            pace.free();
        }
    }
}

/// How long until the logs are looked at next, or a rest ends.
pub(super) fn until(next: Option<Instant>, pace: &Pace) -> Option<Duration> {
    let moment = pace.rests_until().or(next);
    moment.map(|moment| moment.saturating_duration_since(Instant::now()))
}
