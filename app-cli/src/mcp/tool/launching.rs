//! What the two tools that launch something share: the terms of an order, and what is said of a launched task.

use std::path::PathBuf;

use domain::port::{Agent, Agents};
use domain::task::{Status, Target, text};

use super::{Call, Said};
use crate::cli::command::ordering::{self, Once, Wanted, Work};
use crate::kit::context::Context;
use crate::kit::environment;
use crate::kit::failure::{Failure, Kind};
use crate::mcp::arguments::Arguments;
use crate::mcp::words as wording;

/// The most characters of a title that is made of a prompt.
const TITLE: usize = 60;

/// Launches what the arguments ask for; without a title it is named after what was said.
///
/// # Errors
/// Why it was not launched.
pub(super) fn launch(
    context: Context,
    call: &Call<'_>,
    arguments: &Arguments,
    (prompt, work, droid): (String, Work, Option<String>),
    said: &str,
) -> Result<Said, Failure> {
    let title = arguments.text("title")?;
    let description = title.unwrap_or_else(|| {
        let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        text::preview(first.trim(), TITLE)
    });
    // A folder of another machine is found out about there.
    let on = arguments.text("on")?.map(|word| target(&word)).transpose()?;
    let is_abroad = matches!(on.as_ref().unwrap_or(&context.settings.on.value), Target::Ssh { .. });
    let cwd = if is_abroad {
        arguments.text("cwd")?.map(|asked| PathBuf::from(asked.trim()))
    } else {
        Some(folder(arguments)?)
    };
    let place = cwd.as_ref().map(|cwd| cwd.to_string_lossy().into_owned()).unwrap_or_default();
    let wanted = Wanted {
        description,
        prompt,
        droid,
        work,
        parent: call.meta.session().map(|session| session.as_str().to_owned()),
        key: call.meta.key(arguments.tool(), &place, &arguments.as_text()),
        cwd,
        on,
        timeout: arguments.span("max_time_s")?,
        ..Wanted::default()
    };
    let (worktree, model) = match wanted.work {
        Work::Agent { .. } => {
            (arguments.flag("worktree")?.then(String::new), arguments.text("model")?)
        }
        Work::Command(_) => (None, None),
    };
    let is_of_nobody = wanted.parent.is_none();
    let after = arguments.texts("after")?;
    let said = pollster::block_on(async {
        let after = context.resolve_all(&after).await?;
        let ready = ordering::order(&context, Wanted { model, after, worktree, ..wanted }).await?;
        let warning = context.wiring.agents.of(&ready.order.runner).and_then(Agent::warning);
        let once = ordering::launch(&context, context.wiring.world().mint(), ready).await?;
        if is_of_nobody {
            call.told.launch(once.task().id());
        }
        Ok::<String, Failure>(words(&once, warning))
    });
    Ok(Said::text(said?).over(context, false))
}

/// Where a task is to run.
fn target(word: &str) -> Result<Target, Failure> {
    Target::parse(word.trim()).map_err(|invalid| {
        Failure::new(Kind::Usage, format!("`on` is `{word}`, which is no target: {invalid}"))
            .hint("give `on` as local, slurm, slurm:PARTITION or ssh:HOST, or leave it out")
    })
}

/// The folder to work in, which is there: relative to the client's project.
fn folder(arguments: &Arguments) -> Result<PathBuf, Failure> {
    let project = environment::project_folder();
    let is_lost = project.as_ref().is_some_and(|project| !project.is_dir());
    let asked = arguments.text("cwd")?.map(|asked| PathBuf::from(asked.trim()));
    let goes_by_project = asked.as_ref().is_none_or(|asked| asked.is_relative());
    let folder = project.unwrap_or_default().join(asked.unwrap_or_default());
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    if folder.is_dir() {
        return Ok(std::path::absolute(&folder).unwrap_or(folder));
    }
    let failure = Failure::new(Kind::Usage, format!("`{}` is no folder", folder.display()));
    Err(failure.hint(if is_lost && goes_by_project {
        "give `cwd` as the absolute path of a folder that exists: `CLAUDE_PROJECT_DIR`, which the server has from its \
         client, names none"
    } else {
        "give `cwd` as a folder that exists, or leave it out"
    }))
}

/// That a task was launched, and what to do then.
fn words(once: &Once, warning: Option<String>) -> String {
    let task = once.task();
    let id = task.id();
    let state = wording::state(task);
    let state = match (once, task.status()) {
        (Once::Launched(_), Status::Queued) => {
            format!("{state}, not finished: it has not started, and does so by itself")
        }
        (Once::Launched(_), Status::Running) => {
            format!("{state}, not finished: this only means that it was started")
        }
        (Once::Existing(_), Status::Queued | Status::Running) => {
            format!("{state}, not finished; launched by this very call before")
        }
        (Once::Existing(_), Status::Completed | Status::Error | Status::Cancelled) => {
            format!("{state}; launched by this very call before")
        }
        (Once::Launched(_), Status::Completed | Status::Error | Status::Cancelled) => state,
    };
    let mut said = format!("id: {id}\nstate: {state}\n");
    if let Some(file) = &task.progress().output_file {
        said.push_str(&format!("output: {file}\n"));
    }
    if let Once::Existing(_) = once {
        said.push_str(
            "note: nothing was launched anew, as this call was made before; for another run say another `title`\n",
        );
    }
    let notes = once.troubles().into_iter().map(|trouble| Failure::from(trouble).sentence());
    for note in notes.chain(warning) {
        said.push_str(&format!("note: {}\n", text::one_line(&note, 300)));
    }
    said.push_str(&format!(
        "next: go on with other work, then wait_for_tasks {{\"ids\":[\"{id}\"]}}"
    ));
    said
}
