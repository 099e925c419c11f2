//! What the hook does when a session reports that one of its subagents stopped.
//!
//! A report from outside any task ends the tasks of that session, with the last words of the
//! transcript; what comes after an ending that was a guess is kept beside it. Where these cannot be read and the session says nothing itself, a task that has a
//! supervisor is left to it, and the ending of any other says where its result may be found: none is
//! recorded as empty that was not. A report that cannot be recorded in time is put off, and taken up by whoever looks
//! at the task next. A report from inside a task only counts as a sign of life: its supervisor sees when the
//! task itself ends. Never stops a process.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Trouble;
use crate::plan::reconcile::Custody;
use crate::port::{
    Clock, LastWords, LifeLocks, StoreError, StoreFailure, TaskStore, TranscriptReader,
};
use crate::run::account::RESULT_LIMIT;
use crate::task::{Activity, Event, Report, SessionId, TaskId, text};

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
/// more. Where the task has ended by a guess, what the subagent found is kept beside that ending.
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
    let ids = store.in_session(&stopped.session).await?;
    if ids.is_empty() {
        return Ok(ended);
    }
    let found = findings(transcripts, &stopped).await;
    for id in ids {
        let result = match &found {
            Findings::Words(words) => words.clone(),
            // The word that nothing could be read is no result to be kept beside an ending.
            Findings::Unread(_) if store.load(&id).await?.status().is_ended() => continue,
            // Its supervisor sees what it found.
            Findings::Unread(_) if locks.custody(&id).await == Ok(Custody::Held) => continue,
            Findings::Unread(why) => why.clone(),
        };
        let report = Report { result, error: stopped.error.clone() };
        match store.apply(&id, Event::Reported(report.clone()), clock.now()).await {
            Ok(task) => {
                // Of one that had a supervisor there is more to put away, which whoever looks does.
                if !task.was_supervised() {
                    locks.retire(&id).await?;
                }
                ended.push(id);
            }
            Err(StoreError::Refused { .. } | StoreError::NotFound { .. }) => {}
            // Whoever looks at the task next takes it up.
            Err(StoreError::Failed { failure: StoreFailure::Busy { .. }, .. }) => {
                store.put_off(&id, &report).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ended)
}

/// What a subagent found.
enum Findings {
    /// This, which may be nothing.
    Words(String),
    /// Something may be there that could not be read; a sentence says where.
    Unread(String),
}

async fn findings(transcripts: &dyn TranscriptReader, stopped: &Stopped) -> Findings {
    let reported = || stopped.result.clone().map(|result| text::at_most(result, RESULT_LIMIT));
    let Some(path) = &stopped.transcript else {
        return Findings::Words(reported().unwrap_or_default());
    };
    let why = match transcripts.last_words(path).await {
        Ok(LastWords::Said(words)) => return Findings::Words(words),
        Ok(LastWords::Nothing) => return Findings::Words(reported().unwrap_or_default()),
        Ok(LastWords::OutOfReach) => "what was said last is too long to be read".to_string(),
        Err(error) => error.to_string(),
    };
    match reported().filter(|result| !result.is_empty()) {
        Some(result) => Findings::Words(result),
        None => Findings::Unread(format!("[no result: {why}; the transcript is `{path}`]")),
    }
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
