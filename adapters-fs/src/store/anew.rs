//! Making anew the folder of what parents were not told yet, if somebody removed it.
//!
//! Tells nobody anything, and never changes a record.

use std::time::Duration;

use domain::port::{StoreError, TaskStore as _};
use domain::task::{Query, Timestamp};

use super::FileStore;
use crate::notices;

impl FileStore {
    /// Notes anew what parents may not have been told, if somebody removed the folder that says so; says whether that was so.
    ///
    /// Those are the tasks that have not ended, and those that ended at most `lately` ago: better told twice than never.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be listed.
    pub async fn note_anew(&self, now: Timestamp, lately: Duration) -> Result<bool, StoreError> {
        if !notices::are_lost(&self.dir) {
            return Ok(false);
        }
        let listing = self.list(&Query::default()).await?;
        let made = self.dir.prepare_notices_of_none();
        made.map_err(|error| self.failed("making", &self.dir.notices(), &error))?;
        for task in &listing.tasks {
            if !task.status().is_ended() {
                notices::seen(&self.dir, &*self.disk, task);
            } else if task.state().ended_at().is_some_and(|ended| now.since(ended) <= lately) {
                notices::ended(&self.dir, &*self.disk, task);
            }
        }
        Ok(true)
    }
}
