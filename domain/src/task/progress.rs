//! What is known of a task besides its order and its state.
//!
//! The supervisor records progress while the task runs. Nothing here decides anything;
//! [`super::retention`] says when a task expires.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::id::{SessionId, TaskId};
use super::job::Job;
use super::process::{Exit, LeftBehind, ProcessId};
use super::state::CancelIntent;
use super::time::Timestamp;

/// The most characters of an agent's message kept as [`Activity::last_message`].
pub const LAST_MESSAGE_LIMIT: usize = 500;
/// The most characters of a refusal kept in [`Activity::refused`].
pub const REFUSAL_LIMIT: usize = 200;
/// The most refusals kept in [`Activity::refused`].
pub const MOST_REFUSED: usize = 10;

/// What is known of a task besides its order and its state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What the agent did so far.
    pub activity: Activity,
    /// When anything was last recorded.
    pub last_update: Option<Timestamp>,
    /// Where its readable output is, as an absolute path.
    pub output_file: Option<String>,
    /// The process that supervises it, once there is one.
    pub supervisor: Option<ProcessId>,
    /// How often another supervisor took it over because the one before was gone.
    pub adoptions: u32,
    /// The agent itself, once it was started.
    pub agent: Option<ProcessId>,
    /// What holds all its processes together on its machine: the folder of a control group.
    pub group: Option<String>,
    /// What tells the store that its processes were started from apart from every other, copies of it included; a record
    /// that was copied says so by that.
    pub store: Option<String>,
    /// The most bytes of the disk that each of its logs may take, as it was when it was started; 0 for any number.
    pub log_limit: Option<u64>,
    /// How the agent exited, once that is known.
    pub exit: Option<Exit>,
    /// The time since boot, without sleep, when the agent was started; comparable only within the boot
    /// of [`Progress::supervisor`].
    pub started_awake: Option<Duration>,
    /// The attempt that follows it.
    pub retried_as: Option<TaskId>,
    /// The machine it runs on, by its node name; absent in records of other programs.
    pub host: Option<String>,
    /// The job that a cluster runs for it, once it was handed over.
    pub slurm: Option<Box<Job>>,
    /// Its id in the store of the machine that keeps it, where that is another one.
    pub remote_id: Option<TaskId>,
    /// What the agent found, where that came after an ending that was only a guess, or that brought no
    /// result.
    pub late_result: Option<String>,
    /// The intent to stop the processes that it left after its end.
    pub stop: Option<CancelIntent>,
    /// What lived on when its agent was gone.
    pub left: LeftBehind,
    /// How many bytes its supervisor could not add to the readable log, for want of room.
    pub log_lost: u64,
    /// How much of the disk its logs took when its ending was recorded, in bytes, as its store measured it.
    pub log_bytes: Option<u64>,
}

/// What an agent did so far, as seen in its event stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// How many tools it called.
    pub tool_calls: u64,
    /// How many of those calls have not returned yet.
    pub tools_in_flight: u64,
    /// The tool it called last.
    pub last_tool: Option<String>,
    /// The beginning of what it said last, at most [`LAST_MESSAGE_LIMIT`] characters.
    pub last_message: Option<String>,
    /// When it said that.
    pub last_message_at: Option<Timestamp>,
    /// The session it works in, by its own account.
    pub session: Option<SessionId>,
    /// What it used up, by its own account.
    pub usage: Option<Usage>,
    /// Which tools it was not allowed to use, and why, where it went on without them.
    pub refused: Vec<String>,
    /// The time since boot, without sleep, when this was seen.
    pub awake: Option<Duration>,
}

impl Activity {
    /// Takes over every value that `newer` has; the others stay.
    pub(crate) fn absorb(&mut self, newer: Self) {
        let Self {
            tool_calls,
            tools_in_flight,
            last_tool,
            last_message,
            last_message_at,
            session,
            usage,
            refused,
            awake,
        } = newer;
        self.tool_calls = self.tool_calls.max(tool_calls);
        self.tools_in_flight = tools_in_flight;
        if last_message.is_some() {
            self.last_message_at = last_message_at;
        }
        self.last_tool = last_tool.or_else(|| self.last_tool.take());
        self.last_message = last_message.or_else(|| self.last_message.take());
        self.session = session.or_else(|| self.session.take());
        self.usage = usage.or(self.usage);
        if !refused.is_empty() {
            self.refused = refused;
        }
        self.awake = self.awake.max(awake);
    }
}

/// What an agent used up, by its own account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens it read.
    pub input_tokens: u64,
    /// Tokens it wrote.
    pub output_tokens: u64,
    /// Tokens it read from a cache.
    pub cache_read_input_tokens: u64,
    /// Tokens it put into a cache.
    pub cache_creation_input_tokens: u64,
    /// What that cost, in millionths of a US dollar, where the agent says so.
    pub cost_micros: Option<u64>,
}

impl Usage {
    /// Millionths of a dollar from dollars; `None` for a cost that makes no sense.
    pub fn micros(dollars: f64) -> Option<u64> {
        let micros = dollars * 1e6 + 0.5;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "cut to whole millionths, and the range is looked at before"
        )]
        let whole = (0.0..=1e15).contains(&micros).then_some(micros as u64);
        whole
    }

    /// What it cost in dollars, where the agent says so.
    pub fn cost_usd(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "no agent costs as much as that")]
        self.cost_micros.map(|micros| micros as f64 / 1e6)
    }

    /// This and `more` together.
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        let cost = |usage: Self| usage.cost_micros;
        let both = cost(self).zip(cost(more)).map(|(one, other)| one.saturating_add(other));
        Self {
            input_tokens: self.input_tokens.saturating_add(more.input_tokens),
            output_tokens: self.output_tokens.saturating_add(more.output_tokens),
            cache_read_input_tokens: self
                .cache_read_input_tokens
                .saturating_add(more.cache_read_input_tokens),
            cache_creation_input_tokens: self
                .cache_creation_input_tokens
                .saturating_add(more.cache_creation_input_tokens),
            cost_micros: both.or(cost(self)).or(cost(more)),
        }
    }
}
