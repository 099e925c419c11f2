//! The hidden verb that makes the program a supervisor.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adapters_fs::FileStore;
use adapters_process::local::supervisor::{self, AgentFiles, Post, Surroundings};
use domain::port::{Attachment, Stream};
use domain::task::{Ending, ProcessId, Reason, Runner, State, Task, TaskId};

use crate::kit::answer::Answer;
use crate::kit::environment;
use crate::kit::wiring::Wiring;

/// How long a supervisor waits at first for a lock of the store: neighbours hold one for less.
const HASTE: Duration = Duration::from_millis(10);

pub(super) async fn supervise(id: &str, store: PathBuf) -> Answer {
    let outcome = match TaskId::parse(id) {
        Ok(id) => take_up(&id, store).await,
        Err(error) => Err(format!("that is no task: {error}")),
    };
    if let Err(reason) = outcome {
        supervisor::give_up(&reason);
    }
    // The launcher has been told, and nobody else listens.
    Answer::nothing()
}

/// Supervises the task until it has ended, then admits queued tasks.
async fn take_up(id: &TaskId, store: PathBuf) -> Result<(), String> {
    let detached = supervisor::detach();
    let wiring = Wiring::at(store);
    let life = io::stdin().as_fd().try_clone_to_owned();
    let life = life.map_err(|error| format!("taking over the life lock: {error}"))?;
    // The files first: what the record says is to be as new as can be when the agent starts.
    let files = detached.map(|()| agent_files(&wiring, id));
    let held = wiring.held(id, File::from(life)).await?;
    let files = files.and_then(|made| match &held.task.progress().agent {
        Some(agent) if is_at_work(&held.task) => files_of(&wiring, id, agent),
        Some(_) | None => made,
    });
    let outcome = match files {
        Ok(files) => {
            name_logs_twice(&wiring, &held.task, &files);
            let own = files.output.try_clone().map_err(|error| error.to_string())?;
            let hasty = FileStore::open(wiring.dir.clone()).in_a_hurry(HASTE);
            let attach = |file: &Attachment| wiring.kits.attach(file);
            let post = Post {
                world: wiring.world(),
                hasty: &hasty,
                files,
                // Whoever takes a task over keeps the bound that it was started with.
                most: Some(held.task.progress().log_limit.unwrap_or(wiring.max_log))
                    .filter(|most| *most > 0),
                instructions: wiring.kits.instructions(id),
                attach: &attach,
                surroundings: Surroundings {
                    path: environment::variable("PATH"),
                    depth: environment::depth().saturating_add(1),
                    is_set: |name| environment::variable(name).is_some(),
                    text: environment::text,
                },
                follow_store: &|| wiring.dir.follow(&own),
                put_back: &|stream, file, most| wiring.logs.put_back(id, stream, file, most),
                at_cluster: environment::most_grace(),
            };
            // What went wrong is recorded, and the launcher knows.
            supervisor::supervise(&post, held).await;
            Ok(())
        }
        Err(error) => {
            let reason = format!("taking up its task: {error}");
            if is_at_work(&held.task) {
                // Its agent goes on as it did, and whoever looks next tries it again.
                return Err(reason);
            }
            // Recorded here as well, so that a task from the queue is not admitted again and again. What
            // cannot be recorded keeps its lock, and the next one who looks finds it.
            let ending = Ending::failed(Reason::LaunchFailed, &reason);
            drop(held.end(wiring.world(), ending).await);
            Err(reason)
        }
    };
    // The slot is free by now and whoever waited for this task is awake. Nobody listens to what fails.
    wiring.admit().await;
    wiring.remove_old().await;
    outcome
}

/// Whether there is an agent already: that it cannot be taken over at the moment is no end of it.
const fn is_at_work(task: &Task) -> bool {
    matches!(task.state(), State::Running(_))
}

/// The files that the agent of a task writes which is taken over, whatever has their names by now.
fn files_of(wiring: &Wiring, id: &TaskId, agent: &ProcessId) -> io::Result<AgentFiles> {
    let (output, events) = (wiring.dir.output(id), wiring.dir.events(id));
    AgentFiles::written_by(
        agent,
        (&output, wiring.logs.append_output(id)),
        (&events, wiring.logs.append_events(id), wiring.logs.open_events(id)),
    )
}

/// Gives the logs that the agent will write their second names.
fn name_logs_twice(wiring: &Wiring, task: &Task, files: &AgentFiles) {
    if is_at_work(task) {
        return;
    }
    wiring.logs.name_twice(task.id(), Stream::Readable, &files.output);
    // A command says all in its readable log.
    if matches!(task.order().runner, Runner::Agent { .. }) {
        wiring.logs.name_twice(task.id(), Stream::Events, &files.events);
    }
}

fn agent_files(wiring: &Wiring, id: &TaskId) -> io::Result<AgentFiles> {
    let made = wiring.logs.create_for_agent(id)?;
    let reader = wiring.logs.open_events(id)?;
    let events_reader = reader.ok_or_else(|| io::Error::other("the event stream vanished"))?;
    let (events, output) = (Arc::new(made.events), Arc::new(made.output));
    Ok(AgentFiles { events, events_reader, output })
}
