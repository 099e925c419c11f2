//! What another machine says of a task that is kept in a store there.
//!
//! The record here is a pointer: it says where the task is and what was last heard of it. Main type: [`Mirror`]; what it
//! changes, [`super::Task::apply`] decides.

use alloc::string::String;

use super::id::TaskId;
use super::process::Exit;
use super::progress::Activity;
use super::state::State;
use super::time::Timestamp;
use super::{Status, Target, Task};

/// What another machine says of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The task there.
    pub remote: TaskId,
    /// Its state.
    pub state: State,
    /// When its agent was started.
    pub started_at: Option<Timestamp>,
    /// What its agent did so far.
    pub activity: Activity,
    /// How its agent exited, once that is known.
    pub exit: Option<Exit>,
    /// What it found after an ending that was only a guess.
    pub late_result: Option<String>,
}

impl Mirror {
    /// What this record of another machine says.
    pub fn of(remote: &Task) -> Self {
        let progress = remote.progress();
        Self {
            remote: remote.id().clone(),
            state: remote.state().clone(),
            started_at: remote.started_at(),
            activity: progress.activity.clone(),
            exit: progress.exit,
            late_result: progress.late_result.clone(),
        }
    }

    /// The attempt that the other machine makes in the place of this one, which failed.
    pub fn follower(remote: &Task) -> Option<&TaskId> {
        remote.progress().retried_as.as_ref().filter(|_| remote.status() == Status::Error)
    }

    /// Whether the pointer says the same.
    pub fn is_known_to(&self, pointer: &Task) -> bool {
        let progress = pointer.progress();
        progress.remote_id.as_ref() == Some(&self.remote)
            && *pointer.state() == self.state
            && pointer.started_at() == self.started_at
            && progress.activity == self.activity
            && progress.exit == self.exit
            && progress.late_result == self.late_result
    }
}

impl Task {
    /// The machine in whose store it is kept, as ssh knows that machine; `None` for a task of this store.
    pub fn kept_on(&self) -> Option<&str> {
        match &self.order().target {
            Target::Ssh { host } => Some(host),
            Target::Local | Target::Slurm { .. } => None,
        }
    }

    /// The same for one whose end is not known here: that machine has to be asked about it.
    pub fn unended_on(&self) -> Option<&str> {
        self.kept_on().filter(|_| !self.status().is_ended())
    }
}
