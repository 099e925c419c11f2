//! Which agent the stand-in plays, by the name it is started under, and what the other agents' command lines say.
//!
//! The options are those that task-bg gives; any other is refused, so that a slip is seen at once. Reading acts on
//! nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::arguments::{Exec, Format};

/// An agent that can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Droid,
    Claude,
    Codex,
    Gemini,
    OpenCode,
}

/// Options of the others that take a value, and those that take none; an agent's own verbs are among these.
const OPTIONS: &[(Kind, &[&str], &[&str])] = &[
    (
        Kind::Claude,
        &[
            "--output-format",
            "--permission-mode",
            "--allowedTools",
            "--tools",
            "--model",
            "--effort",
            "--resume",
            "--session-id",
            "--append-system-prompt-file",
        ],
        &["-p", "--verbose", "--fork-session", "--strict-mcp-config"],
    ),
    (
        Kind::Codex,
        &["-c", "-m"],
        &[
            "exec",
            "resume",
            "fork",
            "--json",
            "--skip-git-repo-check",
            "--dangerously-bypass-approvals-and-sandbox",
            "-",
        ],
    ),
    (
        Kind::Gemini,
        &["-o", "--approval-mode", "-m", "--resume", "--session-id", "--policy"],
        &["--skip-trust"],
    ),
    (Kind::OpenCode, &["--format", "-m", "-s", "--title", "--agent"], &["run", "--auto", "--fork"]),
];

impl Kind {
    /// The agent that a program of this name is.
    pub(super) fn of(program: &OsStr) -> Self {
        let name = Path::new(program).file_name().map(OsStr::as_bytes).unwrap_or_default();
        match name {
            b"claude" => Self::Claude,
            b"codex" => Self::Codex,
            b"gemini" => Self::Gemini,
            b"opencode" => Self::OpenCode,
            _ => Self::Droid,
        }
    }

    /// What it says its version is.
    pub(super) const fn version(self) -> &'static str {
        match self {
            Self::Droid => "0.225.2",
            Self::Claude => "2.1.332 (Claude Code)",
            Self::Codex => "codex-cli 0.169.0",
            Self::Gemini => "0.61.0",
            Self::OpenCode => "1.18.33",
        }
    }

    /// Reads the arguments of one of the others.
    ///
    /// # Errors
    ///
    /// The line that it would print on standard error.
    pub(super) fn read(self, arguments: &[OsString]) -> Result<Exec, String> {
        let mut exec = Exec { format: Format::StreamJson, ..Exec::default() };
        let options = OPTIONS.iter().find(|(kind, ..)| *kind == self);
        let (_, valued, switches) = options.ok_or("error: another agent")?;
        let mut words = arguments.iter();
        let mut copies = false;
        while let Some(word) = words.next() {
            let word = word.to_string_lossy();
            if valued.contains(&&*word) {
                let value = words.next().ok_or(format!("error: `{word}` needs a value"))?;
                Self::set(&mut exec, &word, value)?;
            } else if switches.contains(&&*word) {
                copies |= matches!(&*word, "fork" | "--fork" | "--fork-session");
            } else if self == Self::Codex && !word.starts_with('-') {
                exec.session = Some(word.into_owned());
            } else {
                return Err(format!("error: unknown option '{word}'"));
            }
        }
        // Who copies a session names the copy; it is new unless the command line says its name.
        if copies && self != Self::Claude {
            exec.session = None;
        }
        exec.instructions = exec.instructions.or_else(|| self.instructions_of_environment());
        Ok(exec)
    }

    fn set(exec: &mut Exec, option: &str, value: &OsStr) -> Result<(), String> {
        let text = value.to_string_lossy().into_owned();
        match option {
            "--session-id" | "--resume" | "-s" => exec.session = Some(text),
            "--model" | "-m" => exec.model = Some(text),
            "--append-system-prompt-file" => exec.instructions = Some(value.into()),
            "--policy" if !Path::new(value).is_file() => {
                return Err(format!("error: no policy {text}"));
            }
            "-c" => {
                let file = text.strip_prefix("model_instructions_file=\"");
                let file = file.and_then(|file| file.strip_suffix('"'));
                exec.instructions = file.map(PathBuf::from).or(exec.instructions.take());
            }
            _ => {}
        }
        Ok(())
    }

    /// The file that a variable names as its instructions.
    fn instructions_of_environment(self) -> Option<PathBuf> {
        match self {
            Self::Gemini => std::env::var_os("GEMINI_SYSTEM_MD").map(PathBuf::from),
            Self::OpenCode => {
                let config = std::env::var("OPENCODE_CONFIG_CONTENT").ok()?;
                let config: serde_json::Value = serde_json::from_str(&config).ok()?;
                config["instructions"][0].as_str().map(PathBuf::from)
            }
            Self::Droid | Self::Claude | Self::Codex => None,
        }
    }
}
