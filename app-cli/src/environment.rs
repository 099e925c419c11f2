//! The environment variables that the program reads and sets, in one table.
//!
//! The documents print this table; nothing else in the program reads the environment.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use domain::task::plan::admission::Limits;
use domain::task::{Policy, TaskId};

use crate::args::{Format, parse_duration};
use crate::failure::{Failure, Kind};

/// One variable, for the documents.
pub(crate) struct Variable {
    name: &'static str,
    meaning: &'static str,
}

/// Where the store is.
pub(crate) const DIR: &str = "TASK_BG_DIR";
const DROID: &str = "TASK_BG_DROID";
const FORMAT: &str = "TASK_BG_FORMAT";
const TTL: &str = "TASK_BG_TTL";
const STALE: &str = "TASK_BG_STALE";
const MAX_RUNNING: &str = "TASK_BG_MAX_RUNNING";
const AIRGAP: &str = "FACTORY_AIRGAP_ENABLED";
const PARENT_SESSION: &str = "TASK_BG_PARENT_SESSION";

/// Every variable, in the order of the documents.
pub(crate) const TABLE: [Variable; 13] = [
    Variable {
        name: DIR,
        meaning: "the store's folder, as an absolute path; default `~/.factory/.omd/background-tasks`",
    },
    Variable { name: DROID, meaning: "the droid program, by name or path; default `droid`" },
    Variable {
        name: FORMAT,
        meaning: "how to answer, where no flag says so: `json`, `ndjson`, `table` or `markdown`",
    },
    Variable {
        name: MAX_RUNNING,
        meaning: "how many tasks run at once, the others wait; default 10",
    },
    Variable {
        name: TTL,
        meaning: "how long a task without a time limit may run before `prune` gives it up; default `30m`",
    },
    Variable {
        name: STALE,
        meaning: "half of how long a task may be silent before `prune` gives it up; default `5m`",
    },
    Variable {
        name: PARENT_SESSION,
        meaning: "the session that launches tasks, where no argument names it",
    },
    Variable {
        name: "FACTORY_HOME_OVERRIDE",
        meaning: "takes the place of the home folder, as it does for droid",
    },
    Variable {
        name: AIRGAP,
        meaning: "droid's own: it is kept from its service, so `resume` goes on in a copy of the session",
    },
    Variable {
        name: "CLAUDE_ENV_FILE",
        meaning: "read by the hook where its input does not name it: the file through which an agent's shell gets its variables",
    },
    Variable { name: "NO_COLOR", meaning: "if set, answers have no colour" },
    Variable {
        name: adapters_process::TASK_ID_VARIABLE,
        meaning: "set for a task's processes: the task's id",
    },
    Variable {
        name: adapters_process::DEPTH_VARIABLE,
        meaning: "set for a task's processes: how many tasks deep they are",
    },
];

/// How deep tasks may launch tasks.
pub(crate) const MAX_DEPTH: u32 = 3;

/// Looks up a variable; an empty one counts as unset.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn text(name: &str) -> Option<String> {
    variable(name)?.into_string().ok()
}

/// The table as Markdown.
pub(crate) fn markdown() -> String {
    let rows = TABLE.iter().map(|row| format!("| `{}` | {} |\n", row.name, row.meaning));
    format!("| variable | meaning |\n|---|---|\n{}", rows.collect::<String>())
}

/// The format that the environment asks for; one that it cannot mean is passed over.
pub(crate) fn format() -> Option<Format> {
    clap::ValueEnum::from_str(&text(FORMAT)?, true).ok()
}

/// The home folder, as droid sees it.
pub(crate) fn home() -> Option<PathBuf> {
    variable("FACTORY_HOME_OVERRIDE").or_else(|| variable("HOME")).map(PathBuf::from)
}

/// The droid program.
pub(crate) fn droid() -> OsString {
    variable(DROID).unwrap_or_else(|| "droid".into())
}

/// The session that launches tasks.
pub(crate) fn parent_session() -> Option<String> {
    text(PARENT_SESSION)
}

/// Whether droid is kept from its service.
pub(crate) fn is_airgapped() -> bool {
    text(AIRGAP).is_some_and(|value| value != "0" && value != "false")
}

/// The task that this process belongs to.
pub(crate) fn task() -> Option<TaskId> {
    TaskId::parse(&text(adapters_process::TASK_ID_VARIABLE)?).ok()
}

/// How many tasks deep this process is.
pub(crate) fn depth() -> u32 {
    text(adapters_process::DEPTH_VARIABLE).and_then(|depth| depth.parse().ok()).unwrap_or(0)
}

/// The whole environment of this process.
pub(crate) fn all() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

/// How many tasks may run at once.
///
/// # Errors
/// A usage failure that names the variable, if it is no number above 0.
pub(crate) fn limits() -> Result<Limits, Failure> {
    let usual = Limits::default();
    let Some(value) = text(MAX_RUNNING) else { return Ok(usual) };
    match value.parse() {
        Ok(max_running) if max_running > 0 => Ok(Limits { max_running, ..usual }),
        Ok(_) | Err(_) => {
            let message = format!("`{MAX_RUNNING}` is `{value}`, which is no number above 0");
            Err(Failure::new(Kind::Usage, message)
                .hint("to let nobody in, run `task-bg queue pause`"))
        }
    }
}

/// What life means for a task.
///
/// # Errors
/// A usage failure that names the variable, if one is no duration.
pub(crate) fn policy() -> Result<Policy, Failure> {
    let span = |name: &str| -> Result<Option<Duration>, Failure> {
        text(name)
            .map(|value| {
                parse_duration(&value).map_err(|forms| {
                    Failure::new(Kind::Usage, format!("`{name}` is `{value}`: {forms}"))
                })
            })
            .transpose()
    };
    let usual = Policy::default();
    Ok(Policy {
        time_to_live: span(TTL)?.unwrap_or(usual.time_to_live),
        silence: span(STALE)?.map_or(usual.silence, |stale| stale * 2),
        ..usual
    })
}
