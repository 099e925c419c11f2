//! The names of records as a folder lists them, one after another in one piece of memory: a store may have a hundred
//! thousand of them, and most are looked at once.

use std::ffi::{CStr, OsStr};

use domain::task::TaskId;

use super::super::derived::fnv;
use crate::data_dir::RECORD;

/// Names of records.
#[derive(Debug, Default)]
pub(in crate::store) struct Names {
    /// Each with the NUL that ends it.
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// The name of one.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Name<'a>(&'a CStr);

impl Names {
    /// Adds a name. No file has one with a NUL.
    pub(in crate::store) fn push(&mut self, name: &OsStr) {
        self.bytes.extend_from_slice(name.as_encoded_bytes());
        self.bytes.push(0);
        self.ends.push(self.bytes.len());
    }

    /// All of them.
    pub(in crate::store) fn all(&self) -> Vec<Name<'_>> {
        let mut start = 0;
        let name = |end: &usize| {
            let name = self.bytes.get(std::mem::replace(&mut start, *end)..*end)?;
            CStr::from_bytes_with_nul(name).ok().map(Name)
        };
        self.ends.iter().filter_map(name).collect()
    }
}

impl<'a> Name<'a> {
    /// The name of the file, for a system call.
    pub(in crate::store) const fn file(self) -> &'a CStr {
        self.0
    }

    /// The id of the task, in bytes.
    pub(super) fn stem(self) -> &'a [u8] {
        let name = self.0.to_bytes();
        name.strip_suffix(RECORD.as_bytes()).unwrap_or(name)
    }

    /// The number of the task.
    pub(in crate::store) fn number(self) -> u64 {
        fnv(self.stem().iter().copied())
    }

    /// The id of the task. Each name that is here has one.
    pub(super) fn id(self) -> Option<TaskId> {
        TaskId::parse(str::from_utf8(self.stem()).ok()?).ok()
    }
}
