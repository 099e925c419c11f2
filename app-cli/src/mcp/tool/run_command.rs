//! `run_command`: a shell command that goes on by itself.

use super::{Call, Kind, Nature, Said, Tool, context, launching, optional, required};
use crate::cli::command::ordering::{Work, quoted};
use crate::kit::failure::Failure;
use crate::mcp::arguments::Arguments;

pub(super) const TOOL: Tool = Tool {
    name: "run_command",
    description: "Run a shell command in the background: a build, a test suite, anything that takes longer than a \
                  minute. Returns at once with the task's id; it has not finished then.",
    properties: &[
        required("command", Kind::Text, "Command line for sh."),
        optional("title", Kind::Text, "A few words that name the task."),
        optional("cwd", Kind::Text, "Folder to run in."),
        optional("after", Kind::Texts, "Ids of tasks that have to complete first."),
        optional(
            "on",
            Kind::Text,
            "Where to run it: local, slurm, slurm:PARTITION or ssh:HOST, if not the usual place.",
        ),
        optional("max_time_s", Kind::Number, "Stop it after so many seconds."),
    ],
    title: "Run a command",
    nature: Nature::Launching,
    run,
};

fn run(call: &Call<'_>, arguments: &Arguments) -> Result<Said, Failure> {
    let line = arguments.text("command")?.unwrap_or_default();
    let argv = vec!["sh".to_owned(), "-c".to_owned(), line.clone()];
    let prompt = quoted(&argv)?;
    launching::launch(context()?, call, arguments, (prompt, Work::Command(argv), None), &line)
}
