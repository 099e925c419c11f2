//! How the stand-in ends, and the signals that ask it to.
//!
//! It never decides what a signal means: the script does. The main types are [`Ending`] and
//! [`Signals`].

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Signal, getpid, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGTERM};

/// How the process ends.
pub(super) enum Ending {
    /// It exits.
    Exit(u8),
    /// It is killed by a signal.
    Signal(i32),
}

impl Ending {
    /// Ends this process that way.
    pub(super) fn meet(self) -> ExitCode {
        match self {
            Self::Exit(code) => ExitCode::from(code),
            Self::Signal(signal) => {
                // Where a handler stands in the way the default has to be put back first.
                if signal == SIGKILL {
                    let _ = kill_process(getpid(), Signal::KILL);
                } else {
                    drop(signal_hook::low_level::emulate_default_handler(signal));
                }
                super::complain(&format!("fake-droid: survived signal {signal}"));
                ExitCode::from(super::DEFECT)
            }
        }
    }
}

/// The signals that ask for the end.
pub(super) struct Signals {
    asked: Arc<AtomicBool>,
}

impl Signals {
    /// Starts to listen.
    pub(super) fn listen() -> Result<Self, String> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&asked))
                .map_err(|error| error.to_string())?;
        }
        Ok(Self { asked })
    }

    /// Tells whether TERM, INT or HUP has arrived.
    pub(super) fn ask_for_the_end(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}
