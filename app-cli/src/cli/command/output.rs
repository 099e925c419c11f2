//! `output`, in all its forms. Whatever is shown without `--full` fits into an answer, and what does not is named with
//! the command that shows it.

mod follow;

use std::path::Path;

use adapters_process::local::open_logs::was_replaced;
use domain::port::{Gap, Host as _, LogPart, LogText, Portion, Stream};
use domain::task::text::screen::{Rendering, settled};
use domain::task::{State, Status, Task, TaskId, text};
use domain::usecase::output::{output as read, quoted_in_part};

use super::elsewhere;
use crate::Outcome;
use crate::cli::args::Output;
use crate::cli::view::output::{ManyOutputsView, OutputView};
use crate::kit::answer::Answer;
use crate::kit::bound;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};

/// What the answer about one task weighs without the text and the path.
const FRAME: usize = 1_700;
/// The most tasks in one answer: of each there is room for a few lines.
const MOST: usize = 8;

pub(super) async fn output(context: &Context, args: &Output) -> Outcome {
    if let ([only], true) = (args.ids.as_slice(), args.follow) {
        let id = context.resolve(only).await?;
        return follow::follow(context, &id, args).await;
    }
    if args.follow {
        let message = "only one task can be followed at a time";
        return Err(Failure::new(Kind::Usage, message).hint("give one id with --follow"));
    }
    let mut refused = Vec::new();
    let ids = context.resolve_each(&args.ids, &mut refused).await;
    if let ([_], [(_, failure)]) = (args.ids.as_slice(), refused.as_slice()) {
        return Err(failure.clone());
    }
    let (mut shown, mut collected) = (Vec::new(), Vec::new());
    let (now, later) = ids.split_at(if args.full { ids.len() } else { ids.len().min(MOST) });
    let share = bound::ROOM / now.len().max(1);
    for id in now {
        match one(context, id, args, share).await {
            Ok(view) => {
                collected.push(view.receipt.believed.task.clone());
                shown.push(view);
            }
            Err(failure) if args.ids.len() == 1 => return Err(failure),
            Err(failure) => refused.push((id.to_string(), failure)),
        }
    }
    let kind = refused.first().map(|(_, failure)| failure.kind);
    let answer = match (shown.pop(), args.ids.len()) {
        (Some(only), 1) => Answer::ok(only),
        (last, _) => {
            shown.extend(last);
            let later = later.to_vec();
            Answer::with(ManyOutputsView { shown, refused, later, whole: args.full }, kind)
        }
    };
    Ok(answer.collecting(collected))
}

/// What one task wrote, in an answer that may weigh `share`.
async fn one(
    context: &Context,
    id: &TaskId,
    args: &Output,
    share: usize,
) -> Result<OutputView, Failure> {
    let stream = stream(args);
    let path = context.wiring.dir.log(id, stream);
    let is_there = path.exists();
    let path = path.display().to_string();
    let room = share.saturating_sub(FRAME + bound::weight_of_text(&path));
    let shown = |what| LogPart::Shown { what, rendering: rendering(args), room };
    let part = match (args.full, args.tail, args.since) {
        // The log itself is not shown.
        _ if args.result => shown(Portion::LastLines(0)),
        (true, _, _) => LogPart::Whole,
        (_, Some(lines), _) => shown(Portion::LastLines(lines)),
        (_, _, Some(offset)) => shown(Portion::From(offset)),
        (false, None, None) => shown(Portion::Ends),
    };
    let mut receipt = read(context.wiring.world(), id, (stream, part)).await?;
    if receipt.believed.task.kept_on().is_some() {
        if args.result {
            // The record has it, once it is up to date.
            elsewhere::refresh(context, std::slice::from_ref(&receipt.believed.task)).await;
            receipt = read(context.wiring.world(), id, (stream, part)).await?;
        } else if let Some(view) = elsewhere::logged(context, id, args).await? {
            return Ok(view);
        }
    }
    let mut log = None;
    if args.result {
        log = quoted_in_part(context.wiring.world(), &receipt.believed.task).await?;
        let whole = result(&receipt.believed.task, args.raw)?;
        let room = if args.full { usize::MAX } else { room };
        receipt.log = page(&whole, args.since.unwrap_or(0), room);
    }
    let mut command = "task-bg output".to_owned();
    for (flag, is_set) in
        [(" --result", args.result), (" --events", args.events), (" --raw", args.raw)]
    {
        command.push_str(if is_set { flag } else { "" });
    }
    let mut is_missing = !is_there && !args.result && receipt.log.total_bytes == 0;
    let task = &receipt.believed.task;
    let is_gone = !is_there && task.status() == Status::Running;
    let is_lost = !args.result && (is_gone || has_another(context, task, stream));
    let is_by_second_name = is_lost && is_found(context, task, stream);
    if is_lost && !is_by_second_name {
        // What is there is a stranger's.
        (receipt.log, is_missing) = (LogText::default(), true);
    }
    let (is_result, is_raw, whole) = (args.result, args.raw, args.full);
    Ok(OutputView {
        receipt,
        path,
        command,
        is_result,
        is_raw,
        is_missing,
        is_by_second_name,
        whole,
        log,
    })
}

/// Whether another file has the name of the log by now, to which the task does not write that runs here.
fn has_another(context: &Context, task: &Task, stream: Stream) -> bool {
    is_another(context, task, &context.wiring.dir.log(task.id(), stream))
}

/// Whether the log is found by its second name where [`has_another`] says that another file has the first.
fn is_found(context: &Context, task: &Task, stream: Stream) -> bool {
    let second = context.wiring.dir.second_name(task.id(), stream);
    second.is_file() && !is_another(context, task, &second)
}

fn is_another(context: &Context, task: &Task, log: &Path) -> bool {
    let progress = task.progress();
    let is_here = task.status() == Status::Running && task.belongs_to(context.wiring.host.name());
    let agent = progress.agent.as_ref().filter(|_| is_here);
    agent.is_some_and(|agent| was_replaced(log, agent, progress.supervisor.as_ref()))
}

const fn stream(args: &Output) -> Stream {
    if args.events { Stream::Events } else { Stream::Readable }
}

const fn rendering(args: &Output) -> Rendering {
    // Events are lines for programs.
    if args.raw || args.events { Rendering::Verbatim } else { Rendering::Settled }
}

/// The final answer; for a task that ended without one, why it did.
pub(crate) fn result(task: &Task, raw: bool) -> Result<String, Failure> {
    let id = task.id();
    let late = task.progress().late_result.clone();
    let text = match task.state() {
        State::Completed(_) | State::Cancelled(_) => {
            late.or_else(|| task.state().result().map(ToOwned::to_owned)).unwrap_or_default()
        }
        State::Error(failure) => {
            late.or_else(|| failure.result.clone()).unwrap_or_else(|| failure.message.clone())
        }
        State::Queued(_) | State::Running(_) => {
            let message = format!("task {id} has no result yet: it is {}", task.status().word());
            return Err(Failure::new(Kind::WrongState, message).about(id).hint(format!(
                "run `task-bg wait {id}`, or `task-bg output {id}` for what there is"
            )));
        }
    };
    Ok(if raw { text } else { settled(&text) })
}

/// As much of a text from a byte on as there is room for.
pub(crate) fn page(whole: &str, offset: u64, room: usize) -> LogText {
    let from = usize::try_from(offset).unwrap_or(usize::MAX).min(whole.len());
    let from = text::character_end(whole, from);
    let mut left = room;
    let fits = |c: &char| {
        let rest = left.checked_sub(text::weight_of(*c));
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    let length: usize = whole[from..].chars().take_while(fits).map(char::len_utf8).sum();
    let (end, total) = (from + length, whole.len());
    let gap = (end < total).then_some(Gap { offset: end as u64, bytes: (total - end) as u64 });
    LogText {
        text: whole[from..end].to_owned(),
        total_bytes: total as u64,
        truncated: gap.is_some() || from > 0,
        next_offset: end as u64,
        gap,
        ..LogText::default()
    }
}
