//! The next old tasks that the rule about ended ones looks at.
//!
//! The rule goes through the store in rounds, oldest first, some tasks at a time, and not more often than it is told, so that
//! whoever applies it never works for long. Where it stopped is in a derived file; without that it begins anew. Nothing
//! here reads a record or removes anything.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use domain::port::StoreError;
use domain::task::{TaskId, Timestamp};

use super::FileStore;
use crate::data_dir::Entry;

/// How many tasks one look is at.
const SOME: usize = 200;

impl FileStore {
    /// The next tasks to look at that were ordered at or before this moment and that `may_go`; none if the last look was
    /// less than `every` ago and saw the end of its round.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be listed.
    pub fn next_of_round(
        &self,
        ordered_by: Timestamp,
        every: Duration,
        may_go: &dyn Fn(&TaskId) -> bool,
    ) -> Result<Vec<TaskId>, StoreError> {
        let path = self.dir.round();
        let last = fs::symlink_metadata(&path).and_then(|file| file.modified()).ok();
        let age = last.and_then(|last| last.elapsed().ok());
        let content = self.derived(&path).unwrap_or_default();
        let after =
            str::from_utf8(&content).ok().and_then(|text| TaskId::parse(text.trim_end()).ok());
        if after.is_none() && age.is_some_and(|age| age < every) {
            return Ok(Vec::new());
        }
        let mut found = BTreeSet::new();
        self.names(&mut |name| {
            if let Entry::Record(id) = Entry::of(name)
                && id.minted_at().is_some_and(|minted| minted <= ordered_by)
                && after.as_ref().is_none_or(|after| id > *after)
                && may_go(&id)
            {
                found.insert(id);
                if found.len() > SOME {
                    found.pop_last();
                }
            }
            true
        })?;
        // A round that is not over goes on with the next look, however soon that comes.
        let to = found.last().filter(|_| found.len() == SOME).map(TaskId::as_str);
        self.derive(&path, to.unwrap_or_default().as_bytes(), None);
        Ok(found.into_iter().collect())
    }
}
