//! How the lists of an answer give way where it is too long: rows keep their ids and endings longest, and those of
//! tasks that completed go before those of tasks that did not.

use serde_json::Value;

use crate::kit::bound::List;

/// The members of a row that are left out last.
const ENDING: &[&str] = &["taskId", "id", "status", "reason", "line"];

/// A list of tasks, of which what was left out is counted under `counted`.
pub(super) fn of_tasks(key: &'static str, counted: &'static str) -> List {
    List { key, keep: ENDING, counted, first: is_well }
}

/// A list of ids or numbers, of which nothing stays but the count.
pub(super) fn of_ids(key: &'static str, counted: &'static str) -> List {
    of_others(key, &[], counted)
}

/// A list of other things, of whose rows one member stays.
pub(super) fn of_others(
    key: &'static str,
    keep: &'static [&'static str],
    counted: &'static str,
) -> List {
    List { key, keep, counted, first: |_| true }
}

/// Whether nothing in a row went wrong or is still to come.
fn is_well(row: &Value) -> bool {
    row.get("status").is_none_or(|status| status == "completed")
}
