//! The transcript that an agent keeps of its session. Never changed here.

use alloc::boxed::Box;
use alloc::string::String;
use async_trait::async_trait;

use super::Fault;

/// Reads transcripts.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait TranscriptReader: Send + Sync {
    /// The last thing the agent said in the transcript at `path`.
    ///
    /// MUST read from the end, in bounded memory whatever the size. MUST skip broken lines and what
    /// others said; MUST NOT give older words for the last where it could not read the last. MUST NOT
    /// wait on a file that is no plain file.
    ///
    /// # Errors
    /// [`TranscriptError`] if there is no readable transcript.
    async fn last_words(&self, path: &str) -> Result<LastWords, TranscriptError>;
}

/// What is known of the last thing an agent said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastWords {
    /// The words; if they are too long to be kept, their beginning and a line that says so.
    Said(String),
    /// It said nothing at all.
    Nothing,
    /// It may have said something that is too long, or too far from the end, to be read.
    OutOfReach,
}

/// Why a transcript could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptError {
    /// There is none.
    #[error("there is no transcript at `{path}`")]
    Missing {
        /// Where it should be.
        path: String,
    },
    /// It is a folder, a pipe or something else that cannot hold one.
    #[error("`{path}` is no plain file")]
    NotAFile {
        /// Which.
        path: String,
    },
    /// It could not be read.
    #[error("the transcript could not be read")]
    Fault(#[source] Fault),
}
