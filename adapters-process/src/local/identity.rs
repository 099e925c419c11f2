//! Which process has a number now, read from `/proc`.
//!
//! Nothing here signals a process; [`crate::local::termination`] does.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use domain::task::ProcessId;

use super::time_namespace::Shifts;

use super::proc_file;

/// The boot the system is in now; empty if the kernel does not tell, as where `/proc` shows processes alone. It outlasts
/// every process, so it is asked for once.
pub fn boot_id() -> String {
    static FOUND: OnceLock<String> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return found.clone();
    }
    match proc_file::text("/proc/sys/kernel/random/boot_id") {
        Ok(text) => FOUND.get_or_init(|| text.trim().to_owned()).clone(),
        Err(_) => String::new(),
    }
}

/// Whether the process may be one of the boot the system is in now: where either is not known, its number and its start
/// are all there is to go by.
pub fn may_be_of_this_boot(process: &ProcessId) -> bool {
    let now = boot_id();
    process.boot_id == now || process.boot_id.is_empty() || now.is_empty()
}

/// Whether this process may do everything on this machine.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The command line of the process that has the number 1 here, each word ended by NUL; empty if it cannot be seen.
pub fn first_command_line() -> Vec<u8> {
    fs::read("/proc/1/cmdline").unwrap_or_default()
}

/// The process that has the number `pid` now, or `None` if nobody has or it is a zombie.
pub fn identify(pid: u32) -> Option<ProcessId> {
    let stat = Stat::of(pid)?;
    stat.lives().then(|| ProcessId { pid, start_time: stat.start_time, boot_id: boot_id() })
}

/// Why a process that lives cannot be seen, to be added to that it is not; empty where nobody can tell.
pub fn why_unseen() -> String {
    fs::read("/proc/self/stat").err().map_or_else(String::new, |error| format!(": {error}"))
}

/// These processes, so that each can be told from a later one with its number.
pub fn named(stats: &[Stat]) -> Vec<ProcessId> {
    let boot_id = boot_id();
    let named = |stat: &Stat| ProcessId {
        pid: stat.pid,
        start_time: stat.start_time,
        boot_id: boot_id.clone(),
    };
    stats.iter().map(named).collect()
}

/// Whether this very process lives.
pub fn lives(process: &ProcessId) -> bool {
    found(process).is_some()
}

/// What is known of this very process, if it lives.
pub fn found(process: &ProcessId) -> Option<Stat> {
    let is_it = |stat: &Stat| stat.lives() && stat.start_time == process.start_time;
    Stat::of(process.pid).filter(is_it).filter(|_| may_be_of_this_boot(process))
}

/// How long ago this process was started, by the clock that counts the time the machine sleeps, too.
pub fn age(process: &ProcessId) -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let now = Shifts::own().boottime.undone(Duration::try_from(now).unwrap_or_default());
    let started = Duration::from_secs(process.start_time) / ticks_per_second();
    now.saturating_sub(started)
}

/// How many clock ticks the kernel counts in a second.
fn ticks_per_second() -> u32 {
    u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100).max(1)
}

/// Whether not even this very process can be seen, because `/proc` is hidden or no file can be opened: nothing
/// follows then from what is missing.
pub fn is_blind() -> bool {
    Stat::of(std::process::id()).is_none()
}

/// What `/proc/<pid>/stat` says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its number.
    pub pid: u32,
    /// One letter for what it does; `Z` is a zombie.
    pub state: char,
    /// Its parent.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Clock ticks it has spent on a processor, itself and in the kernel.
    pub cpu_ticks: u64,
    /// Clock ticks that the children it waited for had spent.
    pub reaped_ticks: u64,
    /// Clock ticks from boot to its start, by the machine's own clock.
    pub start_time: u64,
}

impl Stat {
    /// What is known of the process with this number now.
    pub fn of(pid: u32) -> Option<Self> {
        Self::parse(pid, &proc_file::text(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Reads a line of `/proc/<pid>/stat`. The name may hold blanks and parentheses, so fields
    /// count from the last one.
    fn parse(pid: u32, line: &str) -> Option<Self> {
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let small = |index: usize| u32::try_from(number(index)?).ok();
        Some(Self {
            pid,
            state: fields.first()?.chars().next()?,
            parent: small(1)?,
            group: small(2)?,
            cpu_ticks: number(11)?.saturating_add(number(12)?),
            reaped_ticks: number(13)?.saturating_add(number(14)?),
            start_time: Shifts::own().boottime.undone_ticks(number(19)?, ticks_per_second()),
        })
    }

    /// Whether a signal stopped it.
    pub const fn is_stopped(&self) -> bool {
        self.state == 'T'
    }

    /// Whether it computes, waits for a processor, or waits for a disk.
    pub const fn is_busy(&self) -> bool {
        matches!(self.state, 'R' | 'D')
    }

    /// Whether it is neither a zombie nor dead.
    pub const fn lives(&self) -> bool {
        !matches!(self.state, 'Z' | 'X' | 'x')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let line = "42 (a) b (c)) S 7 42 42 0 -1 4194304 1 0 0 0 5 6 0 0 20 0 1 0 987 1 1 1";
        let stat = Stat::parse(42, line).expect("it is well formed");
        assert_eq!((stat.state, stat.parent, stat.group), ('S', 7, 42));
        assert_eq!((stat.cpu_ticks, stat.reaped_ticks, stat.start_time), (11, 0, 987));
    }

    #[test]
    fn a_process_is_itself_and_no_other_with_its_number() {
        let me = identify(std::process::id()).expect("this process lives");
        assert!(lives(&me));
        assert!(!lives(&ProcessId { start_time: me.start_time + 1, ..me.clone() }));
        assert!(!lives(&ProcessId { boot_id: "another boot".into(), ..me.clone() }));
        // Not another boot, but one that is not known.
        assert!(lives(&ProcessId { boot_id: String::new(), ..me }));
    }

    #[test]
    fn a_zombie_does_not_live() {
        let mut child = Command::new("true").spawn().expect("true starts");
        let process = loop {
            match Stat::of(child.id()) {
                Some(stat) if stat.lives() => std::thread::yield_now(),
                Some(stat) => {
                    break ProcessId {
                        pid: child.id(),
                        start_time: stat.start_time,
                        boot_id: boot_id(),
                    };
                }
                None => panic!("an unreaped child keeps its number"),
            }
        };
        assert!(!lives(&process));
        child.wait().expect("it can be reaped");
    }
}
