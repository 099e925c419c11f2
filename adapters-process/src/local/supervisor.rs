//! The supervisor: the small process that owns one running task, from the agent's start until its
//! ending is recorded. Where something outlives the task and has a log open, it keeps the bound of that for as long, owning nothing.
//!
//! See the crate's theory of operation for who is whose parent. A supervisor blocks in one `poll` most of
//! its life; for a plain command it has nothing to do until the command ends. It has a second thread only while it is
//! held up and its task may write fast (`lookout`). It decides nothing by itself: [`domain::run::Machine`] says what follows
//! from what happened, and the store lets the first ending win.

mod agent;
mod bound;
mod detach;
mod driver;
pub(in crate::local) mod haste;
mod lookout;
mod readable_log;
mod signals;
mod written;

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::iter;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::port::{
    Attachment, Further, LaunchFailure, StoreError, StoreFailure, Stream, TaskStore, Whereabouts,
};
use domain::run::machine::Sight;
use domain::task::{
    Ending, Event, ProcessId, Queued, Reason, Runner, Started, State, Task, TaskId, template,
};
use domain::usecase::World;
use domain::usecase::again::last_attempt;
use domain::usecase::custody::Held;

use super::handshake::Handshake;
use super::identity;
use crate::effect::effect;
use agent::Agent;
use driver::{Bounding, Driver};
use lookout::Lookout;
use signals::Signals;

/// How soon a command ends that is over at once.
const AT_ONCE: Duration = Duration::from_millis(2);
/// How long what comes before an agent's start takes where it is slow, in its supervisor and with its launcher.
const SLOW: Duration = Duration::from_millis(4);
const LATE: Duration = Duration::from_millis(8);
/// How old a task is that waited in the queue.
const WAITED: Duration = Duration::from_secs(2);
/// How long a start is tried to be recorded while the store is full.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same while somebody holds the lock of the record, for which the first try waits a while.
const BUSY: Duration = Duration::from_secs(7);
/// How long to wait before it is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// What a supervisor works with.
pub struct Post<'a> {
    /// The ports over the store, the host and the clock.
    pub world: World<'a>,
    /// The same store, whose changes hardly wait for a lock that somebody holds.
    pub hasty: &'a dyn TaskStore,
    /// The files the agent writes to.
    pub files: AgentFiles,
    /// The most bytes that each of these files may take on the disk; `None` for no bound.
    pub most: Option<u64>,
    /// What the agent is told besides its prompt, as a file.
    pub instructions: Option<PathBuf>,
    /// Puts a file that an agent has to find where it stays, and returns its path.
    pub attach: &'a dyn Fn(&Attachment) -> io::Result<PathBuf>,
    /// The part of the environment that matters for the start.
    pub surroundings: Surroundings,
    /// What became of the store, asked where something could not be recorded. One that was moved is used where it is from
    /// then on.
    pub follow_store: &'a dyn Fn() -> Whereabouts,
    /// Puts a log back, named by the stream and the open file, whose name the store lost while the agent wrote it. Where that
    /// has to be copied, at most so many bytes of the disk are.
    pub put_back: &'a dyn Fn(Stream, &File, u64) -> io::Result<()>,
    /// Does what is to be done when a task has ended and is put away, such as starting the next: a process that stays for what
    /// outlives its task does that first.
    pub go_on: &'a dyn Fn(),
    /// For the process of a cluster's job: the longest grace that the cluster leaves when it ends the job.
    pub at_cluster: Option<Duration>,
}

/// The part of the environment that matters for the start of an agent. The agent gets all of the
/// environment.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The folders where programs are looked for, as in `PATH`.
    pub path: fn() -> Option<OsString>,
    /// How many tasks deep the agent is; 1 for a task that no task launched.
    pub depth: u32,
    /// Whether a variable is set.
    pub is_set: fn(&str) -> bool,
    /// What a variable that holds text says.
    pub text: fn(&str) -> Option<String>,
}

/// The files an agent writes to, each opened for appending.
pub struct AgentFiles {
    /// Its event stream.
    pub events: Arc<File>,
    /// The same, for reading.
    pub events_reader: File,
    /// What a person reads.
    pub output: Arc<File>,
}

/// Detaches this process from its caller: starts a session of its own, closes every inherited descriptor
/// but the standard three, unblocks every signal, changes to `/`, and becomes the child subreaper. Then
/// tells whoever started this process that it is detached.
///
/// # Errors
/// The system's, if any of that is refused.
pub fn detach() -> io::Result<()> {
    detach::detach()?;
    say(&Handshake::Detached);
    Ok(())
}

/// Tells whoever started this process that there will be no supervisor.
pub fn give_up(reason: &str) {
    say(&Handshake::Failed { reason: reason.to_owned() });
    drop(detach::release_stdout());
}

/// Starts the agent of the task whose life lock is held here, or takes the task over where its agent works already,
/// says on standard output how that went, and drives the task until its ending is recorded. What this process cannot
/// record, the next one who looks does, who finds the task by its life lock.
pub async fn supervise(post: &Post<'_>, held: Held) {
    let mut held = held;
    if let (State::Running(_), Some(agent)) = (held.task.state(), &held.task.progress().agent) {
        let agent = Agent::found(agent.clone(), &held.task, post);
        return taking_over(post, agent, held).await;
    }
    let bounding = Bounding::of(post);
    match starting(post, &mut held.task, bounding.as_ref()).await {
        Ok(Begun { agent, signals, lookout }) => {
            say(&Handshake::Started);
            drop(detach::release_stdout());
            // A command that is over at once needs no group.
            signals.wait(Some(AT_ONCE), None);
            let mut driver = Driver::over(post, (agent, bounding), signals, held);
            driver.gather(lookout);
            drive(post, &mut driver).await;
        }
        Err(Unstarted { failure, reason }) => {
            // A cancel that was asked for meanwhile decides the ending.
            let ending = Ending::failed(reason, failure.to_string());
            ending_it(post, held, ending).await;
            say(&Handshake::from(&failure));
            drop(detach::release_stdout());
        }
    }
}

/// A step before or after the time that a supervisor waits for its task: with a frame of its own. What it needs would else have its
/// place on the stack for as long as the task runs. Each is made by a function that is not inlined, which has room for it on the
/// stack until it is on the heap.
type Step<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

#[inline(never)]
fn starting<'s, 'p: 's>(
    post: &'p Post<'p>,
    task: &'s mut Task,
    bounding: Option<&'s Bounding>,
) -> Step<'s, Result<Begun<'p>, Unstarted>> {
    Box::pin(start(post, task, bounding))
}

#[inline(never)]
fn taking_over<'a>(post: &'a Post<'a>, agent: Agent<'a>, held: Held) -> Step<'a, ()> {
    Box::pin(take_over(post, agent, held))
}

#[inline(never)]
fn ending_it<'a>(post: &'a Post<'a>, held: Held, ending: Ending) -> Step<'a, ()> {
    Box::pin(async move { drop(held.end(post.world, ending).await) })
}

/// Removes what was kept for a task that is over, and frees its life lock. What cannot be put away is found by the lock,
/// which this process frees at the latest by its end.
#[inline(never)]
fn putting_away<'a>(post: &'a Post<'a>, held: Held) -> Step<'a, ()> {
    Box::pin(async move { drop(held.put_away(post.world).await) })
}

/// Drives a task on whose supervisor was killed. Whoever holds the life lock of a running task is its supervisor, so that
/// this cannot be recorded at the moment changes nothing; it is tried again.
async fn take_over<'a>(post: &'a Post<'a>, agent: Agent<'a>, held: Held) {
    let own = identity::identify(std::process::id());
    let (Ok(signals), Some(own)) = (Signals::listen(), own) else {
        return give_up(
            "it cannot be taken over: no signal can be heard, or /proc does not show its supervisor",
        );
    };
    let mut driver = Driver::over(post, (agent, Bounding::of(post)), signals, held);
    driver.take_over(own).await;
    say(&Handshake::Started);
    drop(detach::release_stdout());
    drive(post, &mut driver).await;
}

/// Drives a task to its end and puts it away. Where something outlives it that writes on, keeps the bound of its logs after that.
async fn drive(post: &Post<'_>, driver: &mut Driver<'_>) {
    driver.run().await;
    putting_away(post, driver.held.hand_over()).await;
    if driver.stays() {
        (post.go_on)();
        Box::pin(driver.stay()).await;
    }
}

/// An agent that was just started, and what is said of it to this process.
struct Begun<'a> {
    agent: Agent<'a>,
    signals: Signals,
    /// Who looks at its logs until this process does.
    lookout: Option<Lookout>,
}

async fn start<'a>(
    post: &'a Post<'_>,
    task: &mut Task,
    bounding: Option<&Bounding>,
) -> Result<Begun<'a>, Unstarted> {
    let began = Instant::now();
    let internal = |error: &dyn Error| LaunchFailure::Supervisor(worded(error));
    let refused = |words: &str| LaunchFailure::Supervisor(words.to_owned());
    let signals = Signals::listen().map_err(|error| internal(&error))?;
    match task.state() {
        State::Queued(Queued { cancel: None, .. }) => {}
        State::Queued(Queued { cancel: Some(_), .. }) => {
            return Err(refused("it is being cancelled").into());
        }
        State::Running(_) | State::Completed(_) | State::Error(_) | State::Cancelled(_) => {
            return Err(refused("it does not wait any more").into());
        }
    }
    let further =
        if task.order().retries.left > 0 { Further::KeepForNext } else { Further::Forget };
    // From here on nobody else can start it: an agent runs once or not at all.
    post.world.kits.begin(task.id(), further).await.map_err(|error| internal(&error))?;
    let prompt = filled_prompt(post, task).await?;
    let supervisor = identity::identify(std::process::id())
        .ok_or_else(|| refused(&format!("/proc does not show it{}", identity::why_unseen())))?;
    let agent = Agent::start(task, &prompt, post)?;
    let is_late = began.elapsed() >= SLOW || is_late(post, task);
    let mut lookout = bounding.filter(|_| is_late).and_then(Bounding::look_out);
    let looked_at = (bounding, &mut lookout);
    match record_start(post, task.id(), (&agent, supervisor), &signals, looked_at).await {
        Ok(started) => {
            *task = started;
            Ok(Begun { agent, signals, lookout })
        }
        Err(error) => {
            // No process without a record that knows it.
            agent.end_now(task.id());
            post.world.host.put_away(&agent.doomed(task.id())).await;
            // It ran for a moment, and may have done something.
            Err(Unstarted { failure: internal(&error), reason: Reason::Lost })
        }
    }
}

/// Whether the launch of this task has taken longer than on a machine with time to spare: so will its record, then. One that
/// waited in the queue says nothing of that.
fn is_late(post: &Post<'_>, task: &Task) -> bool {
    let took = task.queued_at().map(|then| post.world.clock.now().since(then));
    took.is_some_and(|took| took >= LATE && took < WAITED)
}

/// Why a task has no start on record, and what it ends as for that.
struct Unstarted {
    failure: LaunchFailure,
    reason: Reason,
}

impl From<LaunchFailure> for Unstarted {
    fn from(failure: LaunchFailure) -> Self {
        Self { failure, reason: Reason::LaunchFailed }
    }
}

/// An error with its causes, in one line.
pub fn worded(error: &dyn Error) -> String {
    let causes = iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Records that the agent works. A store that is full or busy for the moment is no reason to stop it: what it does may cost
/// much, and can be done only once. Whoever holds its lock for longer was stopped in the middle.
async fn record_start(
    post: &Post<'_>,
    id: &TaskId,
    (agent, supervisor): (&Agent<'_>, ProcessId),
    signals: &Signals,
    (bounding, lookout): (Option<&Bounding>, &mut Option<Lookout>),
) -> Result<Task, StoreError> {
    let clock = post.world.clock;
    let (at, began) = (clock.now(), clock.elapsed());
    let (process, group) = (agent.process.clone(), agent.folder());
    let (store, log_limit) = (post.world.host.store(), Some(post.most.unwrap_or(0)));
    let awake = Some(clock.awake());
    let started = Started { supervisor, agent: process, awake, group, store, log_limit };
    // What it failed for at first: later tries wait for a lock no more.
    let (mut first, mut is_hasty) = (None, true);
    loop {
        let store = if is_hasty { post.hasty } else { post.world.store };
        let error = match store.apply(id, Event::Started(started.clone()), at).await {
            Ok(task) => return Ok(task),
            Err(error) => error,
        };
        // What failed may have been the step after the record was written.
        if let Ok(task) = post.world.store.load(id).await
            && task.progress().agent.as_ref() == Some(&agent.process)
        {
            return Ok(task);
        }
        // From now on this takes its time.
        *lookout = lookout.take().or_else(|| bounding?.look_out());
        let is_busy = |error: &StoreError| {
            matches!(error, StoreError::Failed { failure: StoreFailure::Busy { .. }, .. })
        };
        if std::mem::take(&mut is_hasty) && is_busy(&error) {
            continue;
        }
        let patience = match &error {
            StoreError::Failed { failure: StoreFailure::Full(_), .. } => PATIENCE,
            StoreError::Failed { failure: StoreFailure::Busy { .. }, .. } => BUSY,
            StoreError::Failed { .. }
            | StoreError::NotFound { .. }
            | StoreError::Unreadable { .. }
            | StoreError::Exists { .. }
            | StoreError::Refused { .. } => Duration::ZERO,
        };
        if clock.elapsed().saturating_sub(began) >= patience || signals.take_stop() {
            return Err(first.unwrap_or(error));
        }
        first.get_or_insert(error);
        signals.wait(Some(RETRY), None);
    }
}

/// The prompt, with the results of earlier tasks in the places that name them. The words of a command stay
/// as they are.
async fn filled_prompt(post: &Post<'_>, task: &Task) -> Result<String, LaunchFailure> {
    let prompt = task.order().prompt.as_str();
    let Runner::Agent { .. } = task.order().runner else { return Ok(prompt.to_owned()) };
    let mut found = BTreeMap::new();
    for id in template::wanted(prompt) {
        if let Ok(earlier) = last_attempt(post.world.store, &id).await {
            found.extend(earlier.state().result().map(|result| (id, result.to_owned())));
        }
    }
    template::filled(prompt, &|id| found.get(id).cloned()).map_err(|id| {
        LaunchFailure::Supervisor(format!("the prompt wants the result of {id}, which has none"))
    })
}

/// What the record says now, if it can be read.
async fn sight(world: World<'_>, id: &TaskId) -> Option<Sight> {
    match world.store.load(id).await {
        Ok(task) => Some(Sight::of(&task)),
        Err(StoreError::NotFound { .. }) => Some(Sight { ended: true, stop: None }),
        Err(_) => None,
    }
}

/// Writes a line of the handshake for whoever started this process. The reader may be gone; that changes
/// nothing.
fn say(word: &Handshake) {
    let tell = || {
        let mut line = serde_json::to_vec(word)?;
        line.push(b'\n');
        // Standard output of the standard library would keep a buffer as long as the task runs.
        let mut rest = line.as_slice();
        while !rest.is_empty() {
            let taken =
                rustix::io::retry_on_intr(|| rustix::io::write(rustix::stdio::stdout(), rest))?;
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    };
    drop(effect("answer the launcher", tell));
}
