//! Taking a task into one's own hands: its life lock is held while somebody other than a supervisor
//! concludes, admits or records it.
//!
//! As long as one holds it, no supervisor can be started for the task and nobody else concludes it. A
//! holder that dies leaves a free lock, and by that lock the next one who looks finds the task.

use alloc::boxed::Box;
use core::time::Duration;

use super::{Trouble, World, follow};
use crate::port::{Claim, Doomed, StoreError};
use crate::task::{Ending, Event, Reason, Report, Status, Task, TaskId};

/// A task whose life lock is held here.
#[must_use = "dropping it frees the life lock and leaves its name"]
pub struct Held {
    // `None` only once it was given away.
    claim: Option<Box<dyn Claim>>,
    /// The task, as it was recorded once the lock was held.
    pub task: Task,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            claim.leave();
        }
    }
}

/// Takes a recorded task into one's own hands; `None` if somebody else holds its life lock.
///
/// # Errors
/// [`Trouble`] if the lock cannot be taken, or there is no record to be read.
pub async fn take(world: World<'_>, id: &TaskId) -> Result<Option<Held>, Trouble> {
    let Some(claim) = world.locks.claim(id).await? else { return Ok(None) };
    match world.store.load(id).await {
        Ok(task) => Ok(Some(Held { claim: Some(claim), task })),
        Err(error) => {
            claim.leave();
            Err(error.into())
        }
    }
}

/// Whether the agent of a task works, whatever the record says: it goes on where somebody ended its task by
/// hand, and where its supervisor was killed, even before that could record the agent.
pub(super) async fn is_at_work(world: World<'_>, task: &Task) -> bool {
    if let Some(agent) = &task.progress().agent {
        return world.host.lives(agent).await;
    }
    // An environment that is still kept was not taken up by any supervisor.
    let taken_up = world.kits.kept(task.id()).await.is_err();
    taken_up && !world.host.of_task(task.id()).await.is_empty()
}

/// Stops what a supervisor had started of a task when it was killed before it could record that: once the
/// task has ended nobody would look for it.
async fn stop_unrecorded(world: World<'_>, task: &Task) {
    if task.progress().agent.is_none() && is_at_work(world, task).await {
        let doomed = Doomed { id: task.id().clone(), agent: None };
        world.host.stop(&[doomed], Duration::ZERO).await;
    }
}

/// The attempt that the event would name as the next, and the ending after which it would.
fn named_next<'a>(task: &Task, event: &'a Event) -> Option<(Ending, &'a TaskId)> {
    match event {
        Event::Ended { ending, next, .. } => Some((ending.clone(), next.as_ref()?)),
        // One that runs is only to be stopped by this.
        Event::Expired { next, .. } if task.status() == Status::Queued => {
            Some((Ending::failed(Reason::Timeout, ""), next.as_ref()?))
        }
        Event::Expired { .. }
        | Event::Released
        | Event::Started(_)
        | Event::Retried { .. }
        | Event::Progressed(_)
        | Event::CancelRequested(_)
        | Event::Overran { .. }
        | Event::StopRequested(_)
        | Event::Reported(_)
        | Event::AgentExited { .. } => None,
    }
}

/// Whether the processes of a task should be gone by now, since somebody wanted that.
pub(super) fn is_overdue(world: World<'_>, task: &Task) -> bool {
    task.to_be_stopped().is_some_and(|stop| stop.at.plus(stop.grace) <= world.clock.now())
}

impl Held {
    /// The task that was just recorded under this claim.
    pub fn of(claim: Box<dyn Claim>, task: Task) -> Self {
        Self { claim: Some(claim), task }
    }

    /// The life lock, for a supervisor.
    pub fn into_claim(mut self) -> Option<Box<dyn Claim>> {
        self.claim.take()
    }

    /// Ends the task, unless it has ended; returns it as it is then, with what could not be put away.
    ///
    /// # Errors
    /// [`Trouble`] if the ending cannot be recorded; the next one who looks finds the task as it was.
    pub async fn end(
        self,
        world: World<'_>,
        ending: Ending,
    ) -> Result<(Task, Option<Trouble>), Trouble> {
        let next = self.next(world);
        Box::pin(self.apply(world, Event::Ended { ending, exit: None, next })).await
    }

    /// Ends the task with the report of somebody outside, who is told if that came too late.
    ///
    /// # Errors
    /// [`Trouble`] if it is refused or cannot be recorded.
    pub async fn report(
        self,
        world: World<'_>,
        report: Report,
    ) -> Result<(Task, Option<Trouble>), Trouble> {
        let (task, refused, trouble) =
            Box::pin(self.happen(world, Event::Reported(report))).await?;
        refused.map_or(Ok((task, trouble)), |refused| Err(refused.into()))
    }

    /// Lets an event happen to the task that may end it, and puts it away if it has ended, by this or
    /// before; returns it as it is then, with what could not be put away.
    ///
    /// # Errors
    /// [`Trouble`] if the event is refused of a task that has not ended, or cannot be recorded.
    pub async fn apply(
        self,
        world: World<'_>,
        event: Event,
    ) -> Result<(Task, Option<Trouble>), Trouble> {
        let (task, _, trouble) = Box::pin(self.happen(world, event)).await?;
        Ok((task, trouble))
    }

    async fn happen(
        mut self,
        world: World<'_>,
        event: Event,
    ) -> Result<(Task, Option<StoreError>, Option<Trouble>), Trouble> {
        if self.task.status() == Status::Queued {
            stop_unrecorded(world, &self.task).await;
            // Before the ending, so that whoever dies after this leaves a task that is seen to have lost its
            // name, and not one that looks as if it waited. A name that cannot be removed is found later.
            drop(world.queue.withdraw(&self.task).await);
        }
        let mut refused = None;
        match Box::pin(self.record(world, event)).await {
            Ok(task) => self.task = task,
            Err(error @ StoreError::Refused { .. }) => {
                self.task = world.store.load(self.task.id()).await?;
                if !self.task.status().is_ended() {
                    return Err(error.into());
                }
                refused = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
        let task = self.task.clone();
        Ok((task, refused, self.put_away(world).await))
    }

    /// Lets an event happen to the task, and sees to the attempt that follows where it ends it.
    ///
    /// # Errors
    /// [`StoreError`] as for [`crate::port::TaskStore::apply`].
    pub async fn record(&self, world: World<'_>, event: Event) -> Result<Task, StoreError> {
        let id = self.task.id();
        let prepared = match named_next(&self.task, &event) {
            Some((ending, next)) => {
                Box::pin(follow::prepare(world, &self.task, &ending, next)).await
            }
            None => None,
        };
        let applied = world.store.apply(id, event, world.clock.now()).await;
        if let Some(prepared) = prepared {
            let ended = match &applied {
                Ok(task) => Some(task.clone()),
                Err(StoreError::Refused { .. }) => world.store.load(id).await.ok(),
                Err(_) => None,
            };
            // What could not be done is found by the life lock of the attempt.
            Box::pin(prepared.settle(world, ended.as_ref())).await;
        }
        applied
    }

    /// Takes back the record of a task that nobody was told of and that was never started.
    ///
    /// # Errors
    /// [`Trouble`] if it cannot be; its lock stays, by which the next one who looks finds it.
    pub async fn retract(mut self, world: World<'_>) -> Result<(), Trouble> {
        world.store.retract(self.task.id()).await?;
        self.claim.take().map_or(Ok(()), |claim| Ok(claim.retire()?))
    }

    /// Removes the life lock and all that was kept for the task if it has ended and nothing follows it;
    /// returns what could not be removed.
    pub async fn put_away(mut self, world: World<'_>) -> Option<Trouble> {
        if !self.task.status().is_ended() || super::repair::follower_is_due(world, &self.task).await
        {
            // Its lock stays behind, by which the next one finds what is to be done.
            return None;
        }
        stop_unrecorded(world, &self.task).await;
        self.stop_overdue(world).await;
        if self.task.progress().agent.is_some() && is_at_work(world, &self.task).await {
            // Its lock stays behind, by which whoever counts finds the agent.
            return world.kits.forget(self.task.id()).await.err().map(Trouble::from);
        }
        let claim = self.claim.take()?;
        claim.retire().err().map(Trouble::from)
    }

    /// Stops what should have been gone by now, as the record says: whoever wanted that did not get so far.
    pub async fn stop_overdue(&self, world: World<'_>) {
        if is_overdue(world, &self.task) && is_at_work(world, &self.task).await {
            let doomed =
                Doomed { id: self.task.id().clone(), agent: self.task.progress().agent.clone() };
            world.host.stop(&[doomed], Duration::ZERO).await;
        }
    }

    /// Gives the life lock its name again, if somebody removed that.
    ///
    /// # Errors
    /// [`Trouble`] if there can be none.
    pub fn renew(&mut self) -> Result<(), Trouble> {
        self.claim.as_mut().map_or(Ok(()), |claim| Ok(claim.renew()?))
    }

    /// Lets the task wait: a task that waits has no life lock.
    pub fn into_waiting(mut self) -> Task {
        // Dropping the claim removes the lock.
        drop(self.claim.take());
        self.task.clone()
    }

    /// A name for an attempt that may follow.
    pub fn next(&self, world: World<'_>) -> Option<TaskId> {
        (self.task.order().retries.left > 0).then(|| world.mint())
    }
}
