//! Ending a task's processes: the group politely, then by force, then whatever is left elsewhere.
//!
//! Every signal goes through a descriptor of the very process it is meant for, whose start time is checked
//! after the descriptor was opened. So no signal ever reaches a process that was given the number of another.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use domain::port::Doomed;
use domain::task::ProcessId;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::effect::effect;
use crate::local::freezing;
use crate::local::group::Group;
use crate::local::identity::{self, Stat};
use crate::local::tree::Snapshot;

/// How long processes outside the agent's group have after the polite signal, at most.
const STRAGGLER_GRACE: Duration = Duration::from_secs(2);
/// How long processes may take to vanish after the last signal.
const VANISH: Duration = Duration::from_secs(5);

/// The ending of the processes of some tasks, side by side, a step at a time.
#[derive(Debug)]
pub struct Termination {
    targets: Vec<Target>,
    /// The process whose descendants belong to the tasks as well.
    supervisor: Option<u32>,
    polite_until: Instant,
    /// What was found at the last step and is to be gone.
    left: Vec<Stat>,
}

/// One task whose processes are being ended.
#[derive(Debug)]
struct Target {
    task: Doomed,
    phase: Phase,
}

/// How far the ending of one task's processes has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing was done yet.
    Begun,
    /// The agent's group was asked, and has the grace.
    Group,
    /// What is left elsewhere was asked, and has until this moment.
    Rest(Instant),
    /// All that is left is killed, until this moment.
    Kill(Instant),
    /// Nothing is left.
    Gone,
    /// This moment is over and something is left.
    Survived,
}

impl Termination {
    /// The longest pause between two steps.
    pub const LOOK: Duration = Duration::from_millis(50);

    /// Begins to end everything that belongs to `tasks`, with so much time between the polite signal and the
    /// last one.
    ///
    /// `supervisor` is given where its descendants belong to the task as well.
    pub fn begin(tasks: Vec<Doomed>, supervisor: Option<u32>, grace: Duration) -> Self {
        let targets = tasks.into_iter().map(|task| Target { task, phase: Phase::Begun }).collect();
        let polite_until = Instant::now() + grace;
        let mut begun = Self { targets, supervisor, polite_until, left: Vec::new() };
        // The polite signal goes out at once; that all may be over by it is found with the next step.
        begun.step();
        begun
    }

    /// Shortens the time that is left between the polite signal and the last one.
    pub fn hurry(&mut self, grace: Duration) {
        self.polite_until = self.polite_until.min(Instant::now() + grace);
    }

    /// Does what is due now; may be called again once it is over. Once it is over, returns the numbers of the
    /// processes that are left after all. A zombie counts as ended.
    pub fn step(&mut self) -> Option<Vec<u32>> {
        let snapshot = Snapshot::take();
        let (supervisor, polite_until) = (self.supervisor, self.polite_until);
        self.left.clear();
        if snapshot.is_blind() {
            // Who cannot be seen is not gone.
            return (Instant::now() >= polite_until + VANISH).then(|| self.agents_in_doubt());
        }
        let mut over = true;
        for target in &mut self.targets {
            let belonging = snapshot.belonging_to(&target.task, supervisor);
            target.advance(&belonging, supervisor, polite_until);
            over &= matches!(target.phase, Phase::Gone | Phase::Survived);
            self.left.extend(belonging);
        }
        if !over {
            return None;
        }
        let survived = self.targets.iter().filter(|target| target.phase == Phase::Survived);
        let late = Snapshot::take();
        let left = survived.flat_map(|target| late.belonging_to(&target.task, supervisor));
        Some(left.map(|stat| stat.pid).collect())
    }

    /// The agents that were not seen to be gone.
    fn agents_in_doubt(&self) -> Vec<u32> {
        let unseen = self.targets.iter().filter(|target| target.phase != Phase::Gone);
        unseen.filter_map(|target| Some(target.task.agent.as_ref()?.pid)).collect()
    }

    /// Waits until one of the processes ends, for no longer than until the next step is due.
    pub fn wait(&self) {
        let left = self.polite_until.saturating_duration_since(Instant::now());
        let pause = if left.is_zero() { Self::LOOK } else { left.min(Self::LOOK) };
        wait_for_any(&self.left, pause);
    }
}

impl Target {
    /// Goes through the phases as far as that is possible now.
    fn advance(&mut self, belonging: &[Stat], supervisor: Option<u32>, polite_until: Instant) {
        loop {
            let now = Instant::now();
            let next = match self.phase {
                Phase::Begun => {
                    if supervisor.is_none()
                        && let Some(group) = Group::of(&self.task)
                    {
                        // It may rest since its supervisor was killed. One that cannot go on is killed as it is.
                        group.go_on();
                    }
                    ask(&self.group(belonging));
                    Phase::Group
                }
                Phase::Group => {
                    let group = self.group(belonging);
                    if !group.is_empty() && now < polite_until {
                        return;
                    }
                    signal_all(&group, Signal::KILL);
                    let rest = self.rest(belonging);
                    ask(&rest);
                    Phase::Rest(if rest.is_empty() { now } else { now + STRAGGLER_GRACE })
                }
                Phase::Rest(until) => {
                    if !belonging.is_empty() && now < until.min(polite_until) {
                        return;
                    }
                    Phase::Kill(now + VANISH)
                }
                Phase::Kill(_) if self.is_gone(belonging, supervisor) => Phase::Gone,
                Phase::Kill(until) if now >= until => Phase::Survived,
                Phase::Kill(_) => {
                    freezing::freeze_and_kill(&self.task, supervisor);
                    return;
                }
                Phase::Gone | Phase::Survived => return,
            };
            self.phase = next;
        }
    }

    /// Whether nothing of the task is left, given that this was found. A supervisor is certain of it;
    /// others look again.
    fn is_gone(&self, belonging: &[Stat], supervisor: Option<u32>) -> bool {
        if !belonging.is_empty() {
            return false;
        }
        if let Some(pid) = supervisor {
            return freezing::none_below(&self.task, pid);
        }
        let group = Group::of(&self.task);
        let is_proved = group.is_some_and(|group| group.is_empty());
        is_proved || !freezing::freeze_and_kill(&self.task, None)
    }

    /// The processes in the agent's own group.
    fn group(&self, belonging: &[Stat]) -> Vec<Stat> {
        let Some(agent) = &self.task.agent else { return Vec::new() };
        belonging.iter().filter(|stat| stat.group == agent.pid).copied().collect()
    }

    /// The others.
    fn rest(&self, belonging: &[Stat]) -> Vec<Stat> {
        let agent = self.task.agent.as_ref().map(|agent| agent.pid);
        belonging.iter().filter(|stat| Some(stat.group) != agent).copied().collect()
    }
}

/// Ends everything that belongs to the tasks; returns the numbers of what is left after all.
pub fn stop(tasks: &[Doomed], supervisor: Option<u32>, grace: Duration) -> Vec<u32> {
    let mut termination = Termination::begin(tasks.to_vec(), supervisor, grace);
    loop {
        if let Some(left) = termination.step() {
            return left;
        }
        termination.wait();
    }
}

/// Waits until a process is wholly gone, or for as long as that may take.
///
/// One with many threads is a zombie, and so counts as ended, while its last threads still die; it
/// cannot be reaped before. A cancelled agent's exit code used to be lost in that moment.
pub(crate) fn wait_for_exit(process: &ProcessId) {
    let Ok(Some(descriptor)) = open(process.pid) else { return };
    let mut polled = [PollFd::new(&descriptor, PollFlags::IN)];
    let timeout = Timespec::try_from(VANISH).ok();
    let _ = rustix::event::poll(&mut polled, timeout.as_ref());
}

/// Sends the signal to this very process; `false` if it does not live any more.
pub fn signal(process: &ProcessId, signal: Signal) -> rustix::io::Result<bool> {
    if !identity::may_be_of_this_boot(process) {
        return Ok(false);
    }
    signal_started(process.pid, process.start_time, signal)
}

pub(super) fn signal_started(
    pid: u32,
    start_time: u64,
    signal: Signal,
) -> rustix::io::Result<bool> {
    let Some(descriptor) = open(pid)? else { return Ok(false) };
    // Opened first, then looked at: from here on the number cannot change hands unnoticed.
    if !Stat::of(pid).is_some_and(|stat| stat.lives() && stat.start_time == start_time) {
        return Ok(false);
    }
    let send = || Ok(pidfd_send_signal(&descriptor, signal));
    match effect("signal", send).unwrap_or(Err(rustix::io::Errno::PERM)) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A descriptor of this very process; `None` if it does not live any more.
pub(super) fn descriptor(process: &ProcessId) -> Option<OwnedFd> {
    let descriptor = open(process.pid).ok().flatten()?;
    // Opened first, then looked at, as above.
    (identity::lives(process) || identity::is_blind()).then_some(descriptor)
}

/// Whether the process of the descriptor has ended.
pub(super) fn is_over(descriptor: &OwnedFd) -> bool {
    let mut polled = [PollFd::new(descriptor, PollFlags::IN)];
    rustix::event::poll(&mut polled, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

fn open(pid: u32) -> rustix::io::Result<Option<OwnedFd>> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(descriptor) => Ok(Some(descriptor)),
        Err(rustix::io::Errno::SRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sends the signal to all of them. A process that this one may not signal stays, and is among the survivors
/// in the end.
fn signal_all(processes: &[Stat], signal: Signal) {
    for stat in processes {
        let _ = signal_started(stat.pid, stat.start_time, signal);
    }
}

/// Sends the polite signal, and lets a stopped process go on so that it can take note.
fn ask(processes: &[Stat]) {
    signal_all(processes, Signal::TERM);
    signal_all(processes, Signal::CONT);
}

/// Waits until one of the processes ends, or for so long.
fn wait_for_any(processes: &[Stat], at_most: Duration) {
    let descriptors: Vec<OwnedFd> =
        processes.iter().filter_map(|stat| open(stat.pid).ok().flatten()).collect();
    let mut polled: Vec<PollFd<'_>> =
        descriptors.iter().map(|descriptor| PollFd::new(descriptor, PollFlags::IN)).collect();
    let timeout = Timespec::try_from(at_most).ok();
    let _ = rustix::event::poll(&mut polled, timeout.as_ref());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TASK_ID_VARIABLE;
    use domain::task::TaskId;
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};

    /// Starts a shell script as the agent of a task; returns once it has printed a line.
    fn agent(id: &TaskId, script: &str) -> (Child, ProcessId) {
        let mut child = Command::new("sh")
            .args(["-c", script])
            .env(TASK_ID_VARIABLE, id.as_str())
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it prints");
        let process = identity::identify(child.id()).expect("it lives");
        (child, process)
    }

    fn belonging_to(id: &TaskId, supervisor: Option<u32>) -> Vec<Stat> {
        Snapshot::take().belonging_to(&Doomed::named(id.clone()), supervisor)
    }

    fn stop(id: &TaskId, agent: Option<&ProcessId>, grace: Duration) -> Vec<u32> {
        let doomed = Doomed { agent: agent.cloned(), ..Doomed::named(id.clone()) };
        super::stop(&[doomed], None, grace)
    }

    fn task(name: &str) -> TaskId {
        TaskId::parse(&format!("bg_{name}_{}", std::process::id())).expect("an id")
    }

    #[test]
    fn an_agent_that_ignores_the_polite_signal_is_killed_after_the_grace() {
        let id = task("stubborn");
        let (mut child, process) =
            agent(&id, "trap '' TERM; echo ready; while :; do sleep 1; done");
        assert_eq!(stop(&id, Some(&process), Duration::from_millis(100)), Vec::<u32>::new());
        child.wait().expect("it can be reaped");
    }

    #[test]
    fn a_descendant_in_another_session_that_ignores_the_polite_signal_is_reached() {
        let id = task("far");
        let script =
            "setsid sh -c 'trap \"\" TERM; echo ready; while :; do sleep 1; done' & exec sleep 60";
        let (mut child, process) = agent(&id, script);
        assert!(belonging_to(&id, None).len() >= 2);
        assert_eq!(stop(&id, Some(&process), Duration::from_millis(300)), Vec::<u32>::new());
        assert_eq!(belonging_to(&id, None), []);
        child.wait().expect("it can be reaped");
    }

    #[test]
    fn what_belongs_to_another_task_is_spared() {
        let (mine, other) = (task("mine"), task("other"));
        let script = format!(
            "env {TASK_ID_VARIABLE}={other} setsid sh -c 'echo ready; exec sleep 60' & exec sleep 60"
        );
        let (mut child, process) = agent(&mine, &script);
        assert_eq!(stop(&mine, Some(&process), Duration::from_millis(300)), Vec::<u32>::new());
        assert_eq!(belonging_to(&other, None).len(), 1);
        assert_eq!(stop(&other, None, Duration::from_millis(300)), Vec::<u32>::new());
        child.wait().expect("it can be reaped");
    }

    #[test]
    fn a_number_that_another_process_has_now_is_never_signalled() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep starts");
        let there = identity::identify(child.id()).expect("it lives");
        let gone = ProcessId { start_time: there.start_time - 1, ..there.clone() };
        assert_eq!(signal(&gone, Signal::KILL), Ok(false));
        assert!(identity::lives(&there));
        assert_eq!(signal(&there, Signal::KILL), Ok(true));
        child.wait().expect("it can be reaped");
    }
}
