//! The environment variables that the program reads; no other file reads one.
//!
//! Each function returns what a variable says. Which source of a setting counts, the settings
//! decide.

use std::ffi::OsString;
use std::iter;
use std::path::PathBuf;
use std::time::Duration;

use adapters_fs::{DataDir, FileCallers};
use adapters_process::agents::gemini::SHELL as NAMELESS;
use adapters_process::agents::registry::SESSION_VARIABLES;
use adapters_process::local::ancestry;
use domain::port::Circumstances;
use domain::task::{Job, TaskId};

/// Where the store is.
pub(crate) const DIR: &str = "TASK_BG_DIR";
/// The session that launches tasks.
pub(crate) use adapters_process::PARENT_SESSION_VARIABLE as PARENT_SESSION;

/// Whether tasks get control groups of their own.
pub(crate) use adapters_process::CGROUPS_VARIABLE as CGROUPS;

/// Whether a store may belong to anybody.
pub(crate) const ANY_OWNER: &str = "TASK_BG_ANY_OWNER";

/// Where droid's home folder is, if not in the user's.
pub(crate) const HOME_OVERRIDE: &str = "FACTORY_HOME_OVERRIDE";
/// Whether droid is kept from its service.
pub(crate) use adapters_process::agents::droid::AIRGAP;

/// The tasks that launched the one that a process belongs to, outermost first.
pub(crate) const AROUND: &str = "__TASK_BG_AROUND";

/// Which shell asks what may follow the words that somebody types.
pub(crate) const COMPLETE: &str = "__TASK_BG_COMPLETE";

/// How deep tasks may launch tasks.
pub(crate) const MAX_DEPTH: u32 = 3;

/// Looks up a variable; an empty one counts as unset.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Looks up a variable that holds text.
pub(crate) fn text(name: &str) -> Option<String> {
    variable(name)?.into_string().ok()
}

/// The session that launches tasks: the one that a variable names or, in the shell of an agent that names it to its
/// hooks alone, the one that its hook noted.
pub(crate) fn parent_session() -> Option<String> {
    let named = iter::once(PARENT_SESSION).chain(SESSION_VARIABLES);
    named.into_iter().find_map(text).or_else(noted_session)
}

/// Whether this process was started by the shell of an agent that does not name its session to it.
pub(crate) fn is_in_nameless_session() -> bool {
    variable(NAMELESS).is_some()
}

fn noted_session() -> Option<String> {
    if !is_in_nameless_session() {
        return None;
    }
    let callers = FileCallers::new(DataDir::locate(&variable).ok()?);
    let session = ancestry::ancestors().iter().find_map(|process| callers.session_of(process))?;
    Some(session.as_str().to_owned())
}

/// The home folder, as droid sees it.
pub(crate) fn home() -> Option<PathBuf> {
    variable(HOME_OVERRIDE).or_else(|| variable("HOME")).map(PathBuf::from)
}

/// The folder of the project that the agent works on which started this process, where it says so.
pub(crate) fn project_folder() -> Option<PathBuf> {
    variable("CLAUDE_PROJECT_DIR").map(PathBuf::from)
}

/// Whether this process may do everything on this machine.
pub(crate) fn is_root() -> bool {
    adapters_process::local::identity::is_root()
}

/// Where an agent is about to be started, in an environment in which variables say what `variable` answers.
pub(crate) fn circumstances(variable: &dyn Fn(&str) -> Option<String>) -> Circumstances<'_> {
    let first_process = adapters_process::local::identity::first_command_line;
    Circumstances { is_root: is_root(), variable, first_process }
}

/// Whether a store may belong to anybody.
pub(crate) fn any_owner() -> bool {
    text(ANY_OWNER).is_some_and(|value| value != "0" && value != "false")
}

/// The task that this process belongs to.
pub(crate) fn task() -> Option<TaskId> {
    TaskId::parse(&text(adapters_process::TASK_ID_VARIABLE)?).ok()
}

/// The task that this process belongs to, and those that launched it one after another.
pub(crate) fn tasks_around() -> Vec<TaskId> {
    let outer = text(AROUND).unwrap_or_default();
    let outer = outer.split(' ').filter_map(|id| TaskId::parse(id).ok());
    outer.chain(task()).collect()
}

/// The variable that tells whatever this process launches which tasks are around it.
pub(crate) fn around() -> Option<(OsString, OsString)> {
    let ids: Vec<String> = tasks_around().iter().map(ToString::to_string).collect();
    (!ids.is_empty()).then(|| (AROUND.into(), ids.join(" ").into()))
}

/// How many tasks deep this process is.
pub(crate) fn depth() -> u32 {
    text(adapters_process::DEPTH_VARIABLE).and_then(|depth| depth.parse().ok()).unwrap_or(0)
}

/// The longest grace of a supervisor that is the process of a cluster's job.
pub(crate) fn most_grace() -> Option<Duration> {
    let millis = text(adapters_process::MOST_GRACE_VARIABLE)?.parse().ok()?;
    Some(Duration::from_millis(millis))
}

/// The variables that the programs of a cluster start with.
pub(crate) fn of_clusters() -> Vec<(OsString, OsString)> {
    let said = |name: &str| Some((name.into(), variable(name)?));
    adapters_process::slurm::VARIABLES.into_iter().filter_map(said).collect()
}

/// The job of a cluster that this process belongs to.
pub(crate) fn job() -> Option<Job> {
    Some(Job {
        id: Some(text("SLURM_JOB_ID")?),
        cluster: None,
        partition: text("SLURM_JOB_PARTITION"),
        state: Some("RUNNING".to_owned()),
        ..Job::default()
    })
}

/// The whole environment of this process.
pub(crate) fn all() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}
