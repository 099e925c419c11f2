//! Standard output as the wire of the protocol: whole lines, one after another, from any thread.
//!
//! A client that has gone, or that reads nothing for [`PATIENCE`], is abandoned: nothing is written any more, and
//! the bell tells the server. Nothing else of the server prints.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd};

/// For how long a client may read nothing while something is to be written.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much can be written at once without waiting where a pipe has any room, in bytes.
const STEP: usize = 4096;

/// The wire, and a bell that wakes the server.
pub(super) struct Outlet {
    whole_lines: Mutex<()>,
    is_gone: AtomicBool,
    bell: OwnedFd,
}

impl Outlet {
    /// The wire.
    ///
    /// # Errors
    /// If there can be no bell.
    pub(super) fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { whole_lines: Mutex::new(()), is_gone: AtomicBool::new(false), bell })
    }

    /// Writes a line whole; returns whether it was written.
    pub(super) fn send(&self, line: &str) -> bool {
        let _whole = self.whole_lines.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_gone() {
            return false;
        }
        let written = write(line.as_bytes());
        if !written {
            self.is_gone.store(true, Ordering::Release);
            self.ring();
        }
        written
    }

    /// Whether nobody reads any more.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }

    /// Wakes the server.
    pub(super) fn ring(&self) {
        // A bell that rings already needs no second push.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// The bell, to be watched.
    pub(super) fn bell(&self) -> impl AsFd + '_ {
        &self.bell
    }

    /// Makes the bell silent until it is rung again.
    pub(super) fn hush(&self) {
        let _ = rustix::io::read(&self.bell, &mut [0_u8; 8][..]);
    }
}

fn write(mut bytes: &[u8]) -> bool {
    let stdout = io::stdout();
    let patience = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
    while !bytes.is_empty() {
        let mut polled = [PollFd::new(&stdout, PollFlags::OUT)];
        match rustix::event::poll(&mut polled, Some(&patience)) {
            Ok(0) => return false,
            Err(rustix::io::Errno::INTR) => continue,
            Ok(_) | Err(_) => {}
        }
        match rustix::io::write(&stdout, &bytes[..bytes.len().min(STEP)]) {
            Ok(count) => bytes = &bytes[count..],
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => return false,
        }
    }
    true
}
