//! Where the folder of a store is, also after somebody moved it.
//!
//! Whoever has a file of the store open, as a supervisor has the log of its task, learns from the kernel where that file is
//! now; whoever waits has the folder itself open for that. A store that was found again is meant by all who share its
//! [`DataDir`]; one that is gone is not looked for.

use std::fs::{self, File, Metadata};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use domain::port::Whereabouts;
use rustix::fs::{Mode, OFlags};

use super::DataDir;

/// A folder, and where it was moved to, if that was noticed.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    moved: OnceLock<Box<Self>>,
    /// The folder, where a process keeps it open to find it again.
    held: OnceLock<File>,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.now() == other.now()
    }
}

impl Eq for Place {}

impl Place {
    pub(super) const fn of(path: PathBuf) -> Self {
        Self { path, moved: OnceLock::new(), held: OnceLock::new() }
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
        self.is_at(there);
        Whereabouts::Moved
    }

    /// Keeps the folder of the store open, so that [`settle`](Self::settle) finds it again wherever it is moved to. For
    /// whoever waits; does nothing where there is no such folder yet, or no descriptor left.
    pub fn hold(&self) {
        if self.place.held.get().is_some() {
            return;
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if let Ok(folder) = rustix::fs::open(self.root(), flags, Mode::empty()) {
            self.place.held.set(File::from(folder)).unwrap_or_default();
        }
    }

    /// Where the store is that is [held](Self::hold), whatever has its path by now; one that nobody holds counts as being
    /// where it was. From a return of [`Whereabouts::Moved`] on, every path is one of the new place.
    pub fn settle(&self) -> Whereabouts {
        let Some(held) = self.place.held.get() else { return Whereabouts::Here };
        if fs::metadata(self.root()).is_ok_and(|there| is_file(&there, held)) {
            return Whereabouts::Here;
        }
        match path_of(held) {
            Some(there) => {
                self.is_at(there);
                Whereabouts::Moved
            }
            None => Whereabouts::Gone,
        }
    }

    /// Where the store was when it was found first, if it was moved since.
    pub fn moved_from(&self) -> Option<&Path> {
        self.place.moved.get().map(|_| self.place.path.as_path())
    }

    fn is_at(&self, there: PathBuf) {
        self.place.last().moved.set(Box::new(Place::of(there))).unwrap_or_default();
    }
}

/// The folder and the name in it that an open file has now; `None` if it has none any more.
fn found_at(file: &File) -> Option<(PathBuf, std::ffi::OsString)> {
    let path = path_of(file)?;
    Some((path.parent()?.to_owned(), path.file_name()?.to_owned()))
}

/// The path that an open file has now; `None` if it has none any more.
fn path_of(file: &File) -> Option<PathBuf> {
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    is_same(&path, file).then_some(path)
}

fn is_same(path: &Path, file: &File) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| is_file(&there, file))
}

fn is_file(there: &Metadata, file: &File) -> bool {
    file.metadata().is_ok_and(|open| (there.dev(), there.ino()) == (open.dev(), open.ino()))
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

    #[test]
    fn a_store_that_is_held_is_found_again_whatever_has_its_path() {
        let home = tempfile::tempdir().expect("a folder");
        let at = |name: &str| home.path().join(name);
        fs::create_dir(at("one")).expect("a store");
        std::os::unix::fs::symlink(at("one"), at("link")).expect("a link");
        let (dir, by_link) = (DataDir::at(at("one")), DataDir::at(at("link")));
        assert_eq!(dir.settle(), Whereabouts::Here);
        dir.hold();
        by_link.hold();
        fs::rename(at("one"), at("two")).expect("moved");
        fs::create_dir(at("one")).expect("another store");
        assert_eq!((dir.settle(), dir.root()), (Whereabouts::Moved, &*at("two")));
        assert_eq!((by_link.settle(), by_link.root()), (Whereabouts::Moved, &*at("two")));
        assert_eq!((dir.settle(), dir.moved_from()), (Whereabouts::Here, Some(&*at("one"))));
        fs::remove_dir(at("two")).expect("removed");
        assert_eq!((dir.settle(), dir.root()), (Whereabouts::Gone, &*at("two")));
    }
}
