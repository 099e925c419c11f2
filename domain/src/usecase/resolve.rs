//! From what a person typed to the id of one task.
//!
//! Any unambiguous beginning of an id is enough. What was typed never becomes part of a path unless it
//! has the form of an id.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::port::{StoreError, TaskStore};
use crate::task::{InvalidId, TaskId, text};

/// What every id of ours begins with.
const COMMON: &str = "bg_";
/// How much of what was typed is repeated, in characters.
const QUOTED: usize = 80;

/// Finds the one task whose id is, or begins with, `typed`.
///
/// # Errors
/// [`ResolveError`] if there is none or more than one.
pub async fn resolve(store: &dyn TaskStore, typed: &str) -> Result<TaskId, ResolveError> {
    let shown = || text::preview(typed, QUOTED);
    if let Err(invalid) = TaskId::parse(typed) {
        return Err(ResolveError::Invalid { typed: shown(), invalid });
    }
    // What every id begins with names no task, even if there is only one.
    if COMMON.starts_with(typed) {
        return Err(ResolveError::NotFound { typed: shown() });
    }
    // Two are enough to see that it is not the only one.
    let mut found = store.matching(typed, 2).await?;
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(ResolveError::NotFound { typed: shown() }),
        (Some(only), true) => Ok(only),
        (Some(_), false) => {
            let all = store.matching(typed, usize::MAX).await?;
            let mut ids: Vec<String> = all.iter().map(ToString::to_string).collect();
            // An id begins with its moment: those that are looked for most come first.
            ids.sort_unstable_by(|one, other| other.cmp(one));
            Err(ResolveError::Ambiguous { typed: shown(), ids })
        }
    }
}

/// Why what was typed names no task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// It cannot be an id.
    #[error("Task not found: {typed}")]
    Invalid {
        /// The beginning of what was typed.
        typed: String,
        /// Why not.
        #[source]
        invalid: InvalidId,
    },
    /// No task has such an id.
    #[error("Task not found: {typed}")]
    NotFound {
        /// What was typed.
        typed: String,
    },
    /// Several tasks have such an id.
    #[error("`{typed}` fits {} tasks: {}", .ids.len(), text::some_of(.ids, text::NAMED))]
    Ambiguous {
        /// What was typed.
        typed: String,
        /// The ids it fits, the last one first.
        ids: Vec<String>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Task;
    use crate::testing::{self, MemoryStore};

    fn store() -> MemoryStore {
        let ids = ["bg_19c1", "bg_19c2", "bg_2"].map(|id| TaskId::parse(id).expect("an id"));
        MemoryStore::holding(
            ids.map(|id| Task::ordered(id, testing::order(), None, testing::ORDERED)),
        )
    }

    #[tokio::test]
    async fn an_unambiguous_beginning_is_enough() {
        let found = resolve(&store(), "bg_2").await.map(|id| id.to_string());
        assert_eq!(found.as_deref(), Ok("bg_2"));
        let found = resolve(&store(), "bg_19c1").await.map(|id| id.to_string());
        assert_eq!(found.as_deref(), Ok("bg_19c1"));
    }

    #[tokio::test]
    async fn a_beginning_that_fits_several_names_them() {
        let Err(ResolveError::Ambiguous { ids, .. }) = resolve(&store(), "bg_19c").await else {
            panic!("it fits two");
        };
        assert_eq!(ids.len(), 2);
    }

    #[tokio::test]
    async fn what_cannot_be_an_id_is_not_found_and_not_repeated_whole() {
        let long = "x".repeat(10_000);
        for typed in ["", "../../x", "bg_", "b", long.as_str()] {
            let Err(error) = resolve(&store(), typed).await else { panic!("{typed} is no id") };
            assert!(error.to_string().len() < 200);
        }
    }
}
