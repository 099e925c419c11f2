//! Delivering what a parent has not been told yet.
//!
//! No other part of the hook prints. After it has printed, it marks what was told, under the
//! parent's lock; what it could not print stays due.

use std::io::{self, Write};

use adapters_fs::{DataDir, FileNotices};
use domain::task::SessionId;
use domain::task::notice::Occasion;
use domain::usecase::Trouble;
use domain::usecase::notify::due;

use crate::answer::Form;
use crate::wiring::Wiring;

/// Says to `parent` what is due on this occasion, if anything.
pub(crate) async fn deliver(
    dir: DataDir,
    parent: &SessionId,
    occasion: Occasion,
    form: Form,
) -> Result<(), Trouble> {
    let (wiring, notices) = (Wiring::over(&dir), FileNotices::new(dir));
    let mut told = due(wiring.world(), &notices, parent, occasion).await?;
    if told.is_none() && wiring.note_anew().await? {
        told = due(wiring.world(), &notices, parent, occasion).await?;
    }
    if let Some(due) = told
        && print(&form.render(due.message())).is_ok()
    {
        due.said().await?;
    }
    Ok(())
}

fn print(answer: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(answer.as_bytes())?;
    stdout.flush()
}
