//! What tasks that have not ended need of those that have, so that a cleanup keeps it. Removes nothing.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::Kept;
use crate::task::{Query, Status, TaskId, template};
use crate::usecase::{Trouble, World};

/// What tasks that have not ended need of those that have.
pub(super) struct InUse {
    /// The worktrees that they work in: a later attempt may work in that of an earlier one.
    pub(super) worktrees: Vec<String>,
    /// The tasks that they come after or whose results they ask for, each with one that does.
    tasks: BTreeMap<TaskId, TaskId>,
}

impl InUse {
    pub(super) async fn look(world: World<'_>) -> Result<Self, Trouble> {
        let (mut worktrees, mut tasks) = (Vec::new(), BTreeMap::new());
        for status in [Status::Running, Status::Queued] {
            let query = Query { statuses: alloc::vec![status], ..Query::default() };
            for task in world.store.list(&query).await?.tasks {
                let order = task.order();
                worktrees.extend(order.worktree.as_ref().map(|worktree| worktree.path.clone()));
                let results = template::wanted(order.prompt.as_str());
                // What an attempt reads was kept for the first one.
                let earlier = order.lineage.retry_of.as_ref().filter(|_| order.stdin.is_some());
                let first = match earlier {
                    Some(earlier) => first_attempt(world, earlier).await,
                    None => None,
                };
                for named in order.placement.after.iter().chain(&results).chain(&first) {
                    need(world, named, task.id(), &mut tasks).await;
                }
            }
        }
        Ok(Self { worktrees, tasks })
    }

    /// Says that a task that has not ended needs this one, if one does.
    pub(super) fn needs(&self, id: &TaskId) -> Option<Kept> {
        self.tasks.get(id).map(|by| Kept::Needed { by: by.clone() })
    }
}

/// The first of the attempts that `id` is one of, as far as they are recorded.
async fn first_attempt(world: World<'_>, id: &TaskId) -> Option<TaskId> {
    let (mut first, mut seen) = (None, Vec::new());
    let mut next = Some(id.clone());
    while let Some(id) = next.take().filter(|id| !seen.contains(id)) {
        let task = world.store.load(&id).await.ok();
        next = task.as_ref().and_then(|task| task.order().lineage.retry_of.clone());
        first = task.map(|_| id.clone()).or(first);
        seen.push(id);
    }
    first
}

/// Notes that the task `by` needs the task `named`, and the attempts that follow it: of a retried task the last
/// attempt counts.
async fn need(world: World<'_>, named: &TaskId, by: &TaskId, tasks: &mut BTreeMap<TaskId, TaskId>) {
    let mut next = Some(named.clone());
    while let Some(id) = next.take() {
        if tasks.contains_key(&id) {
            return;
        }
        let task = world.store.load(&id).await;
        tasks.insert(id, by.clone());
        next = task.ok().and_then(|task| task.progress().retried_as.clone());
    }
}
