//! The supervisor: the small process that owns one running task, from the agent's start until its
//! ending is recorded.
//!
//! See the crate's theory of operation for who is whose parent. A supervisor blocks in one `poll`
//! most of its life; it has no threads and, for a plain command, nothing to do until the command
//! ends. It never decides an ending by itself: [`domain::run::ending::decide`] does, and the store
//! lets the first ending win.

mod agent;
mod detach;
mod readable;
mod signals;
mod vigil;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use async_trait::async_trait;
use domain::port::{Agents, Clock, LaunchFailure, OutputLog, StoreError, TaskStore};
use domain::task::{Ending, Event, Reason, Runner, Started, Task, TaskId, template};
use domain::usecase::again::last_attempt;

use crate::local::identity;
use crate::local::launcher::Handshake;
use agent::Agent;
use signals::Signals;
use vigil::Vigil;

/// Everything a supervisor works with.
pub struct Post<'a> {
    /// The task it owns.
    pub id: TaskId,
    /// Where the task is recorded.
    pub store: &'a dyn TaskStore,
    /// What the task wrote.
    pub logs: &'a dyn OutputLog,
    /// The time.
    pub clock: &'a dyn Clock,
    /// The agents that can be started.
    pub agents: &'a dyn Agents,
    /// The files the agent writes to.
    pub files: AgentFiles,
    /// What the agent is told besides its prompt, as a file.
    pub instructions: Option<PathBuf>,
    /// What of the environment matters for the start.
    pub surroundings: Surroundings,
    /// What is to be done before an ending is recorded.
    pub sequel: &'a dyn Sequel,
    /// Forgets the environment that was kept for the task while it waited.
    pub forget_environment: &'a dyn Fn() -> io::Result<()>,
    /// Removes the name of the life lock that is held.
    pub retire: &'a dyn Fn() -> io::Result<()>,
}

/// What of the environment matters for the start of an agent; all of it is passed on.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The folders where programs are looked for, as in `PATH`.
    pub path: Option<OsString>,
    /// How many tasks deep the agent is; 1 for a task that no task launched.
    pub depth: u32,
}

/// The files an agent writes to, each opened for appending.
pub struct AgentFiles {
    /// Its event stream.
    pub events: File,
    /// The same, for reading.
    pub events_reader: File,
    /// What a person reads.
    pub output: File,
}

/// What is to be done between knowing how a task ends and recording it, so that whoever wakes at the
/// ending finds it done.
#[async_trait]
pub trait Sequel: Send + Sync {
    /// Does it. Cannot fail: the ending has to be recorded anyway.
    async fn prepare(&self, task: &Task, ending: &Ending);
}

/// Leaves the caller behind: a session of its own, no inherited descriptor but the standard three,
/// standing in `/`, the parent of every orphan below.
///
/// # Errors
/// The system's, if any of that is refused.
pub fn detach() -> io::Result<()> {
    detach::detach()
}

/// Tells the launcher that the supervisor did not even come to its post.
pub fn give_up(reason: &str) {
    tell_launcher(&Handshake::Failed { reason: reason.to_owned() });
}

/// Starts the agent of the task, tells the launcher on standard output, and watches until the task
/// is over and that is recorded.
///
/// # Errors
/// What the launcher is told as well, or the error of a store that is gone for good.
pub async fn supervise(post: Post<'_>) -> Result<(), LaunchFailure> {
    let (agent, signals) = match start(&post).await {
        Ok(started) => started,
        Err(failure) => {
            record_failed_start(&post, &failure).await;
            tell_launcher(&handshake(&failure));
            return Err(failure);
        }
    };
    tell_launcher(&Handshake::Started);
    Vigil::over(&post, agent, signals).keep().await;
    Ok(())
}

async fn start<'a>(post: &'a Post<'_>) -> Result<(Agent<'a>, Signals), LaunchFailure> {
    let internal = |error: &dyn std::fmt::Display| LaunchFailure::Supervisor(error.to_string());
    let signals = Signals::listen().map_err(|error| internal(&error))?;
    let task = post.store.load(&post.id).await.map_err(|error| internal(&error))?;
    if task.status().is_ended() {
        return Err(LaunchFailure::Supervisor("it has already ended".to_owned()));
    }
    // From here on nobody else can start it: an agent runs once or not at all.
    (post.forget_environment)().map_err(|error| internal(&error))?;
    let prompt = filled_prompt(post, &task).await?;
    let agent = Agent::start(&task, &prompt, post)?;
    let supervisor = identity::identify(std::process::id())
        .ok_or_else(|| LaunchFailure::Supervisor("/proc does not show it".to_owned()))?;
    let awake = Some(post.clock.awake());
    let started = Started { supervisor, agent: agent.process.clone(), awake };
    match post.store.apply(&post.id, Event::Started(started), post.clock.now()).await {
        Ok(_) => Ok((agent, signals)),
        Err(error) => {
            // No process without a record that knows it.
            agent.stop(&post.id, std::time::Duration::ZERO);
            Err(internal(&error))
        }
    }
}

/// The prompt with what earlier tasks found put in. The words of a command are passed on as they are.
async fn filled_prompt(post: &Post<'_>, task: &Task) -> Result<String, LaunchFailure> {
    let prompt = task.order().prompt.as_str();
    let Runner::Agent { .. } = task.order().runner else { return Ok(prompt.to_owned()) };
    let mut found = BTreeMap::new();
    for id in template::wanted(prompt) {
        if let Ok(earlier) = last_attempt(post.store, &id).await {
            found.extend(earlier.state().result().map(|result| (id, result.to_owned())));
        }
    }
    template::filled(prompt, &|id| found.get(id).cloned()).map_err(|id| {
        LaunchFailure::Supervisor(format!("the prompt wants the result of {id}, which has none"))
    })
}

async fn record_failed_start(post: &Post<'_>, failure: &LaunchFailure) {
    let ending = Ending::failed(Reason::LaunchFailed, failure.to_string());
    let event = Event::Ended { ending, exit: None };
    let recorded = post.store.apply(&post.id, event, post.clock.now()).await;
    if matches!(recorded, Ok(_) | Err(StoreError::Refused { .. })) {
        // Left behind otherwise, so that the next reader ends the task.
        drop((post.retire)());
    }
}

fn handshake(failure: &LaunchFailure) -> Handshake {
    match failure {
        LaunchFailure::NotFound { program } => Handshake::NotFound { program: program.clone() },
        LaunchFailure::NotStarted { program, reason } => {
            Handshake::NotStarted { program: program.clone(), reason: reason.clone() }
        }
        LaunchFailure::Supervisor(reason) => Handshake::Failed { reason: reason.clone() },
    }
}

/// Says how the start went and lets go of the launcher. It may be gone; that changes nothing.
fn tell_launcher(word: &Handshake) {
    let mut stdout = io::stdout().lock();
    drop(serde_json::to_writer(&mut stdout, word).map_err(io::Error::from));
    drop(stdout.flush());
    drop(detach::release_stdout());
}
