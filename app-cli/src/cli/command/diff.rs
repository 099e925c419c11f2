//! `diff`: what a task changed, bounded unless all is asked for.

use domain::usecase::diff::diff as compare;

use super::elsewhere;
use crate::Outcome;
use crate::cli::args::Diff;
use crate::cli::view::worktree::DiffView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::wiring::Wiring;

/// How many characters are shown unless more is asked for: an agent's tool shows about 40,000.
const BOUND: usize = 30_000;
/// The most bytes of a character.
const WIDEST: usize = 4;

pub(super) async fn diff(context: &Context, args: &Diff) -> Outcome {
    let wiring = &context.wiring;
    let id = context.resolve(&args.id).await?;
    if let Some(outcome) = elsewhere::diffed(context, &id, args).await {
        return outcome;
    }
    let (bytes, characters) =
        if args.full { (usize::MAX, usize::MAX) } else { (BOUND * WIDEST, BOUND) };
    let mut found = compare(&wiring.store, &Wiring::worktrees(), &id, bytes).await?;
    let text = &mut found.diff.text;
    if let Some((end, _)) = text.char_indices().nth(characters) {
        text.truncate(end);
        found.diff.truncated = true;
    }
    Ok(Answer::ok(DiffView { id, found, whole: args.full }))
}
