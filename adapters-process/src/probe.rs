//! Asking a program for its version, for as long as a person would wait and no longer.
//!
//! The probe starts the program alone, with nothing to read, and ends it with its group if it takes
//! too long. It asks the program for nothing else.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// The most bytes of an answer that are looked at.
const ANSWER: u64 = 4096;

/// Why a program did not say its version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silent {
    /// It is not there.
    #[error("there is no such program")]
    NotFound,
    /// It cannot be started.
    #[error("it cannot be started: {0}")]
    NotStarted(String),
    /// It said nothing in time.
    #[error("it said nothing within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// It said nothing that is a version.
    #[error("it says no version")]
    Nothing,
}

/// What `program --version` prints first.
///
/// # Errors
/// [`Silent`] if it prints nothing within `limit`, or cannot be started.
pub fn version(program: &OsStr, limit: Duration) -> Result<String, Silent> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.process_group(0).spawn().map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            Silent::NotFound
        } else {
            Silent::NotStarted(error.to_string())
        }
    })?;
    let stdout = child.stdout.take();
    let (done, said) = channel();
    // A thread, because a pipe cannot be read with a time limit.
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.map(|pipe| pipe.take(ANSWER).read_to_string(&mut text));
        drop(done.send(read.map(|_| text)));
    });
    let said = said.recv_timeout(limit);
    end(&mut child);
    let text = said.map_err(|_| Silent::TooSlow(limit))?.unwrap_or_default();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.map(ToOwned::to_owned).ok_or(Silent::Nothing)
}

/// Ends the program and its group, which may have ended by itself.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        kill_process_group(group, Signal::KILL).unwrap_or_default();
    }
    drop(child.wait());
}

/// Whether something was piped to this process that nobody has read yet. Never waits. A terminal, and whatever is
/// empty by now, counts as nothing.
pub fn has_input() -> bool {
    let stdin = std::io::stdin();
    let Ok(found) = rustix::fs::fstat(&stdin) else { return false };
    match rustix::fs::FileType::from_raw_mode(found.st_mode) {
        rustix::fs::FileType::RegularFile => {
            let at = rustix::fs::tell(&stdin).ok().and_then(|at| i64::try_from(at).ok());
            at.is_some_and(|at| at < found.st_size)
        }
        rustix::fs::FileType::Fifo | rustix::fs::FileType::Socket => {
            rustix::io::ioctl_fionread(&stdin).is_ok_and(|waiting| waiting > 0)
        }
        rustix::fs::FileType::Directory
        | rustix::fs::FileType::Symlink
        | rustix::fs::FileType::CharacterDevice
        | rustix::fs::FileType::BlockDevice
        | rustix::fs::FileType::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    /// A program that does this.
    fn script(folder: &tempfile::TempDir, text: &str) -> std::path::PathBuf {
        let program = folder.path().join("program");
        std::fs::write(&program, format!("#!/bin/sh\n{text}\n")).expect("a script");
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&program, executable).expect("its mode");
        program
    }

    #[test]
    fn a_program_that_is_not_there_is_told_from_one_that_says_nothing() {
        assert_eq!(version(OsStr::new("/nonexistent/droid"), LIMIT), Err(Silent::NotFound));
        let folder = tempfile::tempdir().expect("a folder");
        let mute = script(&folder, "exit 1");
        assert_eq!(version(mute.as_os_str(), LIMIT), Err(Silent::Nothing));
        let said = script(&folder, "echo; echo ' 1.2.3 '");
        assert_eq!(version(said.as_os_str(), LIMIT), Ok("1.2.3".to_owned()));
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let slow = script(&folder, "exec sleep 60");
        let limit = Duration::from_millis(50);
        assert_eq!(version(slow.as_os_str(), limit), Err(Silent::TooSlow(limit)));
    }
}
