//! The actors of a schedule: the verbs as a caller uses them, each with a check of what its answer
//! promises.
//!
//! A promise is checked when the answer is given. The dice decide what an actor does; nothing here uses
//! other randomness.

use alloc::boxed::Box;
use alloc::format;
use core::time::Duration;

use super::Scene;
use crate::port::{Kit, TaskStore};
use crate::run::AgentEvent;
use crate::task::{
    Dependence, Event, Order, Placement, Policy, Query, Report, Retries, Status, TaskId,
};
use crate::testing::scheduler::{Scheduler, note};
use crate::testing::{self, MemoryWorld};
use crate::usecase::admit::{PATIENCE, Thoroughness, admit};
use crate::usecase::again::{attempts, retry};
use crate::usecase::cancel::cancel;
use crate::usecase::complete::complete;
use crate::usecase::launch::{LaunchError, launch, ordered};
use crate::usecase::list::list;
use crate::usecase::prune::{Mode, PruneRequest, prune};
use crate::usecase::wait::{Until, WaitRequest, wait};

/// The description of an order whose program is not there.
pub(super) const MISSING: &str = "missing";

/// Adds an actor with a verb that the dice choose.
pub(super) fn add_one<'s>(scene: &'s Scene<'_>, scheduler: &mut Scheduler<'s>) {
    let Some(id) = scene.some_task() else {
        return scheduler.add("launch".into(), launch_one(scene));
    };
    match scene.below(16) {
        0..6 => scheduler.add("launch".into(), launch_one(scene)),
        6 | 7 => scheduler.add(format!("cancel {id}"), cancel_one(scene, id)),
        8 => scheduler.add(format!("complete {id}"), complete_one(scene, id)),
        9 | 10 => scheduler.add(format!("retry {id}"), retry_one(scene, id)),
        11 => scheduler.add("prune".into(), prune_all(scene)),
        12 => scheduler.add(format!("release {id}"), release(scene, id)),
        13 => scheduler.add(format!("wait {id}"), wait_for(scene, id)),
        _ => scheduler.add("look".into(), look(scene)),
    }
}

/// An order that the dice put together.
fn order(scene: &Scene<'_>) -> Order {
    let mut placement = Placement { priority: i8::from(scene.once_in(5)), ..Placement::default() };
    if scene.once_in(6) {
        placement.after.extend(scene.some_task());
        if scene.once_in(2) {
            placement.dependence = Dependence::OnEnd;
        }
    }
    placement.held = scene.once_in(12);
    placement.at_most = scene.once_in(4).then(|| 1 + scene.below(2));
    let left = u32::try_from([0, 0, 1, 2][scene.below(4)]).unwrap_or(0);
    let retries = Retries { left, ..Retries::default() };
    let agent = if scene.once_in(2) { "explorer" } else { "oracle" };
    let description = if scene.once_in(10) { MISSING } else { "" };
    let time_limit = scene.once_in(6).then(|| Duration::from_secs(1));
    Order {
        notify: Some("true".into()),
        agent: agent.into(),
        description: description.into(),
        placement,
        retries,
        time_limit,
        ..testing::order()
    }
}

async fn launch_one(scene: &Scene<'_>) {
    let id = scene.ports.world().mint();
    let order = order(scene);
    launch_this(scene, id, order).await;
}

async fn launch_this(scene: &Scene<'_>, id: TaskId, order: Order) {
    let world = scene.ports.world();
    let task = ordered(world, id.clone(), order);
    note(|| {
        format!("LAUNCH {id}: {:?} retries {}", task.order().placement, task.order().retries.left)
    });
    let launched = launch(world, &task, &Kit::default()).await;
    note(|| format!("LAUNCHED {id}: {launched:?}"));
    let recorded = scene.memory.store.load(&id).await;
    match launched {
        Ok(launched) => {
            assert_eq!(launched.task.id(), &id);
            assert!(recorded.is_ok(), "law 18: {id} was launched and is not recorded");
        }
        Err(LaunchError::Trouble(trouble)) => {
            assert!(recorded.is_err(), "law 18: {id} is recorded, and the answer was {trouble}");
        }
        Err(LaunchError::NotStarted { failure, .. }) => {
            let runs = recorded.is_ok_and(|task| task.status() == Status::Running);
            assert!(!runs, "law 18: {id} did not start ({failure}), and runs");
            scene.laws.borrow_mut().never_again(&id);
        }
    }
}

async fn cancel_one(scene: &Scene<'_>, id: TaskId) {
    let receipt = cancel(scene.ports.world(), &[id], Duration::from_secs(1)).await;
    note(|| format!("CANCELLED {receipt:?}"));
    let at_work = scene.memory.at_work();
    for id in &receipt.cancelled {
        let task = scene.memory.store.load(id).await.expect("it was cancelled");
        assert_eq!(task.status(), Status::Cancelled, "law 18: {id} was called cancelled");
        assert!(!at_work.contains(id), "law 18: {id} was cancelled and its agent lives");
        assert!(!scene.memory.left_something(id), "law 20: {id} was cancelled and left something");
        scene.laws.borrow_mut().never_again(id);
    }
    for id in &receipt.stopped {
        assert!(!at_work.contains(id), "law 18: what {id} left was stopped and lives");
        assert!(!scene.memory.left_something(id), "law 20: what {id} left was stopped and lives");
    }
    admit(scene.ports.world(), Thoroughness::Thorough, PATIENCE).await;
}

async fn complete_one(scene: &Scene<'_>, id: TaskId) {
    let error = scene.once_in(2).then(|| "it broke".into());
    let report = Report { result: "by hand".into(), error };
    let completed = complete(scene.ports.world(), &id, report).await;
    note(|| format!("COMPLETED {id}: {completed:?}"));
    if let Ok(completed) = completed {
        assert!(completed.task.status().is_ended(), "law 18: {id} was called completed");
    }
    admit(scene.ports.world(), Thoroughness::Thorough, PATIENCE).await;
}

async fn retry_one(scene: &Scene<'_>, id: TaskId) {
    let world = scene.ports.world();
    let Ok(named) = world.store.load(&id).await else { return };
    let Some(last) = attempts(world.store, &named).await.pop() else { return };
    let Ok(order) = retry(&last, None, None) else { return };
    let next = world.mint();
    scene.laws.borrow_mut().by_hand(&next);
    launch_this(scene, next, order).await;
}

async fn prune_all(scene: &Scene<'_>) {
    let second = Duration::from_secs(1);
    let policy =
        Policy { time_to_live: second * 2, silence: second, unqueued: second, queued: second * 4 };
    let request = PruneRequest { policy, grace: second, mode: Mode::Execute };
    let Ok(pruned) = Box::pin(prune(scene.ports.world(), request)).await else { return };
    note(|| format!("PRUNED {pruned:?}"));
    for expiry in &pruned.expired {
        let task = scene.memory.store.load(&expiry.id).await.expect("it was expired");
        assert!(task.status().is_ended(), "law 18: {} was called expired", expiry.id);
        assert!(!scene.memory.at_work().contains(&expiry.id), "law 18: {} lives", expiry.id);
    }
    admit(scene.ports.world(), Thoroughness::Thorough, PATIENCE).await;
}

async fn release(scene: &Scene<'_>, id: TaskId) {
    let world = scene.ports.world();
    drop(world.store.apply(&id, Event::Released, world.clock.now()).await);
    admit(world, Thoroughness::Thorough, PATIENCE).await;
}

async fn wait_for(scene: &Scene<'_>, id: TaskId) {
    let at_most = Some(Duration::from_secs(3));
    let request = WaitRequest { ids: [id].into(), until: Until::All, at_most };
    if let Ok(waited) = wait(scene.ports.world(), &request).await {
        assert!(waited.timed_out || waited.pending.is_empty(), "law 18: {waited:?}");
    }
}

/// Lists, and admits as many tasks as there are slots.
pub(super) async fn look(scene: &Scene<'_>) {
    let world = scene.ports.world();
    drop(list(world, &Query::default()).await);
    let admitted = admit(world, Thoroughness::Thorough, PATIENCE).await;
    note(|| format!("ADMITTED {admitted:?}"));
}

/// The agent of a task says that it is done.
pub(super) fn say_done(memory: &MemoryWorld, id: &TaskId) {
    memory.events.say(id, AgentEvent::Finished { text: "found".into(), usage: None });
}
