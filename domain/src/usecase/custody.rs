//! Custody: a command that concludes, admits or records a task that has no supervisor holds the life
//! lock of that task meanwhile.
//!
//! While it does, no other process can start or conclude the task. A holder that dies leaves a free
//! lock, by which the next repair finds the task. Nothing here waits for a lock.

use alloc::boxed::Box;
use core::time::Duration;

use super::{Trouble, World, follow};
use crate::plan::reconcile::Custody;
use crate::port::{Claim, Doomed, Fault, Life, Renewal, StoreError, StoreFailure, Stream};
use crate::task::{Ending, Event, LeftBehind, Reason, Report, Status, Task, TaskId};

/// A task whose life lock is held here.
#[must_use = "dropping it frees the life lock and leaves its name"]
pub struct Held {
    // `None` only once it was given away.
    claim: Option<Box<dyn Claim>>,
    /// The task, as recorded when the lock was taken.
    pub task: Task,
    /// Whether the task had come to its end before, and whoever saw to that was told.
    is_over: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        let claim = self.claim.take();
        // Without a name it was found, and without one it is left.
        if !self.is_over {
            claim.into_iter().for_each(Claim::leave);
        }
    }
}

/// Takes the life lock of a recorded task; `None` if another process holds it.
///
/// # Errors
/// [`Trouble`] if the lock cannot be taken, or the record cannot be read.
pub async fn take(world: World<'_>, id: &TaskId) -> Result<Option<Held>, Trouble> {
    let Some(claim) = world.locks.claim(id).await? else { return Ok(None) };
    match world.store.load(id).await {
        Ok(task) => {
            // Whoever puts a task away removes its life lock and what is kept for it: where an ended one has neither, that was
            // done. Where it cannot be told, this lock goes again, so that all is as it was for the next one who looks.
            let may_be_over = task.status().is_ended() && claim.is_new();
            let is_over = may_be_over && !world.kits.keeps(task.id()).await?;
            Ok(Some(Held { claim: Some(claim), task, is_over }))
        }
        Err(error) => {
            claim.leave();
            Err(error.into())
        }
    }
}

/// Whether the agent of a task works, whatever the record says: an agent works on where its task was
/// ended by hand, or its supervisor was killed, even before the supervisor could record the agent.
pub(super) async fn is_at_work(world: World<'_>, task: &Task) -> bool {
    if let Some(agent) = &task.progress().agent {
        return world.host.lives(agent).await;
    }
    // A supervisor removes the kept environment before it starts the agent.
    let taken_up = world.kits.kept(task.id()).await.is_err();
    taken_up && !world.host.of_task(&Doomed::of(task)).await.is_empty()
}

/// Whether the agent of a running task works and was started from another store, of which this one is a copy.
pub(super) async fn is_anothers(world: World<'_>, task: &Task) -> bool {
    task.status() == Status::Running
        && !task.is_of_store(world.host.store().as_deref())
        && is_at_work(world, task).await
}

/// Whether a task is recorded as running here and its agent is gone: its supervisor has yet to record how it ended.
pub(super) async fn agent_is_gone(world: World<'_>, task: &Task) -> bool {
    let agent = task.progress().agent.as_ref();
    match agent.filter(|_| task.status() == Status::Running) {
        Some(agent) => task.belongs_to(world.host.name()) && !world.host.lives(agent).await,
        None => false,
    }
}

/// Whether the recorded supervisor of a task is gone: whoever holds its life lock is another.
pub(super) async fn supervisor_is_gone(world: World<'_>, task: &Task) -> bool {
    match &task.progress().supervisor {
        Some(supervisor) => world.host.life(supervisor).await == Life::Gone,
        None => false,
    }
}

/// How the supervisor of a running task lives whose life lock is held. If it is gone, another process holds the lock,
/// which is about to record the ending.
pub(super) async fn supervisor_of_held(
    world: World<'_>,
    task: &Task,
    custody: Custody,
) -> Option<Life> {
    match (task.status(), &task.progress().supervisor, custody) {
        (Status::Running, Some(supervisor), Custody::Held) => {
            Some(world.host.life(supervisor).await)
        }
        (_, _, Custody::Held | Custody::Free | Custody::Waiting | Custody::Absent) => None,
    }
}

/// Stops the processes of a task that nobody would stop any more: those of an agent whose supervisor was
/// killed before it could record the start, and those whose recorded grace has passed because the command
/// that recorded it was cut short.
pub(super) async fn stop_forsaken(world: World<'_>, task: &Task) {
    let unrecorded = task.progress().agent.is_none();
    if (unrecorded || is_overdue(world, task)) && is_at_work(world, task).await {
        world.host.stop(&[Doomed::of(task)], Duration::ZERO).await;
    }
}

/// The attempt that the event names as the next, and the ending that the event brings.
fn named_next<'a>(task: &Task, event: &'a Event) -> Option<(Ending, &'a TaskId)> {
    match event {
        Event::Ended { ending, next, .. } => Some((ending.clone(), next.as_ref()?)),
        // A running task does not end by this event; it is stopped first.
        Event::Expired { next, .. } if task.status() == Status::Queued => {
            Some((Ending::failed(Reason::Timeout, ""), next.as_ref()?))
        }
        Event::Expired { .. }
        | Event::Released
        | Event::Started(_)
        | Event::Adopted { .. }
        | Event::Retried { .. }
        | Event::Progressed(_)
        | Event::CancelRequested(_)
        | Event::Overran { .. }
        | Event::Overflowed { .. }
        | Event::StopRequested(_)
        | Event::Reported(_)
        | Event::Placed { .. }
        | Event::Displaced { .. }
        | Event::Mirrored(_)
        | Event::LeftBehind(_)
        | Event::LogLost { .. }
        | Event::AgentExited { .. } => None,
    }
}

/// The same event with a shorter result, for a disk that has no room for a long one: whoever waits for the ending is not to
/// wait for room. `None` if the event brings no long result.
fn shortened(world: World<'_>, id: &TaskId, event: &Event) -> Option<Event> {
    let Event::Ended { ending, exit, next } = event else { return None };
    let ending = ending.shortened(&world.logs.location(id, Stream::Events))?;
    Some(Event::Ended { ending, exit: *exit, next: next.clone() })
}

/// Whether something could not be recorded because the disk is full.
fn lacks_room(applied: &Result<Task, StoreError>) -> bool {
    let full = |error: &StoreError| {
        matches!(error, StoreError::Failed { failure: StoreFailure::Full(_), .. })
    };
    applied.as_ref().is_err_and(full)
}

/// Whether the recorded grace for the processes of a task has passed.
pub(super) fn is_overdue(world: World<'_>, task: &Task) -> bool {
    task.to_be_stopped().is_some_and(|stop| stop.at.plus(stop.grace) <= world.clock.now())
}

impl Held {
    /// The task that was just recorded under this claim.
    pub fn of(claim: Box<dyn Claim>, task: Task) -> Self {
        Self { claim: Some(claim), task, is_over: false }
    }

    /// Frees the life lock and leaves its name.
    fn leave(&mut self) {
        self.claim.take().into_iter().for_each(Claim::leave);
    }

    /// The same with its life lock, of which nothing stays here but what is known of the task.
    pub fn hand_over(&mut self) -> Self {
        Self { claim: self.claim.take(), task: self.task.clone(), is_over: self.is_over }
    }

    /// The life lock, for a supervisor.
    pub fn into_claim(mut self) -> Option<Box<dyn Claim>> {
        self.claim.take()
    }

    /// Ends the task, unless it has ended; returns the task, and what could not be removed after.
    ///
    /// # Errors
    /// [`Trouble`] if the ending cannot be recorded; the next repair finds the task by its life lock.
    pub async fn end(
        self,
        world: World<'_>,
        ending: Ending,
    ) -> Result<(Task, Option<Trouble>), Trouble> {
        let next = self.next(world);
        Box::pin(self.apply(world, Event::Ended { ending, exit: None, next })).await
    }

    /// Ends the task with the report of a person or a hook; refuses a report that came too late.
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

    /// Applies an event that may end the task. If the task has ended, by this or before, removes what
    /// is kept for it. Returns the task, and what could not be removed.
    ///
    /// # Errors
    /// [`Trouble`] if the event is refused and the task has not ended, or cannot be recorded.
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
            stop_forsaken(world, &self.task).await;
            // Before the ending: if this process is killed in between, the missing name makes the task
            // a suspect. A name that cannot be removed now is removed by a later repair.
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

    /// Applies an event to the task; if that ends the task, records and queues the attempt that
    /// follows.
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
        let short = shortened(world, id, &event);
        let mut applied = world.store.apply(id, event, world.clock.now()).await;
        if let (true, Some(short)) = (lacks_room(&applied), short) {
            applied = world.store.apply(id, short, world.clock.now()).await;
        }
        if let Some(prepared) = prepared {
            let ended = match &applied {
                Ok(task) => Some(task.clone()),
                Err(StoreError::Refused { .. }) => world.store.load(id).await.ok(),
                Err(_) => None,
            };
            // What could not be done, the next repair finds by the life lock of the attempt.
            match &applied {
                // No record names the attempt; it is prepared anew with the next try.
                Err(StoreError::NotFound { .. } | StoreError::Unreadable { .. }) => {
                    drop(prepared.take_back(world).await);
                }
                Ok(_) | Err(_) => drop(Box::pin(prepared.settle(world, ended.as_ref())).await),
            }
        }
        applied
    }

    /// Removes the record of a task that nobody was told of and that was never started.
    ///
    /// # Errors
    /// [`Trouble`] if it cannot be removed; the life lock stays, by which the next repair finds the
    /// task.
    pub async fn retract(mut self, world: World<'_>) -> Result<(), Trouble> {
        world.store.retract(self.task.id()).await?;
        self.claim.take().map_or(Ok(()), |claim| Ok(claim.retire()?))
    }

    /// Removes the life lock and all that was kept for the task, if it has ended and no follower has
    /// yet to be queued; returns what could not be removed.
    pub async fn put_away(mut self, world: World<'_>) -> Option<Trouble> {
        if !self.task.status().is_ended() || super::repair::follower_is_due(world, &self.task).await
        {
            // The lock stays behind, by which the next repair finds the task.
            self.leave();
            return None;
        }
        stop_forsaken(world, &self.task).await;
        self.name_what_is_left(world).await;
        if self.task.progress().agent.is_some() && is_at_work(world, &self.task).await {
            // A frozen agent would never be done. The lock stays behind, so that admissions count it.
            world.host.let_go_on(&Doomed::of(&self.task)).await;
            self.leave();
            return world.kits.forget(self.task.id()).await.err().map(Trouble::from);
        }
        if let Err(fault) = self.put_away_at_host(world).await {
            return Some(fault.into());
        }
        if self.task.is_at_a_cluster() {
            // Those who wait on other hosts find it out later without this.
            drop(world.jobs.note_ending(self.task.id()).await);
        }
        if self.task.is_at_a_cluster()
            && let Err(fault) = world.jobs.forget(self.task.id()).await
        {
            return Some(fault.into());
        }
        let claim = self.claim.take()?;
        if let Err(fault) = claim.retire() {
            return Some(fault.into());
        }
        // Only now, so that it is done once.
        if !self.is_over {
            world.ended(&self.task);
        }
        None
    }

    /// Removes what the host keeps for the task, or notes that it has to be removed later.
    async fn put_away_at_host(&self, world: World<'_>) -> Result<(), Fault> {
        let progress = self.task.progress();
        // A supervisor that was killed before it could record its agent may have made something for it.
        let was_taken_up =
            progress.agent.is_none() && world.kits.kept(self.task.id()).await.is_err();
        if progress.group.is_none() && !was_taken_up {
            return Ok(());
        }
        if world.host.put_away(&Doomed::of(&self.task)).await {
            return Ok(());
        }
        world.locks.note_remains(self.task.id()).await
    }

    /// Removes the life lock of a task that is kept on another machine: nobody here looks after it.
    pub(super) fn let_go(mut self) -> Option<Trouble> {
        self.claim.take()?.retire().err().map(Trouble::from)
    }

    /// Records what lives on of an ended task whose agent nobody saw exit, as long as anything leads to it.
    async fn name_what_is_left(&mut self, world: World<'_>) {
        let progress = self.task.progress();
        let known = progress.exit.is_some() || progress.left.count > 0;
        if known || !self.task.was_supervised() {
            return;
        }
        let doomed = Doomed::of(&self.task);
        let left = world.host.of_task(&doomed).await;
        if !left.is_empty() {
            let in_group = world.host.holds_all(&doomed).await;
            let event = Event::LeftBehind(LeftBehind::of(left).held(in_group));
            // Without a record it is found by its environment, as long as it has one.
            let recorded = world.store.apply(self.task.id(), event, world.clock.now()).await;
            self.task = recorded.unwrap_or_else(|_| self.task.clone());
        }
    }

    /// Makes the name of the life lock again, if somebody removed it and the store is not about to go as well.
    ///
    /// # Errors
    /// [`Trouble`] if the name cannot be made.
    pub fn renew(&mut self) -> Result<Renewal, Trouble> {
        self.claim.as_mut().map_or(Ok(Renewal::Settled), |claim| Ok(claim.renew()?))
    }

    /// Removes the life lock: a task that waits has none.
    pub fn into_waiting(mut self) -> Task {
        // Dropping the claim removes the lock.
        drop(self.claim.take());
        self.task.clone()
    }

    /// An id for the attempt that may follow.
    pub fn next(&self, world: World<'_>) -> Option<TaskId> {
        (self.task.order().retries.left > 0).then(|| world.mint())
    }
}
