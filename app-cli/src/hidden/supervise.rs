//! The hidden verb that makes the program a supervisor.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use adapters_fs::FileStore;
use adapters_process::local::supervisor::{self, AgentFiles, Post, Surroundings};
use domain::port::{Attachment, Stream};
use domain::task::{Ending, ProcessId, Reason, Runner, State, Task, TaskId};
use domain::usecase::custody::Held;

use crate::kit::answer::Answer;
use crate::kit::environment;
use crate::kit::wiring::Wiring;

/// How long a supervisor waits at first for a lock of the store: neighbours hold one for less.
const HASTE: Duration = Duration::from_millis(10);

pub(super) fn supervise(id: &str, store: PathBuf) -> Answer {
    let outcome = match TaskId::parse(id) {
        Ok(id) => take_up(&id, store),
        Err(error) => Err(format!("that is no task: {error}")),
    };
    if let Err(reason) = outcome {
        supervisor::give_up(&reason);
    }
    // The launcher has been told, and nobody else listens.
    Answer::nothing()
}

/// Supervises the task until it has ended, then admits queued tasks. What is done before and after the time that the task runs is
/// done by functions of their own, as is what is large kept elsewhere: this frame is on the stack all that time.
fn take_up(id: &TaskId, store: PathBuf) -> Result<(), String> {
    let detached = supervisor::detach();
    let wiring = wired(store);
    let (held, files) = taken(&wiring, id, detached)?;
    let went_on = Cell::new(false);
    let outcome = match files {
        Ok(files) => live(&wiring, held, files, &went_on),
        Err(error) => Err(refused(&wiring, held, &error)),
    };
    if !went_on.get() {
        admit_next(&wiring);
    }
    outcome
}

#[inline(never)]
fn wired(store: PathBuf) -> Box<Wiring> {
    Box::new(Wiring::at(store))
}

/// The task, and the files that its agent writes.
#[inline(never)]
fn taken(
    wiring: &Wiring,
    id: &TaskId,
    detached: io::Result<()>,
) -> Result<(Held, io::Result<AgentFiles>), String> {
    // Of the standard library it would come with room for 8 KiB that nobody reads.
    let life = rustix::stdio::stdin().try_clone_to_owned();
    let life = life.map_err(|error| format!("taking over the life lock: {error}"))?;
    // The files first: what the record says is to be as new as can be when the agent starts.
    let files = detached.map(|()| agent_files(wiring, id));
    let held = pollster::block_on(wiring.held(id, File::from(life)))?;
    let files = files.and_then(|made| match &held.task.progress().agent {
        Some(agent) if is_at_work(&held.task) => files_of(wiring, id, agent),
        Some(_) | None => made,
    });
    Ok((held, files))
}

/// Supervises the task. What goes wrong is recorded, and the launcher is told. Says in `went_on` whether queued tasks were admitted,
/// as they are before this process stays for what outlives the task.
fn live(
    wiring: &Wiring,
    held: Held,
    files: AgentFiles,
    went_on: &Cell<bool>,
) -> Result<(), String> {
    name_logs_twice(wiring, &held.task, &files);
    let id = held.task.id().clone();
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
        instructions: wiring.kits.instructions(&id),
        attach: &attach,
        surroundings: Surroundings {
            path: || environment::variable("PATH"),
            depth: environment::depth().saturating_add(1),
            is_set: |name| environment::variable(name).is_some(),
            text: environment::text,
        },
        follow_store: &|| wiring.dir.follow(&own),
        put_back: &|stream, file, most| wiring.logs.put_back(&id, stream, file, most),
        go_on: &|| {
            went_on.set(true);
            admit_next(wiring);
        },
        at_cluster: environment::most_grace(),
    };
    // In place: it is large, and whoever waits for it would keep another copy.
    pollster::block_on(pin!(supervisor::supervise(&post, held)));
    Ok(())
}

/// Records that the task cannot be supervised, unless its agent works; returns why.
#[inline(never)]
fn refused(wiring: &Wiring, held: Held, error: &io::Error) -> String {
    let reason = format!("taking up its task: {error}");
    // An agent that works goes on as it did, and whoever looks next tries it again. What has none is recorded here as well, so
    // that a task from the queue is not admitted again and again. What cannot be recorded keeps its lock, and the next one who
    // looks finds it.
    if !is_at_work(&held.task) {
        let ending = Ending::failed(Reason::LaunchFailed, &reason);
        drop(pollster::block_on(held.end(wiring.world(), ending)));
    }
    reason
}

/// The slot is free by now and whoever waited for this task is awake. Nobody listens to what fails.
#[inline(never)]
fn admit_next(wiring: &Wiring) {
    pollster::block_on(async {
        wiring.admit_next().await;
        wiring.remove_old().await;
    });
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
