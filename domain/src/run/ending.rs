//! When a task is over, and how: the ending table.
//!
//! [`decide`] reads the table from the top; the first line that fits decides. It looks only at what
//! was seen and never at what one would wish for: an exit code of 0 is no success by itself, since
//! droid exits with 0 when it is told to stop.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

use super::account::Account;
use crate::task::{Autonomy, Ending, Exit, Reason, Runner, text};

/// The most characters of a log quoted in an ending.
pub const QUOTE_LIMIT: usize = 2_000;

/// The most lines of a log that are looked at for an ending.
pub const QUOTED_LINES: usize = 50;

/// Everything that was seen of a run that is over.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// How the order became a process.
    pub runner: &'a Runner,
    /// Whether cancelling was asked for, by record or by signal.
    pub cancel_requested: bool,
    /// The time limit, if it was passed.
    pub time_limit_passed: Option<Duration>,
    /// The agent's own account; empty for a plain command.
    pub account: &'a Account,
    /// How the process exited; `None` if nobody was there to see it.
    pub exit: Option<Exit>,
    /// The last lines of the task's log.
    pub log_tail: &'a str,
}

/// Decides how the task ended, by the first line of the table that fits.
pub fn decide(seen: &Evidence<'_>) -> Ending {
    if seen.cancel_requested {
        return Ending::Cancelled;
    }
    if let Some(limit) = seen.time_limit_passed {
        let message = format!("timed out after {} s", limit.as_secs_f64());
        return seen.failure(Reason::Timeout, message);
    }
    match seen.runner {
        Runner::Droid(autonomy) => seen.droid(*autonomy),
        Runner::Command(_) | Runner::Elsewhere => match seen.exit {
            Some(Exit::Code(0)) => Ending::Completed { result: seen.quoted_tail().to_owned() },
            Some(exit) => seen.bad_exit(exit),
            None => seen.lost(),
        },
    }
}

impl Evidence<'_> {
    fn droid(&self, autonomy: Autonomy) -> Ending {
        let clean = self.exit.is_none_or(Exit::is_success);
        if clean && let Some(text) = self.account.final_text() {
            return Ending::Completed { result: text.to_owned() };
        }
        if let Some(words) = self.first_complaint(is_permission) {
            let message = permission_message(words, autonomy);
            return self.failure(Reason::Permission, message);
        }
        if let Some(words) = self.first_complaint(is_auth) {
            return self.failure(Reason::Auth, words.to_owned());
        }
        match self.exit {
            Some(Exit::Code(0)) => self.failure(
                Reason::NoResult,
                "droid exited with 0 but never said that it was done (it does so when it is told to stop)",
            ),
            Some(exit) => self.bad_exit(exit),
            None => self.lost(),
        }
    }

    /// What droid itself complained of, in its event stream or, before that began, in its log.
    fn first_complaint(&self, fits: fn(&str) -> bool) -> Option<&str> {
        let began = self.account.activity().session.is_some();
        let early_log = (!began).then_some(self.log_tail);
        [self.account.fatal(), self.account.trouble(), early_log]
            .into_iter()
            .flatten()
            .find(|words| fits(words))
            .map(|words| text::beginning(words.trim(), QUOTE_LIMIT))
    }

    fn bad_exit(&self, exit: Exit) -> Ending {
        let (reason, what) = match exit {
            Exit::Code(code) => (Reason::Exit, format!("exited with code {code}")),
            Exit::Signal(signal) => (Reason::Signal, format!("ended by {}", signal_name(signal))),
        };
        let complaints = [self.account.trouble(), self.account.fatal()];
        let words: alloc::vec::Vec<&str> = complaints.into_iter().flatten().collect();
        let words = if words.is_empty() { self.quoted_tail().to_owned() } else { words.join(": ") };
        let message = match text::beginning(words.trim(), QUOTE_LIMIT) {
            "" => what,
            words => format!("{what}: {words}"),
        };
        self.failure(reason, message)
    }

    fn lost(&self) -> Ending {
        self.failure(
            Reason::Lost,
            "its supervisor and its agent are gone, and nothing says how it ended",
        )
    }

    fn failure(&self, reason: Reason, message: impl Into<String>) -> Ending {
        let found = match self.runner {
            Runner::Droid(_) => self.account.findings(),
            Runner::Command(_) | Runner::Elsewhere => Some(self.quoted_tail()),
        };
        let message = message.into();
        // What only says once more what went wrong was not found out by the agent.
        let found = found.filter(|found| !found.is_empty() && *found != message);
        Ending::Failed { reason, message, result: found.map(ToString::to_string) }
    }

    fn quoted_tail(&self) -> &str {
        text::ending(self.log_tail.trim_end(), QUOTE_LIMIT)
    }
}

fn is_permission(words: &str) -> bool {
    words.contains("insufficient permission")
}

fn is_auth(words: &str) -> bool {
    let refused = words.trim_start();
    refused.starts_with("401")
        || refused.starts_with("403")
        || words.contains("Authentication failed")
        || words.contains("authentication_error")
        || words.contains("FACTORY_API_KEY")
}

/// Droid's own words, and the level to retry with where those do not name one.
fn permission_message(words: &str, autonomy: Autonomy) -> String {
    let named =
        Autonomy::ALL.iter().any(|level| words.contains(&format!("--auto {}", level.word())));
    match autonomy.next() {
        Some(level) if !named => format!("{words} (retry with --autonomy {})", level.word()),
        Some(_) | None => words.to_owned(),
    }
}

/// The level to retry a refused task with: the lowest that droid's words name above the one it had.
pub fn retry_autonomy(message: &str, had: Autonomy) -> Option<Autonomy> {
    let named = |level: &Autonomy| {
        let word = level.word();
        message.contains(&format!("--auto {word}"))
            || message.contains(&format!("--autonomy {word}"))
    };
    Autonomy::ALL.into_iter().find(|level| *level > had && named(level)).or_else(|| had.next())
}

/// The name of a signal, such as `SIGTERM`, or its number where it has none here.
pub fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests;
