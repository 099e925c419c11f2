//! Ending a task's processes: the group politely, then by force, then whatever is left elsewhere.
//!
//! Every signal goes through a descriptor of the very process it is meant for, looked at again
//! after the descriptor was opened; a number that was given to somebody else is never signalled.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use domain::task::{ProcessId, TaskId};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::local::identity::{self, Stat};
use crate::local::tree;

/// How long processes outside the agent's group have after the polite signal, at most.
const STRAGGLER_GRACE: Duration = Duration::from_secs(2);
/// How long processes may take to vanish after the last signal.
const VANISH: Duration = Duration::from_secs(5);
/// The longest pause between two looks at the system.
const LOOK: Duration = Duration::from_millis(50);

/// Ends everything that belongs to the task; returns the numbers of what is left after all.
///
/// `supervisor` is given where its descendants belong to the task as well. A zombie counts as ended.
pub fn stop(
    id: &TaskId,
    supervisor: Option<u32>,
    agent: Option<&ProcessId>,
    grace: Duration,
) -> Vec<u32> {
    let polite_until = Instant::now() + grace;
    let belonging = || tree::belonging_to(id, supervisor);

    if let Some(agent) = agent {
        let group = || -> Vec<Stat> {
            belonging().into_iter().filter(|stat| stat.group == agent.pid).collect()
        };
        signal_all(&group(), Signal::TERM);
        // A stopped process takes note of the polite signal only when it goes on.
        signal_all(&group(), Signal::CONT);
        let left = wait_until_gone(&group, polite_until);
        signal_all(&left, Signal::KILL);
    }

    let stragglers = belonging();
    if !stragglers.is_empty() {
        signal_all(&stragglers, Signal::TERM);
        signal_all(&stragglers, Signal::CONT);
        let until = polite_until.min(Instant::now() + STRAGGLER_GRACE);
        wait_until_gone(&belonging, until);
    }

    let vanish_until = Instant::now() + VANISH;
    loop {
        let left = belonging();
        if left.is_empty() || Instant::now() >= vanish_until {
            return left.iter().map(|stat| stat.pid).collect();
        }
        signal_all(&left, Signal::KILL);
        wait_for_any(&left, LOOK);
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
    if process.boot_id != identity::boot_id() {
        return Ok(false);
    }
    signal_started(process.pid, process.start_time, signal)
}

fn signal_started(pid: u32, start_time: u64, signal: Signal) -> rustix::io::Result<bool> {
    let Some(descriptor) = open(pid)? else { return Ok(false) };
    // Opened first, then looked at: from here on the number cannot change hands unnoticed.
    if !Stat::of(pid).is_some_and(|stat| stat.lives() && stat.start_time == start_time) {
        return Ok(false);
    }
    match pidfd_send_signal(&descriptor, signal) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error),
    }
}

fn open(pid: u32) -> rustix::io::Result<Option<OwnedFd>> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(descriptor) => Ok(Some(descriptor)),
        Err(rustix::io::Errno::SRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What may not be signalled is left, and is named among the survivors in the end.
fn signal_all(processes: &[Stat], signal: Signal) {
    for stat in processes {
        let _ = signal_started(stat.pid, stat.start_time, signal);
    }
}

/// Waits until nothing is found any more, or until a moment; returns what is left then.
fn wait_until_gone(find: &dyn Fn() -> Vec<Stat>, until: Instant) -> Vec<Stat> {
    loop {
        let left = find();
        let now = Instant::now();
        if left.is_empty() || now >= until {
            return left;
        }
        wait_for_any(&left, (until - now).min(LOOK));
    }
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

    fn task(name: &str) -> TaskId {
        TaskId::parse(&format!("bg_{name}_{}", std::process::id())).expect("an id")
    }

    #[test]
    fn an_agent_that_ignores_the_polite_signal_is_killed_after_the_grace() {
        let id = task("stubborn");
        let (mut child, process) =
            agent(&id, "trap '' TERM; echo ready; while :; do sleep 1; done");
        assert_eq!(stop(&id, None, Some(&process), Duration::from_millis(100)), Vec::<u32>::new());
        child.wait().expect("it can be reaped");
    }

    #[test]
    fn a_descendant_in_another_session_that_ignores_the_polite_signal_is_reached() {
        let id = task("far");
        let script =
            "setsid sh -c 'trap \"\" TERM; echo ready; while :; do sleep 1; done' & exec sleep 60";
        let (mut child, process) = agent(&id, script);
        assert!(tree::belonging_to(&id, None).len() >= 2);
        assert_eq!(stop(&id, None, Some(&process), Duration::from_millis(300)), Vec::<u32>::new());
        assert_eq!(tree::belonging_to(&id, None), []);
        child.wait().expect("it can be reaped");
    }

    #[test]
    fn what_belongs_to_another_task_is_spared() {
        let (mine, other) = (task("mine"), task("other"));
        let script = format!(
            "env {TASK_ID_VARIABLE}={other} setsid sh -c 'echo ready; exec sleep 60' & exec sleep 60"
        );
        let (mut child, process) = agent(&mine, &script);
        assert_eq!(
            stop(&mine, None, Some(&process), Duration::from_millis(300)),
            Vec::<u32>::new()
        );
        assert_eq!(tree::belonging_to(&other, None).len(), 1);
        assert_eq!(stop(&other, None, None, Duration::from_millis(300)), Vec::<u32>::new());
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
