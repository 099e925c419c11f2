//! Where the folder of a store is, also after somebody moved it.
//!
//! Whoever has a file of the store open, as a supervisor has the log of its task, learns from the kernel where that file is
//! now. A store that was found again is meant by all who share its [`DataDir`]; one that is gone is not looked for.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use domain::port::Whereabouts;

use super::DataDir;

/// A folder, and where it was moved to, if that was noticed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    path: PathBuf,
    moved: OnceLock<Box<Self>>,
}

impl Place {
    pub(super) const fn of(path: PathBuf) -> Self {
        Self { path, moved: OnceLock::new() }
    }

    fn last(&self) -> &Self {
        let mut place = self;
        while let Some(next) = place.moved.get() {
            place = next;
        }
        place
    }

    /// Where it is as far as is known.
    pub(super) fn now(&self) -> &Path {
        &self.last().path
    }
}

impl DataDir {
    /// Where the store is that the open file `part` was made in, by the name that `part` has now. From a return of
    /// [`Whereabouts::Moved`] on, every path is one of the new place.
    pub fn follow(&self, part: &File) -> Whereabouts {
        let folder = self.root();
        let Some((there, name)) = found_at(part) else {
            return if folder.is_dir() { Whereabouts::Here } else { Whereabouts::Gone };
        };
        if is_same(&Self::entry(folder, &name), part) {
            return Whereabouts::Here;
        }
        // Of a log alone that was moved, or of one in a copy, nothing follows for the store.
        if there == folder || !Self::at(there.clone()).active().is_dir() {
            return if folder.is_dir() { Whereabouts::Here } else { Whereabouts::Gone };
        }
        let place = Box::new(Place::of(there));
        self.place.last().moved.set(place).unwrap_or_default();
        Whereabouts::Moved
    }
}

/// The folder and the name in it that an open file has now; `None` if it has none any more.
fn found_at(file: &File) -> Option<(PathBuf, std::ffi::OsString)> {
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    let (folder, name) = (path.parent()?, path.file_name()?);
    is_same(&path, file).then(|| (folder.to_owned(), name.to_owned()))
}

fn is_same(path: &Path, file: &File) -> bool {
    let (Ok(there), Ok(open)) = (fs::symlink_metadata(path), file.metadata()) else { return false };
    (there.dev(), there.ino()) == (open.dev(), open.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_found_again_as_often_as_it_is_moved() {
        let home = tempfile::tempdir().expect("a folder");
        let at = |name: &str| home.path().join(name);
        fs::create_dir_all(at("one").join(".active")).expect("a store");
        let dir = DataDir::at(at("one"));
        let log = File::create(at("one").join("bg_1.out")).expect("a log");
        let shared = dir.clone();
        assert_eq!(dir.follow(&log), Whereabouts::Here);
        for (from, to) in [("one", "two"), ("two", "three")] {
            fs::rename(at(from), at(to)).expect("moved");
            assert_eq!(dir.follow(&log), Whereabouts::Moved);
            assert_eq!((shared.root(), dir.follow(&log)), (&*at(to), Whereabouts::Here));
        }
        fs::remove_file(at("three").join("bg_1.out")).expect("removed");
        assert_eq!(dir.follow(&log), Whereabouts::Here);
        fs::remove_dir_all(at("three")).expect("removed");
        assert_eq!(dir.follow(&log), Whereabouts::Gone);
        fs::write(at("three"), "").expect("a file");
        assert_eq!(dir.follow(&log), Whereabouts::Gone);
    }
}
