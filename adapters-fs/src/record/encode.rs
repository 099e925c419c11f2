//! From a task to the text of its record.
//!
//! [`first`] writes a new record; [`over`] writes a changed task over the record it was read from and sets
//! only the keys whose meaning changed, so that a local time or an unknown word that somebody else wrote
//! stays as it was.

use std::time::Duration;

use domain::task::agent_name::COMMAND_WORD;
use domain::task::{
    Briefing, CancelIntent, Cause, Continuation, Dependence, DroidSource, Exit, NO_PARENT, Order,
    ProcessId, Queued, Reason, Runner, Running, SessionId, State, Task, TaskId, Timestamp, Usage,
    Worktree,
};

use super::raw::{Object, json};
use super::{
    droid_key, intent_key, iso8601, key, process_key, progress_key, usage_key, worktree_key,
};

/// The value of a key as JSON; `None` where the key is left out.
type Member = (&'static str, Option<String>);

/// The record of a task that was never recorded before.
pub(crate) fn first(task: &Task) -> String {
    with_progress(task, |_| true)
}

/// The same with those keys of `progress` alone that are `wanted`.
pub(crate) fn with_progress(task: &Task, wanted: impl Fn(&str) -> bool) -> String {
    let order = task.order();
    let mut progress = Object::default();
    let details = activity(task)
        .into_iter()
        .chain(how(order))
        .chain(when(order))
        .chain(again(order))
        .chain(life(task));
    for (key, value) in details.filter(|(key, _)| wanted(key)) {
        progress.set(key, value);
    }

    let mut record = Object::default();
    let mut set = |key, value| record.set(key, Some(value));
    set(key::ID, json(&task.id().as_str()));
    set(key::SESSION, json(&order.session.as_ref().map_or("", SessionId::as_str)));
    set(key::PARENT, json(&order.parent.as_ref().map_or(NO_PARENT, SessionId::as_str)));
    set(key::DESCRIPTION, json(&order.description));
    set(key::PROMPT, json(&order.prompt.as_str()));
    set(key::AGENT, json(&order.agent));
    for (key, value) in state(task) {
        set(key, value);
    }
    set(key::PROGRESS, progress.text(4));
    set(key::CONCURRENCY, json(&order.placement.group));
    set(key::MODEL, json(&order.model));
    record.text(2)
}

/// The record of a task that was `before` when it was read as `record`, and is `after` now.
pub(crate) fn over(mut record: Object<'_>, before: &Task, after: &Task) -> String {
    let progress = progress_over(&record, before, after);
    for (was, is) in state(before).into_iter().zip(state(after)) {
        if was != is {
            record.set(is.0, Some(is.1));
        }
    }
    record.set(key::PROGRESS, Some(progress));
    record.text(2)
}

/// The value of `progress` in that record.
pub(crate) fn progress_over(record: &Object<'_>, before: &Task, after: &Task) -> String {
    let old = record.get(key::PROGRESS).unwrap_or_default();
    let mut progress = Object::within(old).unwrap_or_default();
    for (was, is) in activity(before).into_iter().zip(activity(after)) {
        // Two keys stand in every record of ours, whatever was there before.
        let always = [progress_key::TOOL_CALLS, progress_key::LAST_UPDATE].contains(&is.0);
        if was != is || (always && progress.get(is.0).is_none()) {
            progress.set(is.0, is.1);
        }
    }
    for (was, is) in life(before).into_iter().zip(life(after)) {
        // When a cancel was asked for stays known after it had its way.
        let kept = [progress_key::CANCEL_AT, progress_key::CANCEL_GRACE].contains(&is.0);
        if was != is && !(kept && is.1.is_none()) {
            progress.set(is.0, is.1);
        }
    }
    progress.text(4)
}

/// The text of a record with this value of `progress`, if that is newer than its own; `None` if it is not.
pub(crate) fn with_newer_progress(content: &[u8], progress: &str) -> Option<String> {
    let mut record = super::raw::parse(content).ok()?;
    let updated = |text: &str| -> Option<Timestamp> {
        let at: String = Object::within(text)?.value(progress_key::LAST_UPDATE)?;
        iso8601::read(&at, jiff::tz::TimeZone::system)
    };
    if updated(progress)? <= updated(record.get(key::PROGRESS)?)? {
        return None;
    }
    record.set(key::PROGRESS, Some(progress.to_owned()));
    Some(record.text(2))
}

/// What the top level says about the life of a task.
fn state(task: &Task) -> [(&'static str, String); 6] {
    let message = match task.state() {
        State::Error(failure) => Some(&failure.message),
        State::Queued(_) | State::Running(_) | State::Completed(_) | State::Cancelled(_) => None,
    };
    [
        (key::STATUS, json(&task.status().word())),
        (key::STARTED, json(&task.started_at().map(iso8601::write))),
        (key::QUEUED, json(&task.queued_at().map(iso8601::write))),
        (key::COMPLETED, json(&task.state().ended_at().map(iso8601::write))),
        (key::RESULT, json(&task.state().result())),
        (key::ERROR, json(&message)),
    ]
}

/// What the original knows under `progress`.
fn activity(task: &Task) -> [Member; 6] {
    let progress = task.progress();
    let done = &progress.activity;
    [
        (progress_key::TOOL_CALLS, Some(json(&done.tool_calls))),
        (progress_key::LAST_UPDATE, Some(json(&progress.last_update.map(iso8601::write)))),
        (progress_key::LAST_TOOL, text(done.last_tool.as_ref())),
        (progress_key::LAST_MESSAGE, text(done.last_message.as_ref())),
        (progress_key::LAST_MESSAGE_AT, time(done.last_message_at)),
        (progress_key::OUTPUT_FILE, text(progress.output_file.as_ref())),
    ]
}

/// How the order becomes a process. Never changes.
fn how(order: &Order) -> [Member; 12] {
    let (runner, autonomy, argv) = match &order.runner {
        Runner::Agent { name, autonomy } => (Some(name.as_str()), Some(autonomy.word()), None),
        Runner::Command(argv) => (Some(COMMAND_WORD), None, Some(argv)),
        Runner::Elsewhere => (None, None, None),
    };
    let briefing = order.briefing.as_ref();
    [
        (progress_key::NAME, order.name.as_ref().map(|name| json(&name.as_str()))),
        (progress_key::RUNNER, runner.map(|word| json(&word))),
        (progress_key::AUTONOMY, autonomy.map(|word| json(&word))),
        (progress_key::ARGV, argv.map(json)),
        (progress_key::DROID, briefing.map(droid)),
        (progress_key::EFFORT, text(briefing.and_then(|given| given.reasoning_effort.as_ref()))),
        (progress_key::TOOLS, briefing.and_then(|given| given.tools.as_ref()).map(json)),
        (
            progress_key::UNAPPLIED,
            briefing.filter(|it| !it.unapplied.is_empty()).map(|it| json(&it.unapplied)),
        ),
        (progress_key::TARGET, (!order.target.is_local()).then(|| json(&order.target.to_string()))),
        (
            progress_key::CLUSTER_OPTIONS,
            (!order.cluster_options.is_empty()).then(|| json(&order.cluster_options)),
        ),
        (progress_key::CWD, text(order.cwd.as_ref())),
        (progress_key::TIMEOUT, order.time_limit.map(millis)),
    ]
}

/// How it waits for its turn, and what comes when it has ended. Never changes.
fn when(order: &Order) -> [Member; 8] {
    let placement = &order.placement;
    let after: Vec<&str> = placement.after.iter().map(TaskId::as_str).collect();
    let any = placement.dependence == Dependence::OnEnd;
    [
        (progress_key::SILENCE, order.silence.map(millis)),
        (progress_key::NOTIFY, text(order.notify.as_ref())),
        (progress_key::PRIORITY, (placement.priority != 0).then(|| json(&placement.priority))),
        (progress_key::AFTER, (!after.is_empty()).then(|| json(&after))),
        (progress_key::AFTER_ANY, any.then(|| json(&true))),
        (progress_key::NOT_BEFORE, time(placement.not_before)),
        (progress_key::KEY, text(order.key.as_ref())),
        (progress_key::AT_MOST, placement.at_most.map(|most| json(&most))),
    ]
}

/// What it goes back to and what may come of it. Never changes.
fn again(order: &Order) -> [Member; 11] {
    let (lineage, retries) = (&order.lineage, &order.retries);
    let (continues, forks) = match &lineage.continues {
        Some(Continuation::Same(session)) => (Some(session), None),
        Some(Continuation::Fork(session)) => (None, Some(session)),
        None => (None, None),
    };
    let session = |session: Option<&SessionId>| session.map(|session| json(&session.as_str()));
    let may = retries.left > 0;
    let on: Vec<&str> = retries.on.iter().copied().map(Reason::word).collect();
    [
        (progress_key::ATTEMPT, (lineage.attempt > 1).then(|| json(&lineage.attempt))),
        (progress_key::RETRY_OF, id(lineage.retry_of.as_ref())),
        (progress_key::RETRIES_LEFT, may.then(|| json(&retries.left))),
        (progress_key::RETRY_ON, (may && !on.is_empty()).then(|| json(&on))),
        (progress_key::BACKOFF, may.then(|| millis(retries.backoff))),
        (progress_key::RESUME_OF, id(lineage.resume_of.as_ref())),
        (progress_key::CONTINUES, session(continues)),
        (progress_key::FORKS, session(forks)),
        (progress_key::STDIN, order.stdin.as_ref().map(json)),
        (progress_key::WORKTREE, order.worktree.as_ref().map(worktree)),
        (progress_key::LAUNCHED_BY, id(lineage.launched_by.as_ref())),
    ]
}

/// What is ours of the life of a task.
fn life(task: &Task) -> [Member; 29] {
    let progress = task.progress();
    let (done, left) = (&progress.activity, &progress.left);
    let reason = match task.state() {
        State::Error(failure) => Some(failure.reason),
        State::Queued(_) | State::Running(_) | State::Completed(_) | State::Cancelled(_) => None,
    };
    let cancel = task.cancel_requested();
    let (code, signal) = match progress.exit {
        Some(Exit::Code(code)) => (Some(code), None),
        Some(Exit::Signal(signal)) => (None, Some(signal)),
        None => (None, None),
    };
    let held = matches!(task.state(), State::Queued(Queued { held: true, .. }));
    let in_flight = Some(done.tools_in_flight).filter(|count| *count > 0);
    [
        (progress_key::REASON, reason.map(Reason::word).map(|word| json(&word))),
        (progress_key::EXIT_CODE, code.map(|code| json(&code))),
        (progress_key::SIGNAL, signal.map(|signal| json(&signal))),
        (progress_key::DROID_SESSION, done.session.as_ref().map(|id| json(&id.as_str()))),
        (progress_key::SUPERVISOR, progress.supervisor.as_ref().map(process)),
        (progress_key::ADOPTIONS, (progress.adoptions > 0).then(|| json(&progress.adoptions))),
        (progress_key::AGENT_PROCESS, progress.agent.as_ref().map(process)),
        (progress_key::CGROUP, text(progress.group.as_ref())),
        (progress_key::USAGE, done.usage.map(usage)),
        (progress_key::REFUSED, (!done.refused.is_empty()).then(|| json(&done.refused))),
        (progress_key::TOOLS_IN_FLIGHT, in_flight.map(|count| json(&count))),
        (progress_key::CANCEL_AT, cancel.and_then(|cancel| time(Some(cancel.at)))),
        (progress_key::CANCEL_GRACE, cancel.map(|cancel| millis(cancel.grace))),
        (progress_key::HELD, held.then(|| json(&true))),
        (progress_key::RETRIED_AS, id(progress.retried_as.as_ref())),
        (progress_key::STARTED_AWAKE, progress.started_awake.map(millis)),
        (progress_key::LAST_AWAKE, done.awake.map(millis)),
        (progress_key::HOST, text(progress.host.as_ref())),
        (progress_key::SLURM, progress.slurm.as_deref().map(super::job::text)),
        (progress_key::REMOTE_ID, id(progress.remote_id.as_ref())),
        (progress_key::LATE_RESULT, text(progress.late_result.as_ref())),
        (progress_key::EXPIRY, expiry(task.state())),
        (progress_key::STOP, progress.stop.map(|stop| intent(stop).line())),
        (progress_key::SURVIVORS, (left.count > 0).then(|| processes(&left.processes))),
        (progress_key::SURVIVOR_COUNT, (left.count > 0).then(|| json(&left.count))),
        (progress_key::STORE, text(progress.store.as_ref())),
        (progress_key::LOG_LIMIT, progress.log_limit.map(|limit| json(&limit))),
        (progress_key::LOG_LOST, (progress.log_lost > 0).then(|| json(&progress.log_lost))),
        (progress_key::LOG_BYTES, progress.log_bytes.map(|bytes| json(&bytes))),
    ]
}

/// Why a task that runs is to be stopped, where nobody asked for a cancel.
fn expiry(state: &State) -> Option<String> {
    let State::Running(Running { stop: Some(stop) }) = state else { return None };
    let Cause::Expiry { reason, message } = &stop.cause else { return None };
    let mut object = intent(stop.timing());
    object.set(intent_key::REASON, Some(json(&reason.word())));
    object.set(intent_key::MESSAGE, Some(json(message)));
    Some(object.line())
}

fn intent(intent: CancelIntent) -> Object<'static> {
    let mut object = Object::default();
    object.set(intent_key::AT, time(Some(intent.at)));
    object.set(intent_key::GRACE, Some(millis(intent.grace)));
    object
}

fn text(value: Option<&String>) -> Option<String> {
    value.map(json)
}

fn id(id: Option<&TaskId>) -> Option<String> {
    id.map(|id| json(&id.as_str()))
}

fn worktree(worktree: &Worktree) -> String {
    let mut object = Object::default();
    object.set(worktree_key::PATH, Some(json(&worktree.path)));
    object.set(worktree_key::BRANCH, Some(json(&worktree.branch)));
    object.set(worktree_key::BASE, Some(json(&worktree.base)));
    object.set(worktree_key::REPOSITORY, Some(json(&worktree.repository)));
    object.line()
}

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| json(&iso8601::write(at)))
}

/// Whole milliseconds, rounded up, so that a short time never becomes none at all.
fn millis(span: Duration) -> String {
    let millis = span.as_nanos().div_ceil(1_000_000);
    json(&u64::try_from(millis).unwrap_or(u64::MAX))
}

fn process(process: &ProcessId) -> String {
    let ProcessId { pid, start_time, boot_id } = process;
    let mut object = Object::default();
    object.set(process_key::PID, Some(json(pid)));
    object.set(process_key::START_TIME, Some(json(start_time)));
    object.set(process_key::BOOT_ID, Some(json(boot_id)));
    object.line()
}

fn processes(found: &[ProcessId]) -> String {
    let lines: Vec<String> = found.iter().map(process).collect();
    format!("[{}]", lines.join(","))
}

fn droid(briefing: &Briefing) -> String {
    let plugin = match &briefing.source {
        DroidSource::Plugin { id } => Some(id),
        DroidSource::Project | DroidSource::User | DroidSource::Builtin => None,
    };
    let mut object = Object::default();
    object.set(droid_key::SOURCE, Some(json(&briefing.source.word())));
    object.set(droid_key::PLUGIN, text(plugin));
    object.set(droid_key::PATH, text(briefing.path.as_ref()));
    object.set(droid_key::NAMED, briefing.is_named.then(|| json(&true)));
    object.line()
}

fn usage(usage: Usage) -> String {
    let mut object = Object::default();
    let mut set = |key, count: u64| object.set(key, Some(json(&count)));
    set(usage_key::INPUT, usage.input_tokens);
    set(usage_key::OUTPUT, usage.output_tokens);
    set(usage_key::CACHE_READ, usage.cache_read_input_tokens);
    set(usage_key::CACHE_CREATION, usage.cache_creation_input_tokens);
    object.set(usage_key::COST, usage.cost_usd().map(|cost| json(&cost)));
    object.line()
}
