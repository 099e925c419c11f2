//! Starting one program of Slurm, and reading what it says, for so long and no longer.
//!
//! Nothing here knows what an answer means, but for the words by which a program says that the controller does not answer.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use domain::port::cluster::ClusterFailure;
use domain::task::Timestamp;
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process_group};

use super::now;
use crate::plain_file;

/// How often it is looked whether a program has exited.
const STEP: Duration = Duration::from_millis(2);
/// The most bytes of an answer that are read: a line for each of ten thousand jobs, and more.
const MOST: u64 = 16 << 20;
/// How long another process that asks is waited for.
const OTHERS: Duration = Duration::from_secs(20);

/// What a program said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Whether it exited with 0.
    pub(super) well: bool,
    /// On its standard output.
    pub(super) out: String,
    /// On its standard error.
    pub(super) err: String,
}

impl Said {
    /// What it said, if it went well.
    ///
    /// # Errors
    /// What the words of the program mean, if not.
    pub(super) fn or_refused(self) -> Result<String, ClusterFailure> {
        if self.well { Ok(self.out) } else { Err(self.failure()) }
    }

    /// What its words mean, where it did not go well.
    pub(super) fn failure(&self) -> ClusterFailure {
        const SILENT: [&str; 4] = [
            "Unable to contact slurm controller",
            "timed out",
            "Connection refused",
            "Unable to establish controller",
        ];
        let lines = self.err.lines().map(|line| {
            let line = line.trim();
            // `sbatch: error: Batch job submission failed: …`
            line.split_once(": error: ").map_or(line, |(_, words)| words)
        });
        let words: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let words = if words.is_empty() { "it said nothing".to_owned() } else { words.join("; ") };
        if SILENT.iter().any(|sign| words.contains(sign)) {
            ClusterFailure::Unreachable(words)
        } else {
            ClusterFailure::Refused(words)
        }
    }
}

/// Starts a program with these variables and words, and with `input` on its standard input.
///
/// # Errors
/// [`ClusterFailure::Absent`] if there is no such program, [`ClusterFailure::Unreachable`] if it takes longer than `limit`.
pub(super) fn ask(
    variables: &[(OsString, OsString)],
    program: &str,
    words: &[&str],
    input: &str,
    limit: Duration,
) -> Result<Said, ClusterFailure> {
    let mut command = Command::new(program);
    command.env_clear().envs(variables.iter().map(|(name, value)| (name, value)));
    // Moments are written as UTC, whatever this machine's zone is.
    command.env("TZ", "UTC").env("LC_ALL", "C").args(words).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| not_started(program, &error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read its input says why.
        drop(stdin.write_all(input.as_bytes()));
    }
    let (out, err) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let began = Instant::now();
    let exited = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if began.elapsed() < limit => thread::sleep(STEP),
            Ok(None) | Err(_) => break None,
        }
    };
    let Some(status) = exited else {
        end(&mut child);
        let words = format!("`{program}` took longer than {} s", limit.as_secs());
        return Err(ClusterFailure::Unreachable(words));
    };
    let text = |reader: JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
    };
    Ok(Said { well: status.success(), out: text(out), err: text(err) })
}

fn not_started(program: &str, error: &io::Error) -> ClusterFailure {
    if error.kind() == io::ErrorKind::NotFound {
        ClusterFailure::Absent { program: program.to_owned() }
    } else {
        ClusterFailure::Refused(format!("`{program}` cannot be started: {error}"))
    }
}

/// Reads all of a pipe beside whatever else happens: one that is full would stop its writer.
fn reader<R: io::Read + Send + 'static>(pipe: Option<R>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            drop(pipe.take(MOST).read_to_end(&mut bytes));
        }
        bytes
    })
}

/// Ends a program and its group.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        kill_process_group(group, Signal::KILL).unwrap_or_default();
    }
    drop(child.wait());
}

/// The answer in `file`, if it is no older than `at_most`; else asks, and leaves the answer there for others. Of several
/// processes that want to know at once, one asks, and the others wait for its answer. Says when it was asked.
///
/// # Errors
/// What `ask` failed with, if it was done here.
pub(super) fn shared(
    file: &Path,
    at_most: Duration,
    ask: impl FnOnce() -> Result<String, ClusterFailure>,
) -> Result<(String, Timestamp), ClusterFailure> {
    if let Some(answer) = left(file, at_most) {
        return Ok(answer);
    }
    let opened = plain_file::open(&file.with_extension("lock"), OFlags::WRONLY | OFlags::CREATE);
    // Without a lock, each asks for itself.
    let lock = opened.ok().filter(wait_for);
    if lock.is_some()
        && let Some(answer) = left(file, at_most)
    {
        return Ok(answer);
    }
    let asked_at = now();
    let answer = ask()?;
    leave(file, &answer);
    drop(lock);
    Ok((answer, asked_at))
}

/// Waits until nobody else asks.
fn wait_for(lock: &File) -> bool {
    let began = Instant::now();
    while began.elapsed() < OTHERS {
        match lock.try_lock() {
            Ok(()) => return true,
            Err(fs::TryLockError::WouldBlock) => thread::sleep(STEP * 10),
            Err(fs::TryLockError::Error(_)) => return false,
        }
    }
    false
}

fn left(file: &Path, at_most: Duration) -> Option<(String, Timestamp)> {
    let opened = plain_file::open(file, OFlags::RDONLY).ok()?;
    let written = opened.metadata().ok()?.modified().ok()?;
    // One from the future is of another clock, and nobody knows its age.
    written.elapsed().ok().filter(|age| *age <= at_most)?;
    let mut answer = String::new();
    opened.take(MOST).read_to_string(&mut answer).ok()?;
    let asked = written.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let micros = i64::try_from(asked.as_micros()).ok()?;
    Some((answer, Timestamp::from_micros(micros)))
}

/// Leaves an answer for others, whole. Best effort.
fn leave(file: &Path, answer: &str) {
    let half = file.with_extension(format!("{}.tmp", std::process::id()));
    // Left by a process that died with our number.
    fs::remove_file(&half).unwrap_or_default();
    let made = plain_file::open(&half, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL);
    let left = made
        .and_then(|mut made| made.write_all(answer.as_bytes()))
        .and_then(|()| fs::rename(&half, file));
    if left.is_err() {
        fs::remove_file(&half).unwrap_or_default();
    }
}
