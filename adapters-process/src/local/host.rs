//! This machine as a host: how a supervisor is started, and how processes are looked at and ended.
//!
//! A supervisor is a fresh copy of this program. It gets the life lock as its standard input, and writes to
//! a pipe, a line each, that it has left the caller's session and how the start went. Nothing here starts
//! an agent.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::port::{
    Claim, Doomed, Environment, Fault, Host, LaunchFailure, Life, Survivors, Until,
};
use domain::task::{ProcessId, TaskId, Timestamp};
use rustix::io::Errno;
use rustix::process::Signal;

use super::group::Group;
use super::handshake::Handshake;
use super::notifying::signal;
use super::supervisor::haste;
use super::{identity, termination, tree};
use crate::effect::effect;
use crate::limits;
use crate::{
    CGROUPS_VARIABLE, MOST_GRACE_VARIABLE, REMIND_VERB, SUPERVISE_VERB, SUPERVISOR_VARIABLE,
    TASK_ID_VARIABLE,
};

/// From how many clock ticks on a task was busy: one may be counted of a process that only woke for a moment.
const BUSY_TICKS: u64 = 2;
/// The pause between two looks at the processor time that a task has spent: some of the clock ticks in
/// which it is counted.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// How many looks a task has after the first that is to be seen to be busy.
const MOST_LOOKS: u32 = 5;
/// How often what a task left is looked for, where its record says that it left something: what replaces itself all the
/// time may be missed by a look.
const MOST_TO_FIND: u32 = 5;
/// The pause between two such looks.
const BETWEEN_FINDS: Duration = Duration::from_millis(2);
/// How long a supervisor may take to end that has closed the pipe to its starter.
const LAST_STEPS: Duration = Duration::from_secs(1);

/// This machine.
pub struct LocalHost {
    name: String,
    /// Where the store is now.
    store: Box<dyn Fn() -> PathBuf + Send + Sync>,
}

impl fmt::Debug for LocalHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalHost").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What this process started and was alive when that was looked at last.
static STARTED: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Reaps what this process started and has ended: one that starts many and lives for long has few zombies. Those of
/// one that ends are its parent's.
pub fn reap() {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    started.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}

impl LocalHost {
    /// This machine, running the tasks of the store in the folder that `store` names, which may change when that is moved.
    pub fn new(store: impl Fn() -> PathBuf + Send + Sync + 'static) -> Self {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { name, store: Box::new(store) }
    }

    /// Keeps what was started, to be reaped.
    fn keep(child: Child) {
        reap();
        STARTED.lock().unwrap_or_else(PoisonError::into_inner).push(child);
    }

    /// What makes this program the supervisor of a task, whose life lock it inherits, with this environment or else
    /// that of this process.
    fn supervisor(
        &self,
        claim: Box<dyn Claim>,
        environment: Option<&Environment>,
    ) -> Result<Command, LaunchFailure> {
        let id = claim.id().clone();
        let life: Box<File> = claim.hand_over().downcast().map_err(|_| {
            LaunchFailure::Supervisor("its life lock is no file of this machine".to_owned())
        })?;
        let mut command = Command::new("/proc/self/exe");
        if let Some(Environment(variables)) = environment {
            let variables = variables.iter().map(|(name, value)| (os(name), os(value)));
            command.env_clear().envs(variables);
        }
        command
            .arg0("task-bg")
            .args([OsStr::new(SUPERVISE_VERB), OsStr::new(id.as_str()), (self.store)().as_os_str()])
            .env(SUPERVISOR_VARIABLE, id.as_str())
            .env_remove(TASK_ID_VARIABLE)
            .stdin(*life);
        Ok(command)
    }

    /// Becomes the supervisor of a task, whose life lock is handed over, with this environment: for the process of a
    /// cluster's job, which the cluster ends. `most` is the longest grace that it leaves then.
    ///
    /// Returns only why it could not be done; the lock is free then.
    pub fn become_supervisor(
        &self,
        claim: Box<dyn Claim>,
        environment: &Environment,
        most: Duration,
    ) -> LaunchFailure {
        let mut command = match self.supervisor(claim, Some(environment)) {
            Ok(command) => command,
            Err(failure) => return failure,
        };
        command
            .env(MOST_GRACE_VARIABLE, most.as_millis().to_string())
            // In a group of its own an agent would leave that of the job.
            .env(CGROUPS_VARIABLE, "off")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let never = effect("become a supervisor", || Err::<(), io::Error>(command.exec()));
        let error = never.err().map(|error| error.to_string()).unwrap_or_default();
        LaunchFailure::Supervisor(format!("it cannot be started: {error}"))
    }

    /// Starts a supervisor, and waits for what it says of its beginning.
    fn await_supervisor(command: Command, until: Until) -> Result<(), LaunchFailure> {
        let internal = |words: String| LaunchFailure::Supervisor(words);
        let (child, mut words) = Self::spawn(command).map_err(|error| {
            let words = crate::probe::null_device_fails().unwrap_or_else(|| error.to_string());
            if lacks_room(&error) { LaunchFailure::NoProcess(words) } else { internal(words) }
        })?;
        loop {
            match (Handshake::read(&mut words), until) {
                (Some(Handshake::Detached), Until::Running) => {}
                (Some(Handshake::Detached), Until::Detached) | (Some(Handshake::Started), _) => {
                    Self::keep(child);
                    return Ok(());
                }
                (Some(Handshake::NotFound { program }), _) => {
                    return failed(child, LaunchFailure::NotFound { program });
                }
                (Some(Handshake::NotStarted { program, reason }), _) => {
                    return failed(child, LaunchFailure::NotStarted { program, reason });
                }
                (Some(Handshake::Failed { reason }), _) => {
                    return failed(child, LaunchFailure::Supervisor(reason));
                }
                (None, _) => return without_a_word(child),
            }
        }
    }

    /// Starts this program once more, with a pipe on its standard output.
    fn spawn(mut command: Command) -> io::Result<(Child, BufReader<ChildStdout>)> {
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = effect("start ourselves", || command.spawn())?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((child, BufReader::new(stdout)))
    }
}

#[async_trait]
impl Host for LocalHost {
    fn store(&self) -> Option<String> {
        let found = fs::metadata((self.store)()).ok()?;
        Some(format!("{}:{}", found.dev(), found.ino()))
    }

    fn name(&self) -> &str {
        &self.name
    }

    async fn start(
        &self,
        claim: Box<dyn Claim>,
        environment: &Environment,
        until: Until,
    ) -> Result<(), LaunchFailure> {
        // Whoever admits a task in passing may have narrower limits than whoever ordered it.
        if let (Until::Detached, Some(words)) = (until, limits::too_narrow()) {
            return Err(LaunchFailure::NoProcess(words));
        }
        Self::await_supervisor(self.supervisor(claim, Some(environment))?, until)
    }

    async fn adopt(&self, claim: Box<dyn Claim>) -> Result<(), LaunchFailure> {
        let owner = fs::metadata((self.store)()).map(|store| store.uid());
        if owner.is_ok_and(|owner| owner != rustix::process::geteuid().as_raw()) {
            // It would write records that their owner cannot change.
            claim.leave();
            return Err(LaunchFailure::Supervisor("the store belongs to another user".to_owned()));
        }
        if let Some(words) = limits::too_narrow() {
            claim.leave();
            return Err(LaunchFailure::NoProcess(words));
        }
        Self::await_supervisor(self.supervisor(claim, None)?, Until::Running)
    }

    async fn remind(&self, at: Timestamp) -> Result<(), Fault> {
        let fault = |error: &dyn ToString| Fault::of("starting the reminder", error.to_string());
        let micros = at.as_micros().to_string();
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("task-bg")
            .arg(REMIND_VERB)
            .args([OsStr::new(&micros), (self.store)().as_os_str()])
            .env_remove(TASK_ID_VARIABLE)
            .env(SUPERVISOR_VARIABLE, REMIND_VERB)
            .stdin(Stdio::null());
        let (child, mut words) = Self::spawn(command).map_err(|error| fault(&error))?;
        // Only once it left the caller's group it outlives whatever ends that.
        match Handshake::read(&mut words) {
            Some(_) => {
                Self::keep(child);
                Ok(())
            }
            None => Err(fault(&ended_without_a_word(child))),
        }
    }

    async fn lives(&self, process: &ProcessId) -> bool {
        // Who cannot be seen is not gone.
        identity::lives(process) || identity::is_blind()
    }

    async fn life(&self, process: &ProcessId) -> Life {
        match identity::found(process) {
            Some(stat) if stat.is_stopped() => Life::Stopped,
            Some(_) => Life::Living,
            // Who cannot be seen is not gone.
            None if identity::is_blind() => Life::Living,
            None => Life::Gone,
        }
    }

    async fn is_of_this_boot(&self, process: &ProcessId) -> bool {
        identity::may_be_of_this_boot(process)
    }

    async fn ask_to_look(&self, supervisor: &ProcessId) -> Result<(), Fault> {
        // A signal that does nothing where nobody listens to it: the supervisor may not have begun to, or may
        // have ended its work already.
        signal(supervisor, Signal::URG)
    }

    async fn ask_to_stop(&self, supervisor: &ProcessId) -> Result<(), Fault> {
        signal(supervisor, Signal::TERM)
    }

    async fn stop(&self, tasks: &[Doomed], grace: Duration) -> Survivors {
        // What a record says that was copied with its store is about processes of another one.
        let own = tasks.iter().any(|it| it.store.is_some()).then(|| self.store()).flatten();
        let is_ours = |task: &&Doomed| task.store.is_none() || own.is_none() || task.store == own;
        termination::stop(&tasks.iter().filter(is_ours).cloned().collect::<Vec<_>>(), None, grace)
    }

    async fn of_task(&self, task: &Doomed) -> Vec<ProcessId> {
        for _ in 1..MOST_TO_FIND {
            let found = tree::Snapshot::take().belonging_to(task, None);
            if !found.is_empty() || task.known.is_empty() {
                return identity::named(&found);
            }
            std::thread::sleep(BETWEEN_FINDS);
        }
        identity::named(&tree::Snapshot::take().belonging_to(task, None))
    }

    async fn has_none(&self, task: &Doomed) -> bool {
        Group::of(task).is_some_and(|group| group.is_empty())
            && tree::Snapshot::take().belonging_to(task, None).is_empty()
    }

    async fn holds_all(&self, task: &Doomed) -> bool {
        Group::of(task).is_some_and(|group| group.is_whole())
    }

    async fn let_go_on(&self, task: &Doomed) {
        task.agent.iter().for_each(haste::calm);
        // Where that fails, whoever looks next tries it again.
        let _ = Group::of_or_here(task).is_none_or(|group| group.go_on());
    }

    async fn rests(&self, task: &Doomed) -> bool {
        Group::of_or_here(task).is_some_and(|group| group.rests())
    }

    async fn put_away(&self, task: &Doomed) -> bool {
        Group::of_or_here(task).is_none_or(|group| group.remove())
    }

    async fn clear(&self, task: &Doomed) -> bool {
        Group::of_or_here(task).is_none_or(|group| group.clear())
    }

    async fn busy(&self, tasks: &[Doomed]) -> Vec<TaskId> {
        let spent = || {
            let snapshot = tree::Snapshot::take();
            tasks.iter().map(|task| snapshot.ticks_of(task)).collect::<Vec<u64>>()
        };
        let first = spent();
        let is_busy = |now: u64, first: u64| now.abs_diff(first) >= BUSY_TICKS;
        let (mut now, mut looks) = (first.clone(), 0);
        while looks < MOST_LOOKS
            && now.iter().zip(&first).any(|(now, first)| !is_busy(*now, *first))
        {
            std::thread::sleep(BETWEEN_LOOKS);
            let late = spent();
            // One that was seen to be busy stays so, also if it ends meanwhile.
            let seen = now.iter().zip(&first).zip(late);
            now = seen
                .map(|((now, first), late)| if is_busy(*now, *first) { *now } else { late })
                .collect();
            looks += 1;
        }
        let spans = tasks.iter().zip(now.iter().zip(&first));
        let busy = spans.filter(|(_, (now, first))| is_busy(**now, **first));
        busy.map(|(task, _)| task.id.clone()).collect()
    }

    async fn at_large(&self) -> Vec<(TaskId, ProcessId)> {
        let named = tree::Snapshot::take().named();
        let (ids, stats): (Vec<TaskId>, Vec<identity::Stat>) = named.into_iter().unzip();
        ids.into_iter().zip(identity::named(&stats)).collect()
    }

    async fn working_in(&self, folders: &[String]) -> BTreeMap<String, Vec<u32>> {
        tree::working_in(folders)
    }
}

fn os(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}

/// Variables as bytes, the form in which an environment is kept and passed on.
pub fn environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Environment {
    let bytes = |text: &OsStr| text.as_bytes().to_vec();
    Environment(variables.into_iter().map(|(name, value)| (bytes(&name), bytes(&value))).collect())
}

/// Whether a process could not be made because there are too many, of processes, open files or bytes.
fn lacks_room(error: &io::Error) -> bool {
    let meanings = [Errno::AGAIN, Errno::NOMEM, Errno::MFILE, Errno::NFILE];
    Errno::from_io_error(error).is_some_and(|errno| meanings.contains(&errno))
}

/// Waits for a supervisor that said that it cannot go on: its life lock is free once it is gone.
fn failed(mut supervisor: Child, failure: LaunchFailure) -> Result<(), LaunchFailure> {
    drop(supervisor.wait());
    Err(failure)
}

/// What became of a supervisor that closed the pipe without saying how the start went: if it lives, it could not write, and
/// its record says the rest.
fn without_a_word(mut supervisor: Child) -> Result<(), LaunchFailure> {
    let began = Instant::now();
    while began.elapsed() < LAST_STEPS {
        match supervisor.try_wait() {
            Ok(None) => std::thread::sleep(BETWEEN_FINDS),
            Ok(Some(_)) | Err(_) => return Err(ended_without_a_word(supervisor)),
        }
    }
    LocalHost::keep(supervisor);
    Ok(())
}

fn ended_without_a_word(mut supervisor: Child) -> LaunchFailure {
    LaunchFailure::Supervisor(match supervisor.wait() {
        Ok(ended) => format!("it ended without a word ({ended})"),
        Err(error) => error.to_string(),
    })
}
