//! What the program reads of its environment; nothing else in it does.
//!
//! Says what is there, never what it comes to: that is decided over all sources of a setting.

use std::ffi::OsString;
use std::path::PathBuf;

use domain::task::TaskId;

/// Where the store is.
pub(crate) const DIR: &str = "TASK_BG_DIR";
/// The session that launches tasks.
pub(crate) const PARENT_SESSION: &str = "TASK_BG_PARENT_SESSION";

/// Where droid's home folder is, if not in the user's.
pub(crate) const HOME_OVERRIDE: &str = "FACTORY_HOME_OVERRIDE";
/// Whether droid is kept from its service.
pub(crate) const AIRGAP: &str = "FACTORY_AIRGAP_ENABLED";

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

/// The session that launches tasks.
pub(crate) fn parent_session() -> Option<String> {
    text(PARENT_SESSION)
}

/// The home folder, as droid sees it.
pub(crate) fn home() -> Option<PathBuf> {
    variable(HOME_OVERRIDE).or_else(|| variable("HOME")).map(PathBuf::from)
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
