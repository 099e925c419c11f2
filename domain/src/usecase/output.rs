//! `output`: a part of what a task wrote. Never changes a log.

use super::reconcile::{Believed, reconcile};
use super::{Trouble, World};
use crate::port::{LogPart, LogText, Stream};
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
    world: World<'_>,
    id: &TaskId,
    (stream, part): (Stream, LogPart),
) -> Result<Output, Trouble> {
    let task = world.store.load(id).await?;
    // The task first: a log read afterwards holds everything that an ended task wrote.
    let believed = reconcile(world, task).await?;
    let log = world.logs.read(id, stream, part).await?;
    Ok(Output { believed, log })
}
