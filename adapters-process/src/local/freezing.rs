//! Ending processes that replace themselves faster than anybody can look.
//!
//! A look at `/proc` is no snapshot: of a process that forks and exits, the parent is gone when it is
//! read, and the child was not there yet. So what belongs to a task is stopped where it is found, since
//! a stopped process starts no other, until a look finds nobody new; then all of it is killed.
//! Whoever is the reaper of a task's orphans can be certain that nothing is left: see [`none_below`].

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use domain::port::Doomed;
use rustix::process::Signal;

use crate::local::group::Group;
use crate::local::identity::Stat;
use crate::local::proc_file;
use crate::local::termination::signal_started;
use crate::local::tree::{Allegiance, Snapshot, numbers};

/// How long one round may look for processes that are new.
const ROUND: Duration = Duration::from_secs(2);
/// How many looks in a row find nobody new before all are killed.
const QUIET_LOOKS: u32 = 2;

/// Stops all that belongs to the task, and kills it once a look finds nobody new. Returns whether it
/// found anything.
pub(super) fn freeze_and_kill(task: &Doomed, supervisor: Option<u32>) -> bool {
    let group = Group::of(task).filter(|group| group.is_populated() == Some(true));
    if let Some(group) = &group {
        group.kill(|pid| Allegiance::of(pid).is_to_another(&task.id));
    }
    // What is in no group of the task, or has left it.
    let mut frozen: BTreeSet<(u32, u64)> = BTreeSet::new();
    let began = Instant::now();
    let mut quiet = 0;
    while quiet < QUIET_LOOKS && began.elapsed() < ROUND {
        let before = frozen.len();
        freeze(task, supervisor, &mut frozen);
        quiet = if frozen.len() == before { quiet + 1 } else { 0 };
    }
    for (pid, start_time) in &frozen {
        let _ = signal_started(*pid, *start_time, Signal::KILL);
    }
    group.is_some() || !frozen.is_empty()
}

/// Whether certainly no process is left below `supervisor`, the reaper of their orphans, that belongs
/// to the task.
///
/// All its children are zombies or belong to others, and a second list of them has nobody new: a
/// process hands its children on before it becomes a zombie.
pub(super) fn none_below(task: &Doomed, supervisor: u32) -> bool {
    if Group::of(task).is_some_and(|group| group.is_populated() == Some(true)) {
        return false;
    }
    let Some(children) = children_of(supervisor) else { return false };
    let over = |pid: &u32| {
        let lives = Stat::of(*pid).is_some_and(|stat| stat.lives());
        !lives || Allegiance::of(*pid).is_to_another(&task.id)
    };
    children.iter().all(over) && children_of(supervisor) == Some(children)
}

/// Stops what belongs to the task and is not stopped yet, each as soon as it is found.
fn freeze(task: &Doomed, supervisor: Option<u32>, frozen: &mut BTreeSet<(u32, u64)>) {
    let mut next: Vec<u32> = match supervisor {
        Some(pid) => children_of(pid).unwrap_or_default(),
        None => Vec::new(),
    };
    let roots = task.agent.iter().chain(&task.known);
    next.extend(roots.filter(|root| crate::local::identity::lives(root)).map(|root| root.pid));
    follow(task, next, frozen);
    if supervisor.is_none() {
        // The newest have the highest numbers, except where the numbers begin anew.
        for pid in numbers().into_iter().rev() {
            if Allegiance::of(pid).is_to(&task.id) {
                follow(task, vec![pid], frozen);
            }
        }
    }
}

/// Stops these processes and all below them that belong to the task. One that is stopped has no new
/// children, so what is below it is looked at once.
fn follow(task: &Doomed, mut next: Vec<u32>, frozen: &mut BTreeSet<(u32, u64)>) {
    let mut seen = BTreeSet::new();
    while let Some(pid) = next.pop() {
        if pid == std::process::id() || !seen.insert(pid) {
            continue;
        }
        let Some(stat) = Stat::of(pid).filter(Stat::lives) else { continue };
        if frozen.contains(&(pid, stat.start_time)) || Allegiance::of(pid).is_to_another(&task.id) {
            continue;
        }
        if signal_started(pid, stat.start_time, Signal::STOP) == Ok(true) {
            frozen.insert((pid, stat.start_time));
        }
        next.extend(children_of(pid).unwrap_or_default());
    }
}

/// The children of a process, zombies among them; `None` if nobody can tell.
pub(super) fn children_of(pid: u32) -> Option<Vec<u32>> {
    listed_children(pid).or_else(|| {
        let snapshot = Snapshot::take();
        (!snapshot.is_blind()).then(|| snapshot.children_of(pid))
    })
}

/// The same, as the kernel lists them for each thread; some kernels do not.
fn listed_children(pid: u32) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let text = proc_file::text(thread.ok()?.path().join("children")).ok()?;
        found.extend(text.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    Some(found)
}
