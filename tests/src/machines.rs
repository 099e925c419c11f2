//! Other machines beside a sandbox: a home folder each, reached by a stand-in for `ssh` on the search path.
//!
//! The stand-in runs what it is given through a shell in that home, as the real one does on another machine, and notes
//! each call. A file beside a home makes it refuse, hang, or cut the connection. Main type: [`Machines`].

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::run::Run;
use crate::sandbox::{Sandbox, executable};

/// The other machines of a sandbox.
#[derive(Debug)]
pub struct Machines<'a> {
    sandbox: &'a Sandbox,
}

/// How a connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The machine refuses connections.
    Down,
    /// It does not answer, and the connection stays.
    Hangs,
    /// The command is carried out, and the connection is cut before its answer comes. Once.
    LosesAnswer,
    /// The connection is cut as soon as a command runs, which goes on. Once, for a command that waits.
    CutsWait,
    /// There is no task-bg.
    Bare,
    /// The connection is cut while a program is copied there. Once.
    CutsCopy,
    /// It ends every process when a connection ends.
    Reaps,
    /// It says this in place of every answer.
    Says(&'static str),
}

impl Trouble {
    const fn name(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Hangs => "hangs",
            Self::LosesAnswer => "loses",
            Self::CutsWait => "cuts",
            Self::Bare => "bare",
            Self::CutsCopy => "cutscopy",
            Self::Reaps => "reaps",
            Self::Says(_) => "says",
        }
    }
}

impl<'a> Machines<'a> {
    /// Puts the stand-in on the search path of the sandbox.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub fn beside(sandbox: &'a Sandbox) -> Self {
        let (root, bin) = (sandbox.path("machines"), sandbox.path("bin"));
        fs::create_dir_all(&root).expect("a folder in the sandbox");
        let script = include_str!("machines/ssh.sh");
        let script = script
            .replace("@ROOT@", &root.display().to_string())
            .replace("@BIN@", &bin.display().to_string());
        executable(&bin.join("ssh"), &script);
        Self { sandbox }
    }

    /// The home folder of a machine.
    pub fn home(&self, host: &str) -> PathBuf {
        self.sandbox.path("machines").join(host)
    }

    fn trouble_of(&self, host: &str, trouble: Trouble) -> PathBuf {
        self.sandbox.path("machines").join(format!("{host}.{}", trouble.name()))
    }

    /// Makes connections to a machine fail.
    ///
    /// # Panics
    ///
    /// When that cannot be noted.
    pub fn make(&self, host: &str, trouble: Trouble) {
        let words = if let Trouble::Says(words) = trouble { words } else { "" };
        fs::write(self.trouble_of(host, trouble), words).expect("a file in the sandbox");
    }

    /// Lets them succeed again.
    pub fn mend(&self, host: &str, trouble: Trouble) {
        drop(fs::remove_file(self.trouble_of(host, trouble)));
    }

    /// Whether a trouble that happens once has happened.
    pub fn is_over(&self, host: &str, trouble: Trouble) -> bool {
        !self.trouble_of(host, trouble).exists()
    }

    /// What was called so far, a line each: the machine and the words.
    pub fn calls(&self) -> Vec<String> {
        let noted = fs::read_to_string(self.sandbox.path("machines/calls")).unwrap_or_default();
        noted.lines().map(ToOwned::to_owned).collect()
    }

    /// A program there.
    ///
    /// # Panics
    ///
    /// When the home folder cannot be made.
    pub fn shell(&self, host: &str, script: &str) -> Run {
        fs::create_dir_all(self.home(host)).expect("a folder in the sandbox");
        self.sandbox.shell(script).env("HOME", self.home(host)).cwd(self.home(host))
    }

    /// The tasks of a machine, as its own program lists them.
    ///
    /// # Panics
    ///
    /// When it cannot.
    pub fn tasks(&self, host: &str) -> Vec<Value> {
        let answer = self.shell(host, "task-bg list --json --full").ok().json();
        answer["tasks"].as_array().expect("rows").clone()
    }
}
