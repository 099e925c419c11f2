//! Running one prepared command to its end or until its time is over, and waiting for nothing else.
//!
//! The command leads a process group of its own, so neither Ctrl-C at the caller's terminal nor a
//! signal to the caller's group reaches it. Its standard error is a file in memory and not a pipe,
//! so that it does not die of a closed pipe if the caller is killed meanwhile.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::effect::effect;

/// How much of an answer is read at once, in bytes.
const CHUNK: usize = 64 << 10;
/// How long a command that is over its time has to end after SIGTERM. Git uses it to remove its
/// lock files and a worktree that is not finished.
const GRACE: Duration = Duration::from_secs(5);

/// Where a command prints its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Into a pipe, which is closed after the first so many bytes: the command then ends early.
    Pipe(usize),
    /// Into memory, all of it, so that the command survives the death of its caller.
    Memory,
}

/// How a command ended and what it printed.
pub(super) struct Ended {
    /// How it ended.
    pub(super) status: ExitStatus,
    /// The beginning of its answer.
    pub(super) stdout: Vec<u8>,
    /// Whether there was more.
    pub(super) truncated: bool,
    /// What it wrote to standard error.
    pub(super) complaints: File,
}

/// Runs `command` with `input` as its standard input.
///
/// A command that has not ended after `limit` is stopped together with its process group.
///
/// # Errors
/// The system's if the command cannot be run; [`io::ErrorKind::TimedOut`] if it was stopped.
pub(super) fn run(
    mut command: Command,
    input: Stdio,
    answer: Answer,
    limit: Duration,
) -> io::Result<Ended> {
    let (mut printed, mut complaints) = (memory("answer")?, memory("complaints")?);
    let (output, at_most) = match answer {
        Answer::Pipe(at_most) => (Stdio::piped(), at_most),
        Answer::Memory => (Stdio::from(printed.try_clone()?), usize::MAX),
    };
    command.stdin(input).stdout(output).stderr(complaints.try_clone()?).process_group(0);
    let mut running = Running::start(command)?;
    let mut stdout = Vec::new();
    let in_time = running.follow(&mut stdout, at_most, Instant::now() + limit)?;
    if !in_time {
        running.stop()?;
        let seconds = limit.as_secs_f32();
        let words = format!("git did not end within {seconds} seconds, so it was stopped");
        return Err(io::Error::new(io::ErrorKind::TimedOut, words));
    }
    let status = running.reap()?;
    if answer == Answer::Memory {
        printed.rewind()?;
        printed.read_to_end(&mut stdout)?;
    }
    let truncated = stdout.len() > at_most;
    stdout.truncate(at_most);
    complaints.rewind()?;
    Ok(Ended { status, stdout, truncated, complaints })
}

/// An empty file without a name.
fn memory(name: &str) -> io::Result<File> {
    Ok(File::from(rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC)?))
}

/// A command that runs. Dropping it kills its process group.
struct Running {
    child: Child,
    group: Pid,
    end: OwnedFd,
    reaped: bool,
}

impl Running {
    fn start(mut command: Command) -> io::Result<Self> {
        let mut child = effect("run git", || command.spawn())?;
        let group = Pid::from_child(&child);
        match rustix::process::pidfd_open(group, PidfdFlags::empty()) {
            Ok(end) => Ok(Self { child, group, end, reaped: false }),
            Err(error) => {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
                child.wait()?;
                Err(error.into())
            }
        }
    }

    /// Reads the answer until the command ends, or until it has printed more than `at_most` bytes
    /// and then ends; `false` if `deadline` comes first.
    ///
    /// A process that the command leaves behind with the pipe open is not waited for.
    fn follow(&mut self, into: &mut Vec<u8>, at_most: usize, until: Instant) -> io::Result<bool> {
        let mut pipe = self.child.stdout.take();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let (readable, ended) = self.wait_for(pipe.as_ref(), left);
            if readable && let Some(open) = &mut pipe {
                let mut chunk = vec![0; CHUNK];
                let read = open.read(&mut chunk)?;
                into.extend_from_slice(&chunk[..read]);
                if read == 0 || into.len() > at_most {
                    pipe = None;
                }
            } else if ended {
                return Ok(true);
            }
            if until <= Instant::now() {
                return Ok(false);
            }
        }
    }

    /// Sleeps until the pipe can be read or the command has ended, and says which.
    fn wait_for(&self, pipe: Option<&ChildStdout>, at_most: Duration) -> (bool, bool) {
        let mut polled = vec![PollFd::new(&self.end, PollFlags::IN)];
        polled.extend(pipe.map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)));
        // An interrupted sleep has seen nothing; the caller comes back.
        let _ = rustix::event::poll(&mut polled, Timespec::try_from(at_most).ok().as_ref());
        let seen = |at: usize| polled.get(at).is_some_and(|one| !one.revents().is_empty());
        (seen(1), seen(0))
    }

    /// Ends the command and its process group, first politely.
    fn stop(mut self) -> io::Result<()> {
        let _ = rustix::process::kill_process_group(self.group, Signal::TERM);
        let until = Instant::now() + GRACE;
        while !self.wait_for(None, until.saturating_duration_since(Instant::now())).1 {
            if until <= Instant::now() {
                break;
            }
        }
        self.kill()
    }

    fn kill(&mut self) -> io::Result<()> {
        // Before the leader is reaped: until then nobody else can have the number of its group.
        let _ = rustix::process::kill_process_group(self.group, Signal::KILL);
        self.reap().map(drop)
    }

    fn reap(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait()?;
        self.reaped = true;
        Ok(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.reaped {
            // Nobody is left who could be told.
            drop(self.kill());
        }
    }
}
