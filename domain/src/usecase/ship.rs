//! Shipping: tasks are ordered on another machine, with one call for all of them.
//!
//! A pointer is recorded before the machine is asked, under its life lock, and its id is the key of the order there. So a
//! launcher that is killed anywhere leaves a pointer that the next look completes, and no order is carried out twice.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use super::again::{NotAgain, link};
use super::custody::Held;
use super::{Trouble, World};
use crate::port::Fault;
use crate::port::remotes::{Accepted, Again, Declined, Parcel, Remotes, Unheard};
use crate::task::mirror::Mirror;
use crate::task::{
    Ending, Event, Lineage, Order, Placement, Prompt, Queued, Reason, Runner, Running, SessionId,
    State, Task,
};

/// What became of a task that was to be ordered elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shipped {
    /// The machine has it.
    Taken {
        /// The pointer to it.
        task: Box<Task>,
        /// What could not be done after that.
        troubles: Vec<Trouble>,
    },
    /// The machine did not take it; the record says so.
    Declined(Declined),
    /// The machine was not heard. The record has ended if it is certain that the machine has not taken the task; else the
    /// next look asks again.
    Unheard(Unheard),
    /// It could not be recorded, and was not ordered.
    Unrecorded(Trouble),
}

/// The order of a follow-up to a task that is kept on another machine, which alone knows in which session.
///
/// # Errors
/// [`NotAgain::NotEnded`] if the task has not ended; [`NotAgain::NoSession`] for a plain command.
pub fn follow_up(task: &Task, prompt: Prompt, session: SessionId) -> Result<Order, NotAgain> {
    if !task.status().is_ended() {
        return Err(NotAgain::NotEnded);
    }
    if !matches!(task.order().runner, Runner::Agent { .. }) {
        return Err(NotAgain::NoSession);
    }
    let lineage = Lineage { resume_of: Some(task.id().clone()), ..Lineage::default() };
    let placement =
        Placement { group: task.order().placement.group.clone(), ..Placement::default() };
    Ok(Order {
        prompt,
        session: Some(session),
        lineage,
        placement,
        key: None,
        name: None,
        ..task.order().clone()
    })
}

/// Orders tasks on a machine. Returns what became of each, in order.
pub async fn ship(
    world: World<'_>,
    remotes: &dyn Remotes,
    host: &str,
    cargo: Vec<(Task, Parcel)>,
) -> Vec<Shipped> {
    let mut recorded: Vec<Result<(Held, Parcel), Trouble>> = Vec::new();
    for (task, parcel) in cargo {
        recorded.push(record(world, task).await.map(|held| (held, parcel)));
    }
    let parcels = recorded.iter().filter_map(|it| it.as_ref().ok()).map(|(_, it)| it.clone());
    let parcels: Vec<Parcel> = parcels.collect();
    let answer = if parcels.is_empty() { Ok(Vec::new()) } else { remotes.order(host, &parcels) };
    let mut answers = match answer {
        Ok(answers) => Ok(answers.into_iter()),
        Err(unheard) => Err(unheard),
    };
    let mut shipped = Vec::new();
    for one in recorded {
        let (held, parcel) = match one {
            Ok(recorded) => recorded,
            Err(trouble) => {
                shipped.push(Shipped::Unrecorded(trouble));
                continue;
            }
        };
        shipped.push(match &mut answers {
            Err(unheard) => unheard_of(world, held, unheard).await,
            Ok(answers) => match answers.next() {
                Some(Ok(accepted)) => {
                    taken(world, held, parcel.order.placement.held, accepted).await
                }
                Some(Err(declined)) => decline(world, held, host, declined).await,
                None => Shipped::Unrecorded(
                    Fault::of(format!("asking `{host}`"), "it said nothing of the task").into(),
                ),
            },
        });
    }
    shipped
}

/// Has a machine go on with a task that it has: the same again, or a follow-up in the same session. Both under the id of
/// the new task here, so that neither is begun twice.
pub async fn ship_again(
    world: World<'_>,
    remotes: &dyn Remotes,
    host: &str,
    task: Task,
    again: &Again,
) -> Shipped {
    let held = match record(world, task).await {
        Ok(held) => held,
        Err(trouble) => return Shipped::Unrecorded(trouble),
    };
    match remotes.again(host, again) {
        Ok(Ok(accepted)) => taken(world, held, false, accepted).await,
        Ok(Err(declined)) => decline(world, held, host, declined).await,
        Err(unheard) => unheard_of(world, held, &unheard).await,
    }
}

/// Records the pointer under its life lock.
async fn record(world: World<'_>, task: Task) -> Result<Held, Trouble> {
    let id = task.id();
    let Some(claim) = world.locks.claim(id).await? else {
        let step = format!("taking the life lock of {id}");
        return Err(Fault::of(step, "somebody holds it").into());
    };
    let created = match link(world, &task).await {
        Ok(()) => world.store.create(&task).await.map_err(Trouble::from),
        Err(trouble) => Err(trouble),
    };
    match created {
        Ok(()) => Ok(Held::of(claim, task)),
        Err(trouble) => {
            // Nobody was told of the task; the next repair removes what stays.
            drop(claim.retire());
            Err(trouble)
        }
    }
}

async fn decline(world: World<'_>, held: Held, host: &str, declined: Declined) -> Shipped {
    end(world, held, format!("`{host}` declined it: {}", declined.error)).await;
    Shipped::Declined(declined)
}

async fn taken(world: World<'_>, held: Held, is_held: bool, accepted: Accepted) -> Shipped {
    let (id, now) = (held.task.id().clone(), world.clock.now());
    let Accepted { id: remote, runs } = accepted;
    let state = if runs {
        State::Running(Running { stop: None })
    } else {
        State::Queued(Queued { held: is_held, cancel: None })
    };
    let mirror = Mirror {
        remote,
        state,
        // The next look says it as that machine has it.
        started_at: runs.then_some(now),
        activity: held.task.progress().activity.clone(),
        exit: None,
        late_result: None,
    };
    let applied = world.store.apply(&id, Event::Mirrored(Box::new(mirror)), now).await;
    let mut troubles = Vec::new();
    let task = match applied {
        Ok(task) => task,
        // The next look finds it by its key.
        Err(error) => {
            troubles.push(error.into());
            let task = held.task.clone();
            drop(held);
            return Shipped::Taken { task: Box::new(task), troubles };
        }
    };
    troubles.extend(held.let_go());
    Shipped::Taken { task: Box::new(task), troubles }
}

async fn unheard_of(world: World<'_>, held: Held, unheard: &Unheard) -> Shipped {
    if unheard.is_certain() {
        end(world, held, format!("{unheard}")).await;
    }
    Shipped::Unheard(unheard.clone())
}

async fn end(world: World<'_>, held: Held, message: alloc::string::String) {
    // What cannot be recorded now, the next look finds out.
    drop(held.end(world, Ending::failed(Reason::LaunchFailed, message)).await);
}

#[cfg(test)]
mod tests;
