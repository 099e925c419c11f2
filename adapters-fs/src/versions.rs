//! Which version a program is, remembered as long as the program stays the same.
//!
//! Some agents take seconds to say their version. A program counts as the same while its path, its size and the
//! time of its last change are. What cannot be kept is asked for again. Nothing here starts a program. Main
//! type: [`FileVersions`].

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::data_dir::DataDir;
use crate::disk::{Disk, Found, RealDisk};

/// The versions of programs, as far as they are known.
#[derive(Debug)]
pub struct FileVersions {
    dir: DataDir,
    known: BTreeMap<String, Known>,
}

/// What was known of a program when it said its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    size: u64,
    /// Nanoseconds since the epoch.
    changed: i64,
    version: String,
}

impl FileVersions {
    /// What is known beside the tasks of a store; nothing where it cannot be read.
    pub fn read(dir: DataDir) -> Self {
        let found = RealDisk.read(&dir.versions());
        let known = match found {
            Ok(Found::Plain(content)) => serde_json::from_slice(&content).unwrap_or_default(),
            Ok(Found::Absent | Found::Unfit(_)) | Err(_) => BTreeMap::new(),
        };
        Self { dir, known }
    }

    /// The version of a program that has not changed since it said it.
    pub fn of(&self, program: &Path) -> Option<&str> {
        let known = self.known.get(program.to_str()?)?;
        let (size, changed) = sign(program)?;
        ((known.size, known.changed) == (size, changed)).then_some(known.version.as_str())
    }

    /// Remembers what a program said. A path that is no text is not remembered.
    pub fn note(&mut self, program: &Path, version: &str) {
        if let (Some(path), Some((size, changed))) = (program.to_str(), sign(program)) {
            let known = Known { size, changed, version: version.to_owned() };
            self.known.insert(path.to_owned(), known);
        }
    }

    /// Keeps what is remembered, where there is a store.
    ///
    /// # Errors
    /// The disk's, if it cannot be kept.
    pub fn keep(&self) -> io::Result<()> {
        if !self.dir.root().is_dir() {
            return Ok(());
        }
        self.dir.prepare_attachments()?;
        let (path, content) = (self.dir.versions(), serde_json::to_vec(&self.known)?);
        let half_written = self.dir.temp(&path);
        RealDisk.write_new(&half_written, &content)?;
        RealDisk.rename(&half_written, &path).map(drop)
    }
}

/// What changes when a program is replaced: its size, and the time of its last change.
fn sign(program: &Path) -> Option<(u64, i64)> {
    let found = fs::metadata(program).ok()?;
    let nanos = found.mtime().checked_mul(1_000_000_000)?.checked_add(found.mtime_nsec())?;
    Some((found.len(), nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_until_the_program_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("agent");
        fs::write(&program, "one").expect("written");
        let dir = DataDir::at(folder.path().join("store"));
        dir.prepare().expect("a store");
        let mut versions = FileVersions::read(dir.clone());
        assert_eq!(versions.of(&program), None);
        versions.note(&program, "1.2.3");
        versions.keep().expect("kept");
        let again = FileVersions::read(dir);
        assert_eq!(again.of(&program), Some("1.2.3"));
        fs::write(&program, "another").expect("written");
        assert_eq!(again.of(&program), None);
    }

    #[test]
    fn nothing_is_made_where_there_is_no_store() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = DataDir::at(folder.path().join("store"));
        FileVersions::read(dir.clone()).keep().expect("nothing to do");
        assert!(!dir.root().exists());
    }
}
