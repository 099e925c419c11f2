//! What the hook does when a session reports that one of its subagents stopped.
//!
//! A report from outside any task ends the tasks of that session, with the last words of the
//! transcript. A report from inside a task only counts as a sign of life: its supervisor sees when the
//! task itself ends. Never stops a process.

use alloc::string::String;
use alloc::vec::Vec;

use super::Trouble;
use crate::port::{Clock, LifeLocks, StoreError, TaskStore, TranscriptReader};
use crate::task::{Activity, Event, Report, SessionId, TaskId};

/// A subagent that stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The session it stopped in.
    pub session: SessionId,
    /// That session's transcript.
    pub transcript: Option<String>,
    /// What the subagent found, as the session says.
    pub result: Option<String>,
    /// What went wrong, as the session says.
    pub error: Option<String>,
}

/// Ends the tasks that work in the session, and returns them; skips tasks that cannot be ended any
/// more.
///
/// # Errors
/// [`Trouble`] if the store fails.
pub async fn from_outside(
    store: &dyn TaskStore,
    locks: &dyn LifeLocks,
    transcripts: &dyn TranscriptReader,
    clock: &dyn Clock,
    stopped: Stopped,
) -> Result<Vec<TaskId>, Trouble> {
    let mut ended = Vec::new();
    for id in store.in_session(&stopped.session).await? {
        let words = match &stopped.transcript {
            // Without a readable transcript, what the session says is used.
            Some(path) => transcripts.last_words(path).await.unwrap_or_default(),
            None => None,
        };
        let result = words.or_else(|| stopped.result.clone()).unwrap_or_default();
        let report = Report { result, error: stopped.error.clone() };
        match store.apply(&id, Event::Reported(report), clock.now()).await {
            Ok(_) => {
                locks.retire(&id).await?;
                ended.push(id);
            }
            Err(StoreError::Refused { .. } | StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ended)
}

/// Records a sign of life of the task `inside` which the subagent stopped.
///
/// # Errors
/// [`Trouble`] if the store fails.
pub async fn from_inside(
    store: &dyn TaskStore,
    clock: &dyn Clock,
    inside: &TaskId,
) -> Result<(), Trouble> {
    let known = match store.load(inside).await {
        Ok(task) => task.progress().activity.tools_in_flight,
        Err(StoreError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let alive = Activity { tools_in_flight: known, ..Activity::default() };
    match store.apply(inside, Event::Progressed(alive), clock.now()).await {
        Ok(_) | Err(StoreError::Refused { .. } | StoreError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
