//! A terminal that is drawn on as a whole, and is as it was when that is over, however it ends.
//!
//! The keys come as bytes, one by one, and a text that is pasted comes between two marks. What is drawn is written as
//! far as the terminal takes it; nothing here waits for it. Nothing here knows what is drawn. Main type: [`FullScreen`].

mod output;

use std::io;
use std::os::fd::BorrowedFd;

use rustix::process::getpgrp;
use rustix::termios::{
    OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetpgrp, tcsetattr,
};

use output::Output;

/// The other screen of the terminal, empty, no cursor, and marks around what is pasted.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?25l\x1b[0m\x1b[2J\x1b[H";
/// Plain letters, no marks, the cursor, the screen as it was.
const LEAVE: &[u8] = b"\x1b[0m\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// The terminal of this process while it is drawn on as a whole. Dropping it gives it back.
#[must_use]
pub(crate) struct FullScreen {
    // Invariant: while `is_entered`, the terminal is in raw mode and shows its other screen.
    usual: Termios,
    output: Output,
    is_entered: bool,
}

impl FullScreen {
    /// Takes the terminal that standard input and output are.
    ///
    /// # Errors
    /// If they are none, or it does not let itself be taken.
    pub(crate) fn enter() -> io::Result<Self> {
        let usual = tcgetattr(io::stdin())?;
        let mut taken = Self { usual, output: Output::new()?, is_entered: false };
        taken.again()?;
        Ok(taken)
    }

    /// Takes the terminal once more after [`Self::leave`]; it is empty then.
    ///
    /// # Errors
    /// If the terminal does not let itself be taken.
    pub(crate) fn again(&mut self) -> io::Result<()> {
        let mut raw = self.usual.clone();
        raw.make_raw();
        set(&raw)?;
        self.is_entered = true;
        // A terminal that is gone is found out by the next read.
        self.output.write(ENTER).unwrap_or_default();
        Ok(())
    }

    /// Gives the terminal back as it was.
    pub(crate) fn leave(&mut self) {
        if std::mem::take(&mut self.is_entered) {
            self.output.end(LEAVE);
            // Whoever has come to the front has made it as it needs it, and this process would be stopped.
            if is_in_front() {
                set(&self.usual).unwrap_or_default();
            }
        }
    }

    /// Writes what is to be on the screen, as far as the terminal takes it; nothing while it is not taken.
    ///
    /// # Errors
    /// If it takes nothing any more.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_entered { self.output.write(bytes) } else { Ok(()) }
    }

    /// What to wait for until the terminal takes the rest; `None` if it took everything. [`Self::write`] goes on.
    pub(crate) fn behind(&self) -> Option<BorrowedFd<'_>> {
        self.output.behind()
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Sets how the terminal treats what is typed. It does not wait until what was written is taken, as that may be never.
fn set(modes: &Termios) -> io::Result<()> {
    tcsetattr(io::stdin(), OptionalActions::Now, modes)?;
    // What was typed and not read yet is not meant for whoever comes next.
    Ok(tcflush(io::stdin(), QueueSelector::IFlush)?)
}

/// Whether no other job of the shell has the terminal now.
pub(crate) fn is_in_front() -> bool {
    // A terminal that is not the one of this session has no jobs.
    tcgetpgrp(io::stdin()).map_or(true, |front| front == getpgrp())
}
