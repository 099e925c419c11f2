//! Which task has which key, from the records alone: for whoever finds that the entries of the keys are gone.
//!
//! Reads every record of the store, so it is never on the way of a launch whose entries are whole. Changes nothing.

use std::collections::BTreeMap;

use domain::port::StoreError;
use domain::task::TaskId;
use memchr::memmem;

use crate::record::Record;
use crate::store::{FileStore, read};

impl FileStore {
    /// The key of each task that was ordered under one: of several tasks the newest that follows no other, as a retry is not
    /// what the key was given to. A record that cannot be read says nothing.
    pub(crate) fn keyed(&self) -> Result<BTreeMap<String, TaskId>, StoreError> {
        let finder = memmem::Finder::new(b"\"key\"");
        let (mut first, mut following) = (BTreeMap::new(), BTreeMap::new());
        for id in self.newest_ids(usize::MAX)? {
            let Ok(content) = self.content(&id) else { continue };
            if finder.find(&content).is_none() {
                continue;
            }
            let Ok(Record { task, .. }) = read(&content, &id) else { continue };
            let Some(key) = task.order().key.clone() else { continue };
            let lineage = &task.order().lineage;
            let follows = lineage.retry_of.is_some() || lineage.resume_of.is_some();
            let known = if follows { &mut following } else { &mut first };
            known.entry(key).or_insert(id);
        }
        following.extend(first);
        Ok(following)
    }
}
