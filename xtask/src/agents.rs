//! The real agents beside `droid`, for the runs that need them: each installed below the target folder, or why not.
//!
//! The programs are proprietary in part: we use them for checks, never ship them, and install them nowhere but in
//! `target/`. Main type: [`RealAgent`].

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::command::last_words;
use crate::droid::npm_install;
use crate::failure::{During, Failure};
use crate::repo::Repo;

/// A pinned release of an agent.
struct Package {
    /// The variable that names how it is started, for the tests.
    variable: &'static str,
    /// What npm calls it, and the release whose behaviour was looked at.
    npm: (&'static str, &'static str),
    /// The folder of the package whose release that is, and the program, below `node_modules`.
    folder: &'static str,
    program: &'static str,
    /// What starts the program, where it does not start itself.
    interpreter: Option<&'static str>,
}

const PACKAGES: [Package; 4] = [
    Package {
        variable: "REAL_CLAUDE",
        npm: ("@anthropic-ai/claude-code-linux-x64", "2.1.332"),
        folder: "@anthropic-ai/claude-code-linux-x64",
        program: "@anthropic-ai/claude-code-linux-x64/claude",
        interpreter: None,
    },
    Package {
        variable: "REAL_CODEX",
        npm: ("@openai/codex", "0.169.0"),
        folder: "@openai/codex",
        program: "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
        interpreter: None,
    },
    Package {
        variable: "REAL_GEMINI",
        npm: ("@google/gemini-cli", "0.61.0"),
        folder: "@google/gemini-cli",
        program: "@google/gemini-cli/bundle/gemini.js",
        interpreter: Some("node"),
    },
    Package {
        variable: "REAL_OPENCODE",
        npm: ("opencode-ai", "1.18.33"),
        folder: "opencode-ai",
        program: "opencode-linux-x64/bin/opencode",
        interpreter: None,
    },
];

/// An agent that is here, as a variable for whoever starts it.
pub(crate) struct RealAgent {
    /// The variable's name.
    pub(crate) variable: &'static str,
    /// Its value: the words that start the agent.
    pub(crate) start: OsString,
}

/// Finds each agent, or installs it; returns those that are here, and why the others are not.
///
/// # Errors
///
/// When the folders that they are installed into cannot be made.
pub(crate) fn find_or_install(repo: &Repo) -> Result<(Vec<RealAgent>, Vec<String>), Failure> {
    let (mut here, mut missing) = (Vec::new(), Vec::new());
    for package in &PACKAGES {
        match find(repo, package)? {
            Ok(agent) => here.push(agent),
            Err(why) => missing.push(why),
        }
    }
    Ok((here, missing))
}

fn find(repo: &Repo, package: &Package) -> Result<Result<RealAgent, String>, Failure> {
    if let Some(start) = env::var_os(package.variable).filter(|start| !start.is_empty()) {
        return Ok(Ok(RealAgent { variable: package.variable, start }));
    }
    let (name, version) = package.npm;
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(Err(format!("{name}: its pinned release is for Linux on x86_64")));
    }
    let home = repo.target.join("e2e-agents").join(name.replace('/', "-"));
    if installed(&home, package).is_none() {
        let spec = format!("{name}@{version}");
        println!("installing {spec} into {}", repo.relative(&home));
        fs::create_dir_all(&home).during("making a folder to install into")?;
        let output = npm_install(&home, &spec)?;
        if !output.status.success() {
            return Ok(Err(format!("npm could not install {spec}: {}", last_words(&output))));
        }
    }
    Ok(installed(&home, package).ok_or_else(|| format!("{name}@{version} is not whole here")))
}

/// The pinned release below `home`, if it is there.
fn installed(home: &Path, package: &Package) -> Option<RealAgent> {
    let modules = home.join("node_modules");
    let manifest = fs::read_to_string(modules.join(package.folder).join("package.json")).ok()?;
    let (_, version) = package.npm;
    if !manifest.contains(&format!("\"version\": \"{version}\"")) {
        return None;
    }
    let program: PathBuf = modules.join(package.program);
    if !program.is_file() {
        return None;
    }
    let mut start = OsString::new();
    if let Some(interpreter) = package.interpreter {
        start.push(interpreter);
        start.push(" ");
    }
    start.push(program);
    Some(RealAgent { variable: package.variable, start })
}
