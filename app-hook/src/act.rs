//! What the hook does about an event, with the concrete adapters.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use adapters_fs::{DataDir, FileCallers, FileLifeLocks, FileStore, FileTranscripts, env_file};
use adapters_process::TASK_ID_VARIABLE;
use adapters_process::agents::gemini::HOOKS_SESSION;
use adapters_process::clock::SystemClock;
use adapters_process::local::{ancestry, identity};
use domain::task::notice::Occasion;
use domain::task::{SessionId, TaskId};
use domain::usecase::Trouble;
use domain::usecase::subagent_stop::{Stopped, from_inside, from_outside};

use crate::answer::Form;
use crate::deliver::deliver;
use crate::input::{Event, Kind, Stop};

/// Names the session that launches tasks, for whatever the agent's shell starts.
const PARENT_VARIABLE: &str = "TASK_BG_PARENT_SESSION";
/// Names the file through which variables reach the agent's shell.
const ENV_FILE_VARIABLE: &str = "CLAUDE_ENV_FILE";

/// How long a report waits for the lock of a record, well within the deadline of a hook.
const PATIENCE: Duration = Duration::from_secs(1);

/// Does what the event calls for.
pub(crate) async fn act(event: Event) -> Result<(), Trouble> {
    if event.kind == Kind::SessionStart {
        introduce(&event);
    }
    let Ok(dir) = DataDir::locate(&variable) else { return Ok(()) };
    // What belongs to another user, or is no place for a store, is left alone.
    if dir.check(variable("TASK_BG_ANY_OWNER").is_some()).is_err() {
        return Ok(());
    }
    if event.kind == Kind::SessionStart {
        note_caller(&dir, &event);
    }
    let (occasion, form) = match event.kind {
        Kind::SubagentStop => return subagent_stop(dir, event).await,
        // Gemini CLI, which names the session to its hooks, takes nothing but JSON.
        Kind::SessionStart if variable(HOOKS_SESSION).is_some() => {
            (Occasion::Starting, Form::Context(event.name))
        }
        Kind::SessionStart => (Occasion::Starting, Form::Plain),
        Kind::UserPromptSubmit | Kind::PostToolUse => {
            (Occasion::Working, Form::Context(event.name))
        }
        Kind::Stop(Stop::First) => (Occasion::Stopping, Form::Block),
        // It goes on because it was kept from stopping already: never twice in a row.
        Kind::Stop(Stop::Again) | Kind::Other => return Ok(()),
    };
    deliver(dir, &event.session, occasion, form).await
}

/// Tells the shell of the session who launches its tasks.
///
/// A subagent's session dies with its answer, and nobody would hear of the tasks it leaves behind.
/// So their parent is the session that called it.
fn introduce(event: &Event) {
    let file = event.env_file.clone().map(PathBuf::from);
    let Some(file) = file.or_else(|| variable(ENV_FILE_VARIABLE).map(PathBuf::from)) else {
        return;
    };
    let parent: &SessionId = event.caller.as_ref().unwrap_or(&event.session);
    if let Ok(quoted) = shlex::try_quote(parent.as_str()) {
        // Without it, `launch` has to be told the parent, or nobody is told of the ending.
        drop(env_file::add_line(&file, &format!("export {PARENT_VARIABLE}={quoted}")));
    }
}

/// Notes which process the session is, where the agent has no file for variables and names the session to its hooks
/// alone, so that what its shell starts finds it.
fn note_caller(dir: &DataDir, event: &Event) {
    if variable(HOOKS_SESSION).is_none() {
        return;
    }
    if let Some(process) = ancestry::giver_of(HOOKS_SESSION) {
        // Without it, `launch` has to be told the parent.
        drop(FileCallers::new(dir.clone()).note(&process, &event.session, identity::lives));
    }
}

async fn subagent_stop(dir: DataDir, event: Event) -> Result<(), Trouble> {
    let store = FileStore::open(dir.clone()).in_a_hurry(PATIENCE);
    let inside = variable(TASK_ID_VARIABLE).and_then(|id| TaskId::parse(id.to_str()?).ok());
    if let Some(id) = inside {
        return from_inside(&store, &SystemClock, &id).await;
    }
    let stopped = Stopped {
        session: event.session,
        transcript: event.transcript,
        result: event.result,
        error: event.error,
    };
    let locks = FileLifeLocks::new(dir);
    from_outside(&store, &locks, &FileTranscripts, &SystemClock, stopped).await?;
    Ok(())
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
