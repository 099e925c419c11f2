//! `hooks`: registers the hook, takes it out, and says how things stand. It never touches another entry.

use std::env;
use std::path::{Path, PathBuf};

use adapters_fs::FactoryDir;
use adapters_fs::hook_settings::{HOOK, HookScope, command_for};

use crate::Outcome;
use crate::cli::args::{Hooks, HooksAction, ScopeArg};
use crate::cli::view::hooks::{ChangedView, SnippetView, StatusView};
use crate::kit::answer::Answer;
use crate::kit::environment;
use crate::kit::failure::{Failure, Kind};

pub(super) fn hooks(args: &Hooks) -> Outcome {
    let scope = read(args.scope, args.claude)?;
    let command = command();
    match args.action {
        HooksAction::Install => {
            let changes = scope.install(&command)?;
            let state = read(args.scope, args.claude)?.state();
            Ok(Answer::ok(ChangedView { changes, command: Some(command), state }))
        }
        HooksAction::Uninstall => {
            let changes = scope.uninstall()?;
            let state = read(args.scope, args.claude)?.state();
            Ok(Answer::ok(ChangedView { changes, command: None, state }))
        }
        HooksAction::Print => {
            let (path, form, text) = scope.snippet(&command);
            Ok(Answer::ok(SnippetView { path, form, text }))
        }
        HooksAction::Status => Ok(Answer::ok(StatusView { state: scope.state() })),
    }
}

/// The hooks of one scope, as they are now.
pub(super) fn read(scope: ScopeArg, claude: bool) -> Result<HookScope, Failure> {
    let base = match (scope, claude) {
        (ScopeArg::User, false) => FactoryDir::home(&environment::variable)?,
        (ScopeArg::User, true) => FactoryDir::plain_home(&environment::variable)?,
        (ScopeArg::Project, _) => current_folder()?,
    };
    if claude {
        return Ok(HookScope::claude(&FactoryDir::claude(&base))?);
    }
    Ok(HookScope::droid(&FactoryDir::droid(&base))?)
}

/// The folder this program was started in.
pub(super) fn current_folder() -> Result<PathBuf, Failure> {
    env::current_dir().map_err(|error| {
        Failure::new(Kind::Usage, format!("the current folder is not there: {error}"))
    })
}

/// What to register: the hook beside this program, else by its name alone.
fn command() -> String {
    let beside = env::current_exe().ok().and_then(|it| it.parent().map(|dir| dir.join(HOOK)));
    command_for(beside.filter(|hook| hook.is_file()).as_deref().unwrap_or(Path::new(HOOK)))
}
