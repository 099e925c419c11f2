//! The definitions of named droids. Never decides which of several counts; [`Catalog`] does.

use alloc::boxed::Box;
use async_trait::async_trait;

use crate::task::droid::Catalog;

/// Finds out which droids there are.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait DroidCatalog: Send + Sync {
    /// Everything that defines a droid for a task that works in the folder `cwd`.
    ///
    /// MUST name definitions that cannot be used, and go on with the rest; so it cannot fail as a
    /// whole. Inside one source, MUST give what is nearest to `cwd` first. MUST NOT wait on anything
    /// that is no plain file, and MUST NOT read without bound.
    async fn found(&self, cwd: &str) -> Catalog;
}
