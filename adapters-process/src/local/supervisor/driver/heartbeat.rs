//! The heartbeat of a driver: once a minute it looks for signs of life, and at the record.
//!
//! Ends nothing: whether silence is too long, others decide.

use std::fs::File;
use std::time::{Duration, Instant};

use domain::run::machine::Input;

use super::{Driver, Post};
use crate::local::tree::{self, Snapshot};

/// How often the driver looks at processor time and at the record without being asked to.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// The same for one whose signs of life others go by; [`domain::plan::job::FRESH`] is more than twice as long.
const FOR_OTHERS: Duration = Duration::from_secs(30);

/// How often a driver with this post looks.
pub(super) const fn pause(post: &Post<'_>) -> Duration {
    if post.at_cluster.is_some() { FOR_OTHERS } else { HEARTBEAT }
}

/// What the task had spent and written when that was last looked at.
pub(super) struct Heartbeat {
    pub(super) next: Instant,
    pub(super) ticks: u64,
    pub(super) written: u64,
}

impl Driver<'_> {
    /// Once a minute, takes new output, and processor time that the agent or its descendants spent, for a
    /// sign of life.
    pub(super) async fn beat(&mut self) {
        if Instant::now() < self.heartbeat.next {
            return;
        }
        let ticks = self.ticks();
        let written = self.written();
        self.heartbeat.next = Instant::now() + pause(self.post);
        self.beat_for_others().await;
        if (ticks, written) != (self.heartbeat.ticks, self.heartbeat.written) {
            (self.heartbeat.ticks, self.heartbeat.written) = (ticks, written);
            self.tell(Input::Stirred).await;
        }
        // A signal may have been lost, or sent by somebody who could not reach this process.
        self.look().await;
    }

    /// Clock ticks that the living processes of the task have spent on a processor.
    pub(super) fn ticks(&self) -> u64 {
        if let Some(spent) = self.agent.spent() {
            return spent;
        }
        match self.agent.reaper() {
            Some(own) => tree::cpu_ticks_below(own),
            None => Snapshot::take().ticks_of(&self.agent.doomed(self.id())),
        }
    }

    /// How many bytes the task has written.
    pub(super) fn written(&self) -> u64 {
        let length = |file: &File| file.metadata().map_or(0, |file| file.len());
        length(&self.post.files.output).saturating_add(length(&self.post.files.events_reader))
    }
}
