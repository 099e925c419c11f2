//! A supervisor in a schedule, which takes the steps of the real one in the same order.
//!
//! Its agent is an entry in the world's table of processes, and never ends by itself.

use alloc::boxed::Box;
use alloc::format;
use core::time::Duration;

use super::Scene;
use crate::port::{Entropy, Further, LaunchFailure, StoreError};
use crate::run::AgentEvent;
use crate::run::machine::{Charge, Exited, Input, Machine, Moment, Output, Recorded, Sight};
use crate::task::{
    Ending, Event, Exit, LeftBehind, ProcessId, Queued, Reason, Started, State, Status, Task,
};
use crate::testing::scheduler::{idle, note, turn};
use crate::testing::yielding::Start;
use crate::testing::{Life, MemoryWorld, Part};
use crate::usecase::admit::{PATIENCE, Thoroughness, admit};
use crate::usecase::custody::Held;

use super::actors::MISSING;

/// A process that lives as long as its actor.
struct Living<'a> {
    memory: &'a MemoryWorld,
    process: ProcessId,
}

impl Drop for Living<'_> {
    fn drop(&mut self) {
        self.memory.host.end(&self.process, None);
    }
}

/// The supervisor of a task, from its first step to its last.
pub(super) async fn supervise(scene: &Scene<'_>, start: Start) {
    let (memory, world) = (scene.memory, scene.ports.world());
    let Start { id, life, words } = start;
    let process = memory.host.spawn(&id, Part::Supervisor);
    let living = Living { memory, process };
    let claim = memory.locks.held(&id, life).expect("a life lock of this world");
    turn().await;
    words.detached();
    let Ok(task) = world.store.load(&id).await else {
        claim.leave();
        return words.failed(internal("there is no record"));
    };
    let mut held = Held::of(claim, task);
    match begin(scene, &living.process, &mut held.task).await {
        Ok(agent) => {
            words.started();
            Box::pin(drive(scene, &living.process, &agent, held)).await;
        }
        // Its agent works, and whoever looks next tries it again.
        Err(failure) if held.task.status() == Status::Running => words.failed(failure),
        Err(failure) => {
            // An agent of which the start could not be recorded has run for a moment.
            let has_run = world.logs.is_made(&id).await;
            let reason = if has_run { Reason::Lost } else { Reason::LaunchFailed };
            let ending = Ending::failed(reason, format!("{failure}"));
            drop(held.end(world, ending).await);
            words.failed(failure);
        }
    }
    admit(world, Thoroughness::Freed, PATIENCE).await;
}

fn internal(reason: &str) -> LaunchFailure {
    LaunchFailure::Supervisor(reason.into())
}

async fn begin(
    scene: &Scene<'_>,
    supervisor: &ProcessId,
    task: &mut Task,
) -> Result<ProcessId, LaunchFailure> {
    let (memory, world) = (scene.memory, scene.ports.world());
    if let (State::Running(_), Some(agent)) = (task.state(), task.progress().agent.clone()) {
        note(|| format!("{} is taken over", task.id()));
        let adopted = Event::Adopted { supervisor: supervisor.clone() };
        let adopted = world.store.apply(task.id(), adopted, world.clock.now()).await;
        *task = adopted.map_err(|error| internal(&format!("{error}")))?;
        return Ok(agent);
    }
    let State::Queued(Queued { cancel: None, .. }) = task.state() else {
        return Err(internal("it is being cancelled, or does not wait any more"));
    };
    let further =
        if task.order().retries.left > 0 { Further::KeepForNext } else { Further::Forget };
    let begun = world.kits.begin(task.id(), further).await;
    begun.map_err(|fault| internal(&format!("{fault}")))?;
    if task.order().description == MISSING {
        return Err(LaunchFailure::NotFound { program: MISSING.into() });
    }
    turn().await;
    memory.logs.make(task.id());
    turn().await;
    let agent = memory.host.spawn(task.id(), Part::Agent);
    note(|| format!("AGENT of {} starts", task.id()));
    scene.laws.borrow_mut().agent_starts(memory, task);
    turn().await;
    let (supervisor, agent_of) = (supervisor.clone(), agent.clone());
    let started = Started {
        supervisor,
        agent: agent_of,
        awake: None,
        group: None,
        store: None,
        log_limit: None,
    };
    match world.store.apply(task.id(), Event::Started(started), world.clock.now()).await {
        Ok(started) => {
            *task = started;
            Ok(agent)
        }
        Err(error) => {
            memory.host.end(&agent, Some(Exit::Signal(9)));
            Err(internal(&format!("{error}")))
        }
    }
}

/// Drives the machine of a task until its agent is gone and that is recorded.
async fn drive(scene: &Scene<'_>, supervisor: &ProcessId, agent: &ProcessId, mut held: Held) {
    let (memory, world) = (scene.memory, scene.ports.world());
    let clock = world.clock;
    let moment = || Moment { wall: clock.now(), elapsed: clock.elapsed(), awake: clock.awake() };
    let mut machine = Machine::new(Charge::of(held.task.order()), moment());
    let mut pending = alloc::vec![Input::Started(Sight::of(&held.task))];
    let (mut stops, mut gone, mut looked) = (false, false, clock.elapsed());
    loop {
        while let Some(input) = pending.pop() {
            for output in machine.step(moment(), input) {
                match output {
                    Output::Apply(event) => {
                        let recorded = match held.record(world, event).await {
                            Ok(task) => Recorded::Done(Sight::of(&task)),
                            Err(StoreError::Refused { .. }) => Recorded::Refused,
                            Err(StoreError::Failed { .. }) => Recorded::Failed,
                            Err(_) => Recorded::Gone,
                        };
                        pending.push(Input::Recorded(recorded));
                    }
                    Output::Stop { .. } => stops = true,
                    Output::Show(_) | Output::SleepUntil(_) => {}
                    Output::Done => {
                        if let Ok(task) = world.store.load(held.task.id()).await {
                            held.task = task;
                        }
                        drop(held.put_away(world).await);
                        return;
                    }
                }
            }
        }
        if gone {
            idle().await;
        } else if let Life::Ended(exit) = memory.host.life_of(agent) {
            gone = true;
            let [a, b, c, ..] = memory.entropy.bytes();
            let strays = memory.host.living(Part::Stray).into_iter();
            let strays = strays.filter(|(_, task)| task == held.task.id());
            let left = LeftBehind::of(strays.map(|(process, _)| process).collect());
            let exited = Exited { exit, left, random: [a, b, c], ..Exited::default() };
            pending.push(Input::AgentExited(exited));
            let account = world.events.account(held.task.id(), &held.task.order().runner).await;
            let found = account.ok().and_then(|account| account.answer().map(Into::into));
            let said = |text| Input::Said(AgentEvent::Finished { text, usage: None });
            pending.extend(found.map(said));
            continue;
        } else if stops {
            turn().await;
            memory.host.end(agent, Some(Exit::Signal(15)));
        } else if memory.host.was_asked(supervisor)
            || clock.elapsed().saturating_sub(looked) >= Duration::from_secs(60)
        {
            looked = clock.elapsed();
            drop(held.renew());
            if let Ok(task) = world.store.load(held.task.id()).await {
                pending.push(Input::Seen(Sight::of(&task)));
            }
            continue;
        } else {
            idle().await;
        }
        pending.push(Input::Tick);
    }
}
