//! What was asked for: the part of a task that is fixed when it is launched.
//!
//! An order says what to run, where, for whom and for how long. It never says how the task went.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::agent_name::AgentName;
use super::droid::Briefing;
use super::ending::Ending;
use super::id::{SessionId, TaskId};
use super::prompt::Prompt;
use super::state::Reason;
use super::target::Target;
use super::task_name::TaskName;
use super::time::Timestamp;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// A short label for people.
    pub description: String,
    /// What somebody calls the task in place of its id; the newest task of that name is meant.
    pub name: Option<TaskName>,
    /// What the agent is told; the quoted command line of a plain command.
    pub prompt: Prompt,
    /// The named droid, or `command` for a plain command.
    pub agent: String,
    /// The session name minted for the task at launch; absent in records of other programs.
    pub session: Option<SessionId>,
    /// The session that launched the task, where one is known.
    pub parent: Option<SessionId>,
    /// How the order becomes a process.
    pub runner: Runner,
    /// The folder it runs in, as an absolute path; absent in records of other programs.
    pub cwd: Option<String>,
    /// The file that a plain command reads as its standard input, as an absolute path.
    pub stdin: Option<String>,
    /// How long it may run; zero is no limit, the policy's neither.
    pub time_limit: Option<Duration>,
    /// The model asked for, where it is not the default.
    pub model: Option<String>,
    /// What the definition of its droid adds to the order; absent for a plain command and in older
    /// records.
    pub briefing: Option<Briefing>,
    /// How long it may be silent, where the policy's limit does not apply; zero is no limit.
    pub silence: Option<Duration>,
    /// Where it is to run.
    pub target: Target,
    /// What is run once when the task has ended: a line for the shell, or the word `desktop`.
    pub notify: Option<String>,
    /// Options of the cluster's own that its job gets, as they are.
    pub cluster_options: Vec<String>,
    /// How the task waits to start.
    pub placement: Placement,
    /// The earlier task that it repeats or continues.
    pub lineage: Lineage,
    /// After which endings another attempt follows.
    pub retries: Retries,
    /// The name under which the same order is never started twice.
    pub key: Option<String>,
    /// The git worktree that was made for it.
    pub worktree: Option<Worktree>,
}

impl Order {
    /// What people recognise it by: its description, or what was to be done where it has none.
    pub fn label(&self) -> &str {
        if self.description.trim().is_empty() { self.prompt.as_str() } else { &self.description }
    }
}

impl Default for Order {
    /// An order of which nothing is known.
    fn default() -> Self {
        Self {
            description: String::new(),
            name: None,
            prompt: Prompt::recorded(String::new()),
            agent: String::new(),
            session: None,
            parent: None,
            runner: Runner::Elsewhere,
            cwd: None,
            stdin: None,
            time_limit: None,
            model: None,
            briefing: None,
            silence: None,
            target: Target::default(),
            notify: None,
            cluster_options: Vec::new(),
            placement: Placement::default(),
            lineage: Lineage::default(),
            retries: Retries::default(),
            key: None,
            worktree: None,
        }
    }
}

/// How a task waits to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Higher ones start first; 0 is usual.
    pub priority: i8,
    /// The group that its record names, a droid or `model:<name>`; limits count [`super::Task::groups`]
    /// instead.
    pub group: Option<String>,
    /// The tasks that have to end first.
    pub after: Vec<TaskId>,
    /// How those tasks have to end.
    pub dependence: Dependence,
    /// The moment before which it does not start.
    pub not_before: Option<Timestamp>,
    /// Whether it waits until somebody releases it.
    pub held: bool,
    /// How many tasks may run at once with it, as its launcher's own environment said; the limit of the
    /// store holds besides.
    pub at_most: Option<usize>,
}

impl Placement {
    /// Whether the task may start as soon as there is a free slot.
    pub const fn is_unconditional(&self) -> bool {
        self.after.is_empty() && self.not_before.is_none() && !self.held
    }
}

/// How the tasks that have to end first have to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dependence {
    /// All of them must have completed.
    #[default]
    OnCompletion,
    /// All of them must have ended, however.
    OnEnd,
}

/// The earlier task that a task repeats or continues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// Which attempt it is, counted from 1.
    pub attempt: u32,
    /// The task whose order it repeats.
    pub retry_of: Option<TaskId>,
    /// The task whose session it continues.
    pub resume_of: Option<TaskId>,
    /// Which session it continues, and how.
    pub continues: Option<Continuation>,
    /// The task in whose processes it was launched.
    pub launched_by: Option<TaskId>,
}

impl Default for Lineage {
    fn default() -> Self {
        Self { attempt: 1, retry_of: None, resume_of: None, continues: None, launched_by: None }
    }
}

/// How a task continues a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Continuation {
    /// In the session itself.
    Same(SessionId),
    /// In a copy of this session.
    Fork(SessionId),
}

/// After which endings another attempt follows, how often and how late.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retries {
    /// How many more attempts there may be.
    pub left: u32,
    /// After which endings; empty means after any that another attempt may change.
    pub on: Vec<Reason>,
    /// How long the next attempt waits; each later one waits twice as long as the one before.
    pub backoff: Duration,
}

/// Endings that another attempt would not change: not retried unless [`Retries::on`] names them.
const FINAL: [Reason; 4] = [Reason::Permission, Reason::Auth, Reason::Dependency, Reason::Reported];

impl Retries {
    /// Whether another attempt follows such an ending; never after one that was reported by hand.
    pub fn follow(&self, ending: &Ending) -> bool {
        let Ending::Failed { reason, .. } = ending else { return false };
        let wanted =
            if self.on.is_empty() { !FINAL.contains(reason) } else { self.on.contains(reason) };
        self.left > 0 && wanted && *reason != Reason::Reported
    }
}

/// A git worktree made for one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worktree {
    /// Its folder, as an absolute path.
    pub path: String,
    /// The branch that is checked out there.
    pub branch: String,
    /// The commit it was made from.
    pub base: String,
    /// The top folder of the repository it belongs to.
    pub repository: String,
}

/// How an order becomes a process.
#[derive(Clone, PartialEq, Eq)]
pub enum Runner {
    /// An agent, known by its name, with this autonomy. The name may be one that this version does
    /// not know: such a task can be shown and cancelled, and its start fails.
    Agent {
        /// Which agent.
        name: AgentName,
        /// How much it may do without asking.
        autonomy: Autonomy,
    },
    /// A plain command: its program and arguments, passed on as they are, never through a shell.
    Command(Vec<String>),
    /// Another program started it, and its record does not say how.
    Elsewhere,
}

impl fmt::Debug for Runner {
    // Arguments may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent { name, autonomy } => {
                f.debug_struct("Agent").field("name", name).field("autonomy", autonomy).finish()
            }
            Self::Command(argv) => write!(f, "Command({} words)", argv.len()),
            Self::Elsewhere => f.write_str("Elsewhere"),
        }
    }
}

/// How much an agent may do without asking. Each agent has switches of its own for it, which its
/// adapter knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Autonomy {
    /// The agent's default: as a rule it only reads.
    None,
    /// It may change files in its folder.
    Low,
    /// It may also run commands that can be undone.
    Medium,
    /// It may do everything.
    High,
}

impl Autonomy {
    /// Every level, lowest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Low, Self::Medium, Self::High];

    /// The level as our own flags and records spell it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The level that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.word() == word)
    }

    /// The next higher level, if there is one.
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::None => Some(Self::Low),
            Self::Low => Some(Self::Medium),
            Self::Medium => Some(Self::High),
            Self::High => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn the_words_of_a_command_never_show_themselves_in_debug_output() {
        let argv = Runner::Command(std::vec!["curl".into(), "token".into()]);
        assert_eq!(format!("{argv:?}"), "Command(2 words)");
    }
}
