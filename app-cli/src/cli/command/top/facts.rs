//! What the screen says of a task: its cells in the list, and three lines of what is known of it.
//!
//! Texts are as somebody wrote them; whoever draws them makes them harmless. Main function: [`facts`].

use domain::task::{Exit, Runner, Status, Task, Timestamp, notice, text};

use super::board::Board;
use crate::cli::view::task;
use crate::cli::view::task_lines::{Times, short_id};
use crate::kit::terminal;

/// The rows of what is known of the selected task.
pub(super) const FACTS: usize = 3;

/// The cells of a task in the list.
pub(super) fn row(board: &Board, of: &Task, now: Timestamp) -> [String; 5] {
    let how = match board.place(of.id()) {
        Some(place) => format!("{} #{place}", of.status().word()),
        None => of.status().word().to_owned(),
    };
    // Whole minutes while it runs: what changes each second would be drawn each second.
    let span = task::duration(of, now);
    let time = match of.status() {
        Status::Queued => String::new(),
        Status::Running => Times::Calm.span(span),
        Status::Completed | Status::Error | Status::Cancelled => terminal::span(span),
    };
    let label = of.order().label();
    let label = match &of.order().name {
        Some(name) if name.as_str() != label => format!("{name}: {label}"),
        Some(_) | None => label.to_owned(),
    };
    let label = text::one_line(&label, 400);
    [short_id(of.id(), board.short), how, time, label, task::last_deed(of, 400)]
}

/// What is known of a task, in three lines.
pub(super) fn facts(board: &Board, of: &Task, now: Timestamp) -> [String; FACTS] {
    let (order, progress) = (of.order(), of.progress());
    let activity = &progress.activity;
    let mut first = vec![of.id().to_string(), notice::ending_words(of)];
    first.extend(progress.exit.filter(|_| of.status().is_ended()).map(|exit| match exit {
        Exit::Code(code) => format!("code {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
    }));
    match &order.runner {
        Runner::Command(_) => first.push(order.prompt.as_str().to_owned()),
        Runner::Agent { .. } | Runner::Elsewhere => {
            first.push(order.agent.clone());
            first.extend(order.model.clone());
        }
    }
    let mut second = Vec::new();
    let moments = [
        ("ordered", of.queued_at()),
        ("started", of.started_at()),
        ("ended", of.state().ended_at()),
    ];
    for (word, at) in moments {
        second.extend(at.map(|at| format!("{word} {}", clock(at, now))));
    }
    if order.lineage.attempt > 1 {
        second.push(format!("attempt {}", order.lineage.attempt));
    }
    let after: Vec<String> =
        order.placement.after.iter().map(|id| short_id(id, board.short)).collect();
    if !after.is_empty() {
        second.push(format!("after {}", text::some_of(&after, 5)));
    }
    second.extend(order.cwd.clone());
    let mut third = Vec::new();
    third.extend(board.detail.waits.clone());
    if activity.tool_calls > 0 {
        third.push(format!("{} tools", activity.tool_calls));
    }
    if let Some(usage) = activity.usage {
        third.push(format!("{} tokens in, {} out", usage.input_tokens, usage.output_tokens));
        third.extend(usage.cost_usd().map(|cost| format!("${cost:.2}")));
    }
    third.push(task::last_deed(of, 400));
    third.retain(|part| !part.is_empty());
    [first, second, third].map(|parts| parts.join("  "))
}

/// A moment by the clock on the wall; of another day, that day as well.
fn clock(at: Timestamp, now: Timestamp) -> String {
    let zoned = |at: Timestamp| {
        let moment = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or_default();
        moment.to_zoned(jiff::tz::TimeZone::system())
    };
    let (at, now) = (zoned(at), zoned(now));
    let form = if at.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" };
    at.strftime(form).to_string()
}
