//! What is written to a terminal that may take no bytes: nothing here waits for it, but for a moment at the end.
//!
//! A write that waits for a terminal waits as long as whoever reads it does not, and no signal, no key and no change in
//! the store counts meanwhile. So the terminal is opened once more for this process alone, and written as far as it
//! takes. Where it cannot be opened, it is written in pieces that whatever has any room takes. Main type: [`Output`].

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::getsid;
use rustix::termios::{QueueSelector, tcflush, tcgetsid, ttyname};

/// How long the last words wait for a terminal that takes nothing.
const MOMENT: Duration = Duration::from_millis(250);
/// What a terminal takes that has room for anything: the kernel hands it out in such pieces.
const PIECE: usize = 256;
/// What ends a sequence of which a terminal got the beginning alone.
const CANCEL: u8 = 0x18;

/// The bytes that a terminal has not taken yet, and the way there.
pub(super) struct Output {
    terminal: File,
    /// The most bytes of one write.
    most: usize,
    waiting: Vec<u8>,
}

impl Output {
    /// The way to the terminal that standard output leads to.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn new() -> io::Result<Self> {
        let stdout = io::stdout();
        let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or_default();
        let open = |path: &str| OpenOptions::new().write(true).custom_flags(flags).open(path).ok();
        let is_ours = || Some(tcgetsid(&stdout).ok()? == getsid(None).ok()?);
        // One may write to one's own terminal by this name also if its file belongs to somebody else.
        let own = is_ours().filter(|is_ours| *is_ours).and_then(|_| open("/dev/tty"));
        let named = || open(ttyname(&stdout, Vec::new()).ok()?.to_str().ok()?);
        let (terminal, most) = match own.or_else(named) {
            Some(terminal) => (terminal, usize::MAX),
            None => (File::from(stdout.as_fd().try_clone_to_owned()?), PIECE),
        };
        Ok(Self { terminal, most, waiting: Vec::new() })
    }

    /// What to wait for until the terminal takes more; `None` if it took everything.
    pub(super) fn behind(&self) -> Option<BorrowedFd<'_>> {
        (!self.waiting.is_empty()).then(|| self.terminal.as_fd())
    }

    /// Writes as much as the terminal takes now, these bytes last.
    ///
    /// # Errors
    /// If it takes none any more.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(bytes);
        while !self.waiting.is_empty() && self.has_room(Duration::ZERO) {
            let piece = self.waiting.len().min(self.most);
            match self.terminal.write(&self.waiting[..piece]) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.waiting.clear();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Writes these last bytes in place of those that the terminal has not taken. If it does not take them in a moment,
    /// what nobody read of it makes room for them.
    pub(super) fn end(&mut self, last: &[u8]) {
        let is_cut = self.behind().is_some();
        self.waiting.clear();
        if !self.ended(is_cut, last) {
            tcflush(&self.terminal, QueueSelector::OFlush).unwrap_or_default();
            self.waiting.clear();
            self.ended(true, last);
        }
        self.waiting.clear();
    }

    fn ended(&mut self, is_cut: bool, last: &[u8]) -> bool {
        if is_cut {
            self.waiting.push(CANCEL);
        }
        self.waiting.extend_from_slice(last);
        let began = Instant::now();
        loop {
            // A terminal that is gone needs nothing.
            if self.write(&[]).is_err() || self.waiting.is_empty() {
                return true;
            }
            let left = MOMENT.saturating_sub(began.elapsed());
            if left.is_zero() {
                return false;
            }
            self.has_room(left);
        }
    }

    /// Whether the terminal takes anything, or does so within this time.
    fn has_room(&self, within: Duration) -> bool {
        let within = Timespec::try_from(within).unwrap_or_default();
        let mut polled = [PollFd::new(&self.terminal, PollFlags::OUT)];
        // A signal ends the wait; whoever waits looks again.
        poll(&mut polled, Some(&within)).is_ok_and(|count| count > 0)
    }
}
