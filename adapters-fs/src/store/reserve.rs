//! Room for the ending of each task, set aside before its record is made.
//!
//! A disk may fill up while an agent works, and then its ending has to get into the record all the same: nobody could
//! tell otherwise that the task has ended, and whoever waits for it would wait until somebody makes room. So every task
//! has a file of its own beside its life lock, whose space the disk has given away already. Where a lasting change of
//! the record finds no room, it is written over that file, which then takes the place of the record: no moment comes in
//! which others could take the room that became free. The file goes with the rest that is kept for a task. Nothing here
//! is ever read.

use std::io;

use domain::task::TaskId;

use super::FileStore;

/// How much longer than the first record of its task the last one may be, in bytes: room for a result of some pages.
/// Whoever ends a task shortens a longer one, where the disk is full.
const GROWTH: u64 = 32 * 1024;

impl FileStore {
    /// Sets room aside for the changes of a task whose record is this long.
    ///
    /// # Errors
    /// What the system says if the disk has not got it.
    pub(super) fn reserve(&self, id: &TaskId, record: usize) -> io::Result<()> {
        let length = GROWTH.saturating_add(u64::try_from(record).unwrap_or(u64::MAX));
        self.disk.reserve(&self.dir.reserve(id), length)
    }

    /// Puts `content` in place of the record of a task, in the room that was set aside for it, and sets room aside anew
    /// unless this was the last change.
    ///
    /// # Errors
    /// What the system says, with the record as it was; also if nothing was set aside, or not enough.
    pub(super) fn write_in_reserve(
        &self,
        id: &TaskId,
        content: &[u8],
        is_last: bool,
    ) -> io::Result<()> {
        let reserve = self.dir.reserve(id);
        self.disk.write_over(&reserve, content)?;
        // What was replaced is given back to the disk at once.
        drop(self.disk.rename(&reserve, &self.dir.record(id))?);
        if !is_last {
            // It is what was just given back: the rest of the file, and the record before. If somebody took it
            // meanwhile, the next change waits for room.
            self.reserve(id, content.len()).unwrap_or_default();
        }
        Ok(())
    }
}
