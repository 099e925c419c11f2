//! What an agent does, in a file beside its record where the record is long.
//!
//! The store replaces a record whole. One with a prompt of megabytes would be written again each time its
//! agent says a word; so for such a record the store writes the value of `progress` into a file beside it.
//! A reader takes that value as long as it is newer than the one in the record. Every other change writes
//! the record, which then says it all. Nothing here decides what a task is.

use std::io;

use domain::task::{Status, Task, TaskId, Weight};

use super::FileStore;
use crate::disk::Found;
use crate::record::{self, Object};

/// The length of a record from which on what its agent does lies beside it, in bytes.
const LONG: usize = 32 << 10;

/// Whether the store writes a change of a record of this length beside it.
pub(super) fn lies_beside(length: usize, after: &Task, weight: Weight) -> bool {
    length > LONG && weight == Weight::Passing && after.status() == Status::Running
}

impl FileStore {
    /// The content of a record with what its agent does, as far as that lies beside it.
    pub(super) fn with_progress(&self, id: &TaskId, content: Vec<u8>) -> Vec<u8> {
        if content.len() <= LONG {
            return content;
        }
        // What cannot be read is as old as the record.
        let Ok(Found::Plain(beside)) = self.disk.read(&self.dir.progress(id)) else {
            return content;
        };
        let newer = str::from_utf8(&beside)
            .ok()
            .and_then(|progress| record::with_newer_progress(&content, progress));
        newer.map_or(content, String::into_bytes)
    }

    /// Writes what the agent of a task does beside its record.
    pub(super) fn write_progress(
        &self,
        raw: &Object<'_>,
        before: &Task,
        after: &Task,
    ) -> io::Result<()> {
        let path = self.dir.progress(after.id());
        let progress = record::progress_over(raw, before, after);
        let temp = loop {
            let temp = self.dir.temp(&path);
            match self.disk.write_new(&temp, progress.as_bytes()) {
                Ok(()) => break temp,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    self.disk.remove(&temp).unwrap_or_default();
                    return Err(error);
                }
            }
        };
        self.disk.rename(&temp, &path).map(drop).inspect_err(|_| {
            self.disk.remove(&temp).unwrap_or_default();
        })
    }
}
