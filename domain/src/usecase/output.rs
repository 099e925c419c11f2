//! `output`: what a task wrote, in the part that was asked for.

use super::reconcile::{Believed, reconcile};
use super::{Trouble, Witnesses};
use crate::port::{Clock, LogPart, LogText, Stream, TaskStore};
use crate::task::TaskId;

/// What a task wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The task itself.
    pub believed: Believed,
    /// The part that was asked for.
    pub log: LogText,
}

/// Reads a part of what a task wrote.
///
/// # Errors
/// [`Trouble`] if there is no such task, or its log cannot be read.
pub async fn output(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    id: &TaskId,
    (stream, part): (Stream, LogPart),
) -> Result<Output, Trouble> {
    let task = store.load(id).await?;
    // The task first: a log read afterwards holds everything that an ended task wrote.
    let believed = reconcile(store, witnesses, clock, task).await?;
    let log = witnesses.logs.read(id, stream, part).await?;
    Ok(Output { believed, log })
}
