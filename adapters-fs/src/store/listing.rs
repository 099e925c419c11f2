//! Listing a store: newest first, everything counted, what cannot be read named.
//!
//! A listing keeps in memory only what it shows, and reads only that and what is not outlined ([`super::outlines`]). Every record is its own fault domain: the listing
//! names one that is broken, foreign or no file at all, with the reason, and lists the others.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::num::NonZero;
use std::{panic, thread};

use domain::port::StoreError;
use domain::task::{Listing, Outline, Query, TaskId, Unreadable};

use super::outlines::{Fresh, Outlines};
use super::{FileStore, read};
use crate::data_dir::Entry;
use crate::record;

/// The fewest records worth a second thread.
const WORTH_A_THREAD: usize = 256;
/// The most threads that read records.
const MAX_THREADS: usize = 4;

impl FileStore {
    pub(super) fn listing(&self, query: &Query) -> Result<Listing, StoreError> {
        let (mut ids, mut misnamed) = (Vec::new(), Vec::<OsString>::new());
        self.names(&mut |name| {
            match Entry::of(name) {
                Entry::Record(id) => ids.push(id),
                Entry::Misnamed => misnamed.push(name.to_owned()),
                Entry::Temp | Entry::Other => {}
            }
            true
        })?;
        newest_first(&mut ids);
        misnamed.sort_unstable();
        let outlines = Outlines::of(self, ids.len());
        let (mut listing, learnt) = self.read_all(&ids, query, &outlines);
        outlines.keep(self, learnt.fresh, &ids);
        self.unended_again(&learnt.unended);
        listing.unreadable.extend(misnamed.iter().map(|name| Unreadable {
            file: shown(name),
            reason: "its name is no task id".to_owned(),
        }));
        Ok(listing)
    }

    /// Hands every name in the store's folder to `each` until that says `false`.
    pub(super) fn names(&self, each: &mut dyn FnMut(&OsStr) -> bool) -> Result<(), StoreError> {
        let root = self.dir.root();
        self.disk.list(root, each).map_err(|error| self.failed("listing", root, &error))
    }

    /// The first `limit` ids, in order, that begin with `prefix`.
    pub(super) fn ids_with(&self, prefix: &str, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        let mut found = BTreeSet::new();
        self.names(&mut |name| {
            if name.as_encoded_bytes().starts_with(prefix.as_bytes())
                && let Entry::Record(id) = Entry::of(name)
            {
                found.insert(id);
                if found.len() > limit {
                    found.pop_last();
                }
            }
            true
        })?;
        Ok(found.into_iter().collect())
    }

    /// The last `count` ids, in reverse order.
    pub(super) fn newest_ids(&self, count: usize) -> Result<Vec<TaskId>, StoreError> {
        let mut found = BTreeSet::new();
        self.names(&mut |name| {
            // Most are older than those that were found: no text is copied for them.
            let oldest = found.first().map(TaskId::as_str).filter(|_| found.len() >= count);
            let stem = name.as_encoded_bytes();
            let stem = stem.strip_suffix(b".json").unwrap_or(stem);
            if oldest.is_none_or(|oldest| stem > oldest.as_bytes())
                && let Entry::Record(id) = Entry::of(name)
            {
                found.insert(id);
                if found.len() > count {
                    found.pop_first();
                }
            }
            true
        })?;
        Ok(found.into_iter().rev().collect())
    }

    /// Reads records, given newest first, with as many threads as are worth it, and says what can be outlined.
    fn read_all(&self, ids: &[TaskId], query: &Query, outlines: &Outlines) -> (Listing, Learnt) {
        let mut shares = ids.chunks(share(ids.len()));
        let Some(mine) = shares.next() else { return (Listing::default(), Learnt::default()) };
        thread::scope(|scope| {
            let others: Vec<_> = shares
                .map(|share| scope.spawn(move || self.read_share(share, query, outlines)))
                .collect();
            let Reader { mut listing, mut learnt, .. } = self.read_share(mine, query, outlines);
            for other in others {
                match other.join() {
                    Ok(older) => {
                        learnt.fresh.extend(older.learnt.fresh);
                        learnt.unended.extend(older.learnt.unended);
                        append(&mut listing, older.listing, query);
                    }
                    Err(cause) => panic::resume_unwind(cause),
                }
            }
            (listing, learnt)
        })
    }

    fn read_share<'a>(
        &'a self,
        ids: &[TaskId],
        query: &'a Query,
        outlines: &'a Outlines,
    ) -> Reader<'a> {
        let (listing, learnt) = (Listing::default(), Learnt::default());
        let mut reader = Reader { store: self, query, outlines, listing, learnt };
        for id in ids {
            match reader.read(id) {
                // Removed since the folder was listed.
                Ok(()) | Err(StoreError::NotFound { .. }) => {}
                Err(error) => reader.listing.unreadable.push(self.unreadable(id, &error)),
            }
        }
        reader
    }

    fn unreadable(&self, id: &TaskId, error: &StoreError) -> Unreadable {
        let reason = match error {
            StoreError::Unreadable { reason, .. } => reason.clone(),
            StoreError::Failed { failure, .. } => failure.to_string(),
            StoreError::NotFound { .. }
            | StoreError::Exists { .. }
            | StoreError::Refused { .. } => error.to_string(),
        };
        let path = self.dir.record(id);
        Unreadable { file: shown(path.file_name().unwrap_or_default()), reason }
    }
}

/// How many of so many records one thread reads; at least one.
pub(super) fn share(records: usize) -> usize {
    if records <= WORTH_A_THREAD {
        return WORTH_A_THREAD;
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
    records.div_ceil(threads).max(WORTH_A_THREAD)
}

/// Sorts by id. Most of them differ in their first bytes, which are cheaper to compare as one number.
fn newest_first(ids: &mut Vec<TaskId>) {
    let head = |id: &TaskId| {
        let mut head = [0; 16];
        let bytes = id.as_str().bytes().take(head.len());
        head.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
        u128::from_be_bytes(head)
    };
    let mut keyed: Vec<(u128, TaskId)> = ids.drain(..).map(|id| (head(&id), id)).collect();
    keyed.sort_unstable_by(|a, b| b.cmp(a));
    ids.extend(keyed.into_iter().map(|(_, id)| id));
}

/// Reads a part of the records.
struct Reader<'a> {
    store: &'a FileStore,
    query: &'a Query,
    outlines: &'a Outlines,
    listing: Listing,
    learnt: Learnt,
}

/// What reading the records tells besides what was asked.
#[derive(Debug, Default)]
struct Learnt {
    /// What can be outlined.
    fresh: Vec<Fresh>,
    /// What has not ended.
    unended: Vec<TaskId>,
}

impl Reader<'_> {
    /// Counts one record, and keeps its task if it is to be shown and there is room.
    fn read(&mut self, id: &TaskId) -> Result<(), StoreError> {
        let limit = self.query.limit;
        let has_room = limit.is_none_or(|limit| self.listing.tasks.len() < limit);
        let is_shown = |task: Outline<'_>| has_room && self.query.shows(task);
        let stamp = self.outlines.stamp(id);
        let known = stamp.and_then(|stamp| self.outlines.outline(id, stamp));
        if let Some(known) = known.filter(|known| !is_shown(*known)) {
            self.count(known);
            return Ok(());
        }
        let content = self.store.content(id)?;
        // What a query asks for is in the sketch.
        let sketch = record::sketch(&content, id).filter(|sketch| !is_shown(sketch.outline()));
        let (task, is_full) = match sketch {
            Some(sketch) => (sketch, false),
            None => (read(&content, id)?.task, true),
        };
        let is_unsaid = task.progress().log_bytes.is_none();
        let task = if is_unsaid { self.store.measured(task) } else { task };
        if !task.status().is_ended() {
            self.learnt.unended.push(id.clone());
        }
        if known.is_none() {
            self.learnt.fresh.extend(stamp.and_then(|stamp| Fresh::of(&task, stamp)));
        }
        if is_full && is_shown(task.outline()) {
            self.listing.tally.add(task.status());
            self.listing.ended_logs += task.outline().log_bytes;
            self.listing.tasks.push(task);
        } else {
            self.count(task.outline());
        }
        Ok(())
    }

    /// Counts a task that is not shown.
    fn count(&mut self, task: Outline<'_>) {
        // All of them, whatever is asked for: it is the disk that they have in common.
        self.listing.ended_logs += task.log_bytes;
        if self.query.counts(task) {
            self.listing.tally.add(task.status);
        }
        if self.query.shows(task) {
            self.listing.omitted += 1;
        }
    }
}

/// Adds `older` tasks behind those of `listing`, within the limit of `query`.
fn append(listing: &mut Listing, older: Listing, query: &Query) {
    let Listing { tally, tasks, omitted, unreadable, ended_logs } = older;
    listing.ended_logs += ended_logs;
    let room = query.limit.map_or(usize::MAX, |limit| limit.saturating_sub(listing.tasks.len()));
    listing.omitted += omitted + tasks.len().saturating_sub(room);
    listing.tasks.extend(tasks.into_iter().take(room));
    listing.unreadable.extend(unreadable);
    for (sum, more) in [
        (&mut listing.tally.queued, tally.queued),
        (&mut listing.tally.running, tally.running),
        (&mut listing.tally.completed, tally.completed),
        (&mut listing.tally.error, tally.error),
        (&mut listing.tally.cancelled, tally.cancelled),
    ] {
        *sum += more;
    }
}

/// A file name as text. Bytes that are no text are replaced.
fn shown(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}
