//! `hook-complete`: the hook's work, under the original's name.

use crate::kit::answer::Answer;

pub(super) fn hook_complete() -> Answer {
    Answer::exiting(app_hook::run())
}
