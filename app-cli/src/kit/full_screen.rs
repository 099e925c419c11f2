//! A terminal that is drawn on as a whole, and is as it was when that is over, however it ends.
//!
//! The keys come as bytes, one by one. Nothing here knows what is drawn. Main type: [`FullScreen`].

use std::io::{self, IsTerminal as _};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::kit::console;

/// The other screen of the terminal, empty, and no cursor.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[0m\u{1b}[2J\u{1b}[H";
/// Plain letters, the cursor, the screen as it was.
const LEAVE: &str = "\u{1b}[0m\u{1b}[?25h\u{1b}[?1049l";

/// The terminal of this process while it is drawn on as a whole. Dropping it gives it back.
#[must_use]
pub(crate) struct FullScreen {
    // Invariant: while `is_entered`, the terminal is in raw mode and shows its other screen.
    usual: Termios,
    is_entered: bool,
}

impl FullScreen {
    /// Takes the terminal; `None` where standard input or output is none, or it cannot be drawn on.
    ///
    /// # Errors
    /// If the terminal does not let itself be taken.
    pub(crate) fn enter() -> io::Result<Option<Self>> {
        if !(io::stdin().is_terminal() && io::stdout().is_terminal() && console::can_draw()) {
            return Ok(None);
        }
        let mut taken = Self { usual: tcgetattr(io::stdin())?, is_entered: false };
        taken.again()?;
        Ok(Some(taken))
    }

    /// Takes the terminal once more after [`Self::leave`]; it is empty then.
    ///
    /// # Errors
    /// If the terminal does not let itself be taken.
    pub(crate) fn again(&mut self) -> io::Result<()> {
        let mut raw = self.usual.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Flush, &raw)?;
        self.is_entered = true;
        // A terminal that is gone is found out by the next read.
        console::verbatim(ENTER).unwrap_or_default();
        Ok(())
    }

    /// Gives the terminal back as it was.
    pub(crate) fn leave(&mut self) {
        if std::mem::take(&mut self.is_entered) {
            console::verbatim(LEAVE).unwrap_or_default();
            // What was typed and not read yet is not meant for whoever comes next.
            tcsetattr(io::stdin(), OptionalActions::Flush, &self.usual).unwrap_or_default();
        }
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        self.leave();
    }
}
