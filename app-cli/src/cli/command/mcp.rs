//! `mcp install`, `uninstall` and `status`: our server in the settings of an agent. It never touches another entry.

use std::env;
use std::path::{Path, PathBuf};

use adapters_fs::FactoryDir;
use adapters_fs::mcp_settings::{Dialect, ServerFile};

use super::hooks::{current_folder, folder, passing};
use crate::Outcome;
use crate::cli::args::{HostArg, McpAction, ScopeArg};
use crate::cli::view::registered::RegisteredView;
use crate::kit::answer::Answer;
use crate::kit::environment;
use crate::kit::failure::Failure;

/// The program where its own path is not known.
const PROGRAM: &str = "task-bg";

/// What an agent has to be told before it calls the tools that launch something.
const fn switch(host: HostArg) -> &'static str {
    match host {
        HostArg::Droid => {
            "the tools that launch and cancel need `droid exec --auto high`; a running session asks"
        }
        HostArg::Claude => {
            "calls are asked for, and in `claude -p` refused, those that only look as well, unless `mcp__task-bg__*` stands \
             under `permissions.allow` or `--allowedTools mcp__task-bg` is given"
        }
        HostArg::Codex => {
            "where approval is `never`, as in `codex exec`, the tools that launch and cancel are refused outside full access, \
             unless `default_tools_approval_mode = \"approve\"` stands in the server's table"
        }
        HostArg::Gemini => {
            "calls are asked for, and without a screen the tools are not offered at all, unless `\"trust\": true` stands in \
             the server's entry or `--approval-mode yolo` is given"
        }
        HostArg::Opencode => {
            "calls are allowed unless a `permission` rule says otherwise; where one says `ask`, `opencode run` ends at a call"
        }
    }
}

/// The variables that the server needs where an agent passes none on: where the store is, and which task it is in.
const VARIABLES: [&str; 7] = [
    environment::DIR,
    environment::HOME_OVERRIDE,
    environment::PARENT_SESSION,
    adapters_process::TASK_ID_VARIABLE,
    adapters_process::DEPTH_VARIABLE,
    environment::AROUND,
    "TASK_BG_MAX_RUNNING",
];

/// Does what is asked for.
pub(crate) fn register(action: McpAction, scope: ScopeArg, host: HostArg) -> Outcome {
    let before = read(scope, host)?;
    let changed = match action {
        McpAction::Install => before.install(&program(), &VARIABLES)?,
        McpAction::Uninstall => before.uninstall(&VARIABLES)?,
        McpAction::Status => None,
    };
    let now = read(scope, host)?;
    let switch = now.is_ours().then(|| switch(host));
    let note = if action == McpAction::Install { passing() } else { None };
    let view = RegisteredView {
        file: now.path().to_owned(),
        changed,
        command: now.registered().map(<[String]>::to_vec),
        is_ours: now.is_ours(),
        switch,
        is_look: action == McpAction::Status,
    };
    Ok(Answer::ok(view).saying(note))
}

/// The file of this scope in which the agent looks for servers.
fn read(scope: ScopeArg, host: HostArg) -> Result<ServerFile, Failure> {
    let (path, dialect) = match (host, scope) {
        (HostArg::Droid, _) => (folder(scope, host)?.servers(), Dialect::Servers),
        (HostArg::Claude, ScopeArg::User) => (claude_state()?, Dialect::Servers),
        (HostArg::Claude, ScopeArg::Project) => {
            (FactoryDir::at(current_folder()?).servers_of_project(), Dialect::Servers)
        }
        (HostArg::Codex, _) => (folder(scope, host)?.config(), Dialect::Tables),
        (HostArg::Gemini, _) => (folder(scope, host)?.settings(), Dialect::Servers),
        (HostArg::Opencode, ScopeArg::User) => (opencode(&folder(scope, host)?), Dialect::Words),
        (HostArg::Opencode, ScopeArg::Project) => {
            (opencode(&FactoryDir::at(current_folder()?)), Dialect::Words)
        }
    };
    Ok(ServerFile::read(path, dialect)?)
}

/// Claude Code keeps its user's servers beside its folder, unless that is elsewhere.
fn claude_state() -> Result<PathBuf, Failure> {
    let elsewhere = environment::variable("CLAUDE_CONFIG_DIR").map(PathBuf::from);
    Ok(match elsewhere.filter(|folder| folder.is_absolute()) {
        Some(folder) => FactoryDir::at(folder).state(),
        None => FactoryDir::at(FactoryDir::plain_home(&environment::variable)?).state(),
    })
}

fn opencode(dir: &FactoryDir) -> PathBuf {
    let [first, second] = dir.opencode_settings();
    if !first.exists() && second.exists() { second } else { first }
}

/// What to register: this program, by its path where that is known.
fn program() -> String {
    let path = env::current_exe()
        .ok()
        .filter(|path| path.file_name() == Some(Path::new(PROGRAM).as_os_str()));
    path.and_then(|path| path.into_os_string().into_string().ok())
        .unwrap_or_else(|| PROGRAM.to_owned())
}
