//! `prune`: from the settings to a policy, and from a plan to an answer.

use domain::usecase::prune::{Mode, PruneRequest, prune as expire};

use super::elsewhere;
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
    // What ended on other machines ends here; what they keep, they prune themselves.
    let heard = elsewhere::refresh_all(context).await;
    let pruned = expire(wiring.world(), request).await?;
    let troubles = match mode {
        Mode::Execute => wiring.admit().await.troubles,
        // It only says what would be.
        Mode::DryRun => Vec::new(),
    };
    let left = !pruned.survivors.is_empty() || !pruned.refused.is_empty();
    let kind = left.then_some(Kind::Unexpected);
    Ok(Answer::with(PrunedView { pruned, mode, whole: args.all }, kind)
        .noting(troubles)
        .saying(heard.notes))
}
