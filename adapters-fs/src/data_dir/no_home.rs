//! Why there is no folder for the store: what the environment does not say.

use std::path::PathBuf;

/// Why there is no folder for the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoHome {
    /// Nothing says where home is.
    #[error(
        "there is no folder for the store: none of `TASK_BG_DIR`, `FACTORY_HOME_OVERRIDE` and `HOME` is set"
    )]
    Unset,
    /// A variable names a folder relative to whatever folder is the current one.
    #[error("`{variable}` is `{}`, which is no absolute path", .path.display())]
    Relative {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        path: PathBuf,
    },
}
