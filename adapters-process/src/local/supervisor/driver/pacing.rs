//! Rests for a task that writes its logs faster than its supervisor can be sure to follow.
//!
//! Such a task writes only while its supervisor waits for it: the group is frozen as soon as that is awake, and goes on, after a
//! rest that [`Bound::rest`] names, just before it sleeps. So neither what a supervisor records meanwhile nor a hole that takes its
//! time lets the log grow, and whoever writes without end does so for a small part of the time. Nothing rests while it is
//! being stopped. A rest ends once the group was let go on, and no sooner: where that fails, it is tried again. A supervisor that is
//! killed in a rest leaves a frozen group: whoever takes the task over, after a look at its logs, stops it or puts it away lets it
//! go on.

use std::time::{Duration, Instant};

use super::super::bound::Bound;
use super::super::lookout::held;
use super::Driver;
use super::bounding::Bounding;
use crate::local::group::Group;

/// The pause before it is tried again to end a rest.
const AGAIN: Duration = Duration::from_millis(100);

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

    /// Begins a rest, where the group can rest.
    fn begin(group: &Group, until: Option<Instant>) -> Self {
        if group.rest() { Self::Resting(group.clone(), until) } else { Self::Free }
    }

    /// Ends a rest, and that there are any.
    fn free(&mut self) {
        match self {
            Self::Resting(group, until) if !group.go_on() => *until = Some(Instant::now() + AGAIN),
            Self::Resting(..) | Self::Writing(_) | Self::Free => *self = Self::Free,
        }
    }
}

impl Driver<'_> {
    /// Has a task that was taken over rest until its logs were looked at in the loop. Where nobody looks at them, or the task
    /// cannot rest, it goes on: it may rest since its supervisor was killed.
    pub(super) fn rest_until_first_look(&mut self) {
        let Some(group) = &self.agent.group else { return };
        let rests = self.bounding.is_some() && group.rest();
        self.pace = Pace::Resting(group.clone(), None);
        if !rests {
            self.pace.free();
        }
    }

    /// Begins the next rest, as the first thing after a wait.
    pub(super) fn begin_rest(&mut self) {
        if let Pace::Writing(group) = &self.pace {
            self.pace = Pace::begin(group, None);
        }
    }

    /// Says how long the rest is, after a look at the logs: a writer that is slow enough needs none.
    pub(super) fn measure_rest(&mut self) {
        let stops = self.stops();
        let Some(Bounding { bound, haste, .. }) = &mut self.bounding else { return };
        let rest = held(bound).rest();
        if rest.is_zero() || stops {
            haste.end_rests();
            return self.pace.free();
        }
        let until = Some(Instant::now() + rest);
        if let Pace::Resting(_, rests) = &mut self.pace {
            *rests = until;
        } else if let Some(group) = &self.agent.group {
            self.pace = Pace::begin(group, until);
        }
        match self.pace {
            Pace::Resting(..) => haste.begin_in_rests(),
            Pace::Free | Pace::Writing(_) => haste.end_rests(),
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
        let now = Instant::now();
        let stops = self.stops();
        let Pace::Resting(group, until) = &mut self.pace else { return };
        if until.is_none_or(|until| until > now) {
            return;
        }
        if !group.go_on() {
            *until = Some(now + AGAIN);
            return;
        }
        self.pace = match &mut self.bounding {
            Some(Bounding { bound, next, .. }) if !stops => {
                *next = Some(now + Bound::shortest_pause());
                held(bound).goes_on();
                Pace::Writing(group.clone())
            }
            Some(_) | None => Pace::Free,
        };
    }

    /// Whether the task rests from time to time.
    pub(super) const fn is_paced(&self) -> bool {
        !matches!(self.pace, Pace::Free)
    }

    /// Ends that there are rests: what is being stopped does not write for long, and of what outlives its task nobody would end
    /// them.
    pub(super) fn free_pace(&mut self) {
        if let Some(Bounding { haste, .. }) = &mut self.bounding {
            haste.end_rests();
        }
        self.pace.free();
    }

    /// Gives up the bound of the logs, and the rests with it.
    pub(super) fn forget_bound(&mut self) {
        self.free_pace();
        self.bounding = None;
    }

    /// Whether the processes of the task are being ended.
    const fn stops(&self) -> bool {
        self.termination.is_some() || self.stop_was_asked
    }

    /// How long until the logs are looked at next, or a rest ends.
    pub(super) fn until_next_look_at_logs(&self) -> Option<Duration> {
        let next = self.bounding.as_ref().and_then(|it| it.next);
        let moment = self.pace.rests_until().or(next);
        moment.map(|moment| moment.saturating_duration_since(Instant::now()))
    }
}
