//! How a task ended whose agent no supervisor saw exit, from what the agent left in its logs.
//!
//! Decides by the same machine as a supervisor. Completes the readable log, and never records an ending itself.

use alloc::format;
use alloc::string::String;

use super::left_behind::keep_bound;
use super::{Trouble, World};
use crate::port::{Cause, Doomed, Fault, LogPart, Stream};
use crate::run::ending::QUOTED_LINES;
use crate::run::machine::{Charge, Exited, Input, Machine, Moment, Output, Recorded, Sight};
use crate::run::readable;
use crate::task::text::screen::settled;
use crate::task::{Ending, Event, LeftBehind, Reason, Task, TaskId};

/// How a task ended whose agent no supervisor saw exit: the ending that its machine decides from the
/// logs.
pub(super) async fn autopsy(world: World<'_>, task: &Task) -> Result<Ending, Trouble> {
    let runner = &task.order().runner;
    let account = costing_the_log(world.events.account(task.id(), runner).await)?;
    let account = account.unwrap_or_default();
    complete_log(world, task).await;
    let tail = LogPart::LastLines { lines: QUOTED_LINES };
    let log = costing_the_log(world.logs.read(task.id(), Stream::Readable, tail).await)?;
    let log_tail = log.as_ref().map(|log| settled(&log.text)).unwrap_or_default();
    // Nobody kept their bound since the supervisor was gone.
    keep_bound(world, task).await;
    let agent = world.agents.of(runner);
    let log_complaint = agent.and_then(|agent| agent.complaint(&log_tail));
    let clock = world.clock;
    let now = Moment { wall: clock.now(), elapsed: clock.elapsed(), awake: clock.awake() };
    let mut machine = Machine::with_account(Charge::of(task.order()), account, now);
    let doomed = Doomed::of(task);
    let left = LeftBehind::of(world.host.of_task(&doomed).await);
    let in_group = left.count > 0 && world.host.holds_all(&doomed).await;
    let left = left.held(in_group);
    let text_only = agent.is_some_and(|agent| !agent.abilities().streams);
    let exited = Exited { exit: None, log_tail, log_complaint, text_only, left, random: [0; 3] };
    let mut outputs = machine.step(now, Input::AgentExited(exited));
    loop {
        let applied = outputs.into_iter().find_map(|output| match output {
            Output::Apply(event) => Some(event),
            Output::Stop { .. } | Output::Show(_) | Output::SleepUntil(_) | Output::Done => None,
        });
        match applied {
            Some(Event::Ended { ending, .. }) => {
                return Ok(without_log(ending, log.as_ref().err()));
            }
            // Whoever concludes the task next names it.
            Some(event @ Event::LeftBehind(_)) => {
                drop(world.store.apply(task.id(), event, now.wall).await?);
            }
            // The progress of the agent, its session above all; the ending does not depend on it.
            Some(event) => drop(world.store.apply(task.id(), event, now.wall).await),
            None => {
                let unknown =
                    "its supervisor and its agent are gone, and nothing says how it ended";
                return Ok(without_log(Ending::failed(Reason::Lost, unknown), log.as_ref().err()));
            }
        }
        outputs = machine.step(now, Input::Recorded(Recorded::Done(Sight::of(task))));
    }
}

/// What was read of a log, or why that cannot be read. A log costs no ending, whatever became of it: a task would run for
/// ever otherwise. What only has no room at the moment is tried again by whoever looks next.
///
/// # Errors
/// The fault that passes.
fn costing_the_log<T>(read: Result<T, Fault>) -> Result<Result<T, Fault>, Fault> {
    match read {
        Err(fault) if fault.cause == Cause::Exhausted => Err(fault),
        read => Ok(read),
    }
}

/// The same ending, which says as well why nobody knows what the task printed, if that is so.
fn without_log(ending: Ending, unreadable: Option<&Fault>) -> Ending {
    match (ending, unreadable) {
        (Ending::Failed { reason, message, result }, Some(fault)) => {
            let message = format!("{message}; what it printed is not known: {fault}");
            Ending::Failed { reason, message, result }
        }
        (ending, _) => ending,
    }
}

/// Appends to the readable log what the agent said and its supervisor did not write there any more.
/// The event stream has it all, so a log that cannot be completed costs nothing else.
async fn complete_log(world: World<'_>, task: &Task) {
    let said = world.events.paragraphs(task.id(), &task.order().runner).await.unwrap_or_default();
    append_missing(world, task.id(), &said).await;
}

/// Appends those of the paragraphs to the readable log of the task that are not there yet.
pub async fn append_missing(world: World<'_>, id: &TaskId, said: &[String]) {
    if said.is_empty() {
        return;
    }
    let lines = LogPart::LastLines { lines: usize::MAX };
    let Ok(log) = world.logs.read(id, Stream::Readable, lines).await else { return };
    let rest = readable::missing(&log.text, said);
    if !rest.is_empty() {
        drop(world.logs.append(id, &rest.concat()).await);
    }
}
