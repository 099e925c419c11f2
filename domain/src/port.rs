//! The fourth ring: what the verbs need from the world, one small trait a file.
//!
//! Each trait speaks in plain domain types, has an error type of its own and says in sentences what an
//! implementation MUST do. All are `dyn`-safe. Where an implementation may have to wait, the methods
//! are async, so that it can do so without a thread; the adapters that we ship block.

pub mod aftermath;
pub mod agent;
pub mod clock;
pub mod cluster;
pub mod droid_catalog;
pub mod entropy;
pub mod event_log;
pub mod host;
pub mod job_files;
pub mod keys;
pub mod kits;
pub mod life_locks;
pub mod notices;
pub mod output_log;
pub mod queue;
pub mod remotes;
pub mod task_store;
pub mod transcript;
pub mod worktrees;

use alloc::string::String;

pub use aftermath::Aftermath;
pub use agent::{
    Abilities, Agent, Agents, Attachment, Circumstances, CommandLine, Input, Objection, OsText,
    Program, Speech, Told,
};
pub use clock::Clock;
pub use cluster::{Age, Cluster, ClusterFailure, Jobs, Named, Submission, Submitted};
pub use droid_catalog::DroidCatalog;
pub use entropy::Entropy;
pub use event_log::EventLog;
pub use host::{Doomed, Host, LaunchFailure, Life, Survivors, Until};
pub use job_files::{Endings, JobFiles, Prepared};
pub use keys::{KeyEntry, Keys};
pub use kits::{Environment, Further, Kit, Kits};
pub use life_locks::{Claim, Index, LifeLocks, Renewal, Watch, Woken};
pub use notices::{NoticeBatch, Notices};
pub use output_log::{Gap, LogPart, LogText, OutputLog, Portion, Stream};
pub use queue::{Gate, Queue, Waiting};
pub use remotes::{Remotes, Unheard};
pub use task_store::{StoreError, StoreFailure, TaskStore, Unended, Whereabouts};
pub use transcript::{LastWords, TranscriptError, TranscriptReader};
pub use worktrees::{WorktreeError, Worktrees};

/// Something outside did not work: which step on which object, and the system's reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {reason}")]
pub struct Fault {
    /// What was being done to what, such as ``reading `/x/y.json` ``.
    pub step: String,
    /// Why it did not work, in the system's words.
    pub reason: String,
    /// What kind of failure that is.
    pub cause: Cause,
}

/// The kinds of failure that somebody tells apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// Nothing can be changed there, because what it lies on is mounted read-only.
    ReadOnly,
    /// The process or the machine has no room for it at the moment, as for one more open file: whoever tries again may.
    Exhausted,
    /// Anything else.
    #[default]
    Other,
}

impl Fault {
    /// A failed step, of no kind that matters.
    pub fn of(step: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { step: step.into(), reason: reason.into(), cause: Cause::Other }
    }
}
