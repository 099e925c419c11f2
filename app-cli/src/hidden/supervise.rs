//! The hidden verb that makes the program a supervisor.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;

use adapters_process::local::supervisor::{self, AgentFiles, Post, Sequel, Surroundings};
use async_trait::async_trait;
use domain::port::{Clock, TaskStore};
use domain::task::droid::Instructions;
use domain::task::{Ending, Event, Reason, Task, TaskId};
use domain::usecase::again;
use domain::usecase::launch::{enqueue, mint};

use crate::kit::answer::Answer;
use crate::kit::environment;
use crate::kit::failure::{Failure, Kind};
use crate::kit::wiring::Wiring;

pub(super) async fn supervise(id: &str, store: PathBuf) -> Answer {
    let outcome = match TaskId::parse(id) {
        Ok(id) => keep_post(&id, store).await,
        Err(error) => Err(unexpected("that is no task", &error)),
    };
    if let Err(failure) = outcome {
        supervisor::give_up(&failure.message);
    }
    // The launcher has been told, and nobody else listens.
    Answer::nothing()
}

/// Owns the task until it has ended, then lets in whoever is next.
async fn keep_post(id: &TaskId, store: PathBuf) -> Result<(), Failure> {
    let (wiring, _) = Wiring::at(store);
    // Before anything is opened that has to stay open.
    let files = supervisor::detach().and_then(|()| agent_files(&wiring, id));
    let life = life_lock().map_err(|error| unexpected("taking over the life lock", &error))?;
    let retire = || wiring.locks.retire_held(id, &life).map_err(io::Error::other);
    let outcome = match files {
        Ok(files) => {
            let post = Post {
                id: id.clone(),
                store: &wiring.store,
                logs: &wiring.logs,
                clock: &wiring.clock,
                agents: wiring.agents.as_ref(),
                files,
                instructions: wiring.kits().instructions(id),
                surroundings: Surroundings {
                    path: environment::variable("PATH"),
                    depth: environment::depth().saturating_add(1),
                },
                sequel: &NextAttempt { wiring: &wiring },
                forget_environment: &|| wiring.forget_environment(id),
                retire: &retire,
            };
            // What went wrong is recorded, and the launcher knows.
            drop(supervisor::supervise(post).await);
            Ok(())
        }
        Err(error) => {
            let failure = unexpected("taking up its post", &error);
            let ending = Ending::failed(Reason::LaunchFailed, &failure.message);
            let event = Event::Ended { ending, exit: None };
            // Recorded here as well, so that a task from the queue is not let in again and again.
            drop(wiring.store.apply(id, event, wiring.clock.now()).await);
            drop(retire());
            drop(wiring.forget_environment(id));
            Err(failure)
        }
    };
    // The life lock is free by now and whoever waited for this task is awake.
    drop(wiring.hand_on(&|| {}).await);
    outcome
}

/// The next attempt at a task that was ordered to have one.
struct NextAttempt<'a> {
    wiring: &'a Wiring,
}

#[async_trait]
impl Sequel for NextAttempt<'_> {
    async fn prepare(&self, task: &Task, ending: &Ending) {
        let wiring = self.wiring;
        let now = wiring.clock.now();
        let session = wiring.minted_session().ok();
        let Some(order) = again::automatic_retry(task, ending, session, now) else { return };
        let next = mint(wiring.witnesses(), &wiring.clock, &wiring.entropy, order);
        // What the droid was told is told to it again, to the letter.
        let told =
            wiring.kits().instructions(task.id()).and_then(|path| fs::read_to_string(path).ok());
        let instructions = told.as_deref().and_then(Instructions::parse);
        let launcher = wiring.launcher(Vec::new(), instructions);
        // What cannot be ordered now can still be retried by hand.
        if enqueue(&wiring.store, wiring.door(&launcher), &next).await.is_ok() {
            drop(again::link(&wiring.store, &wiring.clock, task.id(), next.id()).await);
        }
    }
}

fn unexpected(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Kind::Unexpected, format!("{what}: {error}"))
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
