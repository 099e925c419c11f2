//! The files that records were in before: when their space goes back to the disk, and what their descriptors give way to.
//!
//! Giving space back takes time, so it is put off to a moment at which nobody waits. Each such file takes a descriptor
//! meanwhile. Nothing here is ever read or written again.

use std::io;
use std::sync::{MutexGuard, PoisonError};

use domain::task::Weight;
use rustix::io::Errno;

use super::FileStore;
use crate::disk::Replaced;

/// The most replaced files that are kept for later: each takes a descriptor.
pub(super) const MAX_REPLACED: usize = 4;

impl FileStore {
    /// Does something that takes a descriptor. Where there is none left, those of what was replaced are closed for it.
    pub(super) fn with_descriptors<T>(&self, act: impl Fn() -> io::Result<T>) -> io::Result<T> {
        act().or_else(|error| {
            let none_left = [Errno::MFILE, Errno::NFILE];
            let lacks = Errno::from_io_error(&error).is_some_and(|it| none_left.contains(&it));
            let old = if lacks { std::mem::take(&mut *self.replaced()) } else { Vec::new() };
            if old.is_empty() {
                return Err(error);
            }
            drop(old);
            act()
        })
    }

    pub(super) fn replaced(&self) -> MutexGuard<'_, Vec<Replaced>> {
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what was replaced back to the disk, if this is a moment at which nobody waits: not
    /// after a lasting change, which somebody is about to be told of, unless there is too much.
    pub(super) fn give_back(&self, weight: Weight) {
        let mut replaced = self.replaced();
        let kept = match weight {
            Weight::Lasting => MAX_REPLACED,
            Weight::Passing => 0,
        };
        let surplus = replaced.len().saturating_sub(kept);
        let old: Vec<Replaced> = replaced.drain(..surplus).collect();
        drop(replaced);
        drop(old);
    }
}
