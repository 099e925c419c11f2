//! From the members of a record to the task they hold.
//!
//! The top level is read strictly: a wrong value there makes the record unreadable, with the reason.
//! Under `progress`, what makes no sense counts as absent. Never changes what it reads.

use std::time::Duration;

use domain::task::{
    Activity, Autonomy, Briefing, CancelIntent, Cancelled, Completed, Continuation, Dependence,
    DroidSource, Exit, Failure, Lineage, Order, Placement, ProcessId, Progress, Prompt, Queued,
    Reason, Recorded, Retries, Runner, Running, SessionId, State, Status, Task, TaskId, Timestamp,
    Usage, Worktree,
};
use jiff::tz::TimeZone;

use super::raw::Object;
use super::{
    NO_PARENT, Unfit, droid_key, iso8601, key, process_key, progress_key, runner_word, usage_key,
    worktree_key,
};

/// Keys by which the sister programs that share this folder call what we call otherwise.
const FOREIGN_TWINS: [(&str, &str); 7] = [
    ("sessionId", key::SESSION),
    ("parentSessionId", key::PARENT),
    ("startedAt", key::STARTED),
    ("queuedAt", key::QUEUED),
    ("completedAt", key::COMPLETED),
    ("concurrencyKey", key::CONCURRENCY),
    ("parentModel", key::MODEL),
];

/// The task that a record in the file of `id` holds.
pub(super) fn task(raw: &Object<'_>, id: &TaskId) -> Result<Task, Unfit> {
    refuse_foreign(raw)?;
    let found = required(raw, key::ID)?;
    if found != id.as_str() {
        return Err(Unfit::Misnamed { found });
    }
    let progress = Below::of(raw)?;
    let parent = optional(raw, key::PARENT)?.filter(|parent| parent != NO_PARENT);
    let order = Order {
        description: required(raw, key::DESCRIPTION)?,
        prompt: Prompt::recorded(required(raw, key::PROMPT)?),
        agent: required(raw, key::AGENT)?,
        session: optional(raw, key::SESSION)?.and_then(|text| SessionId::parse(&text).ok()),
        parent: parent.and_then(|text| SessionId::parse(&text).ok()),
        runner: progress.runner(),
        cwd: progress.text(progress_key::CWD),
        time_limit: progress.millis(progress_key::TIMEOUT),
        model: optional(raw, key::MODEL)?,
        briefing: progress.briefing(),
        silence: progress.millis(progress_key::SILENCE),
        placement: Placement { group: optional(raw, key::CONCURRENCY)?, ..progress.placement() },
        lineage: progress.lineage(),
        retries: progress.retries(),
        key: progress.text(progress_key::KEY),
        worktree: progress.worktree(),
    };
    Ok(Task::recorded(Recorded {
        id: id.clone(),
        order,
        state: state(raw, &progress)?,
        queued_at: time(raw, key::QUEUED)?,
        started_at: time(raw, key::STARTED)?,
        progress: progress.progress(),
    }))
}

fn refuse_foreign(raw: &Object<'_>) -> Result<(), Unfit> {
    let twin = FOREIGN_TWINS
        .iter()
        .find(|(theirs, ours)| raw.get(theirs).is_some() && raw.get(ours).is_none());
    if let Some((theirs, ours)) = twin {
        return Err(Unfit::Foreign { sign: format!("it has `{theirs}`, and no `{ours}`") });
    }
    if raw.get(key::ID).is_none() {
        return Err(Unfit::Foreign { sign: format!("it has no `{}`", key::ID) });
    }
    Ok(())
}

fn state(raw: &Object<'_>, progress: &Below<'_>) -> Result<State, Unfit> {
    let word = required(raw, key::STATUS)?;
    let Some(status) = Status::from_word(&word) else {
        let found = format!("`{word}`");
        return Err(Unfit::Wrong { key: key::STATUS, found, wanted: "a status we know" });
    };
    let (at, result) = (time(raw, key::COMPLETED)?, optional(raw, key::RESULT)?);
    // Checked in every state, so that a record does not become unreadable when it ends.
    let message = optional(raw, key::ERROR)?;
    Ok(match status {
        Status::Queued => State::Queued(Queued { held: progress.held() }),
        Status::Running => State::Running(Running { cancel: progress.cancel() }),
        Status::Completed => State::Completed(Completed { at, result: result.unwrap_or_default() }),
        // An empty text says nothing about what went wrong; the status alone says that something did.
        Status::Error => State::Error(Failure {
            at,
            reason: progress.reason(),
            message: message.unwrap_or_default(),
            result,
        }),
        Status::Cancelled => State::Cancelled(Cancelled { at }),
    })
}

fn required(raw: &Object<'_>, key: &'static str) -> Result<String, Unfit> {
    if raw.get(key).is_none() {
        return Err(Unfit::Missing { key });
    }
    optional(raw, key)?.ok_or_else(|| wrong(raw, key, "a text"))
}

fn optional(raw: &Object<'_>, key: &'static str) -> Result<Option<String>, Unfit> {
    let Some(text) = raw.get(key) else { return Ok(None) };
    serde_json::from_str(text).map_err(|_| wrong(raw, key, "a text"))
}

fn time(raw: &Object<'_>, key: &'static str) -> Result<Option<Timestamp>, Unfit> {
    let Some(text) = optional(raw, key)? else { return Ok(None) };
    if text.is_empty() {
        return Ok(None);
    }
    let at = iso8601::read(&text, TimeZone::system);
    at.map(Some).ok_or_else(|| wrong(raw, key, "a time"))
}

fn wrong(raw: &Object<'_>, key: &'static str, wanted: &'static str) -> Unfit {
    let found = match raw.get(key).and_then(|text| text.chars().next()) {
        Some('{') if wanted == "an object" => "an object with a key that is no text",
        Some('{') => "an object",
        Some('[') => "a list",
        Some('t' | 'f') => "true or false",
        Some('n') | None => "null",
        Some('"') if wanted == "a text" => "a text with half a character (a lone surrogate)",
        Some('"') => "a text",
        Some(_) => "a number",
    };
    Unfit::Wrong { key, found: found.to_owned(), wanted }
}

/// What stands under `progress`, where nothing is an error.
struct Below<'a>(Object<'a>);

impl<'a> Below<'a> {
    fn of(raw: &'a Object<'_>) -> Result<Self, Unfit> {
        match raw.get(key::PROGRESS) {
            None | Some("null") => Ok(Self(Object::default())),
            Some(text) => {
                Object::within(text).map(Self).ok_or_else(|| wrong(raw, key::PROGRESS, "an object"))
            }
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        self.0.value(key)
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.0.value(key)
    }

    fn millis(&self, key: &str) -> Option<Duration> {
        self.number(key).map(Duration::from_millis)
    }

    fn time(&self, key: &str) -> Option<Timestamp> {
        self.text(key).and_then(|text| iso8601::read(&text, TimeZone::system))
    }

    fn session(&self, key: &str) -> Option<SessionId> {
        self.text(key).and_then(|text| SessionId::parse(&text).ok())
    }

    fn reason(&self) -> Reason {
        // Also for words that a later version may know.
        let known = self.text(progress_key::REASON).and_then(|word| Reason::from_word(&word));
        known.unwrap_or(Reason::Reported)
    }

    fn runner(&self) -> Runner {
        match self.text(progress_key::RUNNER).as_deref() {
            Some(runner_word::DROID) => {
                let level = self.text(progress_key::AUTONOMY);
                let level = level.and_then(|word| Autonomy::from_word(&word));
                Runner::Droid(level.unwrap_or(Autonomy::None))
            }
            Some(runner_word::COMMAND) => {
                self.0.value(progress_key::ARGV).map_or(Runner::Elsewhere, Runner::Command)
            }
            Some(_) | None => Runner::Elsewhere,
        }
    }

    fn briefing(&self) -> Option<Briefing> {
        let found = Object::within(self.0.get(progress_key::DROID)?)?;
        let source: String = found.value(droid_key::SOURCE)?;
        Some(Briefing {
            source: DroidSource::from_word(&source, found.value(droid_key::PLUGIN))?,
            path: found.value(droid_key::PATH),
            reasoning_effort: self.text(progress_key::EFFORT),
            tools: self.0.value(progress_key::TOOLS),
        })
    }

    fn held(&self) -> bool {
        self.0.value(progress_key::HELD).unwrap_or(false)
    }

    fn id(&self, key: &str) -> Option<TaskId> {
        self.text(key).and_then(|text| TaskId::parse(&text).ok())
    }

    fn placement(&self) -> Placement {
        let after: Vec<String> = self.0.value(progress_key::AFTER).unwrap_or_default();
        let any: bool = self.0.value(progress_key::AFTER_ANY).unwrap_or(false);
        Placement {
            priority: self.0.value(progress_key::PRIORITY).unwrap_or(0),
            group: None,
            after: after.iter().filter_map(|text| TaskId::parse(text).ok()).collect(),
            dependence: if any { Dependence::OnEnd } else { Dependence::OnCompletion },
            not_before: self.time(progress_key::NOT_BEFORE),
            held: self.held(),
        }
    }

    fn lineage(&self) -> Lineage {
        let same = self.session(progress_key::CONTINUES).map(Continuation::Same);
        Lineage {
            attempt: self.0.value(progress_key::ATTEMPT).unwrap_or(1),
            retry_of: self.id(progress_key::RETRY_OF),
            resume_of: self.id(progress_key::RESUME_OF),
            continues: same.or_else(|| self.session(progress_key::FORKS).map(Continuation::Fork)),
        }
    }

    fn retries(&self) -> Retries {
        let on: Vec<String> = self.0.value(progress_key::RETRY_ON).unwrap_or_default();
        Retries {
            left: self.0.value(progress_key::RETRIES_LEFT).unwrap_or(0),
            on: on.iter().filter_map(|word| Reason::from_word(word)).collect(),
            backoff: self.millis(progress_key::BACKOFF).unwrap_or_default(),
        }
    }

    fn worktree(&self) -> Option<Worktree> {
        let found = Object::within(self.0.get(progress_key::WORKTREE)?)?;
        Some(Worktree {
            path: found.value(worktree_key::PATH)?,
            branch: found.value(worktree_key::BRANCH)?,
            base: found.value(worktree_key::BASE)?,
            repository: found.value(worktree_key::REPOSITORY)?,
        })
    }

    fn cancel(&self) -> Option<CancelIntent> {
        let at = self.time(progress_key::CANCEL_AT)?;
        let grace = self.millis(progress_key::CANCEL_GRACE).unwrap_or_default();
        Some(CancelIntent { at, grace })
    }

    fn exit(&self) -> Option<Exit> {
        let signal = self.0.value(progress_key::SIGNAL).map(Exit::Signal);
        signal.or_else(|| self.0.value(progress_key::EXIT_CODE).map(Exit::Code))
    }

    fn process(&self, key: &str) -> Option<ProcessId> {
        let found = Object::within(self.0.get(key)?)?;
        Some(ProcessId {
            pid: found.value(process_key::PID)?,
            start_time: found.value(process_key::START_TIME)?,
            boot_id: found.value(process_key::BOOT_ID)?,
        })
    }

    fn usage(&self) -> Option<Usage> {
        let found = Object::within(self.0.get(progress_key::USAGE)?)?;
        let count = |key| found.value(key).unwrap_or(0);
        Some(Usage {
            input_tokens: count(usage_key::INPUT),
            output_tokens: count(usage_key::OUTPUT),
            cache_read_input_tokens: count(usage_key::CACHE_READ),
            cache_creation_input_tokens: count(usage_key::CACHE_CREATION),
        })
    }

    fn progress(&self) -> Progress {
        Progress {
            activity: Activity {
                tool_calls: self.number(progress_key::TOOL_CALLS).unwrap_or(0),
                tools_in_flight: self.number(progress_key::TOOLS_IN_FLIGHT).unwrap_or(0),
                last_tool: self.text(progress_key::LAST_TOOL),
                last_message: self.text(progress_key::LAST_MESSAGE),
                last_message_at: self.time(progress_key::LAST_MESSAGE_AT),
                session: self.session(progress_key::DROID_SESSION),
                usage: self.usage(),
                awake: self.millis(progress_key::LAST_AWAKE),
            },
            last_update: self.time(progress_key::LAST_UPDATE),
            output_file: self.text(progress_key::OUTPUT_FILE),
            supervisor: self.process(progress_key::SUPERVISOR),
            agent: self.process(progress_key::AGENT_PROCESS),
            exit: self.exit(),
            started_awake: self.millis(progress_key::STARTED_AWAKE),
            retried_as: self.id(progress_key::RETRIED_AS),
            host: self.text(progress_key::HOST),
            late_result: self.text(progress_key::LATE_RESULT),
        }
    }
}
