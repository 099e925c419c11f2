//! Which processes belong to a task, wherever they went.
//!
//! A process belongs to a task if its environment names the task, or if it descends from one that
//! does or from the task's supervisor. It belongs to another task, with all below it, if its
//! environment names another one or marks it as a supervisor: cancelling a task spares the tasks
//! that it launched. Looking at a process never changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use domain::task::TaskId;

use crate::local::identity::Stat;
use crate::{SUPERVISOR_VARIABLE, TASK_ID_VARIABLE};

/// Every process of the system that lives, by number.
pub fn all() -> BTreeMap<u32, Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Stat::of)
        .filter(Stat::lives)
        .map(|stat| (stat.pid, stat))
        .collect()
}

/// The living processes that belong to the task; with `supervisor`, its descendants too.
///
/// Never names the calling process.
pub fn belonging_to(id: &TaskId, supervisor: Option<u32>) -> Vec<Stat> {
    let all = all();
    let children = children(&all);
    let mut found = BTreeSet::new();
    let mut next: Vec<u32> = match supervisor {
        Some(pid) => children.get(&pid).cloned().unwrap_or_default(),
        None => Vec::new(),
    };
    let mut allegiances: BTreeMap<u32, Allegiance> = BTreeMap::new();
    for &pid in all.keys() {
        let allegiance = Allegiance::of(pid, id);
        if allegiance == Allegiance::Ours {
            next.push(pid);
        }
        allegiances.insert(pid, allegiance);
    }
    while let Some(pid) = next.pop() {
        let foreign = allegiances.get(&pid).is_none_or(|found| *found == Allegiance::Another);
        if foreign || !found.insert(pid) {
            continue;
        }
        next.extend(children.get(&pid).into_iter().flatten());
    }
    found.remove(&std::process::id());
    found.into_iter().filter_map(|pid| all.get(&pid).copied()).collect()
}

/// Whether this process has children, living or not yet reaped.
pub fn has_children() -> bool {
    let own = std::process::id();
    let listed = fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
    // Where the kernel does not tell, one has to assume so.
    listed.map_or(true, |children| !children.trim().is_empty())
}

/// Clock ticks that the living descendants of `root` have spent on a processor.
pub fn cpu_ticks_below(root: u32) -> u64 {
    let all = all();
    let children = children(&all);
    let (mut ticks, mut next) = (0, vec![root]);
    while let Some(pid) = next.pop() {
        let below = children.get(&pid).into_iter().flatten();
        next.extend(below.clone());
        ticks += below.filter_map(|child| all.get(child)).map(|stat| stat.cpu_ticks).sum::<u64>();
    }
    ticks
}

fn children(all: &BTreeMap<u32, Stat>) -> BTreeMap<u32, Vec<u32>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for stat in all.values() {
        children.entry(stat.parent).or_default().push(stat.pid);
    }
    children
}

/// Whose a process is, by its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allegiance {
    Ours,
    Another,
    /// Its environment says nothing, or may not be read.
    Unsaid,
}

impl Allegiance {
    fn of(pid: u32, id: &TaskId) -> Self {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let value = |name: &str| {
            environment.split(|byte| *byte == 0).find_map(|entry| {
                entry.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
            })
        };
        match value(TASK_ID_VARIABLE) {
            _ if value(SUPERVISOR_VARIABLE).is_some() => Self::Another,
            Some(named) if named == id.as_str().as_bytes() => Self::Ours,
            Some(_) => Self::Another,
            None => Self::Unsaid,
        }
    }
}
