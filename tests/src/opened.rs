//! Which files of a folder are opened, and how often, whoever does it: the kernel tells.
//!
//! Nothing here opens a file. Main type: [`Opened`].

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};

/// Counts from its making on.
#[derive(Debug)]
pub struct Opened {
    inotify: OwnedFd,
}

impl Opened {
    /// Begins to count in this folder.
    ///
    /// # Panics
    ///
    /// When the system does not tell.
    pub fn within(folder: &Path) -> Self {
        let flags = CreateFlags::NONBLOCK | CreateFlags::CLOEXEC;
        let inotify = inotify::init(flags).expect("the system tells");
        inotify::add_watch(&inotify, folder, WatchFlags::OPEN).expect("a folder");
        Self { inotify }
    }

    /// How often each file was opened, by name.
    pub fn counts(self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(self.inotify, &mut buffer);
        while let Ok(event) = reader.next() {
            let name = event.file_name().map(|name| name.to_string_lossy().into_owned());
            *counts.entry(name.unwrap_or_default()).or_insert(0) += 1;
        }
        counts
    }
}
