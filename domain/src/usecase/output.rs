//! `output`: a part of what a task wrote. Never changes a log.

use super::reconcile::{Believed, reconcile};
use super::{Trouble, World};
use crate::port::{LogPart, LogText, Portion, Stream};
use crate::run::ending::{QUOTE_LIMIT, quotes_all};
use crate::task::text::screen::Rendering;
use crate::task::{Task, TaskId};

/// What as many characters as an ending quotes may weigh in an answer, whichever they are.
const ROOM: usize = 12 * QUOTE_LIMIT;

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
    // Nobody writes the rest of a character that the log of an ended task begins. Whoever reads on must get past it.
    let log = if believed.task.status().is_ended() { log.closed() } else { log };
    Ok(Output { believed, log })
}

/// The size of the log in bytes, of an ended task whose ending quotes the end of it alone; `None` where it quotes all of
/// it, or an agent's own answer instead. So what is called the result of a command may be a small part of what it printed.
///
/// # Errors
/// [`Trouble`] if the log cannot be read.
pub async fn quoted_in_part(world: World<'_>, task: &Task) -> Result<Option<u64>, Trouble> {
    let agent = world.agents.of(&task.order().runner);
    if !task.status().is_ended() || agent.is_none_or(|agent| agent.abilities().streams) {
        return Ok(None);
    }
    let what = Portion::From(0);
    let part = LogPart::Shown { what, rendering: Rendering::Settled, room: ROOM };
    let log = world.logs.read(task.id(), Stream::Readable, part).await?.closed();
    let is_part = log.gap.is_some() || !quotes_all(&log.text);
    Ok(is_part.then_some(log.total_bytes))
}
