//! Which task a name means: an index that is only derived.
//!
//! The entry of a name is a symbolic link in `.names/` whose target is the id of the newest task that has it, made and
//! read in one system call. It is made before the record, so that no newer task of that name is overlooked. What it
//! says counts only where the record agrees; else the records are looked through, newest first, and the entry is made
//! anew. So nothing here is ever an error of a launch.

use std::fs;
use std::path::Path;

use domain::port::StoreError;
use domain::task::{Task, TaskId, TaskName};
use memchr::memmem;

use super::{FileStore, index};
use crate::data_dir::DataDir;
use crate::disk;

/// Gives the task its name, which an older one of that name loses. Best effort.
pub(super) fn give(dir: &DataDir, task: &Task) {
    let Some(name) = &task.order().name else { return };
    let path = dir.name(name);
    if read(&path).is_none_or(|known| known <= *task.id()) && dir.prepare_names().is_ok() {
        disk::point(dir, &path, task.id().as_str());
    }
}

/// Takes the name from a task whose record is gone. Best effort.
pub(super) fn forget(dir: &DataDir, task: &Task) {
    let Some(name) = &task.order().name else { return };
    let path = dir.name(name);
    if read(&path).is_some_and(|known| known == *task.id()) {
        fs::remove_file(&path).unwrap_or_default();
    }
}

/// The task that the entry at `path` means.
fn read(path: &Path) -> Option<TaskId> {
    index::read(path).pop()
}

impl FileStore {
    /// The newest task of this name.
    pub(super) fn newest_named(&self, name: &TaskName) -> Result<Option<TaskId>, StoreError> {
        let has_it =
            |id: &TaskId| self.task(id).is_ok_and(|it| it.order().name.as_ref() == Some(name));
        let path = self.dir.name(name);
        if let Some(id) = read(&path).filter(has_it) {
            return Ok(Some(id));
        }
        // Most records need no more than a look for the word; what is not ASCII may stand there escaped.
        let (word, is_plain) = (name.as_str(), name.as_str().is_ascii());
        let finder = memmem::Finder::new(word.as_bytes());
        let is_said = |id: &TaskId| {
            !is_plain || self.content(id).is_ok_and(|content| finder.find(&content).is_some())
        };
        let ids = self.newest_ids(usize::MAX)?;
        let found = ids.into_iter().find(|id| is_said(id) && has_it(id));
        if let Some(id) = &found {
            disk::point(&self.dir, &path, id.as_str());
        }
        Ok(found)
    }
}
