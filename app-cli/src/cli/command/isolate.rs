//! `--worktree`: from its name to a worktree, before anything is recorded. Nothing here starts a
//! task.

use std::path::Path;

use adapters_fs::Beginning;
use domain::port::worktrees::{Presence, Wanted, WorktreeError};
use domain::port::{StoreError, TaskStore as _, Worktrees as _};
use domain::task::{Order, TaskId, Worktree};
use domain::usecase::{Trouble, isolate};

use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};
use crate::kit::wiring::Wiring;

/// What the branches of tasks begin with.
const PREFIX: &str = "task-bg/";

/// The order in a worktree of its own, if one is asked for; without a name, it is the task's id. The note goes with it:
/// it has to be kept until the task is recorded.
pub(super) async fn isolated(
    context: &Context,
    id: &TaskId,
    asked: Option<&str>,
    order: Order,
) -> Result<(Order, Option<Beginning>), Failure> {
    let Some(wanted) = wanted(context, id, asked, &order)? else { return Ok((order, None)) };
    take_back_of(context, Some(&wanted.branch)).await;
    context.wiring.dir.prepare_worktrees().map_err(|error| {
        let message = format!("there can be no folder for worktrees: {error}");
        Failure::new(Kind::StoreUnavailable, message)
    })?;
    let beginning = context.wiring.beginnings.begin(id, &wanted).map_err(Trouble::from)?;
    match isolate::isolate(&Wiring::worktrees(), &wanted, order).await {
        Ok(order) => Ok((order, Some(beginning))),
        Err(error) => {
            if matches!(error, WorktreeError::Fault(_)) {
                // Something may be left that could not be taken back.
                beginning.leave();
            }
            Err(error.into())
        }
    }
}

/// Takes back what launchers left that were cut off before they recorded their tasks, of this branch alone if one
/// is named; returns of how many nothing is left.
pub(super) async fn take_back_of(context: &Context, branch: Option<&str>) -> usize {
    let wiring = &context.wiring;
    let mut done = 0;
    // Whoever wants the name is told that it is taken, if it cannot be freed.
    for beginning in wiring.beginnings.cut_off(branch).unwrap_or_default() {
        match wiring.store.load(&beginning.id).await {
            // The record names the worktree from here on.
            Ok(_) => continue,
            Err(StoreError::NotFound { .. }) => {}
            Err(_) => {
                beginning.leave();
                continue;
            }
        }
        if isolate::is_taken_back(&Wiring::worktrees(), &beginning.wanted).await {
            done += 1;
        } else {
            beginning.leave();
        }
    }
    done
}

/// Of how many launchers that were cut off something may be left.
pub(super) fn cut_off(context: &Context) -> usize {
    let found = context.wiring.beginnings.cut_off(None).unwrap_or_default();
    found.into_iter().map(Beginning::leave).count()
}

/// Refuses a worktree that cannot be had, without making anything.
pub(super) async fn check(
    context: &Context,
    asked: Option<&str>,
    order: &Order,
) -> Result<(), Failure> {
    // The name of the task, and with it the path, is another one in the end.
    let id = context.wiring.world().mint();
    match wanted(context, &id, asked, order)? {
        Some(wanted) => {
            take_back_of(context, Some(&wanted.branch)).await;
            Ok(Wiring::worktrees().check(&wanted).await?)
        }
        None => Ok(()),
    }
}

/// The worktree that is asked for, if any.
fn wanted(
    context: &Context,
    id: &TaskId,
    asked: Option<&str>,
    order: &Order,
) -> Result<Option<Wanted>, Failure> {
    let (Some(name), Some(folder)) = (asked, order.cwd.clone()) else { return Ok(None) };
    let path = context.wiring.dir.worktree(id);
    let path = path
        .into_os_string()
        .into_string()
        .map_err(|path| Failure::new(Kind::Usage, format!("`{}` is not UTF-8", path.display())))?;
    let branch = format!("{PREFIX}{}", if name.is_empty() { id.as_str() } else { name });
    Ok(Some(Wanted { folder, path, branch }))
}

/// Sees to it that an order which goes back to an earlier task finds the folder which that one worked in: a worktree
/// that is gone is made anew on its branch, which the note says.
///
/// # Errors
/// A failure that says what to do, if there is no such folder; without it, the attempt would be recorded and fail.
pub(super) async fn restored(order: &Order) -> Result<Option<String>, Failure> {
    let folder = order.cwd.as_deref().unwrap_or_default();
    let mut note = None;
    if let Some(worktree) = &order.worktree {
        let presence = Wiring::worktrees().restore(worktree, folder).await?;
        let (path, branch) = (&worktree.path, &worktree.branch);
        note = (presence == Presence::MadeAnew).then(|| {
            format!("its worktree `{path}` was gone, and was made anew with what is committed on `{branch}`")
        });
    }
    if !folder.is_empty() && !Path::new(folder).is_dir() {
        let message = format!("`{folder}`, where it worked, is no folder any more");
        return Err(Failure::new(Kind::Usage, message)
            .hint("make that folder anew, or launch the task anew in another with --cwd DIR"));
    }
    Ok(note)
}

/// Takes back the worktree of a task that was not launched, unless somebody has worked there.
pub(super) async fn take_back(context: &Context, id: &TaskId, worktree: &Worktree) {
    let wiring = &context.wiring;
    // The launch has failed for a reason of its own, which is what has to be told.
    drop(isolate::take_back(&wiring.store, &Wiring::worktrees(), id, worktree).await);
}
