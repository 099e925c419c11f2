//! The wire format of a batch line.
//!
//! A line has the options of `launch` and `run`, under the same names with underscores. An unknown
//! field is an error, because a typing error must not become a task with other terms than were
//! meant.

use std::collections::{BTreeMap, BTreeSet};

use domain::task::text::without_lone_surrogates;
use domain::task::{Dependence, Reason, Retries, Timestamp};
use serde::Deserialize;

use super::plan::template;
use crate::cli::args::{parse_duration, parse_moment};
use crate::cli::command::ordering::{
    COMMAND_AGENT, DEFAULT_DROID, Wanted, Work, parse_autonomy, quoted,
};

/// A batch line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    description: String,
    prompt: Option<String>,
    command: Option<Vec<String>>,
    droid: Option<String>,
    runner: Option<String>,
    autonomy: Option<String>,
    model: Option<String>,
    reasoning_effort: Option<String>,
    cwd: Option<std::path::PathBuf>,
    stdin: Option<std::path::PathBuf>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    timeout: Option<Span>,
    stale: Option<Span>,
    parent: Option<String>,
    #[serde(default)]
    priority: i8,
    #[serde(default)]
    hold: bool,
    #[serde(default)]
    pub(super) after: Vec<String>,
    #[serde(default)]
    pub(super) after_any: Vec<String>,
    start_in: Option<Span>,
    start_at: Option<String>,
    key: Option<String>,
    #[serde(default)]
    retries: u32,
    #[serde(default)]
    retry_on: Vec<String>,
    backoff: Option<Span>,
    worktree: Option<WorktreeName>,
    pub(super) name: Option<String>,
}

/// `true` for a worktree named after its task, else the worktree's name.
#[derive(Deserialize)]
#[serde(untagged)]
enum WorktreeName {
    OfTask(bool),
    Named(String),
}

impl WorktreeName {
    fn wanted(self) -> Option<String> {
        match self {
            Self::OfTask(wanted) => wanted.then(String::new),
            Self::Named(name) => Some(name),
        }
    }
}

/// A duration: seconds as a number, or text as on the command line.
#[derive(Deserialize)]
#[serde(untagged)]
enum Span {
    Seconds(f64),
    Text(String),
}

impl Span {
    fn parse(self) -> Result<std::time::Duration, String> {
        match self {
            Self::Seconds(seconds) => parse_duration(&seconds.to_string()),
            Self::Text(text) => parse_duration(&text),
        }
    }
}

impl Line {
    /// Reads one line.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // Half a character costs no line: programs that work in UTF-16 leave one where they cut a text.
        serde_json::from_slice(&without_lone_surrogates(text.as_bytes())).map_err(|error| {
            let column = error.column();
            let words = error.to_string();
            let words = words.split(" at line ").next().unwrap_or_default();
            format!("{words} (column {column})")
        })
    }

    /// Those of the lines called `names` whose results its prompt wants.
    pub(super) fn hands_on<'a>(
        &self,
        names: &'a BTreeSet<String>,
    ) -> impl Iterator<Item = &'a String> {
        names.iter().filter(|name| {
            self.prompt.as_ref().is_some_and(|prompt| prompt.contains(&template(name)))
        })
    }

    /// What the line asks for; the tasks it comes after are still names.
    pub(super) fn wanted(self, now: Timestamp) -> Result<Wanted, String> {
        let span = |span: Option<Span>| span.map(Span::parse).transpose();
        let (prompt, agent, work) = match (self.prompt, self.command) {
            (Some(prompt), None) => {
                let autonomy = self.autonomy.as_deref().map(parse_autonomy).transpose();
                let autonomy = autonomy.map_err(|failure| failure.message)?;
                let droid = self.droid.unwrap_or_else(|| DEFAULT_DROID.to_owned());
                (prompt, droid, Work::Agent { name: self.runner, autonomy })
            }
            (None, Some(argv)) if argv.is_empty() => return Err("`command` is empty".to_owned()),
            (None, Some(argv)) => {
                let prompt = quoted(&argv).map_err(|failure| failure.message)?;
                (prompt, COMMAND_AGENT.to_owned(), Work::Command(argv))
            }
            (Some(_), Some(_)) => return Err("it has both `prompt` and `command`".to_owned()),
            (None, None) => return Err("it has neither `prompt` nor `command`".to_owned()),
        };
        if self.stdin.is_some() && !matches!(work, Work::Command(_)) {
            return Err("`stdin` goes with `command` alone".to_owned());
        }
        if self.stdin.as_deref() == Some(std::path::Path::new("-")) {
            return Err("`stdin` is the name of a file".to_owned());
        }
        let start_at = self.start_at.as_deref().map(parse_moment).transpose()?;
        let start_in = span(self.start_in)?;
        let reason = |word: &String| {
            Reason::from_word(word).ok_or_else(|| format!("`{word}` is no reason to retry on"))
        };
        Ok(Wanted {
            description: self.description,
            prompt,
            agent,
            model: self.model,
            effort: self.reasoning_effort,
            work,
            parent: self.parent,
            cwd: self.cwd,
            stdin: self.stdin,
            timeout: span(self.timeout)?,
            stale: span(self.stale)?,
            priority: self.priority,
            after: Vec::new(),
            dependence: if self.after_any.is_empty() {
                Dependence::OnCompletion
            } else {
                Dependence::OnEnd
            },
            not_before: start_at.or_else(|| start_in.map(|wait| now.plus(wait))),
            hold: self.hold,
            key: self.key,
            retries: Retries {
                left: self.retries,
                on: self.retry_on.iter().map(reason).collect::<Result<_, _>>()?,
                backoff: span(self.backoff)?.unwrap_or(std::time::Duration::from_secs(2)),
            },
            worktree: self.worktree.and_then(WorktreeName::wanted),
            variables: self
                .env
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        })
    }
}
