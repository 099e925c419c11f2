//! What is printed: each answer as JSON for programs and as a table for people.
//!
//! Nothing here looks anything up. Everything shown on a terminal is made harmless first.

pub(crate) mod batched;
pub(crate) mod cancelled;
pub(crate) mod cleaned;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod done;
pub(crate) mod droids;
pub(crate) mod hooks;
pub(crate) mod hosts;
pub(crate) mod launched;
pub(crate) mod listing;
pub(crate) mod output;
pub(crate) mod page;
pub(crate) mod queued;
pub(crate) mod registered;
pub(crate) mod relayed;
pub(crate) mod report;
mod rows;
pub(crate) mod runners;
pub(crate) mod status;
pub(crate) mod task;
pub(crate) mod task_lines;
pub(crate) mod waited;
pub(crate) mod worktree;

use crate::kit::answer::View;
use crate::kit::{failure::wording as failure, terminal};

/// The characters of a prompt or a result that a list shows.
const LIST_PREVIEW: usize = 200;
/// The characters of a result that a wait shows.
const WAIT_PREVIEW: usize = 300;
