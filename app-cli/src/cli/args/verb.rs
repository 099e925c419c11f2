//! The verbs that need the settings and the store, and what each asks of the program around it.

use clap::Subcommand;

use super::{
    Batch, Cancel, Cleanup, Complete, Config, Diff, Doctor, Droids, Format, Hooks, Hosts, Launch,
    List, Output, Prune, Queue, Release, Report, Resume, Retry, Rm, Run, Runners, Status, Top,
    Wait,
};
use crate::kit::context::Place;

/// The verbs that need the settings and the store.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Verb {
    Launch(Launch),
    Run(Run),
    #[command(visible_aliases = ["ls", "ps"])]
    List(List),
    Top(Top),
    Status(Status),
    #[command(visible_alias = "logs")]
    Output(Output),
    Diff(Diff),
    Wait(Wait),
    #[command(visible_alias = "kill")]
    Cancel(Cancel),
    Complete(Complete),
    Retry(Retry),
    Resume(Resume),
    Batch(Batch),
    Prune(Prune),
    Queue(Queue),
    Release(Release),
    Cleanup(Cleanup),
    Rm(Rm),
    Droids(Droids),
    Runners(Runners),
    Hosts(Hosts),
    Hooks(Hooks),
    Doctor(Doctor),
    Report(Report),
    Config(Config),
}

impl Verb {
    /// Whether the program need not admit queued tasks after the verb, because the verb does so itself or
    /// has nothing to do with tasks.
    pub(crate) const fn admits(&self) -> bool {
        match self {
            Self::Launch(_)
            | Self::Run(_)
            | Self::Batch(_)
            | Self::Cancel(_)
            | Self::Complete(_)
            | Self::Prune(_)
            | Self::Queue(_)
            | Self::Release(_)
            | Self::Cleanup(_)
            | Self::Rm(_)
            | Self::Droids(_)
            | Self::Runners(_)
            | Self::Hosts(_)
            | Self::Hooks(_)
            | Self::Config(_)
            | Self::Doctor(_) => true,
            Self::List(_)
            | Self::Top(_)
            | Self::Status(_)
            | Self::Output(_)
            | Self::Diff(_)
            | Self::Wait(_)
            | Self::Retry(_)
            | Self::Resume(_)
            | Self::Report(_) => false,
        }
    }

    /// Whether the verb is meant to change something, and does not only look.
    pub(crate) const fn acts(&self) -> bool {
        match self {
            Self::Launch(_)
            | Self::Run(_)
            | Self::Batch(_)
            | Self::Cancel(_)
            | Self::Complete(_)
            | Self::Prune(_)
            | Self::Queue(_)
            | Self::Release(_)
            | Self::Cleanup(_)
            | Self::Rm(_)
            | Self::Retry(_)
            | Self::Resume(_) => true,
            Self::Droids(_)
            | Self::Runners(_)
            | Self::Hosts(_)
            | Self::Hooks(_)
            | Self::Config(_)
            | Self::Doctor(_)
            | Self::List(_)
            | Self::Top(_)
            | Self::Status(_)
            | Self::Output(_)
            | Self::Diff(_)
            | Self::Wait(_)
            | Self::Report(_) => false,
        }
    }

    /// Whether the verb needs a store that is fit for us.
    pub(crate) const fn place(&self) -> Place {
        match self {
            Self::Doctor(_)
            | Self::Config(_)
            | Self::Droids(_)
            | Self::Runners(_)
            | Self::Hooks(_) => Place::Any,
            Self::Launch(_)
            | Self::Run(_)
            | Self::List(_)
            | Self::Top(_)
            | Self::Status(_)
            | Self::Output(_)
            | Self::Diff(_)
            | Self::Wait(_)
            | Self::Cancel(_)
            | Self::Complete(_)
            | Self::Retry(_)
            | Self::Resume(_)
            | Self::Batch(_)
            | Self::Prune(_)
            | Self::Queue(_)
            | Self::Release(_)
            | Self::Cleanup(_)
            | Self::Rm(_)
            | Self::Hosts(_)
            | Self::Report(_) => Place::Checked,
        }
    }

    /// Whether ids alone are asked for.
    pub(crate) const fn is_quiet(&self) -> bool {
        match self {
            Self::Launch(Launch { quiet, .. })
            | Self::Run(Run { quiet, .. })
            | Self::Batch(Batch { quiet, .. })
            | Self::Retry(Retry { quiet, .. })
            | Self::Resume(Resume { quiet, .. })
            | Self::List(List { quiet, .. })
            | Self::Cancel(Cancel { quiet, .. })
            | Self::Rm(Rm { quiet, .. }) => quiet.is_quiet,
            Self::Top(_)
            | Self::Status(_)
            | Self::Output(_)
            | Self::Diff(_)
            | Self::Wait(_)
            | Self::Complete(_)
            | Self::Prune(_)
            | Self::Queue(_)
            | Self::Release(_)
            | Self::Cleanup(_)
            | Self::Droids(_)
            | Self::Runners(_)
            | Self::Hosts(_)
            | Self::Hooks(_)
            | Self::Doctor(_)
            | Self::Report(_)
            | Self::Config(_) => false,
        }
    }

    /// How the verb answers where nothing else is asked for; `None` if that depends on who reads.
    pub(crate) const fn usual_format(&self) -> Option<Format> {
        let is_document = matches!(self, Self::Report(Report { html: None, .. }));
        if is_document { Some(Format::Markdown) } else { None }
    }
}
