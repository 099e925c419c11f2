//! Where agents keep their settings: the only place that builds those paths, which are not the store's.
//!
//! A [`FactoryDir`] names the files below one `.factory` (or `.claude`) folder that task-bg reads or
//! edits. It never touches one.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process;

use crate::NoHome;

/// The settings folder of an agent, in somebody's home or in a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactoryDir {
    folder: PathBuf,
}

impl FactoryDir {
    /// Droid's folder below `base`, a home or a project.
    pub fn droid(base: &Path) -> Self {
        Self { folder: base.join(".factory") }
    }

    /// Claude Code's folder below `base`, a home or a project.
    pub fn claude(base: &Path) -> Self {
        Self { folder: base.join(".claude") }
    }

    /// Codex's folder below `base`, a home or a project.
    pub fn codex(base: &Path) -> Self {
        Self { folder: base.join(".codex") }
    }

    /// Gemini CLI's folder below `base`, a home or a project.
    pub fn gemini(base: &Path) -> Self {
        Self { folder: base.join(".gemini") }
    }

    /// `OpenCode`'s folder in the home `home`, where `xdg` says where configurations are, if anything does.
    pub fn opencode_of_user(home: &Path, xdg: Option<&Path>) -> Self {
        let folder = xdg.map_or_else(|| home.join(".config"), Path::to_path_buf);
        Self { folder: folder.join("opencode") }
    }

    /// `OpenCode`'s folder in a project.
    pub fn opencode_of_project(base: &Path) -> Self {
        Self { folder: base.join(".opencode") }
    }

    /// This very folder.
    pub const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Our plugin among `OpenCode`'s.
    pub(crate) fn plugin(&self) -> PathBuf {
        self.folder.join("plugin").join("task-bg.js")
    }

    /// The home that droid takes: `$FACTORY_HOME_OVERRIDE`, else `$HOME`.
    ///
    /// # Errors
    /// [`NoHome`] if neither is set, or the one that is set is no absolute path.
    pub fn home(env: &dyn Fn(&str) -> Option<OsString>) -> Result<PathBuf, NoHome> {
        Self::first_home(env, &["FACTORY_HOME_OVERRIDE", "HOME"])
    }

    /// The home that other programs take: `$HOME`.
    ///
    /// # Errors
    /// [`NoHome`] if it is not set, or no absolute path.
    pub fn plain_home(env: &dyn Fn(&str) -> Option<OsString>) -> Result<PathBuf, NoHome> {
        Self::first_home(env, &["HOME"])
    }

    fn first_home(
        env: &dyn Fn(&str) -> Option<OsString>,
        variables: &[&'static str],
    ) -> Result<PathBuf, NoHome> {
        for variable in variables {
            let Some(folder) = env(variable).filter(|folder| !folder.is_empty()) else { continue };
            let path = PathBuf::from(folder);
            return if path.is_absolute() {
                Ok(path)
            } else {
                Err(NoHome::Relative { variable, path })
            };
        }
        Err(NoHome::Unset)
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The settings, with hooks in a section of their own.
    pub fn settings(&self) -> PathBuf {
        self.folder.join("settings.json")
    }

    /// The file of hooks alone, which goes before the settings.
    pub fn flat_hooks(&self) -> PathBuf {
        self.folder.join("hooks.json")
    }

    /// The same in a folder of its own, read only where the other one is not.
    pub fn foldered_hooks(&self) -> PathBuf {
        self.folder.join("hooks").join("hooks.json")
    }

    /// The servers of the Model Context Protocol, in a file of their own.
    pub fn servers(&self) -> PathBuf {
        self.folder.join("mcp.json")
    }

    /// The same in the folder of a project, as Claude Code reads it.
    pub fn servers_of_project(&self) -> PathBuf {
        self.folder.join(".mcp.json")
    }

    /// What Claude Code keeps of its user, the servers among it.
    pub fn state(&self) -> PathBuf {
        self.folder.join(".claude.json")
    }

    /// Codex's settings.
    pub fn config(&self) -> PathBuf {
        self.folder.join("config.toml")
    }

    /// `OpenCode`'s settings, of which it reads two names; where neither file is there, the first.
    pub fn opencode_settings(&self) -> [PathBuf; 2] {
        ["opencode.json", "opencode.jsonc"].map(|name| self.folder.join(name))
    }

    /// The definitions of droids.
    pub fn droids(&self) -> PathBuf {
        self.folder.join("droids")
    }

    /// What droid notes about each plugin it installed, one file a plugin.
    pub fn installed_plugins(&self) -> PathBuf {
        self.folder.join("plugins").join("installed_plugins")
    }

    /// What a settings file was before it was edited.
    pub(crate) fn backup_of(file: &Path) -> PathBuf {
        beside(file, OsStr::new(""), ".task-bg-backup")
    }

    /// What a file was before a server was added to it.
    pub(crate) fn servers_backup_of(file: &Path) -> PathBuf {
        beside(file, OsStr::new(""), ".task-bg-mcp-backup")
    }

    /// What will replace a settings file.
    pub(crate) fn temp_for(file: &Path) -> PathBuf {
        beside(file, OsStr::new("."), &format!(".task-bg-{}.tmp", process::id()))
    }
}

fn beside(file: &Path, before: &OsStr, after: &str) -> PathBuf {
    let mut name = before.to_owned();
    name.push(file.file_name().unwrap_or_default());
    name.push(after);
    file.with_file_name(name)
}
