//! Tasks that are kept on other machines: what a verb does about them before, or in place of, its own work.
//!
//! Each verb makes one call a machine, all machines side by side. One that does not answer is named, and its tasks are
//! shown as they were last heard of. A verb that meets no such task pays nothing.

mod changing;
mod relaying;
mod waiting;

use domain::task::{Status, Task, TaskId};
use domain::usecase::mirror::mirror;

use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};

pub(crate) use changing::{completed, released};
pub(crate) use relaying::{cancelled, diffed, followed, logged, portion};
pub(crate) use waiting::{while_asked, while_heard};

/// What is to be said of what was heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Whether a record changed.
    pub(crate) has_changed: bool,
    /// The machines that did not answer, a sentence each, and what could not be recorded.
    pub(crate) notes: Vec<String>,
}

/// Brings those of these tasks up to date that are kept elsewhere and have not ended as far as is known here.
pub(crate) async fn refresh(context: &Context, tasks: &[Task]) -> Heard {
    if tasks.iter().all(|task| task.unended_on().is_none()) {
        return Heard::default();
    }
    let wiring = &context.wiring;
    for task in tasks {
        if let Some(host) = task.unended_on() {
            // Somebody may have removed the names; without them a wait asks nobody.
            drop(wiring.hosts.add(host));
        }
    }
    let heard = Box::pin(mirror(wiring.world(), &wiring.remotes, tasks)).await;
    let silent = heard.silent.iter().map(|unheard| Failure::of_silence(unheard).with_hint());
    let troubles = heard.troubles.into_iter().map(|trouble| Failure::from(trouble).sentence());
    let notes = silent.chain(troubles).collect();
    Heard { has_changed: heard.changed > 0, notes }
}

/// The same for tasks by their ids.
pub(crate) async fn refresh_ids(context: &Context, ids: &[TaskId]) -> Heard {
    if !context.wiring.hosts.has_any() {
        return Heard::default();
    }
    let tasks = context.tasks(ids).await;
    refresh(context, &tasks).await
}

/// The same for all tasks.
pub(crate) async fn refresh_all(context: &Context) -> Heard {
    if !context.wiring.hosts.has_any() {
        return Heard::default();
    }
    refresh(context, &unended(context).await).await
}

/// The tasks that are kept on a machine and have not ended, as far as is known here.
pub(super) async fn kept_on(context: &Context, host: &str) -> Vec<Task> {
    let mut tasks = unended(context).await;
    tasks.retain(|task| task.unended_on() == Some(host));
    tasks
}

/// The tasks that are kept elsewhere and have not ended, as far as is known here.
async fn unended(context: &Context) -> Vec<Task> {
    let unended = domain::port::TaskStore::unended(&context.wiring.store).await;
    let read = unended.unwrap_or_default().into_iter().filter_map(|(_, task)| task.ok());
    read.filter(|task| task.unended_on().is_some()).collect()
}

/// The tasks that are kept elsewhere among those that have not ended, where only some of the statuses of these are
/// looked for: what is known here of their statuses may be old.
pub(super) async fn of_other_statuses(context: &Context, statuses: &[Status]) -> Vec<Task> {
    let unended = [Status::Queued, Status::Running];
    let asked = unended.iter().filter(|status| statuses.contains(status)).count();
    if statuses.is_empty() || asked == unended.len() || !context.wiring.hosts.has_any() {
        return Vec::new();
    }
    self::unended(context).await
}

/// Where a task is kept that is not kept here: the machine, and what the machine calls it.
pub(super) struct There {
    /// The machine, as ssh knows it.
    pub(super) host: String,
    /// Its id there.
    pub(super) id: TaskId,
    /// The pointer to it.
    pub(super) pointer: Task,
}

/// Where the task is kept, if that is elsewhere and known; asks that machine for a task whose launch was cut short.
pub(super) async fn there(context: &Context, id: &TaskId) -> Option<There> {
    if !context.wiring.hosts.has_any() {
        return None;
    }
    let load = || async { context.tasks(std::slice::from_ref(id)).await.pop() };
    let mut pointer = load().await?;
    let host = pointer.kept_on()?.to_owned();
    if pointer.progress().remote_id.is_none() {
        refresh(context, std::slice::from_ref(&pointer)).await;
        pointer = load().await?;
    }
    let id = pointer.progress().remote_id.clone()?;
    Some(There { host, id, pointer })
}

/// That nobody can say yet whether a machine has a task.
fn unplaced(host: &str, id: &TaskId) -> Failure {
    let message = format!("it is not known yet whether `{host}` has task {id}");
    Failure::new(Kind::Unexpected, message).hint(format!("run `task-bg status {id}` to ask again"))
}
