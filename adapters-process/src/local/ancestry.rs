//! Whose child this process is: the processes that it descends from, nearest first.

use std::fs;
use std::iter;

use domain::task::ProcessId;

use super::identity::{Stat, boot_id};

/// The most generations that are looked at.
const GENERATIONS: usize = 64;

/// The processes that this one descends from, nearest first, without the first process of the system.
pub fn ancestors() -> Vec<ProcessId> {
    let boot_id = boot_id();
    let parent = |stat: &Stat| Stat::of(stat.parent).filter(|stat| stat.pid > 1);
    let line = iter::successors(Stat::of(std::process::id()), parent).skip(1).take(GENERATIONS);
    line.map(|stat| ProcessId {
        pid: stat.pid,
        start_time: stat.start_time,
        boot_id: boot_id.clone(),
    })
    .collect()
}

/// The nearest process that this one descends from and whose environment had not this variable when it was started:
/// whoever gave it to its children. `None` where no environment can be read.
pub fn giver_of(variable: &str) -> Option<ProcessId> {
    let sign = format!("{variable}=");
    ancestors().into_iter().find(|process| {
        let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        let has = |entry: &[u8]| entry.starts_with(sign.as_bytes());
        !environment.is_empty() && !environment.split(|byte| *byte == 0).any(has)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::identity::identify;

    #[test]
    fn the_nearest_ancestor_is_the_parent_and_gave_what_it_had_not() {
        let parent = Stat::of(std::process::id()).map(|stat| stat.parent).expect("a parent");
        let parent = identify(parent).expect("it lives");
        assert_eq!(ancestors().first(), Some(&parent));
        assert_eq!(giver_of("TASK_BG_NOBODY_HAS_THIS"), Some(parent));
    }
}
