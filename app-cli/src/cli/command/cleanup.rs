//! `cleanup`: from its flags to what may be removed, and from the receipt to an answer.

use adapters_process::local::group::remove_forsaken;
use domain::port::Clock as _;
use domain::usecase::cleanup::{Removal, cleanup as clean};
use domain::usecase::prune::Mode;

use super::isolate::{cut_off, take_back_of};
use crate::Outcome;
use crate::cli::args::{Cleanup, StatusArg};
use crate::cli::view::cleaned::CleanedView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::duration::written;
use crate::kit::wiring::Wiring;

pub(super) async fn cleanup(context: &Context, args: &Cleanup) -> Outcome {
    let wiring = &context.wiring;
    let removal = args.delete.then(|| Removal {
        older_than: args.older_than,
        statuses: args.status.iter().map(|status| status.0).collect(),
    });
    let worktrees = Wiring::worktrees();
    let mut untold = wiring.notices.untold();
    if args.dry_run {
        let mut cleaned = clean(wiring.world(), &worktrees, removal, Mode::DryRun).await?;
        cleaned.swept = wiring.store.leftovers()? + cut_off(context);
        untold.retain(|id| cleaned.removed.contains(id));
        return Ok(Answer::ok(CleanedView {
            cleaned,
            untold,
            mode: Mode::DryRun,
            more: ended(args),
        }));
    }
    let mut cleaned = clean(wiring.world(), &worktrees, removal, Mode::Execute).await?;
    cleaned.swept += take_back_of(context, None).await;
    remove_forsaken(wiring.clock.now());
    untold.retain(|id| cleaned.removed.contains(id));
    let admitted = wiring.admit().await;
    let unswept = cleaned.unswept.take();
    let view = CleanedView { cleaned, untold, mode: Mode::Execute, more: kept(args) };
    let kind = view.trouble();
    Ok(Answer::with(view, kind).noting(unswept.into_iter().chain(admitted.troubles)))
}

/// The command that shows which tasks stay, and why: once the others are gone, its answer has room for them.
fn kept(args: &Cleanup) -> String {
    let mut command = "task-bg cleanup --delete --dry-run".to_owned();
    if let Some(age) = args.older_than {
        command.push_str(&format!(" --older-than {}", written(age)));
    }
    if !args.status.is_empty() {
        command.push_str(&format!(" --status {}", statuses(&args.status)));
    }
    command
}

/// The command that shows the tasks that have ended, a page at a time.
fn ended(args: &Cleanup) -> String {
    let status = match args.status.as_slice() {
        [] => "completed,error,cancelled".to_owned(),
        some => statuses(some),
    };
    format!("task-bg list --status {status} --sort ended")
}

/// Statuses as an option takes them.
fn statuses(some: &[StatusArg]) -> String {
    let words: Vec<&str> = some.iter().map(|status| status.0.word()).collect();
    words.join(",")
}
