//! `output --follow`: what comes, as it comes, until the task has ended.
//!
//! A line is shown as it is when it is complete. Of one that is not complete yet, what there is is shown as soon as
//! nothing else comes; where it is drawn over later, as by a progress bar, it is shown once more in the end.

use std::time::Duration;

use domain::port::{LifeLocks, LogPart, Whereabouts};
use domain::task::text::screen::{Rendering, Row, Screen};
use domain::task::{Status, TaskId};
use domain::usecase::output::output as read;

use crate::cli::args::{Format, Output};
use crate::cli::command::{elsewhere, watching};
use crate::cli::view::task_lines::short_id;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::terminal;
use crate::{Outcome, console};

/// How much is read at a time, in bytes.
const PIECE: usize = 256 << 10;
/// How long to wait for news at a time.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) async fn follow(context: &Context, id: &TaskId, args: &Output) -> Outcome {
    let short = short_id(id, context.short(std::iter::once(id)).await);
    let leave = || {
        let words = format!(
            "stopped looking; {short} goes on: `task-bg output --follow {short}` looks again, \
             `task-bg cancel {short}` stops it"
        );
        let wrapped = console::watched().map(|screen| screen.wrapped(&words));
        format!("\n{}", wrapped.unwrap_or(words + "\n"))
    };
    let shown = || pollster::block_on(Box::pin(followed(context, id, args)));
    watching::interruptible(&leave, shown)
}

async fn followed(context: &Context, id: &TaskId, args: &Output) -> Outcome {
    let (stream, rendering) = (super::stream(args), super::rendering(args));
    let show = |text: &str| show(context.format, text, args.raw);
    if let Some(outcome) = elsewhere::followed(context, id, args, &show).await {
        return outcome;
    }
    context.wiring.dir.hold();
    let mut moved = None;
    let (mut offset, mut was_said) = (args.since.unwrap_or(0), false);
    // What of the log is shown first, where that is not all of it.
    let mut first = args.tail.map(|lines| LogPart::LastLines { lines });
    let mut is_first = true;
    let mut watch = context.wiring.locks.watch(std::slice::from_ref(id)).await?;
    let mut lines = Lines::new(rendering);
    loop {
        // Whether it has ended is looked up before its log is read, so that nothing is missed.
        let usual = LogPart::From { offset, at_most: PIECE };
        let is_tail = first.is_some();
        let part = first.take().unwrap_or(usual);
        let receipt = read(context.wiring.world(), id, (stream, part)).await?;
        let ended = receipt.believed.task.status().is_ended();
        if context.moved() != moved {
            moved = context.moved();
            if let Some(words) = &moved {
                console::remark(words);
            }
        }
        if std::mem::take(&mut is_first) {
            let task = &receipt.believed.task;
            if super::has_another(context, task, stream) {
                console::remark(if super::is_found(context, task, stream) {
                    "another file has the name of its log; what the task itself writes follows"
                } else {
                    "another file has the name of its log; what that holds follows"
                });
            }
            // Of a log that is not so long yet, what comes is shown.
            offset = offset.min(receipt.log.total_bytes);
        }
        if receipt.log.total_bytes < offset {
            // It was moved after the record was read.
            if context.wiring.dir.settle() == Whereabouts::Moved {
                continue;
            }
            // Somebody emptied it: what it holds now is new.
            console::remark("the log was truncated; what it holds now follows");
            (offset, lines) = (0, Lines::new(rendering));
            continue;
        }
        if receipt.believed.task.status() == Status::Queued && !was_said {
            console::remark(&format!("{id} waits for its turn"));
            was_said = true;
        }
        let exhausted = receipt.log.next_offset == offset && !is_tail;
        offset = receipt.log.next_offset;
        let mut text = lines.after(&receipt.log.text);
        if exhausted {
            text.push_str(&lines.unfinished());
        }
        if let Err(code) = show(&text) {
            // Nobody reads on: what follows is neither shown nor known to anybody.
            return Ok(Answer::exiting(code));
        }
        if ended && exhausted {
            return Ok(match show(&lines.last()) {
                Ok(()) => Answer::nothing().collecting([receipt.believed.task]),
                Err(code) => Answer::exiting(code),
            });
        }
        if !ended && exhausted {
            if console::is_reader_gone() {
                return Ok(Answer::nothing());
            }
            drop(watch.next(PAUSE).await);
        }
    }
}

/// Shows what came; a terminal gets characters that it acts on only if each was asked for as it was written.
///
/// # Errors
/// The exit code to stop with, if it cannot be shown.
fn show(format: Format, text: &str, is_raw: bool) -> Result<(), u8> {
    match format {
        _ if text.is_empty() => Ok(()),
        _ if is_raw => console::stream(text),
        Format::Json | Format::Ndjson => console::stream(text),
        Format::Table | Format::Markdown => console::stream(&terminal::harmless(text)),
    }
}

/// The lines of a log, as far as they were shown.
struct Lines {
    screen: Screen,
    /// What was shown of the row that is not complete yet.
    shown: String,
}

impl Lines {
    fn new(rendering: Rendering) -> Self {
        Self { screen: Screen::of_height(1, rendering, 0), shown: String::new() }
    }

    /// What to show after this was written.
    fn after(&mut self, written: &str) -> String {
        let (mut text, mut shown) = (String::new(), std::mem::take(&mut self.shown));
        self.screen.write(written.as_bytes(), &mut |row| complete(&mut text, &mut shown, &row));
        self.shown = shown;
        text
    }

    /// What there is of a row that is not complete yet, if it only grew since it was shown.
    fn unfinished(&mut self) -> String {
        let current = self.screen.current();
        match current.strip_prefix(&*self.shown) {
            Some(more) => {
                let more = more.to_owned();
                self.shown = current;
                more
            }
            None => String::new(),
        }
    }

    /// What is left to show: nothing follows.
    fn last(self) -> String {
        let (mut text, mut shown) = (String::new(), self.shown);
        self.screen.finish(&mut |row| complete(&mut text, &mut shown, &row));
        text
    }
}

/// Adds what was not shown yet of a row that is complete.
fn complete(text: &mut String, shown: &mut String, row: &Row) {
    match row.text.strip_prefix(shown.as_str()) {
        Some(more) => text.push_str(more),
        // It was drawn over since.
        None => text.push_str(&format!("\n{}", row.text)),
    }
    shown.clear();
}

#[cfg(test)]
mod tests {
    use domain::task::text::screen::Rendering;

    use super::*;

    fn lines() -> Lines {
        Lines { screen: Screen::of_height(1, Rendering::Settled, 0), shown: String::new() }
    }

    #[test]
    fn a_line_is_shown_once_it_is_complete_and_a_prompt_at_once() {
        let mut lines = lines();
        assert_eq!(lines.after("one\ntw"), "one\n");
        assert_eq!(lines.unfinished(), "tw");
        assert_eq!(lines.unfinished(), "");
        assert_eq!(lines.after("o\nPassword: "), "o\n");
        assert_eq!(lines.unfinished(), "Password: ");
        assert_eq!(lines.last(), "");
    }

    #[test]
    fn of_a_progress_bar_the_last_step_is_shown() {
        let mut lines = lines();
        assert_eq!(lines.after("\r1 %\r2 %"), "");
        assert_eq!(lines.unfinished(), "2 %");
        assert_eq!(lines.after("\r3 %"), "");
        assert_eq!(lines.unfinished(), "");
        assert_eq!(lines.after("\r100 %\ndone\n"), "\n100 %\ndone\n");
        assert_eq!(lines.last(), "");
    }
}
