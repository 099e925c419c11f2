//! How a run ended: the ending table.
//!
//! [`decide`] reads the table from the top; the first line that fits decides. An exit code of 0 is no
//! success by itself, since some agents exit with 0 when they are told to stop. This module knows no
//! agent's words: the agent's adapter says which words mean which failure. Only what an agent reports as
//! an error is asked for its kind, never what it or its tools say; and a signal that ended it counts
//! before all words.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::account::{Account, Complaint, Reopened};
use crate::task::transitions::overflow_message;
use crate::task::{AgentName, Autonomy, Ending, Exit, Reason, Runner, text};

/// The most characters of a log quoted in an ending.
pub const QUOTE_LIMIT: usize = 2_000;

/// The most lines of a log that are read for an ending.
pub const QUOTED_LINES: usize = 50;

/// Whether the ending of a task that left this log, as a terminal would show it, quotes all of it.
pub fn quotes_all(log: &str) -> bool {
    let text = log.trim_end();
    log.lines().count() <= QUOTED_LINES && text::ending(text, QUOTE_LIMIT).len() == text.len()
}

/// Everything that was seen of a run whose agent is gone.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// How the order became a process.
    pub runner: &'a Runner,
    /// Whether cancelling was asked for, by record or by signal.
    pub cancel_requested: bool,
    /// The time limit, if it was passed.
    pub time_limit_passed: Option<Duration>,
    /// The most that a log may take in bytes, if it was passed and nothing could be given back.
    pub output_limit_passed: Option<u64>,
    /// The agent's own account; empty for a plain command.
    pub account: &'a Account,
    /// How the process exited; `None` if no supervisor saw it.
    pub exit: Option<Exit>,
    /// The last lines of the task's log.
    pub log_tail: &'a str,
    /// What kind of failure the agent's adapter takes the end of the log for. It counts only where the
    /// event stream never began and the agent exited by itself, with a code other than 0.
    pub log_complaint: Option<Reason>,
    /// Whether the agent says nothing but text for people, so that only its exit tells.
    pub text_only: bool,
}

/// Decides how the task ended, by the first line of the table that fits.
pub fn decide(seen: &Evidence<'_>) -> Ending {
    if seen.cancel_requested {
        return Ending::Cancelled { result: seen.found() };
    }
    if let Some(limit) = seen.time_limit_passed {
        let message = format!("timed out after {} s (`--timeout`)", limit.as_secs_f64());
        return seen.failure(Reason::Timeout, message);
    }
    if let Some(limit) = seen.output_limit_passed {
        return seen.failure(Reason::OutputLimit, overflow_message(limit));
    }
    match seen.runner {
        Runner::Agent { name, autonomy } if !seen.text_only => seen.agent(name, *autonomy),
        Runner::Agent { .. } | Runner::Command(_) | Runner::Elsewhere => match seen.exit {
            Some(Exit::Code(0)) => Ending::Completed { result: seen.quoted_tail().to_owned() },
            Some(exit) => seen.bad_exit(exit),
            None => seen.lost(),
        },
    }
}

impl Evidence<'_> {
    fn agent(&self, name: &AgentName, autonomy: Autonomy) -> Ending {
        let clean = self.exit.is_none_or(Exit::is_success);
        if clean && let Some(text) = self.account.answer() {
            return Ending::Completed { result: text.to_owned() };
        }
        // Whatever it had reported before, this is what ended it.
        if let Some(exit @ Exit::Signal(_)) = self.exit {
            return self.bad_exit(exit);
        }
        if let Some((_, words)) = self.first_known(|reason| reason == Reason::Permission) {
            let message = permission_message(words, autonomy);
            return self.failure(Reason::Permission, message);
        }
        if let Some((reason, words)) = self.first_known(|_| true) {
            return self.failure(reason, words.to_owned());
        }
        match self.exit {
            Some(Exit::Code(0)) => self.failure(Reason::NoResult, self.without_result(name)),
            Some(exit) => self.bad_exit(exit),
            None if self.account.gave_up() => {
                self.failure(Reason::NoResult, self.without_result(name))
            }
            None => self.lost(),
        }
    }

    /// The first failure of a kind that `fits` among those whose kind is known: what the agent
    /// reported as an error in its event stream or, where that never began, what it left last in its log.
    fn first_known(&self, fits: fn(Reason) -> bool) -> Option<(Reason, &str)> {
        let silent = !self.account.has_begun() && self.exit != Some(Exit::Code(0));
        let early_log = self.log_complaint.filter(|_| silent).map(|kind| (kind, self.log_tail));
        let reported = [self.account.fatal(), self.account.trouble()].map(|complaint| {
            let Complaint { words, reason } = complaint?;
            reason.map(|reason| (reason, words.as_str()))
        });
        let known = reported.into_iter().chain([early_log]).flatten();
        let (reason, words) = known.into_iter().find(|(reason, _)| fits(*reason))?;
        Some((reason, text::beginning(words.trim(), QUOTE_LIMIT)))
    }

    /// The message for an agent that exited with 0 and never said that it was done.
    fn without_result(&self, name: &AgentName) -> String {
        let what = if self.account.gave_up() {
            format!("{name} gave an error for its answer")
        } else if self.account.fatal().is_some() {
            format!("{name} reported a failure, although it exited with 0")
        } else {
            let why = match self.account.reopened() {
                Some(Reopened::Unread) => {
                    "but an event of its stream cannot be read, and none after it says that it was done"
                }
                Some(Reopened::NotDone) => {
                    "but was not done: after it had said so it had more to do, or what it waited for was stopped"
                }
                None => "but never said that it was done (it does so when it is told to stop)",
            };
            format!("{name} exited with 0 {why}")
        };
        explained(what, &self.errors().unwrap_or_default())
    }

    /// The errors that the agent reported, the conversation's first.
    fn errors(&self) -> Option<String> {
        let complaints = [self.account.trouble(), self.account.fatal()];
        let words = complaints.into_iter().flatten().map(|complaint| complaint.words.as_str());
        let mut words: Vec<&str> = words.collect();
        // Some agents report the error that ends them twice.
        words.dedup();
        (!words.is_empty()).then(|| words.join(": "))
    }

    fn bad_exit(&self, exit: Exit) -> Ending {
        let (reason, what) = match exit {
            Exit::Code(code) => (Reason::Exit, format!("exited with code {code}")),
            Exit::Signal(signal) => (Reason::Signal, format!("ended by {}", signal_name(signal))),
        };
        let words = self.errors().unwrap_or_else(|| self.quoted_tail().to_owned());
        self.failure(reason, explained(what, &words))
    }

    fn lost(&self) -> Ending {
        let what = match self.runner {
            Runner::Agent { .. } if !self.text_only => {
                "exit status unknown: the supervisor that started it was gone when it ended, and it never said \
                 that it was done"
            }
            Runner::Agent { .. } | Runner::Command(_) | Runner::Elsewhere => {
                "exit status unknown: the supervisor that started it was gone when it ended, and nothing else \
                 says how it ended"
            }
        };
        self.failure(Reason::Lost, explained(what.to_owned(), &self.errors().unwrap_or_default()))
    }

    fn failure(&self, reason: Reason, message: impl Into<String>) -> Ending {
        let message = message.into();
        // A text that only repeats the error message is no result.
        let result = self.found().filter(|found| *found != message);
        Ending::Failed { reason, message, result }
    }

    /// What it had found, if anything.
    fn found(&self) -> Option<String> {
        let found = match self.runner {
            Runner::Agent { .. } if !self.text_only => self.account.findings()?,
            Runner::Agent { .. } | Runner::Command(_) | Runner::Elsewhere => self.quoted_tail(),
        };
        (!found.is_empty()).then(|| found.to_owned())
    }

    fn quoted_tail(&self) -> &str {
        text::ending(self.log_tail.trim_end(), QUOTE_LIMIT)
    }
}

/// What happened, followed by as much of `words` as a message holds.
fn explained(what: String, words: &str) -> String {
    match text::beginning(words.trim(), QUOTE_LIMIT) {
        "" => what,
        words => format!("{what}: {words}"),
    }
}

/// The agent's own words, and the level to retry with where the words do not name one.
fn permission_message(words: &str, autonomy: Autonomy) -> String {
    let named = Autonomy::ALL.iter().any(|level| names_level(words, *level));
    match autonomy.next() {
        Some(level) if !named => format!("{words} (retry with --autonomy {})", level.word()),
        Some(_) | None => words.to_owned(),
    }
}

/// The level to retry a refused task with: the lowest above the one it had that the words name, or else
/// the next.
pub fn retry_autonomy(message: &str, had: Autonomy) -> Option<Autonomy> {
    let named = |level: &Autonomy| *level > had && names_level(message, *level);
    Autonomy::ALL.into_iter().find(named).or_else(|| had.next())
}

/// Whether the words name the level as the value of an option.
fn names_level(words: &str, level: Autonomy) -> bool {
    let mut words = words.split_whitespace();
    let mut before = words.next().unwrap_or_default();
    words.any(|word| {
        let option = core::mem::replace(&mut before, word);
        let value = word.trim_matches(|c: char| !c.is_alphanumeric());
        option.contains("--") && value == level.word()
    })
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
