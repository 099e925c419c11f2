//! The script language: turns a prompt into directives.
//!
//! A line whose first word is no directive is ordinary prompt text. A directive whose arguments
//! make no sense is an error, so that a typing mistake in a test is seen at once.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Value, json};

/// One line of a script; the table in the parent module says what each does.
pub(super) enum Directive {
    Say(String),
    Tool { name: String, parameters: Value },
    Result { text: String, failed: bool },
    Shell(String),
    Sleep(Duration),
    Wait(PathBuf),
    Write(Fact, PathBuf),
    Stderr(String),
    Raw { text: String, newline: bool },
    Flood(u64),
    FloodStderr(u64),
    Error(String),
    Exit(u8),
    Die(i32),
    EndWith(End),
    OnTerm(OnTerm),
    Offspring(super::offspring::Kind, PathBuf),
    Permission(Level),
    Auth,
    Unauthorized,
    Refuse(String),
    Reject,
    Fail(u16),
}

/// What a directive writes to a file.
pub(super) enum Fact {
    /// Nothing: the file itself is the news.
    Nothing,
    Pid,
    Cwd,
    Variable(String),
    Environment,
    Arguments,
    Prompt,
    Instructions,
    RestOfStdin,
}

/// How the run ends when its script has been played to the end.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// The completion line, then this exit code.
    Completed(u8),
    /// The completion line, then death by this signal.
    CompletedThenKilled(i32),
    /// Exit 0 without the completion line.
    Silent,
}

/// What TERM, INT and HUP do.
#[derive(Clone, Copy)]
pub(super) enum OnTerm {
    /// As the real one: exit 0, no completion line.
    Leave,
    /// The completion line, then exit 0: the real one can do that too.
    Complete,
    /// This exit code, no completion line.
    Exit(u8),
    /// Nothing.
    Ignore,
}

/// The autonomy a refused run asks to be started again with.
#[derive(Clone, Copy)]
pub(super) enum Level {
    Medium,
    High,
    Unsafe,
}

/// Reads a whole prompt.
///
/// # Errors
///
/// Names the line whose arguments make no sense.
pub(super) fn parse(prompt: &str) -> Result<Vec<Directive>, String> {
    let mut script = Vec::new();
    for (number, line) in prompt.lines().enumerate() {
        let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let directive = directive(word, rest.trim())
            .map_err(|problem| format!("line {}: {word}: {problem}", number + 1))?;
        script.extend(directive);
    }
    Ok(script)
}

fn directive(word: &str, rest: &str) -> Result<Option<Directive>, String> {
    use super::offspring::Kind;
    Ok(Some(match word {
        "SAY" => Directive::Say(rest.to_owned()),
        "TOOL" => tool(rest)?,
        "RESULT" => Directive::Result { text: rest.to_owned(), failed: false },
        "FAILRESULT" => Directive::Result { text: rest.to_owned(), failed: true },
        "SHELL" => Directive::Shell(rest.to_owned()),
        "SLEEP" => Directive::Sleep(seconds(rest)?),
        "WAIT" => Directive::Wait(path(rest)?),
        "TOUCH" => Directive::Write(Fact::Nothing, path(rest)?),
        "PID" => Directive::Write(Fact::Pid, path(rest)?),
        "CWD" => Directive::Write(Fact::Cwd, path(rest)?),
        "ENV" => {
            let (name, file) = rest.split_once(' ').ok_or("a name and a path, please")?;
            Directive::Write(Fact::Variable(name.to_owned()), path(file)?)
        }
        "ENVIRON" => Directive::Write(Fact::Environment, path(rest)?),
        "ARGS" => Directive::Write(Fact::Arguments, path(rest)?),
        "ECHO" => Directive::Write(Fact::Prompt, path(rest)?),
        "SYSTEM" => Directive::Write(Fact::Instructions, path(rest)?),
        "READSTDIN" => Directive::Write(Fact::RestOfStdin, path(rest)?),
        "STDERR" => Directive::Stderr(rest.to_owned()),
        "RAW" => Directive::Raw { text: rest.to_owned(), newline: true },
        "PARTIAL" => Directive::Raw { text: rest.to_owned(), newline: false },
        "FLOOD" => Directive::Flood(number(rest)?),
        "FLOODERR" => Directive::FloodStderr(number(rest)?),
        "ERROR" => Directive::Error(rest.to_owned()),
        "EXIT" => Directive::Exit(number(rest)?),
        "DIE" => Directive::Die(signal(rest)?),
        "NOCOMPLETE" => Directive::EndWith(End::Silent),
        "COMPLETE_EXIT" => Directive::EndWith(End::Completed(number(rest)?)),
        "COMPLETE_DIE" => Directive::EndWith(End::CompletedThenKilled(signal(rest)?)),
        "IGNORE" if rest == "TERM" => Directive::OnTerm(OnTerm::Ignore),
        "ON_TERM" => Directive::OnTerm(on_term(rest)?),
        "SETSID" => Directive::Offspring(Kind::OwnSession, path(rest)?),
        "DOUBLEFORK" => Directive::Offspring(Kind::Orphan, path(rest)?),
        "SETSID_CLEANENV" => Directive::Offspring(Kind::CleanEnvironment, path(rest)?),
        "PERMISSION" => Directive::Permission(level(rest)?),
        "AUTH" => Directive::Auth,
        "FAIL401" => Directive::Unauthorized,
        "REFUSE" => Directive::Refuse(rest.to_owned()),
        "REJECT" => Directive::Reject,
        "FAIL" => Directive::Fail(number(rest)?),
        _ => return Ok(None),
    }))
}

fn tool(rest: &str) -> Result<Directive, String> {
    let (name, parameters) = rest.split_once(' ').unwrap_or((rest, ""));
    let parameters = match parameters.trim() {
        "" => json!({}),
        text => serde_json::from_str(text).map_err(|error| error.to_string())?,
    };
    Ok(Directive::Tool { name: name.to_owned(), parameters })
}

fn path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text.trim());
    // A relative path would follow `--cwd` about, and no test means that.
    if path.is_absolute() { Ok(path) } else { Err("an absolute path, please".to_owned()) }
}

fn number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("`{text}` is no number that fits"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(number(text)?).map_err(|error| error.to_string())
}

fn signal(text: &str) -> Result<i32, String> {
    let known = [("HUP", 1), ("INT", 2), ("QUIT", 3), ("ABRT", 6), ("KILL", 9), ("USR1", 10)];
    let known = known.into_iter().chain([("SEGV", 11), ("PIPE", 13), ("TERM", 15)]);
    let name = text.trim_start_matches("SIG");
    match known.into_iter().find(|(known, _)| *known == name) {
        Some((_, signal)) => Ok(signal),
        None => number(text),
    }
}

fn on_term(text: &str) -> Result<OnTerm, String> {
    match text.split_once(' ') {
        None if text == "complete0" => Ok(OnTerm::Complete),
        Some(("exit", code)) => Ok(OnTerm::Exit(number(code.trim())?)),
        _ => Err("`complete0` or `exit n`, please".to_owned()),
    }
}

fn level(text: &str) -> Result<Level, String> {
    match text {
        "medium" => Ok(Level::Medium),
        "high" => Ok(Level::High),
        "unsafe" => Ok(Level::Unsafe),
        _ => Err("`medium`, `high` or `unsafe`, please".to_owned()),
    }
}
