//! Listing a store: newest first, everything counted, what cannot be read named.
//!
//! A listing looks at every name, and shares them among threads where there are many: what is outlined
//! ([`super::outlines`]), and what will not be shown, is counted without being read in full. Of what may be shown only the
//! newest is kept, and read in the end. Nothing else is sorted. Every record is its own fault domain: the listing names
//! one that is broken, foreign or no file at all, with the reason, and lists the others.

mod keyed;
mod names;
mod newest;
mod reader;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use domain::port::StoreError;
use domain::task::{Listing, Query, Task, TaskId, Unreadable};

pub(super) use self::names::{Name, Names};
use self::reader::Reader;
use super::FileStore;
use super::outlines::Outlines;
use super::shares::{RECORDS, in_shares};
use crate::data_dir::{Entry, Named};

/// The fewest records to be read in full that are worth a second thread.
const WHOLE: usize = 48;

impl FileStore {
    pub(super) fn listing(&self, query: &Query) -> Result<Listing, StoreError> {
        let (mut names, mut misnamed) = (Names::default(), Vec::<OsString>::new());
        self.names(&mut |name| {
            match Named::of(name) {
                Named::Record(_) => names.push(name),
                Named::Misnamed => misnamed.push(name.to_owned()),
                Named::Temp | Named::Other => {}
            }
            true
        })?;
        let names = names.all();
        let outlines = Outlines::of(self, names.len());
        let fresh = || Reader::new(self, query, &outlines);
        let shares = in_shares(&names, RECORDS, |share| fresh().looking_at(share));
        let all = shares.into_iter().fold(fresh(), Reader::with);
        let chosen = all.chosen();
        let read = in_shares(&chosen, WHOLE, |share| self.each_read(share));
        let (mut listing, learnt) = all.listing(read.into_iter().flatten());
        outlines.keep(self, learnt.fresh, &names);
        self.unended_again(&learnt.unended);
        listing.unreadable.sort_unstable_by(|a, b| b.file.cmp(&a.file));
        misnamed.sort_unstable();
        listing.unreadable.extend(misnamed.iter().map(|name| Unreadable {
            file: shown(name),
            reason: "its name is no task id".to_owned(),
        }));
        Ok(listing)
    }

    /// Reads each of these records in full.
    fn each_read(&self, ids: &[TaskId]) -> Vec<Result<Task, StoreError>> {
        ids.iter().map(|id| self.task(id).map(|task| self.with_logs(task))).collect()
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

/// A file name as text. Bytes that are no text are replaced.
fn shown(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}
