//! What one thread makes of a share of the names: counts, what may be shown, and what is worth keeping for the next
//! listing. It reads a record only where that is not outlined.

use domain::port::StoreError;
use domain::task::{Listing, Outline, Query, Task, TaskId};

use super::names::Name;
use super::newest::{Facts, Known, Newest};
use crate::record;
use crate::store::outlines::{Fresh, Outlines};
use crate::store::{FileStore, read};

/// Reads a part of the records.
pub(super) struct Reader<'a> {
    store: &'a FileStore,
    query: &'a Query,
    outlines: &'a Outlines,
    /// Without the tasks that are shown.
    listing: Listing,
    learnt: Learnt,
    newest: Newest,
}

/// What reading the records tells besides what was asked.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    /// What can be outlined.
    pub(super) fresh: Vec<Fresh>,
    /// What has not ended.
    pub(super) unended: Vec<TaskId>,
}

impl<'a> Reader<'a> {
    /// One that has read nothing.
    pub(super) fn new(store: &'a FileStore, query: &'a Query, outlines: &'a Outlines) -> Self {
        let (listing, learnt) = (Listing::default(), Learnt::default());
        Self { store, query, outlines, listing, learnt, newest: Newest::within(query.limit) }
    }

    /// This one, after a look at each of these.
    pub(super) fn looking_at(mut self, names: &[Name<'_>]) -> Self {
        for name in names {
            let Err((id, error)) = self.look_at(*name) else { continue };
            self.note(&id, &error);
        }
        self
    }

    /// Both together.
    pub(super) fn with(mut self, other: Self) -> Self {
        let Listing { tally, tasks: _, omitted, unreadable, ended_logs } = other.listing;
        self.listing.tally += tally;
        self.listing.omitted += omitted;
        self.listing.unreadable.extend(unreadable);
        self.listing.ended_logs += ended_logs;
        self.learnt.fresh.extend(other.learnt.fresh);
        self.learnt.unended.extend(other.learnt.unended);
        for (id, known) in other.newest.all() {
            self.keep(id, known);
        }
        self
    }

    /// Those that are to be shown and were not read, newest first.
    pub(super) fn chosen(&self) -> Vec<TaskId> {
        self.newest.unread()
    }

    /// The listing, with what was `read` of those that were chosen, in their order.
    pub(super) fn listing(
        mut self,
        mut read: impl Iterator<Item = Result<Task, StoreError>>,
    ) -> (Listing, Learnt) {
        let newest = std::mem::replace(&mut self.newest, Newest::within(Some(0)));
        for (id, known) in newest.all() {
            let task = match known {
                Known::Read(task) => Ok(*task),
                Known::Outlined(_) => {
                    let Some(read) = read.next() else { break };
                    read.inspect(|task| self.count(task.outline()))
                }
            };
            match task {
                Ok(task) => self.listing.tasks.push(task),
                Err(error) => self.note(&id, &error),
            }
        }
        (self.listing, self.learnt)
    }

    /// Counts one record, and keeps it if it may be shown.
    fn look_at(&mut self, name: Name<'_>) -> Result<(), (TaskId, StoreError)> {
        let stamp = self.outlines.stamp(name);
        let known = stamp.and_then(|stamp| self.outlines.outline(name, stamp));
        if let Some(known) = known {
            let Outline { status, log_bytes, .. } = known;
            let id = if self.may_show(name, known) { name.id() } else { None };
            match id {
                Some(id) => self.keep(id, Known::Outlined(Facts { status, log_bytes })),
                None => self.count_unshown(known),
            }
            return Ok(());
        }
        let Some(id) = name.id() else { return Ok(()) };
        self.read(name, &id, stamp).map_err(|error| (id, error))
    }

    /// The same with a record that is not outlined.
    fn read(&mut self, name: Name<'_>, id: &TaskId, stamp: Option<u64>) -> Result<(), StoreError> {
        let content = self.store.content(id)?;
        // What a query asks for is in the sketch.
        let sketch = record::sketch(&content, id);
        let sketch = sketch.filter(|sketch| !self.may_show(name, sketch.outline()));
        let (task, is_full) = match sketch {
            Some(sketch) => (sketch, false),
            None => (read(&content, id)?.task, true),
        };
        let task = self.store.with_logs(task);
        if !task.status().is_ended() {
            self.learnt.unended.push(id.clone());
        }
        self.learnt.fresh.extend(stamp.and_then(|stamp| Fresh::of(&task, stamp)));
        if is_full && self.may_show(name, task.outline()) {
            self.count(task.outline());
            self.keep(id.clone(), Known::Read(Box::new(task)));
        } else {
            self.count_unshown(task.outline());
        }
        Ok(())
    }

    fn may_show(&self, name: Name<'_>, task: Outline<'_>) -> bool {
        self.query.shows(task) && self.newest.has_room_for(name.stem())
    }

    /// Keeps a task that may be shown, and counts the one that will not be for its sake.
    fn keep(&mut self, id: TaskId, known: Known) {
        let Some(known) = self.newest.keep(id, known) else { return };
        self.listing.omitted += 1;
        if let Known::Outlined(Facts { status, log_bytes }) = known {
            self.listing.tally.add(status);
            self.listing.ended_logs += log_bytes;
        }
    }

    /// Counts a task that is not shown.
    fn count_unshown(&mut self, task: Outline<'_>) {
        self.count(task);
        if self.query.shows(task) {
            self.listing.omitted += 1;
        }
    }

    fn count(&mut self, task: Outline<'_>) {
        // All of them, whatever is asked for: it is the disk that they have in common.
        self.listing.ended_logs += task.log_bytes;
        if self.query.counts(task) {
            self.listing.tally.add(task.status);
        }
    }

    /// Notes that a record could not be read, unless it was removed since the folder was listed.
    fn note(&mut self, id: &TaskId, error: &StoreError) {
        if !matches!(error, StoreError::NotFound { .. }) {
            self.listing.unreadable.push(self.store.unreadable(id, error));
        }
    }
}
