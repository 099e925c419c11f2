//! `hooks`: registers the hook, takes it out, and says how things stand. It never touches another entry.

use std::env;
use std::path::{Path, PathBuf};

use adapters_fs::FactoryDir;
use adapters_fs::hook_settings::{
    Change, Form, HOOK, HookScope, HookSettingsError, Plugin, ScopeState, command_for,
};

use crate::Outcome;
use crate::cli::args::{Hooks, HooksAction, HostArg, ScopeArg};
use crate::cli::view::hooks::{ChangedView, SnippetView, StatusView};
use crate::kit::answer::Answer;
use crate::kit::environment;
use crate::kit::failure::{Failure, Kind};

/// What has to be done by hand besides.
const UNTRUSTED: &str =
    "Codex runs a hook only once it is trusted: start `codex`, and say so under `/hooks`";

pub(super) fn hooks(args: &Hooks) -> Outcome {
    let (scope, host) = (args.scope, args.host());
    let registered = Registered::read(scope, host)?;
    let command = command();
    match args.action {
        HooksAction::Install => {
            let changes = registered.install(&command)?;
            let state = Registered::read(scope, host)?.state();
            let untrusted =
                (host == HostArg::Codex && !changes.is_empty()).then(|| UNTRUSTED.to_owned());
            let view = ChangedView { changes, command: Some(command), state };
            Ok(Answer::ok(view).saying(untrusted).saying(passing()))
        }
        HooksAction::Uninstall => {
            let changes = registered.uninstall()?;
            let state = Registered::read(scope, host)?.state();
            Ok(Answer::ok(ChangedView { changes, command: None, state }))
        }
        HooksAction::Print => {
            let (path, form, text) = registered.snippet(&command);
            Ok(Answer::ok(SnippetView { path, form, text }))
        }
        HooksAction::Status => Ok(Answer::ok(StatusView { state: registered.state() })),
    }
}

/// Where the hook is or would be registered.
enum Registered {
    Settings(HookScope),
    Plugin(Plugin),
}

impl Registered {
    fn read(scope: ScopeArg, host: HostArg) -> Result<Self, Failure> {
        if host == HostArg::Opencode {
            return Ok(Self::Plugin(Plugin::read(&folder(scope, host)?)?));
        }
        Ok(Self::Settings(read(scope, host)?))
    }

    fn install(&self, command: &str) -> Result<Vec<Change>, HookSettingsError> {
        match self {
            Self::Settings(scope) => scope.install(command),
            Self::Plugin(plugin) => plugin.install(command),
        }
    }

    fn uninstall(&self) -> Result<Vec<Change>, HookSettingsError> {
        match self {
            Self::Settings(scope) => scope.uninstall(),
            Self::Plugin(plugin) => plugin.uninstall(),
        }
    }

    fn snippet(&self, command: &str) -> (PathBuf, Form, String) {
        match self {
            Self::Settings(scope) => scope.snippet(command),
            Self::Plugin(plugin) => plugin.snippet(command),
        }
    }

    fn state(&self) -> ScopeState {
        match self {
            Self::Settings(scope) => scope.state(),
            Self::Plugin(plugin) => plugin.state(),
        }
    }
}

/// The hooks of one scope, as they are now.
pub(super) fn read(scope: ScopeArg, host: HostArg) -> Result<HookScope, Failure> {
    let dir = folder(scope, host)?;
    Ok(match host {
        HostArg::Droid => HookScope::droid(&dir)?,
        HostArg::Claude | HostArg::Opencode => HookScope::claude(&dir)?,
        HostArg::Codex => HookScope::codex(&dir)?,
        HostArg::Gemini => HookScope::gemini(&dir)?,
    })
}

/// The folder in which an agent has its settings.
pub(super) fn folder(scope: ScopeArg, host: HostArg) -> Result<FactoryDir, Failure> {
    let base = match (scope, host) {
        (ScopeArg::Project, _) => current_folder()?,
        (ScopeArg::User, HostArg::Droid) => FactoryDir::home(&environment::variable)?,
        (ScopeArg::User, _) => FactoryDir::plain_home(&environment::variable)?,
    };
    let elsewhere =
        |name| environment::variable(name).map(PathBuf::from).filter(|it| it.is_absolute());
    Ok(match (scope, host) {
        (_, HostArg::Droid) => FactoryDir::droid(&base),
        (ScopeArg::User, HostArg::Claude) => {
            elsewhere("CLAUDE_CONFIG_DIR").map_or_else(|| FactoryDir::claude(&base), FactoryDir::at)
        }
        (ScopeArg::Project, HostArg::Claude) => FactoryDir::claude(&base),
        (ScopeArg::User, HostArg::Codex) => {
            elsewhere("CODEX_HOME").map_or_else(|| FactoryDir::codex(&base), FactoryDir::at)
        }
        (ScopeArg::Project, HostArg::Codex) => FactoryDir::codex(&base),
        (_, HostArg::Gemini) => FactoryDir::gemini(&base),
        (ScopeArg::User, HostArg::Opencode) => {
            FactoryDir::opencode_of_user(&base, elsewhere("XDG_CONFIG_HOME").as_deref())
        }
        (ScopeArg::Project, HostArg::Opencode) => FactoryDir::opencode_of_project(&base),
    })
}

/// The folder this program was started in.
pub(super) fn current_folder() -> Result<PathBuf, Failure> {
    env::current_dir().map_err(|error| {
        Failure::new(Kind::Usage, format!("the current folder is not there: {error}"))
    })
}

/// That this program may be gone tomorrow, if it lies where `npx` put it.
pub(super) fn passing() -> Option<String> {
    let path = env::current_exe().ok()?;
    let is_passing = path.components().any(|part| part.as_os_str() == "_npx");
    is_passing.then(|| {
        "what was registered lies in the cache of npm, which npm may empty: run `npm install -g task-bg`, and then this \
         once more"
            .to_owned()
    })
}

/// What to register: the hook beside this program, else by its name alone.
fn command() -> String {
    let beside = env::current_exe().ok().and_then(|it| it.parent().map(|dir| dir.join(HOOK)));
    command_for(beside.filter(|hook| hook.is_file()).as_deref().unwrap_or(Path::new(HOOK)))
}
