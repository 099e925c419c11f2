//! Where the repository is and what it consists of, as `cargo metadata` tells it.
//!
//! This module never writes. Main types: [`Repo`] and [`Package`].

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::command::capture;
use crate::failure::{During, Failure};

/// The workspace.
#[derive(Debug)]
pub(crate) struct Repo {
    /// The folder of the root manifest.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// The crates of the workspace.
    pub(crate) packages: Vec<Package>,
}

/// One crate of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    /// Its name, which is its folder's name as well.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// The folder of its manifest.
    pub(crate) folder: PathBuf,
    /// What its manifest asks for, whatever the kind.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line under `dependencies`, `dev-dependencies` or `build-dependencies`.
#[derive(Debug)]
pub(crate) struct Dependency {
    /// The package asked for.
    pub(crate) name: String,
    /// Whether only tests get it.
    pub(crate) for_tests: bool,
}

impl Repo {
    /// Asks cargo.
    ///
    /// # Errors
    ///
    /// When cargo cannot be run or says something else than expected.
    pub(crate) fn find() -> Result<Self, Failure> {
        let mut cargo = Command::new(cargo());
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        let metadata: Value =
            serde_json::from_str(&capture(&mut cargo)?).during("reading `cargo metadata`")?;
        let folder = |key: &str| {
            let path = metadata[key].as_str().map(PathBuf::from);
            path.ok_or_else(|| Failure::new(format!("`cargo metadata` names no {key}")))
        };
        let packages = metadata["packages"].as_array().into_iter().flatten().filter_map(package);
        Ok(Self {
            root: folder("workspace_root")?,
            target: folder("target_directory")?,
            packages: packages.collect(),
        })
    }

    /// The version of the programs.
    ///
    /// # Errors
    ///
    /// When cargo names none.
    pub(crate) fn version(&self) -> Result<String, Failure> {
        let ours = self.packages.iter().find(|package| package.name == "app-cli");
        let version = ours.map(|package| package.version.clone());
        version.ok_or_else(|| Failure::new("`cargo metadata` names no version of app-cli"))
    }

    /// Cargo, to be run at the root.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(cargo());
        command.current_dir(&self.root);
        command
    }

    /// Where cargo puts the program `name` in the development profile.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// `path` as it is written inside the repository.
    pub(crate) fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().replace('\\', "/")
    }
}

/// The cargo that started this program, so that a chosen toolchain stays chosen.
fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// The running program, in a form that other programs can start even after a build has replaced its file.
pub(crate) fn this_program() -> Result<PathBuf, Failure> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from(format!("/proc/{}/exe", std::process::id())));
    }
    env::current_exe().during("finding this program")
}

fn package(value: &Value) -> Option<Package> {
    let manifest = Path::new(value["manifest_path"].as_str()?);
    let dependency = |value: &Value| {
        let name = value["name"].as_str()?.to_owned();
        Some(Dependency { name, for_tests: value["kind"].as_str() == Some("dev") })
    };
    Some(Package {
        name: value["name"].as_str()?.to_owned(),
        version: value["version"].as_str()?.to_owned(),
        folder: manifest.parent()?.to_owned(),
        dependencies: value["dependencies"].as_array()?.iter().filter_map(dependency).collect(),
    })
}
