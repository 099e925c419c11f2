//! Which processes belong to a task, wherever they went.
//!
//! A process belongs to a task if it is in the task's control group, if its environment names the task, if it writes into
//! the task's log, or if it descends from one that does or from the task's supervisor. It belongs to another task, with all below it, if its
//! environment names another one or marks it as a supervisor: cancelling a task spares the tasks
//! that it launched. Looking at a process never changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use domain::port::Doomed;
use domain::task::{ProcessId, TaskId};

use crate::local::group::Group;
use crate::local::identity::{Stat, may_be_of_this_boot};
use crate::{SUPERVISOR_VARIABLE, TASK_ID_VARIABLE};

/// How often whatever was started during a look is looked at, too, at most.
const MOST_ROUNDS: u32 = 4;
/// The streams of a process that lead to a log: its standard output and its standard error.
const STREAMS: [u32; 2] = [1, 2];
/// How the names of logs end.
const LOGS: [&str; 2] = [".out", ".events.jsonl"];
/// What the kernel adds to the name of a file that was removed.
pub(super) const REMOVED: &str = " (deleted)";

/// The processes that lived at one moment, with whose they are.
///
/// The kernel gives no snapshot. So whatever was started while the look was taken is looked at as well, as long as
/// there is any, but only so often: still, a process that was started last may be missing.
#[derive(Debug)]
pub struct Snapshot {
    all: BTreeMap<u32, Stat>,
    children: BTreeMap<u32, Vec<u32>>,
    allegiances: BTreeMap<u32, Allegiance>,
}

impl Snapshot {
    /// Looks at every process of the system, once.
    pub fn take() -> Self {
        let (mut all, mut allegiances) = (BTreeMap::new(), BTreeMap::new());
        let mut seen = BTreeSet::new();
        for _ in 0..MOST_ROUNDS {
            let fresh: Vec<u32> = numbers().into_iter().filter(|pid| seen.insert(*pid)).collect();
            if fresh.is_empty() {
                break;
            }
            let found: BTreeMap<u32, Stat> = living(fresh);
            // Of one that has gone meanwhile nothing says whose it was.
            allegiances.extend(found.keys().map(|pid| (*pid, Allegiance::of(*pid))));
            all.extend(found);
        }
        let children = children(&all);
        Self { all, children, allegiances }
    }

    /// Whether the look was one: where no file can be opened, not even this process is seen, and nothing
    /// follows from what is missing.
    pub fn is_blind(&self) -> bool {
        !self.all.contains_key(&std::process::id())
    }

    /// The living processes that belong to the task: those that its environment names, those that are
    /// known to be its own, and their descendants; with `supervisor`, its descendants too.
    ///
    /// Never names the calling process.
    pub fn belonging_to(&self, task: &Doomed, supervisor: Option<u32>) -> Vec<Stat> {
        let id = &task.id;
        let mut found = BTreeSet::new();
        let mut next: Vec<u32> = match supervisor {
            Some(pid) => self.children.get(&pid).cloned().unwrap_or_default(),
            None => Vec::new(),
        };
        let named = self.allegiances.iter().filter(|(_, whose)| whose.is_to(id));
        next.extend(named.map(|(pid, _)| *pid));
        let group = Group::of(task).map(|group| group.members()).unwrap_or_default();
        next.extend(group.into_iter().filter(|pid| self.all.contains_key(pid)));
        next.extend(
            task.agent.iter().chain(&task.known).filter(|it| self.has(it)).map(|it| it.pid),
        );
        while let Some(pid) = next.pop() {
            let foreign = self.allegiances.get(&pid).is_none_or(|whose| whose.is_to_another(id));
            if foreign || !found.insert(pid) {
                continue;
            }
            next.extend(self.children.get(&pid).into_iter().flatten());
        }
        found.remove(&std::process::id());
        found.into_iter().filter_map(|pid| self.all.get(&pid).copied()).collect()
    }

    /// Clock ticks that the living processes of the task have spent on a processor, with those of the
    /// children they waited for.
    pub fn ticks_of(&self, task: &Doomed) -> u64 {
        self.belonging_to(task, None).iter().map(|stat| stat.cpu_ticks + stat.reaped_ticks).sum()
    }

    /// The living children of a process.
    pub(super) fn children_of(&self, pid: u32) -> Vec<u32> {
        self.children.get(&pid).cloned().unwrap_or_default()
    }

    /// The living processes whose environment or output names a task, with that task.
    pub fn named(&self) -> Vec<(TaskId, Stat)> {
        let named = self.allegiances.iter().filter_map(|(pid, whose)| {
            let Allegiance::Task(name) = whose else { return None };
            let id = TaskId::parse(std::str::from_utf8(name).ok()?).ok()?;
            Some((id, *self.all.get(pid)?))
        });
        named.collect()
    }

    /// Whether this very process was there.
    fn has(&self, process: &ProcessId) -> bool {
        let there = self.all.get(&process.pid);
        there.is_some_and(|stat| stat.start_time == process.start_time)
            && may_be_of_this_boot(process)
    }
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

/// The numbers of the living processes whose working folder is one of these or below it, by folder. Never names the
/// calling process; one whose folder may not be read is passed over.
pub(super) fn working_in(folders: &[String]) -> BTreeMap<String, Vec<u32>> {
    let mut found: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    if folders.is_empty() {
        return found;
    }
    // The kernel names folders as they are behind all links.
    let real: Vec<_> =
        folders.iter().filter_map(|it| Some((it, fs::canonicalize(it).ok()?))).collect();
    for pid in numbers().into_iter().filter(|pid| *pid != std::process::id()) {
        let Ok(cwd) = fs::read_link(format!("/proc/{pid}/cwd")) else { continue };
        for (folder, _) in real.iter().filter(|(_, real)| cwd.starts_with(real)) {
            found.entry((*folder).clone()).or_default().push(pid);
        }
    }
    found
}

/// The numbers of all processes of the system, lowest first.
pub(super) fn numbers() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Every process of the system that lives, by number.
fn all() -> BTreeMap<u32, Stat> {
    living(numbers())
}

/// Those of the processes with these numbers that live, by number.
fn living(numbers: Vec<u32>) -> BTreeMap<u32, Stat> {
    let stats = numbers.into_iter().filter_map(Stat::of).filter(Stat::lives);
    stats.map(|stat| (stat.pid, stat)).collect()
}

fn children(all: &BTreeMap<u32, Stat>) -> BTreeMap<u32, Vec<u32>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for stat in all.values() {
        children.entry(stat.parent).or_default().push(stat.pid);
    }
    children
}

/// Whose a process is, by its environment, or else by where its output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Allegiance {
    /// It carries the name of this task, or writes into its log.
    Task(Vec<u8>),
    /// It is a supervisor, and belongs to no task.
    Supervisor,
    /// Nothing says it, or may be read.
    Unsaid,
}

impl Allegiance {
    pub(super) fn of(pid: u32) -> Self {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let value = |name: &str| {
            environment.split(|byte| *byte == 0).find_map(|entry| {
                entry.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
            })
        };
        match value(TASK_ID_VARIABLE) {
            _ if value(SUPERVISOR_VARIABLE).is_some() => Self::Supervisor,
            Some(named) => Self::Task(named.to_vec()),
            // An environment can be emptied; the streams that a task was started with stay.
            None => logged_by(pid).map_or(Self::Unsaid, Self::Task),
        }
    }

    pub(super) fn is_to(&self, id: &TaskId) -> bool {
        matches!(self, Self::Task(named) if named == id.as_str().as_bytes())
    }

    pub(super) fn is_to_another(&self, id: &TaskId) -> bool {
        match self {
            Self::Task(named) => named != id.as_str().as_bytes(),
            Self::Supervisor => true,
            Self::Unsaid => false,
        }
    }
}

/// The task into whose log a process writes, by the name of the file, which may have been removed since.
fn logged_by(pid: u32) -> Option<Vec<u8>> {
    STREAMS.iter().find_map(|stream| {
        let target = fs::read_link(format!("/proc/{pid}/fd/{stream}")).ok()?;
        logged_in(target.file_name()?.to_str()?).map(|id| id.as_str().into())
    })
}

/// The task whose log has this name. Only an id as we mint them counts: anybody may call a file `nohup.out`.
pub(super) fn logged_in(name: &str) -> Option<TaskId> {
    let name = name.strip_suffix(REMOVED).unwrap_or(name);
    let id = LOGS.iter().find_map(|ending| name.strip_suffix(ending))?;
    TaskId::parse(id).ok().filter(|id| id.minted_at().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_log_of_a_task_of_ours_names_one_and_also_when_it_was_removed() {
        let id = "bg_19c0000000000001f";
        for name in [".out", ".events.jsonl", ".out (deleted)"] {
            let named = logged_in(&format!("{id}{name}"));
            assert_eq!(named.as_ref().map(TaskId::as_str), Some(id), "{name}");
        }
        for name in ["nohup.out", "bg_.out", "bg_19c0000000000001f.json", "x (deleted)", ""] {
            assert_eq!(logged_in(name), None, "{name}");
        }
    }
}
