//! Looking at the processes of the machine through `/proc`, and waiting for things to happen.
//!
//! A zombie counts as dead. What a look finds may be gone a moment later, so nothing here is an
//! error: a process that cannot be read is a process that is not there.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

/// How long anything that has to happen may take.
const DEADLINE: Duration = Duration::from_secs(20);

const LOOK: Duration = Duration::from_millis(5);

/// Waits until something holds.
///
/// # Panics
///
/// When it does not within twenty seconds; the message names it.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}

/// Waits until there is something to have.
///
/// # Panics
///
/// When there is not within twenty seconds; the message names it.
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_at_most(DEADLINE, what, look)
}

/// Waits until there is something to have, for work that takes its time.
///
/// # Panics
///
/// When there is not within the time; the message names it.
pub fn wait_at_most<T>(patience: Duration, what: &str, look: impl FnMut() -> Option<T>) -> T {
    poll(patience, look).unwrap_or_else(|| panic!("waited in vain: {what}"))
}

/// Tells whether something comes to hold within twenty seconds.
pub(crate) fn comes_true(mut holds: impl FnMut() -> bool) -> bool {
    poll(DEADLINE, || holds().then_some(())).is_some()
}

fn poll<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        let found = look();
        if found.is_some() || began.elapsed() > patience {
            return found;
        }
        std::thread::sleep(LOOK);
    }
}

/// A process as one look at it showed it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its process id.
    pub pid: u32,
    /// Its arguments, lossily, joined by spaces.
    pub command_line: String,
    environment: Vec<u8>,
    cwd: Option<OsString>,
}

impl Seen {
    fn look(pid: u32) -> Option<Self> {
        let folder = Path::new("/proc").join(pid.to_string());
        let command_line = command_line(pid)?;
        let environment = fs::read(folder.join("environ")).ok()?;
        let cwd = fs::read_link(folder.join("cwd")).ok().map(Into::into);
        alive(pid).then_some(Self { pid, command_line, environment, cwd })
    }

    /// Tells whether a variable has this value in the environment it was started with.
    pub fn has(&self, name: &str, value: &str) -> bool {
        let wanted = format!("{name}={value}").into_bytes();
        self.environment.split(|byte| *byte == 0).any(|entry| entry == wanted)
    }

    /// Tells whether it belongs to whoever owns this folder: by its home, its current folder, or a
    /// path on its command line.
    pub(crate) fn belongs_to(&self, root: &Path) -> bool {
        let root_text = root.to_string_lossy();
        self.cwd.as_ref().is_some_and(|cwd| Path::new(cwd).starts_with(root))
            || self.command_line.contains(root_text.as_ref())
            || self.has("HOME", &root.join("home").to_string_lossy())
    }
}

/// All living processes but this one.
///
/// # Panics
///
/// When there is no `/proc`.
pub fn everybody() -> Vec<Seen> {
    fs::read_dir("/proc")
        .expect("/proc can be listed")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id())
        .filter_map(Seen::look)
        .collect()
}

/// Tells whether a process lives; a zombie does not.
pub fn alive(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The name stands in parentheses and may hold anything, so the state comes after the last one.
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// Tells whether a signal was sent to a process and has not been taken yet.
pub fn has_pending_signals(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let masks = status
        .lines()
        .filter_map(|line| line.strip_prefix("SigPnd:").or_else(|| line.strip_prefix("ShdPnd:")));
    masks.into_iter().any(|mask| mask.trim().bytes().any(|digit| digit != b'0'))
}

/// The arguments of a process, lossily, joined by spaces.
pub fn command_line(pid: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    let words = words.map(|word| OsString::from_vec(word.to_vec()).to_string_lossy().into_owned());
    Some(words.collect::<Vec<_>>().join(" "))
}

/// The numbers of the descriptors a process has open.
pub fn descriptors(pid: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// All living processes that carry this task's id.
pub fn processes_of_task(id: &str) -> Vec<Seen> {
    everybody().into_iter().filter(|seen| seen.has("TASK_BG_TASK_ID", id)).collect()
}

/// Kills a process that a test started, without mercy.
///
/// # Panics
///
/// When the process id is none.
pub fn kill(pid: u32) {
    send(pid, Signal::KILL);
}

/// Sends TERM to a process that a test started.
///
/// # Panics
///
/// When the process id is none.
pub fn terminate(pid: u32) {
    send(pid, Signal::TERM);
}

/// Stops a process that a test started, until it is continued. Returns once it is stopped, or gone: one that gets no
/// processor takes its time to stop.
///
/// # Panics
///
/// When the process id is none, or it does not stop.
pub fn pause(pid: u32) {
    send(pid, Signal::STOP);
    wait_until("that it is stopped", || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        matches!(state, None | Some('T' | 't' | 'Z' | 'X'))
    });
}

/// Continues a process that was stopped.
///
/// # Panics
///
/// When the process id is none.
pub fn resume(pid: u32) {
    send(pid, Signal::CONT);
}

/// Kills a whole process group, as a harness does that cleans up after a command.
///
/// # Panics
///
/// When the process id is none.
pub fn kill_group(leader: u32) {
    let leader = i32::try_from(leader).ok().and_then(Pid::from_raw).expect("a process id");
    // A group that is gone needs no signal.
    let _ = rustix::process::kill_process_group(leader, Signal::KILL);
}

fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    // Who is gone needs no signal.
    let _ = kill_process(pid, signal);
}

/// Kills everything that belongs to a folder; comes back when nothing does any more.
pub(crate) fn kill_everything_of(root: &Path) {
    let began = Instant::now();
    while began.elapsed() < DEADLINE {
        let mut left = 0;
        for seen in everybody().into_iter().filter(|seen| seen.belongs_to(root)) {
            left += 1;
            let Some(pid) = i32::try_from(seen.pid).ok().and_then(Pid::from_raw) else { continue };
            // The descriptor holds the process; only then is it sure to be the one that was seen.
            let Ok(held) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
            if Seen::look(seen.pid).is_some_and(|again| again.belongs_to(root)) {
                let _ = pidfd_send_signal(&held, Signal::KILL);
            }
        }
        if left == 0 {
            return;
        }
        std::thread::sleep(LOOK);
    }
}
