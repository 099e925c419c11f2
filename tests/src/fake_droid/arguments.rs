//! droid's command line, read as droid reads it (facts observed on 0.225.2).
//!
//! Unknown options are refused; only the first positional is the prompt and further ones are
//! dropped without a word; everything after `--` is literal. Reading acts on nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// What the command line asks for.
pub(super) enum Command {
    /// `droid --version`.
    Version,
    /// `droid exec`.
    Exec(Box<Exec>),
}

/// The options of `droid exec` that change what the stand-in prints.
#[derive(Default)]
pub(super) struct Exec {
    /// `-o`: only `stream-json` shows the run as it goes.
    pub(super) format: Format,
    /// `-m`.
    pub(super) model: Option<String>,
    /// `-r`.
    pub(super) effort: Option<String>,
    /// `--cwd`.
    pub(super) cwd: Option<PathBuf>,
    /// `-s` or `--init-session-id`.
    pub(super) session: Option<String>,
    /// `--append-system-prompt-file`.
    pub(super) instructions: Option<PathBuf>,
    /// `-f`.
    pub(super) file: Option<PathBuf>,
    /// The first positional.
    pub(super) prompt: Option<OsString>,
}

/// The output formats that are played.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// The final text only.
    #[default]
    Text,
    /// One result line at the end.
    Json,
    /// One JSON line for each thing that happens.
    StreamJson,
}

/// Options that take a value: long name, short name, and what the refusal calls them.
const VALUED: &[(&str, &str, &str)] = &[
    ("--output-format", "-o", "<format>"),
    ("--input-format", "", "<format>"),
    ("--file", "-f", "<path>"),
    ("--auto", "", "<level>"),
    ("--session-id", "-s", "<id>"),
    ("--fork", "", "<id>"),
    ("--init-session-id", "", "<id>"),
    ("--session-title", "", "<title>"),
    ("--calling-session-id", "", "<id>"),
    ("--calling-tool-use-id", "", "<id>"),
    ("--depth", "", "<n>"),
    ("--model", "-m", "<id>"),
    ("--reasoning-effort", "-r", "<level>"),
    ("--spec-model", "", "<id>"),
    ("--spec-reasoning-effort", "", "<level>"),
    ("--only-tools", "", "<ids>"),
    ("--add-tools", "", "<ids>"),
    ("--remove-tools", "", "<ids>"),
    ("--cwd", "", "<path>"),
    ("--settings", "", "<path>"),
    ("--worktree-dir", "", "<path>"),
    ("--tag", "", "<spec>"),
    ("--log-group-id", "", "<id>"),
    ("--worker-model", "", "<id>"),
    ("--worker-reasoning-effort", "", "<level>"),
    ("--validator-model", "", "<id>"),
    ("--validator-reasoning-effort", "", "<level>"),
    ("--append-system-prompt", "", "<text>"),
    ("--append-system-prompt-file", "", "<path>"),
];

/// Options without a value.
const SWITCHES: &[&str] =
    &["--skip-permissions-unsafe", "--disable-builtin-skills", "--use-spec", "--mission"];

const EFFORTS: &[&str] =
    &["none", "dynamic", "off", "minimal", "low", "medium", "high", "xhigh", "max"];

/// Some of the tools that the real one knows, in lower case; it does not mind the case either.
const TOOLS: &[&str] = &[
    "read",
    "ls",
    "grep",
    "glob",
    "edit",
    "create",
    "applypatch",
    "execute",
    "websearch",
    "fetchurl",
    "todowrite",
    "skill",
    "task",
    "askuser",
    "toolsearch",
];

fn is_tool(word: &str) -> bool {
    let word = word.trim().to_ascii_lowercase();
    word.is_empty() || TOOLS.contains(&word.as_str())
}

/// Reads the arguments after the program's name.
///
/// # Errors
///
/// The line that droid would print on standard error before it exits with 1.
pub(super) fn parse(arguments: &[OsString]) -> Result<Command, String> {
    match arguments.first().and_then(|word| word.to_str()) {
        Some("--version" | "-v") => Ok(Command::Version),
        Some("exec") => {
            exec(arguments.get(1..).unwrap_or_default()).map(|e| Command::Exec(Box::new(e)))
        }
        // The real one takes an unknown word as the first prompt of its interactive screen.
        _ => Err("error: this stand-in only knows `exec` and `--version`".to_owned()),
    }
}

fn exec(arguments: &[OsString]) -> Result<Exec, String> {
    let mut exec = Exec::default();
    let mut unsafe_asked = false;
    let mut auto_asked = false;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            for literal in words.by_ref() {
                keep_first(&mut exec.prompt, literal);
            }
            break;
        }
        if !word.as_bytes().starts_with(b"-") || word == "-" {
            keep_first(&mut exec.prompt, word);
            continue;
        }
        let text = word.to_str().unwrap_or_default();
        if SWITCHES.contains(&text) {
            unsafe_asked |= text == "--skip-permissions-unsafe";
            continue;
        }
        // An optional value: droid takes the next word unless it looks like an option.
        if matches!(text, "-w" | "--worktree") {
            if words.clone().next().is_some_and(|next| !next.as_bytes().starts_with(b"-")) {
                words.next();
            }
            continue;
        }
        let (option, attached) = split(text).ok_or(format!("error: unknown option '{text}'"))?;
        let value = match attached {
            Some(value) => OsString::from(value),
            None => words.next().cloned().ok_or_else(|| missing(option))?,
        };
        auto_asked |= option == "--auto";
        set(&mut exec, option, &value)?;
    }
    if unsafe_asked && auto_asked {
        return Err("Error: --skip-permissions-unsafe cannot be used with --auto".to_owned());
    }
    Ok(exec)
}

fn keep_first(prompt: &mut Option<OsString>, word: &OsStr) {
    if prompt.is_none() {
        *prompt = Some(word.to_owned());
    }
}

/// Finds the valued option a word names, with the value when it is attached (`--x=v`, `-xv`).
fn split(word: &str) -> Option<(&'static str, Option<&str>)> {
    VALUED.iter().find_map(|&(long, short, _)| {
        if word == long || word == short {
            return Some((long, None));
        }
        if let Some(value) = word.strip_prefix(long).and_then(|rest| rest.strip_prefix('=')) {
            return Some((long, Some(value)));
        }
        let value = (!short.is_empty()).then(|| word.strip_prefix(short)).flatten()?;
        Some((long, Some(value)))
    })
}

fn missing(option: &str) -> String {
    let (long, short, value) =
        VALUED.iter().find(|(long, ..)| *long == option).copied().unwrap_or_default();
    let short = if short.is_empty() { String::new() } else { format!("{short}, ") };
    format!("error: option '{short}{long} {value}' argument missing")
}

fn set(exec: &mut Exec, option: &str, value: &OsStr) -> Result<(), String> {
    let text = value.to_string_lossy().into_owned();
    match option {
        "--output-format" => {
            exec.format = match text.as_str() {
                "text" => Format::Text,
                "json" => Format::Json,
                "stream-json" | "debug" => Format::StreamJson,
                _ => return Err(format!("Invalid --output-format value: {text}")),
            }
        }
        "--auto" if !matches!(text.as_str(), "low" | "medium" | "high") => {
            return Err("Invalid --auto value. Allowed values: low, medium, high.".to_owned());
        }
        "--reasoning-effort" if !EFFORTS.contains(&text.as_str()) => {
            return Err(format!("Invalid reasoning effort: {text}"));
        }
        "--reasoning-effort" => exec.effort = Some(text),
        "--model" => exec.model = Some(text),
        "--cwd" => exec.cwd = Some(value.into()),
        "--file" => exec.file = Some(value.into()),
        "--session-id" | "--init-session-id" => exec.session = Some(text),
        "--only-tools" if !text.split(',').all(is_tool) => {
            return Err("Unknown tool identifier(s)".to_owned());
        }
        "--append-system-prompt-file" if std::path::Path::new(value).exists() => {
            exec.instructions = Some(value.into());
        }
        // The real one shows a missing file by a stack trace.
        "--settings" | "--append-system-prompt-file" if !std::path::Path::new(value).exists() => {
            return Err(format!("Error: ENOENT: no such file or directory, open '{text}'"));
        }
        _ => {}
    }
    Ok(())
}
