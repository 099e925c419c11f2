//! The hidden verb that makes the program a supervisor.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;

use adapters_process::supervisor::{self, AgentFiles, Post, Surroundings};
use domain::task::TaskId;

use crate::Outcome;
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::view::Answer;
use crate::wiring::Wiring;

pub(super) async fn supervise(id: &str, store: PathBuf) -> Outcome {
    if let Err(failure) = keep_post(id, store).await {
        supervisor::give_up(&failure.message);
    }
    // The launcher has been told, and nobody else listens.
    Ok(Answer::nothing())
}

async fn keep_post(id: &str, store: PathBuf) -> Result<(), Failure> {
    let unexpected = |what: &str, error: &dyn std::fmt::Display| {
        Failure::new(Kind::Unexpected, format!("{what}: {error}"))
    };
    let id = TaskId::parse(id).map_err(|error| unexpected("that is no task", &error))?;
    supervisor::detach().map_err(|error| unexpected("leaving the caller", &error))?;
    let wiring = Wiring::at(store);
    let files =
        agent_files(&wiring, &id).map_err(|error| unexpected("opening the logs", &error))?;
    let life = life_lock().map_err(|error| unexpected("taking over the life lock", &error))?;
    let post = Post {
        id: id.clone(),
        store: &wiring.store,
        logs: &wiring.logs,
        clock: &wiring.clock,
        files,
        instructions: wiring.locks.instructions(&id),
        surroundings: Surroundings {
            droid: environment::droid(),
            path: environment::variable("PATH"),
            depth: environment::depth().saturating_add(1),
        },
        retire: &|| wiring.locks.retire_held(&id, &life),
    };
    drop(supervisor::supervise(post).await);
    Ok(())
}

fn agent_files(wiring: &Wiring, id: &TaskId) -> io::Result<AgentFiles> {
    let made = wiring.logs.create_for_agent(id)?;
    let reader = wiring.logs.open_events(id)?;
    let events_reader = reader.ok_or_else(|| io::Error::other("the event stream vanished"))?;
    Ok(AgentFiles { events: made.events, events_reader, output: made.output })
}

/// The life lock that the launcher handed over: the standard input of this process.
fn life_lock() -> io::Result<File> {
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}
