//! Processes, told apart even after the kernel reuses a number, and how they exited.
//!
//! A process number alone names the process that has it now. This module only holds the facts; an
//! adapter compares them with the running system.

use alloc::string::String;
use alloc::vec::Vec;

/// One process: its number, when it started, and in which boot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProcessId {
    /// The number the kernel gave it.
    pub pid: u32,
    /// Clock ticks from boot to its start (field 22 of `/proc/<pid>/stat`).
    pub start_time: u64,
    /// The boot it lived in (`/proc/sys/kernel/random/boot_id`); empty where that was not known.
    pub boot_id: String,
}

/// What lived on of a task when its agent was gone, as it was seen then.
///
/// A process that it names may be gone by now; whoever calls one alive looks first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// The processes, at most [`LeftBehind::NAMED`].
    pub processes: Vec<ProcessId>,
    /// How many there were.
    pub count: usize,
    /// Whether what holds the task together held all of them: what they start is in it as well, so that they are gone once
    /// it is empty, or gone.
    pub in_group: bool,
}

impl LeftBehind {
    /// The most processes that are named.
    pub const NAMED: usize = 32;

    /// These processes, the first of them by name.
    pub fn of(mut processes: Vec<ProcessId>) -> Self {
        let count = processes.len();
        processes.truncate(Self::NAMED);
        Self { processes, count, in_group: false }
    }

    /// The same, held together or not.
    #[must_use]
    pub const fn held(mut self, in_group: bool) -> Self {
        self.in_group = in_group && self.count > 0;
        self
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl Exit {
    /// Whether it exited with code 0.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Code(0))
    }
}
