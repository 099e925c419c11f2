//! Finding out what is to be believed of a task whose record says that it has not ended.
//!
//! Every verb that shows or changes a task comes through here, so that nobody is ever told
//! "running" of a task that lost its supervisor. A living agent is never stopped here.

use super::end::end;
use super::{Trouble, Witnesses};
use crate::plan::reconcile::{Custody, Standing, standing};
use crate::port::{Clock, LogPart, Stream, TaskStore};
use crate::run::Account;
use crate::run::ending::{self, Evidence};
use crate::task::{Ending, Reason, Runner, Running, State, Task};
use core::time::Duration;

/// A task as it is to be believed, and what has to be said beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Believed {
    /// The task.
    pub task: Task,
    /// What has to be said beside it.
    pub note: Option<Note>,
    /// Who holds its life lock; [`Custody::Absent`] once it has ended.
    pub custody: Custody,
}

/// What has to be said beside a task that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// No supervisor of ours ever had it; its record stands as it is.
    Unsupervised,
    /// Its supervisor is gone, its agent still works; nobody will record its ending until somebody
    /// looks after the agent is done.
    Orphaned,
}

/// Finds out what is to be believed of `task`, and ends it if it is over.
///
/// # Errors
/// [`Trouble`] if the store or a witness fails.
pub async fn reconcile(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    task: Task,
) -> Result<Believed, Trouble> {
    if task.status().is_ended() {
        return Ok(Believed { task, note: None, custody: Custody::Absent });
    }
    let custody = witnesses.locks.custody(task.id()).await?;
    let as_recorded = |note| Believed { task: task.clone(), note, custody };
    match look(witnesses, &task, custody).await {
        Standing::AsRecorded => Ok(as_recorded(None)),
        Standing::Unsupervised => Ok(as_recorded(Some(Note::Unsupervised))),
        Standing::Orphaned => Ok(as_recorded(Some(Note::Orphaned))),
        Standing::Gone | Standing::NeverStarted => {
            // It may have ended in the very moment between its record and its lock.
            let task = store.load(task.id()).await?;
            let task = match look(witnesses, &task, custody).await {
                Standing::Gone => {
                    end(store, clock, task.id(), autopsy(witnesses, &task).await?).await?
                }
                Standing::NeverStarted => {
                    witnesses.processes.stop(task.id(), None, Duration::ZERO).await;
                    let message = "its start was cut short; what there was of it has been stopped";
                    end(store, clock, task.id(), Ending::failed(Reason::LaunchFailed, message))
                        .await?
                }
                Standing::AsRecorded | Standing::Unsupervised | Standing::Orphaned => task,
            };
            if task.status().is_ended() {
                witnesses.locks.retire(task.id()).await?;
            }
            Ok(Believed { task, note: None, custody: Custody::Absent })
        }
    }
}

async fn look(witnesses: Witnesses<'_>, task: &Task, custody: Custody) -> Standing {
    let (mut supervisor_lives, mut agent_lives) = (false, false);
    if custody != Custody::Held {
        if let Some(supervisor) = &task.progress().supervisor {
            supervisor_lives = witnesses.processes.lives(supervisor).await;
        }
        if let Some(agent) = &task.progress().agent {
            agent_lives = witnesses.processes.lives(agent).await;
        }
    }
    standing(task, custody, supervisor_lives, agent_lives)
}

/// How a task ended of which nobody saw the end.
async fn autopsy(witnesses: Witnesses<'_>, task: &Task) -> Result<Ending, Trouble> {
    let account = match task.order().runner {
        Runner::Agent { .. } => witnesses.events.account(task.id(), &task.order().runner).await?,
        Runner::Command(_) | Runner::Elsewhere => Account::default(),
    };
    let tail = LogPart::LastLines { lines: ending::QUOTED_LINES };
    let log = witnesses.logs.read(task.id(), Stream::Readable, tail).await?;
    let agent = witnesses.agents.of(&task.order().runner);
    Ok(ending::decide(&Evidence {
        runner: &task.order().runner,
        cancel_requested: matches!(task.state(), State::Running(Running { cancel: Some(_) })),
        time_limit_passed: None,
        account: &account,
        exit: None,
        log_tail: &log.text,
        log_complaint: agent.and_then(|agent| agent.complaint(&log.text)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::event_log::MockEventLog;
    use crate::port::life_locks::MockLifeLocks;
    use crate::port::output_log::{LogText, MockOutputLog};
    use crate::port::processes::MockProcesses;
    use crate::run::AgentEvent;
    use crate::task::Status;
    use crate::testing::{self, ManualClock, MemoryStore, NoAgents};

    /// What is to be believed of `task` where the witnesses say this.
    async fn believed(
        task: Task,
        custody: Custody,
        agent_lives: bool,
        said: &[AgentEvent],
    ) -> Believed {
        let store = MemoryStore::holding([task.clone()]);
        let (mut locks, mut processes) = (MockLifeLocks::new(), MockProcesses::new());
        locks.expect_custody().returning(move |_| Ok(custody));
        locks.expect_retire().returning(|_| Ok(()));
        let agent = testing::process(101);
        processes.expect_lives().returning(move |process| *process == agent && agent_lives);
        processes.expect_stop().returning(|_, _, _| std::vec![]);
        let mut account = Account::default();
        for event in said {
            account.note(event.clone());
        }
        let (mut events, mut logs) = (MockEventLog::new(), MockOutputLog::new());
        events.expect_account().returning(move |_, _| Ok(account.clone()));
        logs.expect_read().returning(|_, _, _| Ok(LogText::default()));
        let witnesses = Witnesses {
            locks: &locks,
            processes: &processes,
            agents: &NoAgents,
            events: &events,
            logs: &logs,
        };
        let clock = ManualClock::at(testing::ORDERED);
        reconcile(&store, witnesses, &clock, task).await.expect("nothing fails")
    }

    #[tokio::test]
    async fn a_running_record_without_supervisor_and_agent_ends_as_its_event_log_says() {
        let done = [AgentEvent::Finished { text: "found".into(), usage: None }];
        let found = believed(testing::running_task(), Custody::Free, false, &done).await;
        assert_eq!(found.task.state().result(), Some("found"));
        assert_eq!(found.task.status(), Status::Completed);
    }

    #[tokio::test]
    async fn a_running_record_of_which_nothing_is_left_ends_as_lost() {
        let found = believed(testing::running_task(), Custody::Free, false, &[]).await;
        assert!(
            matches!(found.task.state(), State::Error(failure) if failure.reason == Reason::Lost)
        );
    }

    #[tokio::test]
    async fn a_living_agent_without_supervisor_is_left_alone_and_named() {
        let found = believed(testing::running_task(), Custody::Free, true, &[]).await;
        assert_eq!((found.task.status(), found.note), (Status::Running, Some(Note::Orphaned)));
    }

    #[tokio::test]
    async fn a_foreign_running_record_stands_as_it_is_and_is_named() {
        let found = believed(testing::foreign_running_task(), Custody::Absent, false, &[]).await;
        assert_eq!((found.task.status(), found.note), (Status::Running, Some(Note::Unsupervised)));
    }

    #[tokio::test]
    async fn a_queued_record_of_a_killed_launcher_ends_as_never_started() {
        let found = believed(testing::queued_task(), Custody::Free, false, &[]).await;
        assert!(
            matches!(found.task.state(), State::Error(failure) if failure.reason == Reason::LaunchFailed)
        );
    }
}
