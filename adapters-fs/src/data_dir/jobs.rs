//! Where the files are by which hosts that share a store tell each other of the tasks of a cluster.

use std::path::PathBuf;

use domain::task::TaskId;

use super::DataDir;
use super::names::{INTENT, JOB, MAX_FILE_NAME, STARTED, percent_encoded_within};

impl DataDir {
    /// What a cluster says of the job of a task.
    pub(crate) fn job_output(&self, id: &TaskId) -> PathBuf {
        self.active().join(format!("{id}{JOB}"))
    }

    /// The mark that the start of a task was claimed.
    pub(crate) fn started(&self, id: &TaskId) -> PathBuf {
        self.active().join(format!("{id}{STARTED}"))
    }

    /// The wish that another host left for the supervisor of a task.
    pub(crate) fn intent(&self, id: &TaskId) -> PathBuf {
        self.active().join(format!("{id}{INTENT}"))
    }

    /// The program of this version, and of this length, for hosts on which it may not be installed.
    pub(crate) fn program(&self, version: &str) -> PathBuf {
        self.programs().join(format!("task-bg-{version}"))
    }

    /// The folder of the programs.
    pub(crate) fn programs(&self) -> PathBuf {
        self.root().join(".bin")
    }

    /// The folder of the endings that hosts noted for each other.
    pub(crate) fn ended(&self) -> PathBuf {
        self.root().join(".ended")
    }

    /// The endings that the host of this name noted.
    pub(crate) fn ended_on(&self, host: &str) -> PathBuf {
        self.ended().join(percent_encoded_within(host, MAX_FILE_NAME))
    }

    /// The answer of a cluster that those share who ask it. No task has that name.
    pub fn cluster_answer(&self) -> PathBuf {
        self.programs().join("jobs")
    }
}
