//! `launch_agent`: a coding agent that works on its own.

use super::{Call, Kind, Nature, Said, Tool, context, launching, optional, required};
use crate::cli::command::ordering::{Work, parse_autonomy};
use crate::kit::failure::Failure;
use crate::mcp::arguments::Arguments;

pub(super) const TOOL: Tool = Tool {
    name: "launch_agent",
    description: "Start a coding agent in the background, for a piece of work that can be done on its own while you go \
                  on. Returns at once with the task's id; it has not finished then. Several calls in one turn run in \
                  parallel.",
    properties: &[
        required(
            "prompt",
            Kind::Text,
            "The whole task: goal, files, limits, what to answer with. The agent sees nothing else.",
        ),
        optional("title", Kind::Text, "A few words that name the task."),
        optional(
            "role",
            Kind::Text,
            "Kind of worker, such as explorer, executor-med or code-reviewer.",
        ),
        optional("runner", Kind::Text, "Agent program: droid, claude, codex, gemini or opencode."),
        optional("model", Kind::Text, "Model, if not the usual one."),
        optional(
            "autonomy",
            Kind::Choice(&["none", "low", "medium", "high"]),
            "low only reads, medium edits and builds, high may install and push.",
        ),
        optional("cwd", Kind::Text, "Folder to work in."),
        optional("worktree", Kind::Flag, "Work in a git worktree and branch of its own."),
        optional("after", Kind::Texts, "Ids of tasks that have to complete first."),
        optional(
            "on",
            Kind::Text,
            "Where to run it: local, slurm, slurm:PARTITION or ssh:HOST, if not the usual place.",
        ),
        optional("max_time_s", Kind::Number, "Stop it after so many seconds."),
    ],
    title: "Launch an agent",
    nature: Nature::Launching,
    run,
};

fn run(call: &Call<'_>, arguments: &Arguments) -> Result<Said, Failure> {
    let autonomy = arguments.choice("autonomy")?.map(|word| parse_autonomy(&word)).transpose()?;
    let work = Work::Agent { name: arguments.text("runner")?, autonomy };
    let prompt = arguments.text("prompt")?.unwrap_or_default();
    let droid = arguments.text("role")?;
    launching::launch(context()?, call, arguments, (prompt.clone(), work, droid), &prompt)
}
