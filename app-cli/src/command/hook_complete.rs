//! `hook-complete`: the hook's work, under the original's name.

use crate::view::Answer;

pub(super) fn hook_complete() -> Answer {
    Answer::exiting(app_hook::run())
}
