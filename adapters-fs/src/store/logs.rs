//! How much of the disk the logs of tasks take.
//!
//! A record says it of a task that has ended: the store measures it with each change of such a record, so that a listing
//! need not look at the logs of thousands. Records of other programs do not say it, and a listing looks at the logs of those.
//! Nothing here opens a log.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use domain::task::{Task, TaskId};

use super::FileStore;

/// The unit in which the system counts what a file takes, in bytes, whatever the blocks of its file system are.
const UNIT: u64 = 512;

impl FileStore {
    /// How much of the disk both logs of a task take now, in bytes: less than they are long where a middle was given back.
    /// `None` if there are none.
    pub fn logs_of(&self, id: &TaskId) -> Option<u64> {
        let taken =
            |log| fs::symlink_metadata(log).ok().map(|log| log.blocks().saturating_mul(UNIT));
        let both = [taken(self.dir.output(id)), taken(self.dir.events(id))];
        both.into_iter().flatten().reduce(u64::saturating_add)
    }

    /// The task with how much of the disk its logs take, by its record where that says it.
    pub(super) fn with_logs(&self, task: Task) -> Task {
        if task.progress().log_bytes.is_some() { task } else { self.measured(task) }
    }

    /// The task with how much of the disk its logs take now, if it has ended and there are any.
    pub(super) fn measured(&self, task: Task) -> Task {
        if !task.status().is_ended() || task.started_at().is_none() {
            return task;
        }
        match self.logs_of(task.id()) {
            Some(bytes) => task.with_logs_of(bytes),
            None => task,
        }
    }
}
