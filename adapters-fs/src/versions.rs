//! Which version a program is, remembered as long as the program stays the same.
//!
//! Some agents take seconds to say their version. A program counts as the same while its path, its size and the
//! time of its last change are. What cannot be kept is asked for again. Nothing here starts a program. Main
//! type: [`FileVersions`].

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, io};

use domain::task::Timestamp;
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
    /// When it said nothing in time, in microseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    silent_at: Option<i64>,
}

/// How long a program that said nothing in time is not asked again, in microseconds: a machine may have been at
/// work.
const SILENCE: i64 = 3_600_000_000;

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
        let known = self.known(program)?;
        known.silent_at.is_none().then_some(known.version.as_str())
    }

    /// Whether a program that has not changed since said nothing in time, less than an hour before `now`.
    pub fn is_silent(&self, program: &Path, now: Timestamp) -> bool {
        let silent_at = self.known(program).and_then(|known| known.silent_at);
        let age = silent_at.and_then(|at| now.as_micros().checked_sub(at));
        age.is_some_and(|age| (0..SILENCE).contains(&age))
    }

    /// What is known of a program that has not changed since.
    fn known(&self, program: &Path) -> Option<&Known> {
        let known = self.known.get(program.to_str()?)?;
        ((known.size, known.changed) == sign(program)?).then_some(known)
    }

    /// Remembers what a program said. A path that is no text is not remembered.
    pub fn note(&mut self, program: &Path, version: &str) {
        self.keep_in_mind(program, version, None);
    }

    /// Remembers that a program said nothing in time.
    pub fn note_silence(&mut self, program: &Path, now: Timestamp) {
        self.keep_in_mind(program, "", Some(now.as_micros()));
    }

    fn keep_in_mind(&mut self, program: &Path, version: &str, silent_at: Option<i64>) {
        if let (Some(path), Some((size, changed))) = (program.to_str(), sign(program)) {
            let known = Known { size, changed, version: version.to_owned(), silent_at };
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
    fn a_silence_is_known_for_an_hour_and_is_no_version() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("agent");
        fs::write(&program, "one").expect("written");
        let mut versions = FileVersions::read(DataDir::at(folder.path().join("store")));
        let at = Timestamp::from_micros;
        versions.note_silence(&program, at(1_000));
        assert_eq!(versions.of(&program), None);
        assert!(versions.is_silent(&program, at(1_000 + SILENCE - 1)));
        assert!(!versions.is_silent(&program, at(1_000 + SILENCE)));
        versions.note(&program, "1.2.3");
        assert!(!versions.is_silent(&program, at(1_001)));
    }

    #[test]
    fn nothing_is_made_where_there_is_no_store() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = DataDir::at(folder.path().join("store"));
        FileVersions::read(dir.clone()).keep().expect("nothing to do");
        assert!(!dir.root().exists());
    }
}
