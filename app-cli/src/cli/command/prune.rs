//! `prune`: from the settings to a policy, and from a plan to an answer.

use domain::usecase::prune::{Mode, PruneRequest, prune as give_up};

use crate::Outcome;
use crate::cli::args::Prune;
use crate::cli::view::done::PrunedView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::failure::Kind;

pub(super) async fn prune(context: &Context, args: &Prune) -> Outcome {
    let wiring = &context.wiring;
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Execute };
    let request = PruneRequest { policy: context.settings.policy(), grace: args.grace, mode };
    let pruned = give_up(&wiring.store, wiring.witnesses(), &wiring.clock, request).await?;
    wiring.admit().await?;
    let kind = (!pruned.survivors.is_empty()).then_some(Kind::Unexpected);
    Ok(Answer::with(PrunedView { pruned, mode }, kind))
}
