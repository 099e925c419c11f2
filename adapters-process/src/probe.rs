//! Asking a program for its version, for as long as a person would wait and no longer.
//!
//! The probe starts the program alone, with nothing to read, and ends it with its group if it takes
//! too long. It asks the program for nothing else.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::local::program;

/// The most bytes of an answer that are looked at.
const ANSWER: u64 = 4096;

/// What a process has as a stream that leads nowhere.
const NULL: &str = "/dev/null";

/// How often it is looked whether a program has exited.
const STEP: Duration = Duration::from_millis(5);
/// How long what it said before it exited may be on its way.
const DRAIN: Duration = Duration::from_millis(500);

/// Why nothing can be started that is to hear and say nothing; `None` where something can.
pub fn null_device_fails() -> Option<String> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(NULL, flags, Mode::empty());
    opened.err().map(|error| format!("`{NULL}` cannot be opened: {error}"))
}

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
    /// It exited with another code than 0.
    #[error("it exited with code {0}")]
    Failed(i32),
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
            match program::missing_interpreter(Path::new(program)) {
                Some(missing) => Silent::NotStarted(format!(
                    "its interpreter `{}` is not there",
                    missing.display()
                )),
                None => Silent::NotFound,
            }
        } else {
            Silent::NotStarted(error.to_string())
        }
    })?;
    let stdout = child.stdout.take();
    let (tell, said) = channel();
    // A thread, because a pipe cannot be read with a time limit. It ends with the last that holds the pipe.
    thread::spawn(move || {
        let Some(pipe) = stdout else { return };
        let lines = BufReader::new(pipe.take(ANSWER)).lines().map_while(Result::ok);
        let mut lines = lines.map(|line| line.trim().to_owned());
        if let Some(line) = lines.find(|line| !line.is_empty()) {
            drop(tell.send(line));
        }
    });
    let begun = Instant::now();
    let said = loop {
        let wait = if has_exited(&mut child) { DRAIN } else { STEP };
        match said.recv_timeout(wait) {
            Ok(line) => break Ok(line),
            // Whatever it started may hold the pipe for longer.
            Err(RecvTimeoutError::Timeout) if wait == STEP && begun.elapsed() < limit => {}
            Err(RecvTimeoutError::Timeout) if wait == STEP => break Err(Silent::TooSlow(limit)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                break Err(Silent::Nothing);
            }
        }
    };
    // It may have something to put in order after it has said its version, or closed its output.
    let ends = !matches!(said, Err(Silent::TooSlow(_)));
    while ends && begun.elapsed() < limit && !has_exited(&mut child) {
        thread::sleep(STEP);
    }
    let code = child.try_wait().ok().flatten().and_then(|status| status.code());
    end(&mut child);
    match code {
        None | Some(0) => said,
        Some(code) => Err(Silent::Failed(code)),
    }
}

fn has_exited(child: &mut Child) -> bool {
    child.try_wait().is_ok_and(|status| status.is_some())
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
        assert_eq!(version(mute.as_os_str(), LIMIT), Err(Silent::Failed(1)));
        let failed = script(&folder, "echo no such module; exit 3");
        assert_eq!(version(failed.as_os_str(), LIMIT), Err(Silent::Failed(3)));
        let nothing = script(&folder, "exit 0");
        assert_eq!(version(nothing.as_os_str(), LIMIT), Err(Silent::Nothing));
        std::fs::write(folder.path().join("program"), "#!/no/such/node\n").expect("a script");
        let words = version(nothing.as_os_str(), LIMIT).expect_err("it cannot start").to_string();
        assert!(words.contains("its interpreter `/no/such/node` is not there"), "{words}");
        let said = script(&folder, "echo; echo ' 1.2.3 '");
        assert_eq!(version(said.as_os_str(), LIMIT), Ok("1.2.3".to_owned()));
    }

    /// Once, a program was waited for as long as something that it had started kept its output open.
    #[test]
    fn what_a_program_leaves_behind_does_not_keep_its_version_back() {
        let folder = tempfile::tempdir().expect("a folder");
        for (text, said) in [
            ("setsid sleep 30 & echo 1.2.3", Ok("1.2.3".to_owned())),
            ("setsid sleep 30 &", Err(Silent::Nothing)),
        ] {
            let program = script(&folder, text);
            let begun = Instant::now();
            assert_eq!(version(program.as_os_str(), LIMIT), said);
            assert!(begun.elapsed() < LIMIT, "{text}");
        }
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let slow = script(&folder, "exec sleep 60");
        let limit = Duration::from_millis(50);
        assert_eq!(version(slow.as_os_str(), limit), Err(Silent::TooSlow(limit)));
    }
}
