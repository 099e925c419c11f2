//! `task_output`: what a task found or wrote, a bounded part at a time.

use domain::port::{LogPart, LogText, Portion, Stream};
use domain::task::text::screen::Rendering;
use domain::usecase::output::{output as read, quoted_in_part};

use super::{Call, Kind, Nature, Said, Tool, context, optional, required};
use crate::cli::command::elsewhere;
use crate::cli::command::output::{page, result};
use crate::kit::failure::Failure;
use crate::mcp::arguments::Arguments;
use crate::mcp::words;

/// The usual length of an answer, in characters.
const USUAL: u64 = 8_000;
/// The most characters of an answer.
const MOST: u64 = 30_000;
/// The most lines of the end of a log that another machine is asked for.
const LINES: usize = 2_000;
/// What stands before the text, in characters.
const HEAD: u64 = 800;

pub(super) const TOOL: Tool = Tool {
    name: "task_output",
    description: "Read what a task found or wrote, where an answer says that it was cut, or to see how a task that still \
                  works is doing. Says size and next offset first, then at most max_chars characters.",
    properties: &[
        required("id", Kind::Text, "The task."),
        optional(
            "mode",
            Kind::Choice(&["result", "tail", "head", "raw"]),
            "result (usual once it has ended; of a command the last lines), tail or head of its log, or raw bytes of the \
             log.",
        ),
        optional("offset", Kind::Number, "Byte to begin at, from an earlier answer."),
        optional("max_chars", Kind::Number, "8000 if left out, at most 30000."),
    ],
    title: "Read a task's output",
    nature: Nature::Looking,
    run,
};

fn run(_: &Call<'_>, arguments: &Arguments) -> Result<Said, Failure> {
    let (mode, offset) = (arguments.choice("mode")?, arguments.number("offset")?);
    let most = arguments.number("max_chars")?.unwrap_or(USUAL).clamp(100, MOST);
    let room = usize::try_from(most.min(MOST - HEAD)).unwrap_or_default().saturating_mul(2);
    let typed = arguments.text("id")?.unwrap_or_default();
    let context = context()?;
    let (said, task) = pollster::block_on(async {
        let id = context.resolve(typed.trim()).await?;
        let shown = |what, rendering| LogPart::Shown { what, rendering, room };
        let start = Portion::From(offset.unwrap_or(0));
        // Without a mode, the result is meant if there can be one.
        let part = match (mode.as_deref(), offset) {
            (Some("head"), _) | (Some("tail"), Some(_)) => shown(start, Rendering::Settled),
            (Some("raw"), _) => shown(start, Rendering::Verbatim),
            (Some("result"), _) => shown(Portion::LastLines(0), Rendering::Settled),
            (_, _) => shown(Portion::LastLines(usize::MAX), Rendering::Settled),
        };
        let there = if mode.as_deref() == Some("result") {
            elsewhere::refresh_ids(&context, std::slice::from_ref(&id)).await;
            None
        } else {
            let start = match (mode.as_deref(), offset) {
                (Some("head" | "raw"), _) | (Some("tail"), Some(_)) => start,
                (_, _) => Portion::LastLines(LINES),
            };
            elsewhere::portion(&context, &id, start, room).await?
        };
        let mut receipt = read(context.wiring.world(), &id, (Stream::Readable, part)).await?;
        let (log, path) = there.unzip();
        receipt.log = log.unwrap_or(receipt.log);
        let task = receipt.believed.task.clone();
        let is_result =
            mode.as_deref() == Some("result") || (mode.is_none() && task.status().is_ended());
        if is_result {
            receipt.log = page(&result(&task, false)?, offset.unwrap_or(0), room);
        }
        let mut said = format!("id: {id}\nstate: {}\n", words::state(&task));
        let what = if is_result { "result" } else { "log" };
        said.push_str(&extent(&receipt.log, what));
        if is_result && let Some(bytes) = quoted_in_part(context.wiring.world(), &task).await? {
            said.push_str(&format!(
                "cut: the result of a command is the end of its log, which has {bytes} bytes; mode tail, head or raw \
                 shows the log\n"
            ));
        }
        if let Some(file) = path.as_ref().or(task.progress().output_file.as_ref()) {
            said.push_str(&format!("file: {file}\n"));
        }
        let body = words::harmless(&receipt.log.text);
        let body = if body.trim().is_empty() { "(nothing)" } else { body.as_str() };
        Ok::<_, Failure>((format!("{said}\n{body}"), task))
    })?;
    Ok(Said::text(said).collecting(vec![task]).over(context, true))
}

/// How much there is, and where the rest begins.
fn extent(log: &LogText, what: &str) -> String {
    let mut said = format!("{what}: {} bytes in all\n", log.total_bytes);
    match log.gap {
        Some(gap) => said.push_str(&format!(
            "cut: {} bytes are not shown; next_offset: {}\n",
            gap.bytes, gap.offset
        )),
        None if log.truncated => {
            said.push_str("cut: the beginning is not shown; offset 0 shows it\n");
        }
        None => {}
    }
    said
}
