//! The value of `slurm` under `progress`: the job that a cluster runs for a task.

use domain::task::Job;
use jiff::tz::TimeZone;

use super::raw::{Object, json};
use super::{iso8601, progress_key};

/// The keys, but for the one of the exit, which is called as that of a task.
mod key {
    pub(super) const JOB_ID: &str = "jobId";
    pub(super) const CLUSTER: &str = "cluster";
    pub(super) const PARTITION: &str = "partition";
    pub(super) const STATE: &str = "state";
    pub(super) const REASON: &str = "reason";
    pub(super) const SUBMITTED: &str = "submittedAt";
    pub(super) const ASKED: &str = "askedAt";
}

/// The text of a job.
pub(super) fn text(job: &Job) -> String {
    let mut object = Object::default();
    let mut set = |key, value: Option<&String>| object.set(key, value.map(json));
    set(key::JOB_ID, job.id.as_ref());
    set(key::CLUSTER, job.cluster.as_ref());
    set(key::PARTITION, job.partition.as_ref());
    set(key::STATE, job.state.as_ref());
    set(key::REASON, job.reason.as_ref());
    set(progress_key::EXIT_CODE, job.exit_code.as_ref());
    let mut set = |key, at: Option<_>| object.set(key, at.map(|at| json(&iso8601::write(at))));
    set(key::SUBMITTED, job.submitted_at);
    set(key::ASKED, job.asked_at);
    object.line()
}

/// The job that `text` is; `None` if it is none.
pub(super) fn read(text: &str) -> Option<Job> {
    let found = Object::within(text)?;
    let time = |key| {
        let at: String = found.value(key)?;
        iso8601::read(&at, TimeZone::system)
    };
    Some(Job {
        id: found.value(key::JOB_ID),
        cluster: found.value(key::CLUSTER),
        partition: found.value(key::PARTITION),
        state: found.value(key::STATE),
        reason: found.value(key::REASON),
        submitted_at: time(key::SUBMITTED),
        asked_at: time(key::ASKED),
        exit_code: found.value(progress_key::EXIT_CODE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::task::Timestamp;

    #[test]
    fn a_job_is_read_as_it_was_written() {
        let at = Some(Timestamp::from_millis(1_700_000_000_123));
        let word = |text: &str| Some(text.to_owned());
        let job = Job {
            id: word("163"),
            cluster: word("lab"),
            partition: word("gpu"),
            state: word("PENDING"),
            reason: word("waits for a free node (Resources)"),
            submitted_at: at,
            asked_at: at,
            exit_code: word("0:9"),
        };
        assert_eq!(read(&text(&job)), Some(job));
        assert_eq!(read(&text(&Job::default())), Some(Job::default()));
        assert_eq!(read("7"), None);
    }
}
