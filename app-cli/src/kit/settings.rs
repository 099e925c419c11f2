//! Settings: the value of each, and who set it.
//!
//! A flag counts before the environment, the environment before what was set in the store itself, that before
//! the settings file beside the store, the file before what is usual. All that can be read counts. What cannot be read comes back as one
//! failure beside it, so that a supervisor can go on where a command stops. `table` names every
//! setting, `environment` and `file` read the two sources.

pub(crate) mod environment;
mod file;
mod runners;
mod slurm;
mod table;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use adapters_fs::{DataDir, limit_of};
use adapters_process::agents::droid;
use adapters_process::agents::own::Description;
use adapters_process::agents::registry::{Programs, SHIPPED};
use clap::ValueEnum;
use domain::plan::queue::admission::Limits;
use domain::task::near::near;
use domain::task::{AgentName, Policy, Target, retention};

use crate::kit::answer::Format;
use crate::kit::duration::{parse_duration, written};
use crate::kit::failure::{Failure, Kind};
use crate::kit::size::{USUAL_ENDED_LOGS, USUAL_LOG, parse_log_size, parse_size};
use file::SettingsFile;
use runners::RunnerEntry;
use table::{
    DROID, ENDED_LOGS, FORMAT, KEEP_ENDED, MAX_LOG, MAX_RUNNING, NOTIFY, ON, RUNNER, STALE,
    Setting, TTL,
};

pub(crate) use table::{markdown, meaning};

/// The longest line that is run when a task has ended, in bytes.
const MAX_NOTIFY: usize = 4_096;

/// The settings.
#[derive(Debug)]
pub(crate) struct Settings {
    /// How to answer; `None` leaves it to who reads.
    pub(crate) format: Said<Option<Format>>,
    /// The droid program.
    pub(crate) droid: Said<OsString>,
    /// The agent that works where an order names none.
    pub(crate) runner: Said<String>,
    /// Where a task runs whose order does not say so.
    pub(crate) on: Said<Target>,
    /// How many tasks run at once.
    pub(crate) max_running: Said<usize>,
    /// How long a task may run; zero is no limit.
    pub(crate) ttl: Said<Duration>,
    /// Half of how long a task may be silent; zero is no limit.
    pub(crate) stale: Said<Duration>,
    /// How many bytes of the disk each log may take; zero is no bound.
    pub(crate) max_log: Said<u64>,
    /// How many bytes of the disk the logs of ended tasks may take before that is said; zero is any number.
    pub(crate) ended_logs: Said<u64>,
    /// How long an ended task is kept that somebody has collected; zero is for ever.
    pub(crate) keep_ended: Said<Duration>,
    /// What is run once when a task has ended, where its order says nothing of that.
    pub(crate) notify: Said<Option<String>>,
    /// How many tasks run at once as the store or the file beside it says, whatever the environment does.
    stores_limit: Option<usize>,
    file: SettingsFile,
}

/// A value, and its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said<T> {
    /// The value.
    pub(crate) value: T,
    /// Who said it.
    pub(crate) source: Source,
}

/// The source of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A flag of the command line.
    Flag,
    /// An environment variable.
    Environment,
    /// What `queue limit` put into the store.
    Store,
    /// The settings file.
    File,
    /// Nobody.
    Default,
}

impl Settings {
    /// Reads the environment and, where the store has a place, the file beside it. Returns what is
    /// wrong as well; that does not count.
    pub(crate) fn read(flag: Option<Format>, dir: Option<&DataDir>) -> (Self, Option<Failure>) {
        let file = dir.map(|dir| SettingsFile::read(dir.settings())).unwrap_or_default();
        let mut reader = Reader { file, failure: None };
        let (limits, policy) = (Limits::default(), Policy::default());
        let format = match flag {
            Some(format) => Said { value: Some(format), source: Source::Flag },
            None => reader.setting(&FORMAT, None, |text| parse_format(text).map(Some)),
        };
        let droid = reader.setting(&DROID, droid::NAME.into(), |text| Ok(text.into()));
        let droid = match DROID.variable.and_then(environment::variable) {
            // A path need not be text.
            Some(value) => Said { value, source: Source::Environment },
            None => droid,
        };
        let own: Vec<String> = reader.file.runners.iter().map(|it| it.name().to_owned()).collect();
        let usual = AgentName::droid().as_str().to_owned();
        let runner = reader.setting(&RUNNER, usual, |text| parse_runner(text, &own));
        let on = reader.setting(&ON, Target::Local, |text| {
            Target::parse(text).map_err(|invalid| invalid.to_string())
        });
        let max_running = reader.setting(&MAX_RUNNING, limits.max_running, parse_count);
        let in_store = dir.and_then(limit_of);
        let max_running = match (max_running.source, in_store) {
            (Source::File | Source::Default, Some(value)) => Said { value, source: Source::Store },
            _ => max_running,
        };
        let ttl = reader.setting(&TTL, policy.time_to_live, parse_duration);
        let stale = reader.setting(&STALE, policy.silence / 2, parse_duration);
        let max_log = reader.setting(&MAX_LOG, USUAL_LOG, parse_log_size);
        let ended_logs = reader.setting(&ENDED_LOGS, USUAL_ENDED_LOGS, parse_size);
        let keep_ended = reader.setting(&KEEP_ENDED, Duration::ZERO, parse_duration);
        let notify = reader.setting(&NOTIFY, None, parse_notify);
        let failure = reader.failure.take().or_else(|| reader.file.failure());
        let written = MAX_RUNNING.key.and_then(|key| reader.file.entry(key));
        let written = written.and_then(|entry| parse_count(&entry.text).ok());
        let stores_limit = in_store.or(written);
        (
            Self {
                format,
                droid,
                runner,
                on,
                max_running,
                ttl,
                stale,
                max_log,
                ended_logs,
                keep_ended,
                notify,
                stores_limit,
                file: reader.file,
            },
            failure,
        )
    }

    /// How many tasks may run at once. What the store says holds for all; where it says nothing, the
    /// environment of this process may raise the limit for tasks that were launched in the same.
    pub(crate) fn limits(&self) -> Limits {
        let said = self.max_running.value;
        let (usual, max_running) = match (self.max_running.source, self.stores_limit) {
            (Source::Environment, None) => {
                let usual = Limits::default().max_running;
                (usual, usual.max(said))
            }
            (_, stores) => (stores.unwrap_or(said), stores.unwrap_or(said)),
        };
        Limits { max_running, usual, groups: self.file.groups.clone() }
    }

    /// Which licence of a cluster a task of a group takes.
    pub(crate) fn licences(&self) -> BTreeMap<String, String> {
        self.file.licences.clone()
    }

    /// How many tasks may run at once with those that this process launches, if its environment says so.
    pub(crate) fn own_limit(&self) -> Option<usize> {
        (self.max_running.source == Source::Environment).then_some(self.max_running.value)
    }

    /// The agents that the file describes.
    pub(crate) fn own_agents(&self) -> Vec<Description> {
        self.file.runners.iter().filter_map(RunnerEntry::described).collect()
    }

    /// Which words the agents that are known are started with.
    pub(crate) fn programs(&self) -> Programs {
        let usual = Programs::default().with(&AgentName::droid(), &self.droid.value);
        self.file.runners.iter().fold(usual, |programs, entry| entry.added_to(programs))
    }

    /// What life means for a task.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            time_to_live: self.ttl.value,
            silence: self.stale.value.saturating_mul(2),
            ..Policy::default()
        }
    }

    /// The group that a task is recorded in: its model if that has a limit, else its droid.
    pub(crate) fn group(&self, droid: &str, model: Option<&str>) -> String {
        let model = model.map(|model| format!("model:{model}"));
        let limited = model.filter(|group| self.file.groups.contains_key(group));
        limited.unwrap_or_else(|| droid.to_owned())
    }

    /// What contradicts itself, a sentence each: a setting that can never act because another acts before it.
    pub(crate) fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        let (ttl, stale) = (self.ttl.value, self.stale.value);
        let silence = stale.saturating_mul(2);
        if retention::limit(ttl).is_some_and(|ttl| silence > ttl) {
            found.push(format!(
                "`stale` never acts: twice {} of silence come only after `ttl`, {}, has ended a task",
                written(stale),
                written(ttl)
            ));
        }
        let limits = self.limits();
        let idle = limits.groups.iter().filter(|(_, limit)| **limit > limits.max_running);
        found.extend(idle.map(|(group, limit)| {
            let max = limits.max_running;
            format!("the limit of `{group}`, {limit}, never acts: only {max} tasks run at once")
        }));
        found
    }

    /// Where the settings file is or would be, and whether it is there.
    pub(crate) fn file(&self) -> (&PathBuf, bool) {
        (&self.file.path, self.file.found)
    }
}

/// Asks the sources of settings one after another, and remembers the first complaint.
struct Reader {
    file: SettingsFile,
    failure: Option<Failure>,
}

impl Reader {
    fn setting<T>(
        &mut self,
        setting: &Setting,
        usual: T,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Said<T> {
        if let Some(name) = setting.variable
            && let Some(text) = environment::text(name)
        {
            match parse(&text) {
                Ok(value) => return Said { value, source: Source::Environment },
                Err(words) => {
                    let failure = Failure::new(Kind::Usage, format!("`{name}` is `{text}`"));
                    self.failure.get_or_insert(failure.hint(words));
                }
            }
        }
        if let Some(key) = setting.key
            && let Some(entry) = self.file.entry(key)
        {
            match parse(&entry.text) {
                Ok(value) => return Said { value, source: Source::File },
                Err(words) => self.file.complain(key, &words),
            }
        }
        Said { value: usual, source: Source::Default }
    }
}

/// Reads how many may run at once.
///
/// # Errors
/// A sentence that says what it has to be.
pub(crate) fn parse_count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| {
        "give a whole number above 0; to start nothing, run `task-bg queue pause`".to_owned()
    })
}

/// Reads which agent works; besides those of this program there are `own`.
fn parse_runner(text: &str, own: &[String]) -> Result<String, String> {
    let known = || SHIPPED.into_iter().chain(own.iter().map(String::as_str));
    if known().any(|name| name == text) {
        return Ok(text.to_owned());
    }
    let list = "name a runner that `task-bg runners` lists";
    Err(match near(text, known()).first() {
        Some(name) => format!("did you mean `{name}`? {list}"),
        None => list.to_owned(),
    })
}

/// Reads what is to be run when a task has ended; an empty text is nothing.
///
/// # Errors
/// A sentence that says what it has to be.
pub(crate) fn parse_notify(text: &str) -> Result<Option<String>, String> {
    if text.len() > MAX_NOTIFY || text.contains('\0') {
        return Err(format!(
            "what is run at the end is a line for the shell, of at most {MAX_NOTIFY} bytes and without NUL: put more into a script"
        ));
    }
    let line = text.trim();
    Ok((!line.is_empty()).then(|| line.to_owned()))
}

fn parse_format(text: &str) -> Result<Format, String> {
    Format::from_str(text, true).map_err(|_| "use one of json, ndjson, table, markdown".to_owned())
}

/// Reads a text as the settings file, and words what is wrong with it.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzzed(text: &str) {
    let file = SettingsFile::of("/store/task-bg.toml".into(), text);
    drop(file.failure());
    for runner in &file.runners {
        drop(runner.described());
    }
}
