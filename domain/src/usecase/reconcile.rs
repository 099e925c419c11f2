//! Whether a task that has not ended by its record still runs or waits; ends it if not.
//!
//! Verbs that show tasks reconcile them first, so that none shows a task as running that lost both its
//! supervisor and its agent. Stops a living agent only if its recorded grace has passed, and never
//! judges a task of another machine.

use alloc::boxed::Box;
use alloc::string::String;

use super::autopsy::autopsy;
use super::custody::{self, Held};
use super::left_behind::{was_forsaken, without_gone};
use super::{Trouble, World, jobs, never_started};
use crate::plan::reconcile::{Custody, Standing, standing};
use crate::port::{Age, Doomed, Life, Woken};
use crate::task::{Event, Runner, State, Status, Task, TaskId};
use core::time::Duration;

/// How long concluding a task may take: reading its log and writing its record. A look at many tasks waits no longer for
/// all of them together.
pub const CONCLUSION: Duration = Duration::from_secs(2);
/// How often whoever waits for another process to conclude a task looks whether that gave the task another supervisor.
const GLANCE: Duration = Duration::from_millis(50);

/// A task after reconciling it, and a note on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Believed {
    /// The task.
    pub task: Task,
    /// What its record does not say, or what has to be looked at in it.
    pub note: Option<Note>,
    /// Who holds its life lock; [`Custody::Absent`] for a task that has ended or belongs to another
    /// machine.
    pub custody: Custody,
}

impl Believed {
    /// A task that has ended, of which there is nothing more to say.
    pub(super) const fn over(task: Task) -> Self {
        Self { task, note: None, custody: Custody::Absent }
    }
}

/// What the record of a task does not say, or what has to be looked at in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// It never had a supervisor of ours; its record stands as it is.
    Unsupervised,
    /// Its supervisor is gone and its agent still works, and no other supervisor could be started; the next command
    /// tries it again, or records the ending once the agent has exited.
    Orphaned,
    /// Its supervisor was gone, and another one has taken it over.
    Adopted,
    /// Its supervisor and its agent are gone, and the ending cannot be recorded: the store is read-only.
    Unrecordable,
    /// Its supervisor lives and is stopped: it records nothing until it is continued.
    Stopped,
    /// The same, and its processes rest, since their supervisor was stopped in a rest of theirs: nobody bounds its logs as long
    /// as it records nothing.
    StoppedInRest,
    /// Its supervisor lives and its agent is gone: how it ended is not recorded yet, as where no room is left.
    AgentGone,
    /// Its supervisor is not seen from here, and another process holds its life lock and does not go on, as one that was stopped.
    HeldUp,
    /// Processes of it were started from another store, of which this one is a copy, and live: only that one can judge it, and
    /// end them.
    Copied,
    /// Another machine runs it, and only that machine can judge it.
    Elsewhere,
    /// The cluster that has it does not answer, and its supervisor has given no sign of life for a while.
    ClusterSilent,
    /// The node that it runs on does not answer the cluster.
    NodeSilent,
    /// It has ended, and processes of it live on: those that its progress names.
    LeftBehind,
    /// Its agent said that it was done, and its answer is empty.
    EmptyAnswer,
}

impl Note {
    /// Whether another supervisor took the running task over.
    fn is_adopted(task: &Task) -> bool {
        task.status() == Status::Running && task.progress().adoptions > 0
    }

    /// The note on an ended task whose progress names no process that is gone. `store` is asked which store this is, where
    /// that matters.
    pub fn of_ended(task: &Task, store: impl FnOnce() -> Option<String>) -> Option<Self> {
        if task.progress().left.count > 0 {
            let is_ours = task.is_of_store(store().as_deref());
            return Some(if is_ours { Self::LeftBehind } else { Self::Copied });
        }
        let State::Completed(done) = task.state() else { return None };
        let agent = matches!(task.order().runner, Runner::Agent { .. });
        let empty = done.result.trim().is_empty() && task.progress().late_result.is_none();
        (agent && empty).then_some(Self::EmptyAnswer)
    }
}

/// Finds out whether `task` still runs or waits, and ends it if not.
///
/// # Errors
/// [`Trouble`] if the store, a lock or a log fails.
pub async fn reconcile(world: World<'_>, task: Task) -> Result<Believed, Trouble> {
    reconcile_within(world, task, jobs::RECENT, &mut CONCLUSION.clone()).await
}

/// The same, where an answer of a cluster may be of that age, and other processes that conclude the task are waited for no
/// longer than `patience`, of which that takes away.
///
/// # Errors
/// As for [`reconcile`].
pub async fn reconcile_within(
    world: World<'_>,
    task: Task,
    age: Age,
    patience: &mut Duration,
) -> Result<Believed, Trouble> {
    let id = task.id().clone();
    let mut believed = match Box::pin(judge(world, task, age, patience)).await {
        Err(trouble) if trouble.is_of_read_only_store() => {
            // Whoever only looks gets what is known. Nobody holds the lock, so nobody will record it either.
            let task = world.store.load(&id).await?;
            let custody = world.locks.custody(&id).await?;
            return Ok(Believed { task, note: Some(Note::Unrecordable), custody });
        }
        judged => judged?,
    };
    if believed.task.status().is_ended() {
        if was_forsaken(world, &believed.task).await.unwrap_or(false)
            && let Ok(Some(held)) = custody::take(world, &id).await
        {
            // What lives on is recorded there.
            drop(held.put_away(world).await);
            believed.task = world.store.load(&id).await.unwrap_or(believed.task);
        }
        believed.task = without_gone(world, believed.task, &mut None).await;
        believed.note = Note::of_ended(&believed.task, || world.host.store());
    }
    Ok(believed)
}

async fn judge(
    world: World<'_>,
    task: Task,
    age: Age,
    patience: &mut Duration,
) -> Result<Believed, Trouble> {
    if task.status().is_ended() {
        return Ok(Believed::over(task));
    }
    if task.is_at_a_cluster() && !task.belongs_to(world.host.name()) {
        return Box::pin(jobs::judge(world, task, age)).await;
    }
    if !task.belongs_to(world.host.name()) {
        return Ok(Believed { task, note: Some(Note::Elsewhere), custody: Custody::Absent });
    }
    let mut custody = world.locks.custody(task.id()).await?;
    let mut task = task;
    let mut life = custody::supervisor_of_held(world, &task, custody).await;
    if life == Some(Life::Gone) {
        wait_for_conclusion(world, &task, patience).await;
        task = world.store.load(task.id()).await?;
        if task.status().is_ended() {
            return Ok(Believed::over(task));
        }
        custody = world.locks.custody(task.id()).await?;
        if custody == Custody::Held && custody::supervisor_is_gone(world, &task).await {
            return Ok(Believed { task, note: Some(Note::HeldUp), custody });
        }
        life = None;
    }
    let as_recorded = |task: Task, note| Believed { task, note, custody };
    if custody != Custody::Held && custody::is_anothers(world, &task).await {
        // Its own store may be gone, and with it whoever would take it over.
        world.host.let_go_on(&Doomed::of(&task)).await;
        return Ok(as_recorded(task, Some(Note::Copied)));
    }
    match look(world, &task, custody).await {
        Standing::AsRecorded => {
            remind_supervisor(world, &task, custody).await;
            let stopped = life == Some(Life::Stopped);
            if !stopped && custody == Custody::Held && custody::agent_is_gone(world, &task).await {
                // Its supervisor may have recorded the ending meanwhile.
                let task = world.store.load(task.id()).await?;
                if task.status().is_ended() {
                    return Ok(Believed::over(task));
                }
                return Ok(as_recorded(task, Some(Note::AgentGone)));
            }
            if stopped {
                let rests = world.host.rests(&Doomed::of(&task)).await;
                let note = if rests { Note::StoppedInRest } else { Note::Stopped };
                return Ok(as_recorded(task, Some(note)));
            }
            let adopted = custody == Custody::Held && Note::is_adopted(&task);
            Ok(as_recorded(task, adopted.then_some(Note::Adopted)))
        }
        Standing::Unsupervised => match taken_up(world, task.id()).await {
            Some(task) => Ok(Believed::over(task)),
            None => Ok(as_recorded(task, Some(Note::Unsupervised))),
        },
        Standing::Orphaned => {
            let overdue = custody::is_overdue(world, &task);
            match if overdue { custody::take(world, task.id()).await? } else { None } {
                Some(held) => {
                    custody::stop_forsaken(world, &held.task).await;
                    Box::pin(conclude(world, held, custody)).await
                }
                None if overdue => Ok(as_recorded(task, Some(Note::Orphaned))),
                None => Box::pin(adopt(world, task)).await,
            }
        }
        Standing::Gone | Standing::NeverStarted => match custody::take(world, task.id()).await? {
            // The holder of the life lock is concluding or starting the task.
            None => {
                wait_for_conclusion(world, &task, patience).await;
                let task = world.store.load(task.id()).await?;
                let ended = task.status().is_ended();
                let custody = if ended { Custody::Absent } else { Custody::Held };
                Ok(Believed { task, note: None, custody })
            }
            Some(held) => Box::pin(conclude(world, held, custody)).await,
        },
    }
}

/// Sees to it that a task has a supervisor again whose agent works without one. Where that fails, the task is as it
/// was, and whoever looks next tries it again.
async fn adopt(world: World<'_>, task: Task) -> Result<Believed, Trouble> {
    let id = task.id().clone();
    let orphaned = |task| Ok(Believed { task, note: Some(Note::Orphaned), custody: Custody::Free });
    let held = match custody::take(world, &id).await {
        Ok(Some(held)) => held,
        Ok(None) => {
            // Somebody else is taking it over, or concludes it.
            let task = world.store.load(&id).await?;
            let ended = task.status().is_ended();
            let note = Note::is_adopted(&task).then_some(Note::Adopted);
            let custody = if ended { Custody::Absent } else { Custody::Held };
            return Ok(Believed { task, note, custody });
        }
        // Whoever cannot take the lock, as in a read-only store, can look all the same.
        Err(_) => return orphaned(task),
    };
    if look(world, &held.task, Custody::Free).await != Standing::Orphaned {
        return Box::pin(conclude(world, held, Custody::Free)).await;
    }
    let before = held.task.clone();
    let Some(claim) = held.into_claim() else { return orphaned(before) };
    if world.host.adopt(claim).await.is_err() {
        return orphaned(before);
    }
    let task = world.store.load(&id).await?;
    if task.status().is_ended() {
        return Ok(Believed::over(task));
    }
    Ok(Believed { task, note: Some(Note::Adopted), custody: Custody::Held })
}

/// Ends `task` if its supervisor and its agent are gone, and returns it as it is then; `None` if
/// another process is about to conclude or start it.
///
/// For those who must not be kept waiting: it waits for no other process, and leaves a living agent
/// alone, whatever its record asks for.
///
/// # Errors
/// [`Trouble`] if a lock, a log or the record fails.
pub async fn conclude_if_gone(world: World<'_>, task: Task) -> Result<Option<Task>, Trouble> {
    if task.status().is_ended() || !task.belongs_to(world.host.name()) {
        return Ok(Some(task));
    }
    let custody = world.locks.custody(task.id()).await?;
    match look(world, &task, custody).await {
        Standing::Unsupervised => Ok(Some(taken_up(world, task.id()).await.unwrap_or(task))),
        Standing::AsRecorded => Ok(Some(task)),
        Standing::Orphaned => {
            // Nobody takes it over here, and it may rest for ever.
            world.host.let_go_on(&Doomed::of(&task)).await;
            Ok(Some(task))
        }
        Standing::Gone | Standing::NeverStarted => match custody::take(world, task.id()).await? {
            Some(held) => Ok(Some(Box::pin(conclude(world, held, custody)).await?.task)),
            None => Ok(None),
        },
    }
}

/// The task, ended by a report that could not be recorded when it came; `None` if there is none, or it cannot be recorded
/// now either. Only of a task without a supervisor, which would know better.
async fn taken_up(world: World<'_>, id: &TaskId) -> Option<Task> {
    let report = world.store.put_off_report(id).await?;
    let ended = world.store.apply(id, Event::Reported(report), world.clock.now()).await.ok()?;
    // What stays of it is swept up.
    if world.locks.retire(id).await.is_ok() {
        world.ended(&ended);
    }
    Some(ended)
}

/// Waits until the process that concludes a task has freed the life lock or handed it to another supervisor, at most as
/// long as `patience`, of which it takes away.
pub(super) async fn wait_for_conclusion(world: World<'_>, task: &Task, patience: &mut Duration) {
    let Ok(mut watch) = world.locks.watch(core::slice::from_ref(task.id())).await else { return };
    // Not by the clock alone: a look at the record takes its time as well.
    let began = world.clock.elapsed();
    let allowed = *patience;
    let glances = allowed.as_millis().div_ceil(GLANCE.as_millis());
    for _ in 0..glances {
        let spent = world.clock.elapsed().saturating_sub(began);
        *patience = allowed.saturating_sub(spent);
        if patience.is_zero() {
            return;
        }
        match watch.next(GLANCE.min(*patience)).await {
            Woken::Released(_) => break,
            Woken::Ended(_) | Woken::Changed | Woken::TimedOut => {}
        }
        let now = world.store.load(task.id()).await;
        // An ended one is still being put away.
        if now.is_ok_and(|now| {
            !now.status().is_ended() && now.progress().supervisor != task.progress().supervisor
        }) {
            break;
        }
    }
    *patience = allowed.saturating_sub(world.clock.elapsed().saturating_sub(began));
}

/// Ends a task without a supervisor, if it still has none now that its life lock is held here.
async fn conclude(world: World<'_>, held: Held, custody: Custody) -> Result<Believed, Trouble> {
    // The task may have ended between the reading of its record and the taking of its lock.
    let ending = match look(world, &held.task, Custody::Free).await {
        Standing::Gone => {
            if held.task.to_be_stopped().is_some() {
                // Its agent is gone, and the intent is meant for all that it started.
                world.host.stop(&[Doomed::of(&held.task)], Duration::ZERO).await;
            }
            autopsy(world, &held.task).await?
        }
        // It got what it starts with before its lock was taken here.
        Standing::NeverStarted if world.kits.kept(held.task.id()).await.is_ok() => {
            return Ok(Believed { task: held.into_waiting(), note: None, custody });
        }
        Standing::NeverStarted if custody == Custody::Absent => never_started::robbed(),
        Standing::NeverStarted => never_started::cut_short(world, &held.task).await,
        standing @ (Standing::AsRecorded | Standing::Unsupervised | Standing::Orphaned) => {
            let task = held.task.clone();
            drop(held.put_away(world).await);
            let note = (standing == Standing::Orphaned).then_some(Note::Orphaned);
            return Ok(Believed { task, note, custody });
        }
    };
    // What cannot be removed now, the next repair finds by the life lock.
    let (task, _) = held.end(world, ending).await?;
    Ok(Believed::over(task))
}

/// Asks the supervisor to look where it may not know that an intent to stop the task is recorded, or
/// that the name of its life lock was removed.
async fn remind_supervisor(world: World<'_>, task: &Task, custody: Custody) {
    let Some(supervisor) = &task.progress().supervisor else { return };
    let unnamed = custody == Custody::Absent && task.was_supervised();
    if unnamed || task.to_be_stopped().is_some() {
        // A supervisor that cannot be asked looks by itself before long.
        drop(world.host.ask_to_look(supervisor).await);
    }
}

/// What is true of a task whose life lock is in this custody. Changes nothing.
pub(super) async fn look(world: World<'_>, task: &Task, custody: Custody) -> Standing {
    let (mut supervisor_lives, mut agent_lives) = (false, false);
    if custody != Custody::Held {
        if let Some(supervisor) = &task.progress().supervisor {
            supervisor_lives = world.host.lives(supervisor).await;
        }
        if let Some(agent) = &task.progress().agent {
            agent_lives = world.host.lives(agent).await;
        }
    }
    standing(task, custody, supervisor_lives, agent_lives)
}

#[cfg(test)]
mod tests;
