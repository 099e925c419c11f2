//! Whether a record is true that says that its task has not ended.
//!
//! The record alone proves nothing: a task runs while some process holds its life lock. Where none
//! does, the processes decide. Nothing here looks at a lock or a process.

use crate::task::{Status, Task};

/// Who holds the life lock of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Custody {
    /// Some process: its supervisor, or one that starts a supervisor or concludes the task.
    Held,
    /// Nobody: the holder died or let go, and the name of the lock stayed.
    Free,
    /// Nobody: the task waits, and the environment that it starts with is kept.
    Waiting,
    /// There is no life lock: the task ended, or was never ours.
    Absent,
}

/// What is true of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What its record says.
    AsRecorded,
    /// It never had a supervisor of ours, and is in no queue of ours; its record stands as it is.
    Unsupervised,
    /// Its supervisor is gone and its agent still lives.
    Orphaned,
    /// Its supervisor and its agent are gone; its event log decides how it ended.
    Gone,
    /// Its launcher, or the process that admitted it, died before it was started; or somebody removed what it was to
    /// start with.
    NeverStarted,
}

/// Judges one task by who holds its life lock and whether its supervisor and its agent live.
///
/// `supervisor_lives` decides where the lock file is missing, as when somebody removed it, and keeps a living agent from a
/// second supervisor where it is another's file.
pub fn standing(
    task: &Task,
    custody: Custody,
    supervisor_lives: bool,
    agent_lives: bool,
) -> Standing {
    match (task.status(), custody) {
        (Status::Completed | Status::Error | Status::Cancelled, _)
        | (_, Custody::Held)
        | (Status::Queued, Custody::Waiting) => Standing::AsRecorded,
        (Status::Queued, Custody::Absent) if !task.is_ours() => Standing::Unsupervised,
        // One that waits has its environment or a life lock at any moment.
        (Status::Queued, Custody::Free | Custody::Absent) => Standing::NeverStarted,
        (Status::Running, Custody::Absent) if !task.was_supervised() => Standing::Unsupervised,
        (Status::Running, Custody::Absent) if supervisor_lives => Standing::AsRecorded,
        (Status::Running, Custody::Absent | Custody::Free | Custody::Waiting) => {
            if agent_lives && supervisor_lives {
                // It holds a lock that has another name, or none: the store was copied, or put back from a copy.
                Standing::AsRecorded
            } else if agent_lives {
                Standing::Orphaned
            } else {
                Standing::Gone
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_running_record_whose_life_lock_is_free_is_never_believed() {
        let task = testing::running_task();
        assert_eq!(standing(&task, Custody::Free, true, false), Standing::Gone);
        assert_eq!(standing(&task, Custody::Free, false, true), Standing::Orphaned);
    }

    // A look at a copy of a store, or at one that was put back under its tasks, gave a task a second supervisor.
    #[test]
    fn a_supervisor_that_lives_with_its_agent_is_not_replaced_though_the_lock_is_free() {
        let task = testing::running_task();
        assert_eq!(standing(&task, Custody::Free, true, true), Standing::AsRecorded);
    }

    #[test]
    fn a_running_record_whose_life_lock_is_held_is_believed() {
        let task = testing::running_task();
        assert_eq!(standing(&task, Custody::Held, false, false), Standing::AsRecorded);
    }

    #[test]
    fn a_record_that_never_had_a_supervisor_of_ours_stands_as_it_is() {
        let task = testing::foreign_running_task();
        assert_eq!(standing(&task, Custody::Absent, false, false), Standing::Unsupervised);
    }

    #[test]
    fn a_missing_lock_file_is_no_proof_of_death() {
        let task = testing::running_task();
        assert_eq!(standing(&task, Custody::Absent, true, true), Standing::AsRecorded);
        assert_eq!(standing(&task, Custody::Absent, false, false), Standing::Gone);
    }

    #[test]
    fn a_task_in_our_queue_is_believed_to_wait() {
        let task = testing::queued_task();
        assert_eq!(standing(&task, Custody::Waiting, false, false), Standing::AsRecorded);
    }

    #[test]
    fn a_queued_record_of_a_killed_launcher_never_started() {
        let task = testing::queued_task();
        assert_eq!(standing(&task, Custody::Free, false, false), Standing::NeverStarted);
    }

    #[test]
    fn a_queued_record_of_which_nothing_else_is_left_waits_for_nobody() {
        let (ours, others) = (testing::queued_task(), testing::foreign_queued_task());
        assert_eq!(standing(&ours, Custody::Absent, false, false), Standing::NeverStarted);
        assert_eq!(standing(&others, Custody::Absent, false, false), Standing::Unsupervised);
    }
}
