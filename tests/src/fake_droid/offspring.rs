//! Processes that outlive their maker: what an agent's tools leave behind.
//!
//! The stand-in runs itself again with a hidden first argument, because a new session needs code
//! between fork and exec, and that is not to be had without unsafe code. Every such process
//! publishes its process id when it is where it was asked to be, and ends by itself after two
//! minutes.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// The hidden first argument.
const HIDDEN: &str = "__offspring";

/// How long a forgotten grandchild lives.
const LIFE: Duration = Duration::from_secs(120);

/// How far a grandchild gets away from its maker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its own session.
    OwnSession,
    /// Its own session, its parent gone, deaf to TERM, INT and HUP.
    Orphan,
    /// Its own session, nothing in its environment.
    CleanEnvironment,
}

/// What a process of this kind was started to do.
pub(super) enum Order {
    /// Make a new session, publish the process id, and stay.
    Stay { deaf: bool, pid_file: PathBuf },
    /// Start a deaf one that stays, and leave at once.
    ForkAgain { pid_file: PathBuf },
    /// Become a shell command in a session of its own.
    Shell(OsString),
}

/// Tells whether this process was started with the hidden argument, and for what.
pub(super) fn asked_for(arguments: &[OsString]) -> Option<Order> {
    let [hidden, what, subject] = arguments else { return None };
    if hidden != HIDDEN {
        return None;
    }
    match what.to_str()? {
        "stay" => Some(Order::Stay { deaf: false, pid_file: subject.into() }),
        "stay-deaf" => Some(Order::Stay { deaf: true, pid_file: subject.into() }),
        "fork-again" => Some(Order::ForkAgain { pid_file: subject.into() }),
        "shell" => Some(Order::Shell(subject.clone())),
        _ => None,
    }
}

impl Order {
    /// Carries it out; returns when this process may end.
    pub(super) fn live(self) -> Result<(), String> {
        rustix::process::setsid().map_err(|error| format!("setsid: {error}"))?;
        match self {
            Self::Stay { deaf, pid_file } => {
                if deaf {
                    // A handler that only sets a flag nobody reads: the signal has no effect.
                    for signal in [SIGTERM, SIGINT, SIGHUP] {
                        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))
                            .map_err(|error| error.to_string())?;
                    }
                }
                super::publish(&pid_file, std::process::id().to_string().as_bytes())?;
                std::thread::sleep(LIFE);
                Ok(())
            }
            Self::ForkAgain { pid_file } => again("stay-deaf", pid_file.as_os_str())
                .and_then(|mut command| command.spawn().map_err(|error| error.to_string()))
                .map(drop),
            Self::Shell(command) => {
                let error = Command::new("/bin/bash").arg("-c").arg(command).exec();
                Err(format!("/bin/bash: {error}"))
            }
        }
    }
}

/// Starts a grandchild, which publishes its process id in `pid_file` when it is ready.
pub(super) fn start(kind: Kind, pid_file: &Path) -> Result<(), String> {
    let what = if kind == Kind::Orphan { "fork-again" } else { "stay" };
    let mut command = again(what, pid_file.as_os_str())?;
    if kind == Kind::CleanEnvironment {
        command.env_clear();
    }
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    if kind == Kind::Orphan {
        // Its maker must be gone, and reaped, for the grandchild to be an orphan.
        let status: ExitStatus = child.wait().map_err(|error| error.to_string())?;
        return status.success().then_some(()).ok_or(format!("the second fork: {status}"));
    }
    Ok(())
}

/// Prepares a shell command in a session of its own, as droid starts its Execute calls.
pub(super) fn shell(command: &str) -> Result<Command, String> {
    let mut command = again("shell", command.as_ref())?;
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

fn again(what: &str, subject: &std::ffi::OsStr) -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.arg(HIDDEN).arg(what).arg(subject).stdin(Stdio::null());
    Ok(command)
}
