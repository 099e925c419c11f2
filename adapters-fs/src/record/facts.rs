//! What each key of a record says of a task.
//!
//! Whoever changes a record compares what its keys say before and after, and writes no more than what differs; whoever shows
//! many records makes no more than what it shows. Nothing is written here.

use domain::task::agent_name::COMMAND_WORD;
use domain::task::{
    Cause, Continuation, Dependence, Exit, NO_PARENT, Order, Queued, Reason, Runner, Running,
    SessionId, State, Task, TaskId, Timestamp,
};

use super::fact::Fact;
use super::{key, progress_key};

/// A key, and what it says.
pub(super) type Member<'a> = (&'static str, Fact<'a>);

/// What `of` makes of a value, if there is one.
fn some<'a, T>(value: Option<T>, of: impl FnOnce(T) -> Fact<'a>) -> Fact<'a> {
    value.map_or(Fact::Absent, of)
}

/// What the top level says of the order, before what it says of the task's life.
pub(super) fn head(task: &Task) -> [Member<'_>; 6] {
    let order = task.order();
    [
        (key::ID, Fact::Text(task.id().as_str())),
        (key::SESSION, Fact::Text(order.session.as_ref().map_or("", SessionId::as_str))),
        (key::PARENT, Fact::Text(order.parent.as_ref().map_or(NO_PARENT, SessionId::as_str))),
        (key::DESCRIPTION, Fact::Text(&order.description)),
        (key::PROMPT, Fact::Text(order.prompt.as_str())),
        (key::AGENT, Fact::Text(&order.agent)),
    ]
}

/// The last keys of the top level.
pub(super) fn tail(task: &Task) -> [Member<'_>; 2] {
    let order = task.order();
    [
        (key::CONCURRENCY, text(order.placement.group.as_ref()).or_null()),
        (key::MODEL, text(order.model.as_ref()).or_null()),
    ]
}

/// All keys of `progress`.
pub(super) fn progress(task: &Task) -> impl Iterator<Item = Member<'_>> {
    let order = task.order();
    let known = activity(task).into_iter().chain(how(order));
    let ordered = known.chain(when(order)).chain(again(order));
    ordered.chain(course(task)).chain(wishes(task)).chain(remains(task))
}

/// What the top level says about the life of a task.
pub(super) fn state(task: &Task) -> [Member<'_>; 6] {
    let message = match task.state() {
        State::Error(failure) => Some(&failure.message),
        State::Queued(_) | State::Running(_) | State::Completed(_) | State::Cancelled(_) => None,
    };
    [
        (key::STATUS, Fact::Text(task.status().word())),
        (key::STARTED, time(task.started_at()).or_null()),
        (key::QUEUED, time(task.queued_at()).or_null()),
        (key::COMPLETED, time(task.state().ended_at()).or_null()),
        (key::RESULT, some(task.state().result(), Fact::Text).or_null()),
        (key::ERROR, text(message).or_null()),
    ]
}

/// What the original knows under `progress`.
pub(super) fn activity(task: &Task) -> [Member<'_>; 6] {
    let progress = task.progress();
    let done = &progress.activity;
    [
        (progress_key::TOOL_CALLS, Fact::Count(done.tool_calls)),
        (progress_key::LAST_UPDATE, time(progress.last_update).or_null()),
        (progress_key::LAST_TOOL, text(done.last_tool.as_ref())),
        (progress_key::LAST_MESSAGE, text(done.last_message.as_ref())),
        (progress_key::LAST_MESSAGE_AT, time(done.last_message_at)),
        (progress_key::OUTPUT_FILE, text(progress.output_file.as_ref())),
    ]
}

/// How the order becomes a process. Never changes.
fn how(order: &Order) -> [Member<'_>; 12] {
    let (runner, autonomy, argv) = match &order.runner {
        Runner::Agent { name, autonomy } => (Some(name.as_str()), Some(autonomy.word()), None),
        Runner::Command(argv) => (Some(COMMAND_WORD), None, Some(argv)),
        Runner::Elsewhere => (None, None, None),
    };
    let briefing = order.briefing.as_ref();
    [
        (progress_key::NAME, some(order.name.as_ref(), |name| Fact::Text(name.as_str()))),
        (progress_key::RUNNER, some(runner, Fact::Text)),
        (progress_key::AUTONOMY, some(autonomy, Fact::Text)),
        (progress_key::ARGV, some(argv, |words| Fact::Texts(words))),
        (progress_key::DROID, some(briefing, Fact::Briefing)),
        (progress_key::EFFORT, text(briefing.and_then(|given| given.reasoning_effort.as_ref()))),
        (progress_key::TOOLS, some(briefing.and_then(|given| given.tools.as_deref()), Fact::Texts)),
        (
            progress_key::UNAPPLIED,
            some(briefing.map(|it| &*it.unapplied).filter(|it| !it.is_empty()), Fact::Texts),
        ),
        (
            progress_key::TARGET,
            some((!order.target.is_local()).then(|| order.target.to_string()), Fact::Made),
        ),
        (
            progress_key::CLUSTER_OPTIONS,
            some(Some(&*order.cluster_options).filter(|it| !it.is_empty()), Fact::Texts),
        ),
        (progress_key::CWD, text(order.cwd.as_ref())),
        (progress_key::TIMEOUT, some(order.time_limit, Fact::Millis)),
    ]
}

/// How it waits for its turn, and what comes when it has ended. Never changes.
fn when(order: &Order) -> [Member<'_>; 8] {
    let placement = &order.placement;
    let after: Vec<&str> = placement.after.iter().map(TaskId::as_str).collect();
    let any = placement.dependence == Dependence::OnEnd;
    [
        (progress_key::SILENCE, some(order.silence, Fact::Millis)),
        (progress_key::NOTIFY, text(order.notify.as_ref())),
        (
            progress_key::PRIORITY,
            some((placement.priority != 0).then(|| placement.priority.into()), Fact::Number),
        ),
        (progress_key::AFTER, some((!after.is_empty()).then_some(after), Fact::Words)),
        (progress_key::AFTER_ANY, flag(any)),
        (progress_key::NOT_BEFORE, time(placement.not_before)),
        (progress_key::KEY, text(order.key.as_ref())),
        (progress_key::AT_MOST, some(placement.at_most, |most| Fact::Count(most as u64))),
    ]
}

/// What it goes back to and what may come of it. Never changes.
fn again(order: &Order) -> [Member<'_>; 11] {
    let (lineage, retries) = (&order.lineage, &order.retries);
    let (continues, forks) = match &lineage.continues {
        Some(Continuation::Same(session)) => (Some(session), None),
        Some(Continuation::Fork(session)) => (None, Some(session)),
        None => (None, None),
    };
    let may = retries.left > 0;
    let on: Vec<&str> = retries.on.iter().copied().map(Reason::word).collect();
    [
        (
            progress_key::ATTEMPT,
            some((lineage.attempt > 1).then(|| lineage.attempt.into()), Fact::Count),
        ),
        (progress_key::RETRY_OF, id(lineage.retry_of.as_ref())),
        (progress_key::RETRIES_LEFT, some(may.then(|| retries.left.into()), Fact::Count)),
        (progress_key::RETRY_ON, some((may && !on.is_empty()).then_some(on), Fact::Words)),
        (progress_key::BACKOFF, some(may.then_some(retries.backoff), Fact::Millis)),
        (progress_key::RESUME_OF, id(lineage.resume_of.as_ref())),
        (progress_key::CONTINUES, session(continues)),
        (progress_key::FORKS, session(forks)),
        (progress_key::STDIN, text(order.stdin.as_ref())),
        (progress_key::WORKTREE, some(order.worktree.as_ref(), Fact::Worktree)),
        (progress_key::LAUNCHED_BY, id(lineage.launched_by.as_ref())),
    ]
}

/// What is ours of how a task went and who works at it.
pub(super) fn course(task: &Task) -> [Member<'_>; 11] {
    let progress = task.progress();
    let done = &progress.activity;
    let reason = match task.state() {
        State::Error(failure) => Some(failure.reason),
        State::Queued(_) | State::Running(_) | State::Completed(_) | State::Cancelled(_) => None,
    };
    let (code, signal) = match progress.exit {
        Some(Exit::Code(code)) => (Some(code), None),
        Some(Exit::Signal(signal)) => (None, Some(signal)),
        None => (None, None),
    };
    [
        (progress_key::REASON, some(reason.map(Reason::word), Fact::Text)),
        (progress_key::EXIT_CODE, some(code, |code| Fact::Number(code.into()))),
        (progress_key::SIGNAL, some(signal, |signal| Fact::Number(signal.into()))),
        (progress_key::DROID_SESSION, session(done.session.as_ref())),
        (progress_key::SUPERVISOR, some(progress.supervisor.as_ref(), Fact::Process)),
        (progress_key::ADOPTIONS, above_none(progress.adoptions.into())),
        (progress_key::AGENT_PROCESS, some(progress.agent.as_ref(), Fact::Process)),
        (progress_key::CGROUP, text(progress.group.as_ref())),
        (progress_key::USAGE, some(done.usage, Fact::Usage)),
        (
            progress_key::REFUSED,
            some(Some(&*done.refused).filter(|it| !it.is_empty()), Fact::Texts),
        ),
        (progress_key::TOOLS_IN_FLIGHT, above_none(done.tools_in_flight)),
    ]
}

/// What is ours of what was asked of a task since it was ordered, and of where and when it runs.
pub(super) fn wishes(task: &Task) -> [Member<'_>; 9] {
    let (progress, cancel) = (task.progress(), task.cancel_requested());
    let held = matches!(task.state(), State::Queued(Queued { held: true, .. }));
    [
        (progress_key::CANCEL_AT, time(cancel.map(|cancel| cancel.at))),
        (progress_key::CANCEL_GRACE, some(cancel, |cancel| Fact::Millis(cancel.grace))),
        (progress_key::HELD, flag(held)),
        (progress_key::RETRIED_AS, id(progress.retried_as.as_ref())),
        (progress_key::STARTED_AWAKE, some(progress.started_awake, Fact::Millis)),
        (progress_key::LAST_AWAKE, some(progress.activity.awake, Fact::Millis)),
        (progress_key::HOST, text(progress.host.as_ref())),
        (progress_key::SLURM, some(progress.slurm.as_deref(), Fact::Job)),
        (progress_key::REMOTE_ID, id(progress.remote_id.as_ref())),
    ]
}

/// What is ours of what is left of a task, and of its logs.
pub(super) fn remains(task: &Task) -> [Member<'_>; 10] {
    let (progress, left) = (task.progress(), &task.progress().left);
    [
        (progress_key::LATE_RESULT, text(progress.late_result.as_ref())),
        (progress_key::EXPIRY, expiry(task.state())),
        (progress_key::STOP, some(progress.stop, Fact::Intent)),
        (
            progress_key::SURVIVORS,
            some((left.count > 0).then_some(&*left.processes), Fact::Processes),
        ),
        (progress_key::SURVIVOR_COUNT, above_none(left.count as u64)),
        (progress_key::SURVIVORS_IN_GROUP, flag(left.in_group)),
        (progress_key::STORE, text(progress.store.as_ref())),
        (progress_key::LOG_LIMIT, some(progress.log_limit, Fact::Count)),
        (progress_key::LOG_LOST, above_none(progress.log_lost)),
        (progress_key::LOG_BYTES, some(progress.log_bytes, Fact::Count)),
    ]
}

fn expiry(state: &State) -> Fact<'_> {
    let State::Running(Running { stop: Some(stop) }) = state else { return Fact::Absent };
    let Cause::Expiry { reason, message } = &stop.cause else { return Fact::Absent };
    Fact::Expiry(stop.timing(), *reason, message)
}

fn text(value: Option<&String>) -> Fact<'_> {
    some(value, |text| Fact::Text(text))
}

fn id(id: Option<&TaskId>) -> Fact<'_> {
    some(id, |id| Fact::Text(id.as_str()))
}

fn session(session: Option<&SessionId>) -> Fact<'_> {
    some(session, |session| Fact::Text(session.as_str()))
}

fn time(at: Option<Timestamp>) -> Fact<'static> {
    some(at, Fact::Time)
}

fn flag(is_set: bool) -> Fact<'static> {
    if is_set { Fact::True } else { Fact::Absent }
}

fn above_none(count: u64) -> Fact<'static> {
    if count > 0 { Fact::Count(count) } else { Fact::Absent }
}
