//! The job that a cluster runs for a task, as far as a record knows it.
//!
//! The cluster's own words stay as they are; [`crate::plan::job`] says what follows from them. Nothing here asks anybody.

use alloc::string::String;

use super::time::Timestamp;

/// What is known of the job of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// The number the cluster gave it; `None` until its answer is recorded. A cluster may forget a number and give it to
    /// another job, so it counts only together with the job's name, which is the task's id.
    pub id: Option<String>,
    /// The cluster, where there are several.
    pub cluster: Option<String>,
    /// The partition, once it is known.
    pub partition: Option<String>,
    /// The cluster's word for its state.
    pub state: Option<String>,
    /// Why it is in that state, for people.
    pub reason: Option<String>,
    /// When it was handed over.
    pub submitted_at: Option<Timestamp>,
    /// When the cluster was last asked.
    pub asked_at: Option<Timestamp>,
    /// How it exited by the cluster's account, as `code:signal`.
    pub exit_code: Option<String>,
}

impl Job {
    /// Takes over every value that `newer` has; the others stay.
    pub(crate) fn absorb(&mut self, newer: Self) {
        let Self { id, cluster, partition, state, reason, submitted_at, asked_at, exit_code } =
            newer;
        // A reason belongs to a state.
        if state.is_some() {
            self.reason = reason;
        }
        self.id = id.or_else(|| self.id.take());
        self.cluster = cluster.or_else(|| self.cluster.take());
        self.partition = partition.or_else(|| self.partition.take());
        self.state = state.or_else(|| self.state.take());
        self.submitted_at = submitted_at.or(self.submitted_at);
        self.asked_at = asked_at.or(self.asked_at);
        self.exit_code = exit_code.or_else(|| self.exit_code.take());
    }

    /// Drops a state that no job has whose task has ended.
    pub(crate) fn end(&mut self) {
        const UNENDED: [&str; 5] = ["PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED"];
        if self.state.as_deref().is_some_and(|state| UNENDED.contains(&state)) {
            (self.state, self.reason) = (None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_newer_replaces_what_is_known_and_a_reason_goes_with_its_state() {
        let mut job = Job {
            id: Some("7".into()),
            state: Some("PENDING".into()),
            reason: Some("Priority".into()),
            ..Job::default()
        };
        job.absorb(Job { partition: Some("gpu".into()), ..Job::default() });
        assert_eq!(job.reason.as_deref(), Some("Priority"));
        job.absorb(Job { state: Some("RUNNING".into()), ..Job::default() });
        assert_eq!((job.id.as_deref(), job.reason), (Some("7"), None));
    }
}
