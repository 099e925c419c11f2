//! Listing a store: newest first, everything counted, what cannot be read named.
//!
//! A listing keeps in memory only what it shows. Every record is its own fault domain: the listing
//! names one that is broken, foreign or no file at all, with the reason, and lists the others.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::num::NonZero;
use std::{panic, thread};

use domain::port::StoreError;
use domain::task::{Listing, Query, TaskId, Unreadable};

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
        ids.sort_unstable_by(|a, b| b.cmp(a));
        misnamed.sort_unstable();
        let mut listing = self.read_all(&ids, query);
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

    /// Reads records, given newest first, with as many threads as are worth it.
    fn read_all(&self, ids: &[TaskId], query: &Query) -> Listing {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
        let share = ids.len().div_ceil(threads.max(1)).max(WORTH_A_THREAD);
        let mut shares = ids.chunks(share);
        let Some(mine) = shares.next() else { return Listing::default() };
        thread::scope(|scope| {
            let others: Vec<_> =
                shares.map(|share| scope.spawn(move || self.read_share(share, query))).collect();
            let mut listing = self.read_share(mine, query);
            for other in others {
                match other.join() {
                    Ok(older) => append(&mut listing, older, query),
                    Err(cause) => panic::resume_unwind(cause),
                }
            }
            listing
        })
    }

    fn read_share(&self, ids: &[TaskId], query: &Query) -> Listing {
        let mut listing = Listing::default();
        for id in ids {
            match self.read_one(id, query, &mut listing) {
                // Removed since the folder was listed.
                Ok(()) | Err(StoreError::NotFound { .. }) => {}
                Err(error) => listing.unreadable.push(self.unreadable(id, &error)),
            }
        }
        listing
    }

    /// Counts one record, and keeps its task if it is to be shown and there is room.
    fn read_one(
        &self,
        id: &TaskId,
        query: &Query,
        listing: &mut Listing,
    ) -> Result<(), StoreError> {
        let content = self.content(id)?;
        let full = || Ok(read(&content, id)?.task);
        let has_room = query.limit.is_none_or(|limit| listing.tasks.len() < limit);
        let sketch = record::sketch(&content, id);
        let (task, is_full) = match sketch {
            // What a query asks for is in the sketch.
            Some(sketch) if !has_room || !query.shows(&sketch) => (sketch, false),
            Some(_) | None => (full()?, true),
        };
        if query.counts(&task) {
            listing.tally.add(task.status());
        }
        if query.shows(&task) {
            if has_room && is_full {
                listing.tasks.push(task);
            } else {
                listing.omitted += 1;
            }
        }
        Ok(())
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

/// Adds `older` tasks behind those of `listing`, within the limit of `query`.
fn append(listing: &mut Listing, older: Listing, query: &Query) {
    let Listing { tally, tasks, omitted, unreadable } = older;
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
