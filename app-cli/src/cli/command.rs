//! One short file a verb: from its arguments to a use case, from the receipt to an answer.

mod again;
mod batch;
mod cancel;
mod cleanup;
mod complete;
mod config;
mod diff;
mod doctor;
mod droids;
pub(crate) mod elsewhere;
pub(crate) mod explained;
mod feed;
mod folder;
mod hooks;
mod hosts;
mod isolate;
mod launch;
mod list;
pub(crate) mod mcp;
mod missing;
pub(crate) mod ordering;
pub(crate) mod output;
mod prune;
mod queue;
mod report;
mod rm;
mod runners;
mod status;
mod top;
mod wait;
mod watching;

use crate::Outcome;
use crate::cli::args::Verb;
use crate::kit::context::Context;

/// Reads one line of a batch, and lets go of it.
#[cfg(feature = "fuzzing")]
pub(crate) fn batch_line(text: &str) {
    batch::fuzzed(text);
}

/// Does what the command line asks for.
pub(crate) async fn run(context: &Context, verb: Verb) -> Outcome {
    match verb {
        Verb::Launch(args) => launch::droid(context, args).await,
        Verb::Run(args) => launch::command(context, args).await,
        Verb::List(args) => list::list(context, args).await,
        Verb::Status(args) => status::status(context, &args).await,
        Verb::Output(args) => output::output(context, &args).await,
        Verb::Diff(args) => diff::diff(context, &args).await,
        Verb::Wait(args) => wait::wait(context, args).await,
        Verb::Cancel(args) => cancel::cancel(context, args).await,
        Verb::Complete(args) => complete::complete(context, args).await,
        Verb::Retry(args) => again::retry(context, args).await,
        Verb::Resume(args) => again::resume(context, args).await,
        Verb::Batch(args) => batch::batch(context, &args).await,
        Verb::Queue(args) => queue::queue(context, &args).await,
        Verb::Release(args) => queue::release(context, &args).await,
        Verb::Prune(args) => prune::prune(context, &args).await,
        Verb::Cleanup(args) => cleanup::cleanup(context, &args).await,
        Verb::Rm(args) => rm::rm(context, &args).await,
        Verb::Droids(args) => droids::droids(context, &args).await,
        Verb::Runners(_) => Ok(runners::runners(context)),
        Verb::Hosts(args) => hosts::hosts(context, &args).await,
        Verb::Hooks(args) => hooks::hooks(&args),
        Verb::Doctor(args) => doctor::doctor(context, &args).await,
        Verb::Report(args) => report::report(context, args).await,
        Verb::Top(_) => top::top(context),
        Verb::Config(_) => Ok(config::config(context)),
    }
}
