//! The agent's process: how it is started, reaped and stopped.
//!
//! The agent gets its prompt as its standard input, a file in memory: never on a command line, where
//! everybody could read it and 128 KiB would be the limit, and never in a pipe, which somebody would have
//! to fill.

mod standard_input;

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::port::{self, CommandLine, Doomed, LaunchFailure, OsText, Speech, Told};
use domain::task::{Exit, Order, ProcessId, Runner, Task, TaskId};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions, WaitStatus};

use super::{AgentFiles, Post};
use crate::agents::session_marks::SESSION_MARKS;
use crate::effect::effect;
use crate::local::group::{Group, Place, has_one_child};
use crate::local::program::{self, NoProgram};
use crate::local::{identity, termination};
use crate::{
    CGROUPS_VARIABLE, DEPTH_VARIABLE, MOST_GRACE_VARIABLE, SUPERVISOR_VARIABLE, TASK_ID_VARIABLE,
};

use standard_input::standard_input;

/// How long an agent may take to vanish that was killed.
const KILLED: Duration = Duration::from_secs(5);

/// An agent that works.
pub(super) struct Agent<'a> {
    /// Its process.
    pub(super) process: ProcessId,
    /// The adapter that reads its event stream, if it has one.
    pub(super) decoder: Option<&'a dyn port::Agent>,
    bond: Bond,
    /// The control group that holds its processes, where there is one.
    pub(super) group: Option<Group>,
}

/// What ties an agent to its supervisor.
enum Bond {
    /// It is a child, as are all of its orphans, and says how it exited.
    Child,
    /// Another supervisor started it. The descriptor is its own, or missing where it was gone already.
    Adopted(Option<OwnedFd>),
}

/// The end of an agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    /// How it exited, where this process could see it.
    pub(super) exit: Option<Exit>,
}

impl<'a> Agent<'a> {
    /// The agent of a running task that another supervisor started.
    pub(super) fn found(process: ProcessId, task: &Task, post: &'a Post<'_>) -> Self {
        let adapter = post.world.agents.of(&task.order().runner);
        let decoder = adapter.filter(|adapter| adapter.abilities().streams);
        let bond = Bond::Adopted(termination::descriptor(&process));
        Self { process, decoder, bond, group: Group::of(&Doomed::of(task)) }
    }

    /// The folder of its control group, where there is one.
    pub(super) fn folder(&self) -> Option<String> {
        self.group.as_ref().and_then(Group::path)
    }

    /// What its processes have spent on a processor, in hundredths of a second, where its group tells.
    pub(super) fn spent(&self) -> Option<u64> {
        self.group.as_ref()?.spent().map(|micros| micros / 10_000)
    }

    /// Whether its group holds whatever it has started.
    pub(super) fn is_whole(&self) -> bool {
        self.group.as_ref().is_some_and(Group::is_whole)
    }

    /// Whether its group says that nothing is left.
    pub(super) fn has_none(&self) -> bool {
        self.group.as_ref().is_some_and(Group::is_empty)
    }

    /// The supervisor whose descendants belong to the task: this process, unless another one started the agent.
    pub(super) fn reaper(&self) -> Option<u32> {
        matches!(self.bond, Bond::Child).then(std::process::id)
    }

    /// What becomes readable once an agent is gone that is no child.
    pub(super) const fn descriptor(&self) -> Option<&OwnedFd> {
        match &self.bond {
            Bond::Child => None,
            Bond::Adopted(descriptor) => descriptor.as_ref(),
        }
    }

    /// Its end, if it has ended. Reaps every child that has.
    pub(super) fn gone(&self) -> Option<Gone> {
        let exit = self.reap();
        let is_gone = match &self.bond {
            Bond::Child => exit.is_some(),
            Bond::Adopted(descriptor) => descriptor.as_ref().is_none_or(termination::is_over),
        };
        is_gone.then_some(Gone { exit })
    }

    /// Whether some of its processes may be left: a child's are this process's own.
    pub(super) fn may_have_more(&self) -> bool {
        match self.bond {
            Bond::Child => Self::reap_others(),
            Bond::Adopted(_) => true,
        }
    }

    /// Starts the agent that the task was ordered from.
    pub(super) fn start(
        task: &Task,
        prompt: &str,
        post: &'a Post<'_>,
    ) -> Result<Self, LaunchFailure> {
        let Post { files, surroundings, instructions, .. } = post;
        let order = task.order();
        // Without them it would be another droid than the record says.
        if order.briefing.is_some() && instructions.is_none() {
            return Err(LaunchFailure::Supervisor("the droid's instructions are gone".into()));
        }
        let adapter = adapter(order, post)?;
        let instructions =
            instructions.as_ref().map(|path| OsText::from(path.as_os_str().as_bytes().to_vec()));
        let not_attached = |error: io::Error| {
            LaunchFailure::Supervisor(format!("keeping a file for the agent: {error}"))
        };
        let attachment = adapter.attachment(order).map(|file| (post.attach)(&file));
        let attachment = attachment.transpose().map_err(not_attached)?;
        let attachment = attachment.map(|path| OsText::from(path.into_os_string().into_vec()));
        let told = Told {
            task: task.id().as_str(),
            prompt: Some(prompt),
            instructions: instructions.as_ref(),
            attachment: attachment.as_ref(),
            variable: Some(surroundings.text),
        };
        let line = adapter.command(order, &told).ok_or_else(nothing_to_run)?;
        let name = os(&line.program).to_string_lossy().into_owned();
        let not_started = |error: &io::Error| LaunchFailure::NotStarted {
            program: name.clone(),
            reason: error.to_string(),
        };
        let not_spawned = |error: &io::Error, program: &Path| {
            let missing = (error.kind() == io::ErrorKind::NotFound)
                .then(|| program::missing_interpreter(program))
                .flatten();
            missing.map_or_else(
                || not_started(error),
                |interpreter| {
                    let reason =
                        format!("its interpreter `{}` is not there", interpreter.display());
                    LaunchFailure::NotStarted { program: name.clone(), reason }
                },
            )
        };
        let cwd = Path::new(order.cwd.as_deref().unwrap_or("/"));
        if !cwd.is_dir() {
            let reason = format!("the folder `{}` is not there", cwd.display());
            return Err(LaunchFailure::NotStarted { program: name, reason });
        }
        let path = (surroundings.path)();
        let program =
            program::find(os(&line.program), cwd, path.as_deref()).map_err(|why| match why {
                NoProgram::NotOnPath => LaunchFailure::NotFound { program: name.clone() },
                NoProgram::Absent
                | NoProgram::Folder
                | NoProgram::NotExecutable
                | NoProgram::Hidden(_) => {
                    LaunchFailure::NotStarted { program: name.clone(), reason: why.to_string() }
                }
            })?;
        let mut command = Command::new(&program);
        let stdin = standard_input(order, &line, prompt)
            .map_err(|reason| LaunchFailure::NotStarted { program: name.clone(), reason })?;
        set_up(&mut command, &line, files, stdin, surroundings.is_set)
            .map_err(|error| not_started(&error))?;
        if let Runner::Agent { .. } = order.runner {
            // The session of an agent that launched the task is not that of the one that is started.
            for name in SESSION_MARKS {
                command.env_remove(name);
            }
        }
        command.current_dir(cwd);
        command
            .env(TASK_ID_VARIABLE, task.id().as_str())
            .env(DEPTH_VARIABLE, surroundings.depth.to_string());
        let wanted = (surroundings.text)(CGROUPS_VARIABLE).as_deref() != Some("off");
        let place = Some(Place::own()).filter(|_| wanted).and_then(Result::ok);
        let group = place.and_then(|place| place.make(task.id()).ok());
        // Reaped together with the orphans, see `reap`.
        let child = effect("start the agent", || command.spawn()).map_err(|error| {
            if let Some(group) = &group {
                group.remove();
            }
            not_spawned(&error, &program)
        })?;
        let process = identify(child)?;
        let decoder = (line.speech == Speech::Events).then_some(adapter);
        Ok(Self { process, decoder, bond: Bond::Child, group })
    }

    /// Puts an agent that was just started into its group, with what it has started, unless it is over by now and has left nothing.
    /// To be called once the launch was answered, as this takes its time.
    pub(super) fn gather(&self, id: &TaskId) {
        let agent = self.process.pid;
        let is_needed = || !self.is_over() || !has_one_child(agent);
        if let Some(group) = self.group.as_ref().filter(|_| is_needed()) {
            group.gather(agent, id);
        }
    }

    /// Whether it has ended, and is not reaped yet.
    fn is_over(&self) -> bool {
        let pid = i32::try_from(self.process.pid).ok().and_then(Pid::from_raw);
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = pid.map(|pid| rustix::process::waitid(WaitId::Pid(pid), look));
        matches!(status, Some(Ok(Some(_))))
    }

    /// Ends the agent and everything it started at once, because no record knows that it runs.
    pub(super) fn end_now(&self, id: &TaskId) {
        termination::stop(&[self.doomed(id)], Some(std::process::id()), Duration::ZERO);
        termination::wait_for_exit(&self.process);
    }

    /// The same politely, and without waiting for it.
    pub(super) fn ask_unseen(&self) {
        // The number of one that is no child may be another's by now.
        let own = self.reaper().map(|_| self.process.pid);
        if let Some(group) = own.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, Signal::TERM);
        }
    }

    /// Kills the agent with its group by its number, where it could not be seen to be gone: a supervisor that has no
    /// descriptor left finds no process. The number is the agent's own until this process has reaped it. Returns how
    /// it exited.
    pub(super) fn kill_unseen(&self) -> Option<Exit> {
        if !identity::is_blind() || self.reaper().is_none() {
            return None;
        }
        let group = i32::try_from(self.process.pid).ok().and_then(Pid::from_raw)?;
        let began = Instant::now();
        loop {
            let exit = self.reap();
            if exit.is_some() || began.elapsed() >= KILLED {
                return exit;
            }
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for an agent whose processes have been ended, as long as one with many threads may take, and
    /// says how it exited.
    pub(super) fn reap_at_last(&self) -> Option<Exit> {
        termination::wait_for_exit(&self.process);
        self.reap()
    }

    /// Itself and all that it started, as what is to be ended.
    pub(super) fn doomed(&self, id: &TaskId) -> Doomed {
        let (agent, group) = (Some(self.process.clone()), self.folder());
        Doomed { agent, group, ..Doomed::named(id.clone()) }
    }

    /// Reaps every child that has ended; whether any is left. The agent's own exit is known by then.
    fn reap_others() -> bool {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    /// Reaps every child that has ended, and returns how the agent exited if it is one of them.
    fn reap(&self) -> Option<Exit> {
        let mut exit = None;
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if u32::try_from(pid.as_raw_pid()) == Ok(self.process.pid) {
                exit = exit_of(status);
            }
        }
        exit
    }
}

/// The adapter of the agent that the order is for.
fn adapter<'a>(order: &Order, post: &'a Post<'_>) -> Result<&'a dyn port::Agent, LaunchFailure> {
    post.world.agents.of(&order.runner).ok_or_else(|| match &order.runner {
        Runner::Agent { name, .. } => LaunchFailure::Supervisor(format!(
            "the task is for the agent `{name}`, which this version of task-bg does not know"
        )),
        Runner::Command(_) | Runner::Elsewhere => nothing_to_run(),
    })
}

/// Identifies the process that was just started. Ends one that `/proc` does not show, because nobody
/// could find it again.
fn identify(mut child: Child) -> Result<ProcessId, LaunchFailure> {
    if let Some(stat) = identity::Stat::of(child.id()) {
        let (pid, boot_id) = (child.id(), identity::boot_id());
        return Ok(ProcessId { pid, start_time: stat.start_time, boot_id });
    }
    drop(child.kill());
    drop(child.wait());
    let why = identity::why_unseen();
    Err(LaunchFailure::Supervisor(format!("/proc does not show the agent{why}")))
}

fn nothing_to_run() -> LaunchFailure {
    LaunchFailure::Supervisor("the record does not say what to run".into())
}

/// The text as the standard library wants it.
fn os(text: &OsText) -> &OsStr {
    OsStr::from_bytes(text.as_bytes())
}

fn set_up(
    command: &mut Command,
    line: &CommandLine,
    files: &AgentFiles,
    stdin: Stdio,
    is_set: fn(&str) -> bool,
) -> io::Result<()> {
    let output = &files.output;
    let stdout = match line.speech {
        Speech::Events => &files.events,
        Speech::Text => output,
    };
    for (name, value) in &line.defaults {
        if !is_set(name) {
            command.env(name, value);
        }
    }
    for (name, value) in &line.environment {
        match value {
            Some(value) => command.env(name, os(value)),
            None => command.env_remove(name),
        };
    }
    command
        .arg0(os(&line.program))
        .args(line.arguments.iter().map(os))
        .process_group(0)
        .stdin(stdin)
        .stdout(stdout.try_clone()?)
        // A duplicate of one descriptor, so that the two never write over each other.
        .stderr(output.try_clone()?)
        .env_remove(SUPERVISOR_VARIABLE)
        .env_remove(MOST_GRACE_VARIABLE);
    Ok(())
}

fn exit_of(status: WaitStatus) -> Option<Exit> {
    let code = status.exit_status().map(Exit::Code);
    code.or_else(|| status.terminating_signal().map(Exit::Signal))
}

#[cfg(test)]
mod tests;
