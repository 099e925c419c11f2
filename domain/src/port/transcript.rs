//! The transcript that an agent keeps of its session. Never changed here.

use alloc::boxed::Box;
use alloc::string::String;
use async_trait::async_trait;

use super::Fault;

/// Reads transcripts.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait TranscriptReader: Send + Sync {
    /// The last thing the agent said in the transcript at `path`; `None` if it said nothing.
    ///
    /// MUST read from the end, in bounded memory whatever the size. MUST skip broken lines and what
    /// others said. MUST NOT wait on a file that is no plain file.
    ///
    /// # Errors
    /// [`TranscriptError`] if there is no readable transcript.
    async fn last_words(&self, path: &str) -> Result<Option<String>, TranscriptError>;
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
