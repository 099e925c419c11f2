//! What the members under `progress` say of a task, where nothing is an error.
//!
//! What is absent, of another type or without a meaning to us counts as absent: other programs and later
//! versions write there too. Nothing here changes the text. Main type: [`Below`].

use std::time::Duration;

use domain::task::agent_name::COMMAND_WORD;
use domain::task::{
    Activity, AgentName, Autonomy, Briefing, CancelIntent, Cause, Continuation, Dependence,
    DroidSource, Exit, LeftBehind, Lineage, Placement, ProcessId, Progress, Reason, Retries,
    Runner, SessionId, StopIntent, Target, TaskId, TaskName, Timestamp, Usage, Worktree,
};
use jiff::tz::TimeZone;
use serde_json::value::RawValue;

use super::super::raw::Object;
use super::super::{
    Unfit, droid_key, intent_key, iso8601, job, key, process_key, progress_key, usage_key,
    worktree_key,
};
use super::wrong;

/// What stands under `progress`, where nothing is an error.
pub(super) struct Below<'a>(Object<'a>);

impl<'a> Below<'a> {
    pub(super) fn of(raw: &'a Object<'_>) -> Result<Self, Unfit> {
        match raw.get(key::PROGRESS) {
            None | Some("null") => Ok(Self(Object::default())),
            Some(text) => {
                Object::within(text).map(Self).ok_or_else(|| wrong(raw, key::PROGRESS, "an object"))
            }
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.0.value(key)
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.0.value(key)
    }

    pub(super) fn millis(&self, key: &str) -> Option<Duration> {
        self.number(key).map(Duration::from_millis)
    }

    fn time(&self, key: &str) -> Option<Timestamp> {
        self.text(key).and_then(|text| iso8601::read(&text, TimeZone::system))
    }

    fn session(&self, key: &str) -> Option<SessionId> {
        self.text(key).and_then(|text| SessionId::parse(&text).ok())
    }

    pub(super) fn reason(&self) -> Reason {
        // Also for words that a later version may know.
        let known = self.text(progress_key::REASON).and_then(|word| Reason::from_word(&word));
        known.unwrap_or(Reason::Reported)
    }

    pub(super) fn runner(&self) -> Runner {
        let Some(word) = self.text(progress_key::RUNNER) else { return Runner::Elsewhere };
        if word == COMMAND_WORD {
            return self.0.value(progress_key::ARGV).map_or(Runner::Elsewhere, Runner::Command);
        }
        // Also an agent that only a later version knows: the task stays readable, and its own.
        let Ok(name) = AgentName::parse(&word) else { return Runner::Elsewhere };
        let level = self.text(progress_key::AUTONOMY);
        let level = level.and_then(|word| Autonomy::from_word(&word));
        Runner::Agent { name, autonomy: level.unwrap_or(Autonomy::None) }
    }

    pub(super) fn briefing(&self) -> Option<Briefing> {
        let found = Object::within(self.0.get(progress_key::DROID)?)?;
        let source: String = found.value(droid_key::SOURCE)?;
        Some(Briefing {
            source: DroidSource::from_word(&source, found.value(droid_key::PLUGIN))?,
            path: found.value(droid_key::PATH),
            reasoning_effort: self.text(progress_key::EFFORT),
            tools: self.0.value(progress_key::TOOLS),
            unapplied: self.0.value(progress_key::UNAPPLIED).unwrap_or_default(),
            is_named: found.value(droid_key::NAMED).unwrap_or(false),
        })
    }

    pub(super) fn held(&self) -> bool {
        self.0.value(progress_key::HELD).unwrap_or(false)
    }

    /// Where it is to run. A place that only a later version knows makes the task one of another machine, see
    /// [`Self::host`].
    pub(super) fn target(&self) -> Target {
        let word = self.text(progress_key::TARGET);
        word.and_then(|word| Target::parse(&word).ok()).unwrap_or_default()
    }

    pub(super) fn cluster_options(&self) -> Vec<String> {
        self.0.value(progress_key::CLUSTER_OPTIONS).unwrap_or_default()
    }

    fn host(&self) -> Option<String> {
        let unknown = self.text(progress_key::TARGET).filter(|word| Target::parse(word).is_err());
        unknown.or_else(|| self.text(progress_key::HOST))
    }

    fn id(&self, key: &str) -> Option<TaskId> {
        self.text(key).and_then(|text| TaskId::parse(&text).ok())
    }

    pub(super) fn placement(&self) -> Placement {
        let after: Vec<String> = self.0.value(progress_key::AFTER).unwrap_or_default();
        let any: bool = self.0.value(progress_key::AFTER_ANY).unwrap_or(false);
        Placement {
            priority: self.0.value(progress_key::PRIORITY).unwrap_or(0),
            group: None,
            after: after.iter().filter_map(|text| TaskId::parse(text).ok()).collect(),
            dependence: if any { Dependence::OnEnd } else { Dependence::OnCompletion },
            not_before: self.time(progress_key::NOT_BEFORE),
            held: self.held(),
            at_most: self.0.value(progress_key::AT_MOST),
        }
    }

    pub(super) fn name(&self) -> Option<TaskName> {
        TaskName::parse(&self.text(progress_key::NAME)?).ok()
    }

    pub(super) fn lineage(&self) -> Lineage {
        let same = self.session(progress_key::CONTINUES).map(Continuation::Same);
        Lineage {
            attempt: self.0.value(progress_key::ATTEMPT).unwrap_or(1),
            retry_of: self.id(progress_key::RETRY_OF),
            resume_of: self.id(progress_key::RESUME_OF),
            continues: same.or_else(|| self.session(progress_key::FORKS).map(Continuation::Fork)),
            launched_by: self.id(progress_key::LAUNCHED_BY),
        }
    }

    pub(super) fn retries(&self) -> Retries {
        let on: Vec<String> = self.0.value(progress_key::RETRY_ON).unwrap_or_default();
        Retries {
            left: self.0.value(progress_key::RETRIES_LEFT).unwrap_or(0),
            on: on.iter().filter_map(|word| Reason::from_word(word)).collect(),
            backoff: self.millis(progress_key::BACKOFF).unwrap_or_default(),
        }
    }

    pub(super) fn worktree(&self) -> Option<Worktree> {
        let found = Object::within(self.0.get(progress_key::WORKTREE)?)?;
        Some(Worktree {
            path: found.value(worktree_key::PATH)?,
            branch: found.value(worktree_key::BRANCH)?,
            base: found.value(worktree_key::BASE)?,
            repository: found.value(worktree_key::REPOSITORY)?,
        })
    }

    pub(super) fn cancel(&self) -> Option<CancelIntent> {
        let at = self.time(progress_key::CANCEL_AT)?;
        let grace = self.millis(progress_key::CANCEL_GRACE).unwrap_or_default();
        Some(CancelIntent { at, grace })
    }

    pub(super) fn stop(&self) -> Option<StopIntent> {
        if let Some(cancel) = self.cancel() {
            return Some(StopIntent::cancel(cancel));
        }
        let found = Object::within(self.0.get(progress_key::EXPIRY)?)?;
        let CancelIntent { at, grace } = intent(&found)?;
        let reason: String = found.value(intent_key::REASON)?;
        let reason = Reason::from_word(&reason)?;
        let message = found.value(intent_key::MESSAGE).unwrap_or_default();
        Some(StopIntent { at, grace, cause: Cause::Expiry { reason, message } })
    }

    fn exit(&self) -> Option<Exit> {
        let signal = self.0.value(progress_key::SIGNAL).map(Exit::Signal);
        signal.or_else(|| self.0.value(progress_key::EXIT_CODE).map(Exit::Code))
    }

    fn process(&self, key: &str) -> Option<ProcessId> {
        process(self.0.get(key)?)
    }

    fn left(&self) -> LeftBehind {
        let listed: Vec<&RawValue> = self
            .0
            .get(progress_key::SURVIVORS)
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let processes: Vec<ProcessId> =
            listed.iter().filter_map(|text| process(text.get())).take(LeftBehind::NAMED).collect();
        let count = self.0.value(progress_key::SURVIVOR_COUNT).unwrap_or(0);
        let in_group = self.0.value(progress_key::SURVIVORS_IN_GROUP).unwrap_or(false);
        let count = processes.len().max(count);
        LeftBehind { count, processes, in_group: false }.held(in_group)
    }

    fn usage(&self) -> Option<Usage> {
        let found = Object::within(self.0.get(progress_key::USAGE)?)?;
        let count = |key| found.value(key).unwrap_or(0);
        Some(Usage {
            input_tokens: count(usage_key::INPUT),
            output_tokens: count(usage_key::OUTPUT),
            cache_read_input_tokens: count(usage_key::CACHE_READ),
            cache_creation_input_tokens: count(usage_key::CACHE_CREATION),
            cost_micros: found.value(usage_key::COST).and_then(Usage::micros),
        })
    }

    pub(super) fn progress(&self) -> Box<Progress> {
        Box::new(Progress {
            activity: Activity {
                tool_calls: self.number(progress_key::TOOL_CALLS).unwrap_or(0),
                tools_in_flight: self.number(progress_key::TOOLS_IN_FLIGHT).unwrap_or(0),
                last_tool: self.text(progress_key::LAST_TOOL),
                last_message: self.text(progress_key::LAST_MESSAGE),
                last_message_at: self.time(progress_key::LAST_MESSAGE_AT),
                session: self.session(progress_key::DROID_SESSION),
                usage: self.usage(),
                refused: self.0.value(progress_key::REFUSED).unwrap_or_default(),
                awake: self.millis(progress_key::LAST_AWAKE),
            },
            last_update: self.time(progress_key::LAST_UPDATE),
            output_file: self.text(progress_key::OUTPUT_FILE),
            supervisor: self.process(progress_key::SUPERVISOR),
            adoptions: self.0.value(progress_key::ADOPTIONS).unwrap_or_default(),
            agent: self.process(progress_key::AGENT_PROCESS),
            group: self.text(progress_key::CGROUP),
            exit: self.exit(),
            started_awake: self.millis(progress_key::STARTED_AWAKE),
            retried_as: self.id(progress_key::RETRIED_AS),
            host: self.host(),
            slurm: self.0.get(progress_key::SLURM).and_then(job::read).map(Box::new),
            remote_id: self.id(progress_key::REMOTE_ID),
            late_result: self.text(progress_key::LATE_RESULT),
            stop: self
                .0
                .get(progress_key::STOP)
                .and_then(Object::within)
                .and_then(|found| intent(&found)),
            left: self.left(),
            store: self.text(progress_key::STORE),
            log_limit: self.0.value(progress_key::LOG_LIMIT),
            log_lost: self.0.value(progress_key::LOG_LOST).unwrap_or_default(),
            log_bytes: self.0.value(progress_key::LOG_BYTES),
        })
    }
}

fn process(text: &str) -> Option<ProcessId> {
    let found = Object::within(text)?;
    Some(ProcessId {
        pid: found.value(process_key::PID)?,
        start_time: found.value(process_key::START_TIME)?,
        boot_id: found.value(process_key::BOOT_ID)?,
    })
}

fn intent(found: &Object<'_>) -> Option<CancelIntent> {
    let at: String = found.value(intent_key::AT)?;
    let at = iso8601::read(&at, TimeZone::system)?;
    let grace = found.value(intent_key::GRACE).map(Duration::from_millis).unwrap_or_default();
    Some(CancelIntent { at, grace })
}
