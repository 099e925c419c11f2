//! What `doctor` says about droid: the program, its hooks, our plugin, its droids, its sandbox.
//!
//! Nothing here writes one of droid's files.

use std::ffi::OsStr;
use std::iter;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adapters_fs::FactoryDir;
use adapters_fs::hook_settings::HookScope;
use adapters_fs::inspection::installed_plugin;
use adapters_process::local::program;
use adapters_process::probe;
use domain::task::droid::{Catalog, UnreadableDroid};
use domain::usecase::{droids, runners};
use serde_json::Value;

use super::store::Used;
use super::{fail, warn, well};
use crate::cli::args::{HostArg, ScopeArg};
use crate::cli::command::folder::working_folder;
use crate::cli::command::hooks;
use crate::cli::view::doctor::{Finding, Health};
use crate::cli::view::droids::place;
use crate::cli::view::hooks::flaws;
use crate::kit::context::Context;
use crate::kit::environment;
use crate::kit::failure::Failure;
use crate::kit::settings::{Settings, Source};

/// How long an agent may take to say its version: some take seconds, and more on a machine at work.
const PATIENCE: Duration = Duration::from_secs(20);
/// The name of our plugin.
const PLUGIN: &str = "task-bg";

/// Whether the agents in use are there, which versions they are, and whether what they need is beside them: the
/// agent that works where an order names none, and those of the tasks that have not ended. That an agent is missing is a
/// failure only where something uses it: a setting that names it, or a task.
pub(super) fn in_use(context: &Context, used: &Used) -> Vec<Finding> {
    let Settings { runner, droid, .. } = &context.settings;
    let mut names = vec![runner.value.clone()];
    names.extend(used.now.iter().filter(|name| **name != runner.value).cloned());
    let is_said = runner.source != Source::Default || droid.source != Source::Default;
    let agents = names.into_iter().map(|name| {
        let is_used = is_said || used.ever.contains(&name);
        agent(context, name, is_used)
    });
    let mut findings: Vec<Finding> = agents.collect();
    if findings.iter().any(|finding| finding.health == Health::Ok) {
        findings.push(ps());
    }
    findings
}

/// Whether one agent is there, and which version it is.
fn agent(context: &Context, name: String, is_used: bool) -> Finding {
    let agent = match runners::choose(context.wiring.agents.as_ref(), &name) {
        Ok(agent) => agent,
        Err(unknown) => {
            let failure = Failure::from(unknown);
            return fail(name, failure.sentence(), failure.hints.join("; "));
        }
    };
    let Some(program) = agent.program() else { return well(name, "it is started as it says") };
    let word = OsStr::from_bytes(program.name.as_bytes());
    let shown = word.to_string_lossy();
    match probe::version(word, PATIENCE) {
        Ok(version) => well(name, format!("`{shown}` is version {version}")),
        Err(silent @ probe::Silent::NotFound) if !is_used => {
            let unused = "nothing here uses it so far, and `run` needs none";
            warn(name, format!("`{shown}`: {silent}; {unused}"), program.install)
        }
        Err(silent @ probe::Silent::NotFound) => {
            fail(name, format!("`{shown}`: {silent}"), program.install)
        }
        Err(silent) => {
            fail(name, format!("`{shown}`: {silent}"), format!("run `{shown} --version` by hand"))
        }
    }
}

/// Whether `ps` is there: droid ends every command of its agents where it cannot ask `ps`.
fn ps() -> Finding {
    let path = environment::variable("PATH");
    match program::find(OsStr::new("ps"), Path::new("/"), path.as_deref()) {
        Ok(found) => well("ps", format!("`{}`", found.display())),
        Err(why) => warn(
            "ps",
            format!("`ps`: {why}; droid ends the commands of its agents without it"),
            "install procps, or put the folder of `ps` on PATH",
        ),
    }
}

/// The scopes that droid reads here. In the home folder itself there is but one.
fn scopes() -> Vec<(ScopeArg, &'static str)> {
    let mut scopes = vec![(ScopeArg::User, "user")];
    let here = hooks::current_folder().ok().map(|here| FactoryDir::droid(&here));
    if here != home() {
        scopes.push((ScopeArg::Project, "project"));
    }
    scopes
}

fn home() -> Option<FactoryDir> {
    FactoryDir::home(&environment::variable).ok().map(|home| FactoryDir::droid(&home))
}

/// Whether the hook works, through settings or through the plugin, and not through both.
pub(super) fn hooks_and_plugin() -> Vec<Finding> {
    let read = |(scope, name)| (name, hooks::read(scope, HostArg::Droid));
    let scopes: Vec<_> = scopes().into_iter().map(read).collect();
    let plugin = home().and_then(|home| installed_plugin(&home, PLUGIN));
    let is_off = |id: &str| {
        // The project, which comes last, has the last word.
        let said = scopes.iter().rev().find_map(|(_, scope)| {
            scope.as_ref().ok()?.settings_value()?.get("enabledPlugins")?.get(id)?.as_bool()
        });
        said == Some(false)
    };
    let plugin_works = plugin.as_deref().is_some_and(|id| !is_off(id));
    let mut findings = vec![hooks_finding(&scopes, plugin_works)];
    findings.push(match plugin {
        Some(id) if plugin_works => well("plugin", format!("`{id}` is installed")),
        Some(id) => warn(
            "plugin",
            format!("`{id}` is installed and switched off"),
            "set it to true under `enabledPlugins` in droid's settings",
        ),
        None => well("plugin", "it is not installed, and need not be where hooks are registered"),
    });
    findings
}

fn hooks_finding(scopes: &[(&str, Result<HookScope, Failure>)], plugin_works: bool) -> Finding {
    let (mut flawed, mut working) = (Vec::new(), Vec::new());
    for (name, scope) in scopes {
        match scope {
            Ok(scope) => {
                let state = scope.state();
                flawed.extend(flaws(&state));
                if !state.working.is_empty() {
                    working.push(format!("{name} settings ({})", state.working.join(", ")));
                }
            }
            Err(failure) => flawed.push(failure.sentence()),
        }
    }
    if plugin_works {
        working.push("plugin".to_owned());
    }
    let by = working.join(", ");
    if !flawed.is_empty() {
        return warn(
            "hooks",
            flawed.join("; "),
            "mend what is named; `task-bg hooks status` shows it again",
        );
    }
    match working.len() {
        0 => warn(
            "hooks",
            "the hook is not registered; tasks run without it, but their ends are not announced",
            "run `task-bg hooks install`, or install the plugin",
        ),
        1 => well("hooks", format!("registered: {by}")),
        _ => warn(
            "hooks",
            format!("registered more than once, so it runs more than once: {by}"),
            "run `task-bg hooks uninstall` in all scopes but one",
        ),
    }
}

/// Which droids a task that works here can be given to, which definitions are hidden, and which cannot be used.
pub(super) async fn droids(context: &Context) -> Finding {
    let Ok(cwd) = working_folder(None) else {
        return warn("droids", "the current folder cannot be used", "go to a folder that exists");
    };
    let catalog = droids::droids(&context.wiring.droids, &cwd).await;
    let detail = counted(&catalog);
    let unreadable: Vec<String> = catalog.unreadable().map(unusable).collect();
    if unreadable.is_empty() {
        return well("droids", detail);
    }
    let fix = "mend or remove what is named; no task can be given to a droid that cannot be read";
    warn("droids", format!("{}; {detail}", unreadable.join("; ")), fix)
}

fn counted(catalog: &Catalog) -> String {
    let visible = catalog.visible();
    let sources = ["project", "user", "plugin", "builtin"].map(|word| {
        let of_it = visible.iter().filter(|it| it.droid.source.word() == word).count();
        (of_it > 0).then(|| format!("{of_it} {word}"))
    });
    let sources: Vec<String> = sources.into_iter().flatten().collect();
    let hidden = visible.iter().flat_map(|it| {
        it.shadows
            .iter()
            .map(|hidden| format!("`{}` hides the one of {}", it.droid.name, place(hidden)))
    });
    let all = iter::once(format!("{} ({})", visible.len(), sources.join(", "))).chain(hidden);
    all.collect::<Vec<_>>().join("; ")
}

fn unusable(droid: &UnreadableDroid) -> String {
    format!("`{}`: {}", droid.path, droid.reason)
}

/// Whether droid's sandbox lets agents write the store.
pub(super) fn sandbox(store: &Path) -> Finding {
    for (scope, name) in scopes() {
        let Ok(scope) = hooks::read(scope, HostArg::Droid) else { continue };
        let Some(sandbox) = scope.settings_value().and_then(|all| all.get("sandbox").cloned())
        else {
            continue;
        };
        if sandbox.get("enabled") != Some(&Value::Bool(true)) {
            continue;
        }
        let allowed = listed(&sandbox, "allowWrite").iter().any(|path| store.starts_with(path));
        let denied = listed(&sandbox, "denyWrite").iter().any(|path| store.starts_with(path));
        if denied || !allowed {
            return fail(
                "sandbox",
                format!(
                    "droid's sandbox ({name} settings) does not let agents write `{}`",
                    store.display()
                ),
                "add that folder to `sandbox.filesystem.allowWrite`, and take it out of `denyWrite`",
            );
        }
    }
    well("sandbox", "nothing in droid's settings keeps agents from writing the store")
}

fn listed(sandbox: &Value, list: &str) -> Vec<PathBuf> {
    let paths = sandbox.get("filesystem").and_then(|it| it.get(list)?.as_array());
    let paths = paths.into_iter().flatten().filter_map(Value::as_str);
    paths.filter_map(absolute).collect()
}

fn absolute(path: &str) -> Option<PathBuf> {
    if path == "~" || path.starts_with("~/") {
        let home = FactoryDir::plain_home(&environment::variable).ok()?;
        return Some(home.join(path.trim_start_matches('~').trim_start_matches('/')));
    }
    Some(hooks::current_folder().ok()?.join(path))
}
