//! From what a person typed to the id of one task.
//!
//! A task may be meant by its id, by its place among the newest (`@1` is the newest), by the name that somebody gave
//! it, and by any beginning or ending of its id that fits no other. What was typed never becomes part of a path unless
//! it has the form of an id or of a name.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::port::{StoreError, TaskStore};
use crate::task::task_name::MIN_ID_ENDING;
use crate::task::{InvalidId, TaskId, TaskName, text};

/// What every id of ours begins with.
const COMMON: &str = "bg_";
/// How much of what was typed is repeated, in characters.
const QUOTED: usize = 80;

/// Finds the one task that `typed` means: of a place, a name, the beginning and the end of an id, the first that fits
/// any. Of an id that is typed whole nothing else is looked at.
///
/// # Errors
/// [`ResolveError`] if there is none or more than one.
pub async fn resolve(store: &dyn TaskStore, typed: &str) -> Result<TaskId, ResolveError> {
    let shown = || text::preview(typed, QUOTED);
    if let Some(place) = typed.strip_prefix('@') {
        return at(store, place).await?.ok_or_else(|| ResolveError::NoPlace { typed: shown() });
    }
    let name = TaskName::parse(typed);
    let found = match TaskId::parse(typed) {
        // What every id begins with names no task, even if there is only one.
        Ok(_) if COMMON.starts_with(typed) && name.is_err() => Vec::new(),
        // Two are enough to see that it is not the only one.
        Ok(_) => store.matching(typed, 2).await?,
        Err(invalid) if name.is_err() => {
            return Err(ResolveError::Invalid { typed: shown(), invalid });
        }
        Err(_) => Vec::new(),
    };
    if let [exact] = found.as_slice()
        && exact.as_str() == typed
    {
        return Ok(exact.clone());
    }
    if let Ok(name) = &name
        && let Some(named) = store.named(name).await?
    {
        return Ok(named);
    }
    let fits: Vec<TaskId> = match found.len() {
        _ if COMMON.starts_with(typed) => Vec::new(),
        0 => ending(store, typed).await?,
        1 => found,
        _ => store.matching(typed, usize::MAX).await?,
    };
    match fits.as_slice() {
        [] => Err(ResolveError::NotFound { typed: shown() }),
        [only] => Ok(only.clone()),
        all => {
            let mut ids: Vec<String> = all.iter().map(ToString::to_string).collect();
            // An id begins with its moment: those that are looked for most come first.
            ids.sort_unstable_by(|one, other| other.cmp(one));
            Err(ResolveError::Ambiguous { typed: shown(), ids })
        }
    }
}

/// The task at this place among the newest that can be read, counted from 1; `None` if that is no place, or there are
/// fewer.
async fn at(store: &dyn TaskStore, place: &str) -> Result<Option<TaskId>, StoreError> {
    let digits = !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_digit());
    let Some(place) = place.parse::<usize>().ok().filter(|place| digits && *place > 0) else {
        return Ok(None);
    };
    // What others left among the records has names as well, and no place in a list.
    let (mut readable, mut seen) = (0, 0);
    loop {
        let newest = store.newest(seen + place - readable).await?;
        let fresh = newest.get(seen..).unwrap_or_default();
        if fresh.is_empty() {
            return Ok(None);
        }
        for id in fresh {
            seen += 1;
            readable += usize::from(store.load(id).await.is_ok());
            if readable == place {
                return Ok(Some(id.clone()));
            }
        }
    }
}

/// The ids that end with `typed`.
async fn ending(store: &dyn TaskStore, typed: &str) -> Result<Vec<TaskId>, StoreError> {
    if typed.len() < MIN_ID_ENDING || typed.starts_with(COMMON) {
        return Ok(Vec::new());
    }
    let mut ids = store.newest(usize::MAX).await?;
    ids.retain(|id| id.as_str().ends_with(typed));
    Ok(ids)
}

/// How many characters at the end of an id are enough to tell each of `some` from every other task; all of them where
/// no fewer will do. One look at the names of the store.
///
/// # Errors
/// [`StoreError`] if the store as a whole cannot be read.
pub async fn distinctive(store: &dyn TaskStore, some: &[&TaskId]) -> Result<usize, StoreError> {
    let reversed = |id: &TaskId| id.as_str().bytes().rev().collect::<Vec<u8>>();
    let mut all: Vec<Vec<u8>> = store.newest(usize::MAX).await?.iter().map(reversed).collect();
    all.sort_unstable();
    let common =
        |one: &[u8], other: &[u8]| one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let needed = some.iter().map(|id| {
        let id = reversed(id);
        let at = all.partition_point(|other| *other < id);
        let around = [at.checked_sub(1), Some(at), Some(at + 1)].into_iter().flatten();
        let others = around.filter_map(|at| all.get(at)).filter(|other| **other != id);
        others.map(|other| common(other, &id) + 1).max().unwrap_or_default()
    });
    Ok(needed.max().unwrap_or_default().max(MIN_ID_ENDING))
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
    /// There is no such place among the newest tasks.
    #[error("Task not found: {typed}")]
    NoPlace {
        /// What was typed.
        typed: String,
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
    use crate::task::{Order, Task};
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
    async fn a_place_counts_from_the_newest_and_an_ending_will_do() {
        let ids = ["bg_19c1aaaa", "bg_19c2bbbb", "bg_19c3baaaa"];
        let ids = ids.map(|id| TaskId::parse(id).expect("an id"));
        let tasks =
            ids.clone().map(|id| Task::ordered(id, testing::order(), None, testing::ORDERED));
        let store = MemoryStore::holding(tasks);
        for (typed, id) in [("@1", 2), ("@3", 0), ("bbbb", 1), ("c1aaaa", 0)] {
            assert_eq!(resolve(&store, typed).await.as_ref(), Ok(&ids[id]), "{typed}");
        }
        for typed in ["@0", "@4", "@", "@+1", "bbb", "cccc"] {
            assert!(resolve(&store, typed).await.is_err(), "{typed}");
        }
        let Err(ResolveError::Ambiguous { ids: both, .. }) = resolve(&store, "aaaa").await else {
            panic!("it fits two");
        };
        assert_eq!(both, ["bg_19c3baaaa", "bg_19c1aaaa"]);
        assert_eq!(distinctive(&store, &[&ids[1]]).await, Ok(4));
        assert_eq!(distinctive(&store, &[&ids[0], &ids[1]]).await, Ok(5));
    }

    #[tokio::test]
    async fn a_name_means_its_newest_task_and_counts_before_a_beginning() {
        let named = |id: &str, name: &str| {
            let id = TaskId::parse(id).expect("an id");
            let order = Order { name: TaskName::parse(name).ok(), ..testing::order() };
            Task::ordered(id, order, None, testing::ORDERED)
        };
        let tasks = [named("bg_1", "tests"), named("bg_2", "tests"), named("testsuite", "b")];
        let store = MemoryStore::holding(tasks);
        for (typed, id) in [("tests", "bg_2"), ("testsuite", "testsuite"), ("b", "testsuite")] {
            let found = resolve(&store, typed).await.map(|id| id.to_string());
            assert_eq!(found.as_deref(), Ok(id), "{typed}");
        }
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
