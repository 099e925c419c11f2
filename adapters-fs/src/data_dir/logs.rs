//! The part of [`DataDir`] that names the logs of tasks.

use std::path::PathBuf;

use domain::port::Stream;
use domain::task::TaskId;

use super::DataDir;
use super::names::{EVENTS, LOG};

impl DataDir {
    /// The readable log of a task.
    pub fn output(&self, id: &TaskId) -> PathBuf {
        self.root().join(format!("{id}{LOG}"))
    }

    /// The raw event stream of a task's agent.
    pub fn events(&self, id: &TaskId) -> PathBuf {
        self.root().join(format!("{id}{EVENTS}"))
    }

    /// One of the two logs of a task.
    pub fn log(&self, id: &TaskId, which: Stream) -> PathBuf {
        match which {
            Stream::Readable => self.output(id),
            Stream::Events => self.events(id),
        }
    }

    /// The second name of such a log, until the task has ended.
    pub fn second_name(&self, id: &TaskId, which: Stream) -> PathBuf {
        let ending = match which {
            Stream::Readable => LOG,
            Stream::Events => EVENTS,
        };
        self.active().join(format!("{id}{ending}"))
    }
}
