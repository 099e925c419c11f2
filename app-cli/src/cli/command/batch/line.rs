//! The wire format of a batch line.
//!
//! A line has the options of `launch` and `run`, under the same names with underscores. An unknown
//! field is an error, because a typing error must not become a task with other terms than were
//! meant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use domain::task::text::{self, NAMED, without_lone_surrogates};
use domain::task::{Autonomy, Dependence, Reason, Retries, Target, TaskName, Timestamp};
use serde::Deserialize;

use super::fields::Fields;
use super::plan::template;
use crate::cli::args::{parse_cluster_option, parse_duration, parse_moment, parse_target};
use crate::cli::command::ordering::{Wanted, Work, quoted};

/// The fields of a line, those that most lines have first.
const FIELDS: [&str; 29] = [
    "description",
    "prompt",
    "command",
    "droid",
    "name",
    "after",
    "timeout",
    "autonomy",
    "model",
    "worktree",
    "runner",
    "reasoning_effort",
    "cwd",
    "stdin",
    "env",
    "stale",
    "notify",
    "parent",
    "priority",
    "hold",
    "after_any",
    "start_in",
    "start_at",
    "key",
    "retries",
    "retry_on",
    "backoff",
    "on",
    "slurm",
];

const TEXT: &str = "give a text, in double quotes";
const LIST: &str = "give a list of texts, as in [\"one\", \"two\"]";
const SPAN: &str = "give seconds as a number, or a text such as \"90s\", \"5m\" or \"2h\"";

/// A batch line as it is written.
pub(super) struct Line {
    description: String,
    prompt: Option<String>,
    command: Option<Vec<String>>,
    droid: Option<String>,
    runner: Option<String>,
    autonomy: Option<Autonomy>,
    model: Option<String>,
    reasoning_effort: Option<String>,
    cwd: Option<PathBuf>,
    stdin: Option<PathBuf>,
    pub(super) env: BTreeMap<String, String>,
    timeout: Option<Duration>,
    stale: Option<Duration>,
    notify: Option<String>,
    parent: Option<String>,
    priority: i8,
    hold: bool,
    pub(super) after: Vec<String>,
    pub(super) after_any: Vec<String>,
    start_in: Option<Duration>,
    start_at: Option<Timestamp>,
    key: Option<String>,
    retries: u32,
    retry_on: Vec<Reason>,
    backoff: Option<Duration>,
    on: Option<Target>,
    cluster_options: Vec<String>,
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
    fn parse(self) -> Result<Duration, String> {
        match self {
            Self::Seconds(seconds) => parse_duration(&seconds.to_string()),
            Self::Text(text) => parse_duration(&text),
        }
    }
}

impl Line {
    /// Reads one line.
    ///
    /// # Errors
    /// A sentence with the field that is wrong, its column, and what to write there.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // Half a character costs no line: programs that work in UTF-16 leave one where they cut a text.
        let text = without_lone_surrogates(text.as_bytes());
        let text = String::from_utf8_lossy(&text);
        let fields = &mut Fields::of(&text, &FIELDS)?;
        let span = |fields: &mut Fields<'_>, name| fields.read(name, SPAN, Span::parse);
        let list =
            |fields: &mut Fields<'_>, name| fields.take(name, LIST).map(Option::unwrap_or_default);
        let description = fields.take("description", TEXT)?;
        let levels = "give \"none\", \"low\", \"medium\" or \"high\"";
        let level = |word: String| Autonomy::from_word(&word).ok_or_else(|| levels.to_owned());
        let env = "give an object of texts, as in {\"NAME\": \"value\"}";
        let moment = "give a text such as \"2026-11-23T08:00:00+01:00\"";
        let worktree = "give true, or the name of its branch as a text";
        Ok(Self {
            description: description.ok_or("it has no `description`")?,
            prompt: fields.take("prompt", TEXT)?,
            command: fields.take("command", LIST)?,
            droid: fields.take("droid", TEXT)?,
            runner: fields.take("runner", TEXT)?,
            autonomy: fields.read("autonomy", levels, level)?,
            model: fields.take("model", TEXT)?,
            reasoning_effort: fields.take("reasoning_effort", TEXT)?,
            cwd: fields.take("cwd", TEXT)?,
            stdin: fields.take("stdin", TEXT)?,
            env: fields.take("env", env)?.unwrap_or_default(),
            timeout: span(fields, "timeout")?,
            stale: span(fields, "stale")?,
            notify: fields.take("notify", TEXT)?,
            parent: fields.take("parent", TEXT)?,
            priority: fields
                .take("priority", "give a whole number from -128 to 127")?
                .unwrap_or_default(),
            hold: fields.take("hold", "give true or false")?.unwrap_or_default(),
            after: list(fields, "after")?,
            after_any: list(fields, "after_any")?,
            start_in: span(fields, "start_in")?,
            start_at: fields.read("start_at", moment, |text: String| parse_moment(&text))?,
            key: fields.take("key", TEXT)?,
            retries: fields.take("retries", "give a whole number from 0 up")?.unwrap_or_default(),
            retry_on: fields
                .read("retry_on", LIST, |words: Vec<String>| reasons(&words))?
                .unwrap_or_default(),
            backoff: span(fields, "backoff")?,
            on: fields.read("on", TEXT, |word: String| parse_target(&word))?,
            cluster_options: fields
                .read("slurm", LIST, |words: Vec<String>| cluster_options(&words))?
                .unwrap_or_default(),
            worktree: fields.take("worktree", worktree)?,
            name: fields.take("name", TEXT)?,
        })
    }

    /// The line, which runs `on` that place, with these options of the cluster's own, if it names none itself.
    pub(super) fn placed(mut self, on: Option<&Target>, options: &[String]) -> Self {
        self.on = self.on.or_else(|| on.cloned());
        let is_there = |on: &Target| matches!(on, Target::Slurm { .. });
        if self.cluster_options.is_empty() && self.on.as_ref().is_none_or(is_there) {
            self.cluster_options = options.to_vec();
        }
        self
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
        let of_agents = [
            ("droid", self.droid.is_some()),
            ("runner", self.runner.is_some()),
            ("autonomy", self.autonomy.is_some()),
            ("model", self.model.is_some()),
            ("reasoning_effort", self.reasoning_effort.is_some()),
        ];
        let of_agents = of_agents.into_iter().find(|(_, is_there)| *is_there);
        let (prompt, work) = match (self.prompt, self.command) {
            (Some(prompt), None) => {
                (prompt, Work::Agent { name: self.runner, autonomy: self.autonomy })
            }
            (None, Some(argv)) if argv.is_empty() => return Err("`command` is empty".to_owned()),
            (None, Some(argv)) => {
                if let Some((field, _)) = of_agents {
                    return Err(format!("`{field}` goes with `prompt` alone"));
                }
                (quoted(&argv).map_err(|failure| failure.message)?, Work::Command(argv))
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
        Ok(Wanted {
            description: self.description,
            // What is no name of a task is the line's alone.
            name: self.name.as_deref().and_then(|name| TaskName::parse(name).ok()),
            prompt,
            droid: self.droid,
            model: self.model,
            effort: self.reasoning_effort,
            work,
            parent: self.parent,
            on: self.on,
            cluster_options: self.cluster_options,
            cwd: self.cwd,
            stdin: self.stdin,
            timeout: self.timeout,
            stale: self.stale,
            notify: self.notify,
            priority: self.priority,
            after: Vec::new(),
            dependence: if self.after_any.is_empty() {
                Dependence::OnCompletion
            } else {
                Dependence::OnEnd
            },
            not_before: self.start_at.or_else(|| self.start_in.map(|wait| now.plus(wait))),
            hold: self.hold,
            key: self.key,
            retries: Retries {
                left: self.retries,
                on: self.retry_on,
                backoff: self.backoff.unwrap_or(Duration::from_secs(2)),
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

/// The options of the cluster's own that these words are.
fn cluster_options(words: &[String]) -> Result<Vec<String>, String> {
    words.iter().map(|word| parse_cluster_option(word)).collect()
}

/// The reasons that these words stand for.
fn reasons(words: &[String]) -> Result<Vec<Reason>, String> {
    let reason = |word: &String| {
        Reason::from_word(word).ok_or_else(|| {
            let mut all = Reason::ALL.map(Reason::word);
            // The sort is stable: words that are equally far keep their order.
            all.sort_by(|one, other| strsim::jaro(word, other).total_cmp(&strsim::jaro(word, one)));
            let shown = text::preview(word, 40);
            format!("`{shown}` is no reason; there are {}", text::some_of(&all, NAMED))
        })
    };
    words.iter().map(reason).collect()
}
