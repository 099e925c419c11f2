//! The environments of tasks that wait in the queue: each in a file of its own, for the owner alone.
//!
//! A task starts with the environment of its launcher, not of whoever happens to let it in. It is
//! never in a record, a log or an answer, and never looked at here.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use domain::task::TaskId;

use crate::data_dir::DataDir;
use crate::disk::{Disk, RealDisk};

/// What ends a kept environment, so that a file that was cut short is told from a whole one.
const END: &[u8] = b"=";

/// Variables with their values.
pub type Variables = Vec<(OsString, OsString)>;

/// The kept environments of a store.
#[derive(Clone, Debug)]
pub struct FileEnvironments {
    dir: DataDir,
}

impl FileEnvironments {
    /// The kept environments of the store in `dir`.
    pub fn new(dir: DataDir) -> Self {
        Self { dir }
    }

    /// Keeps an environment for a task that is about to wait.
    ///
    /// # Errors
    /// What the system says if it cannot be written.
    pub fn keep(&self, id: &TaskId, variables: &[(OsString, OsString)]) -> io::Result<()> {
        let mut content = Vec::new();
        for (name, value) in variables {
            content.extend([name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat());
        }
        content.extend(END);
        self.dir.prepare()?;
        let path = self.dir.environment(id);
        RealDisk.write_new(&path, &content).inspect_err(|_| {
            fs::remove_file(&path).unwrap_or_default();
        })
    }

    /// The environment kept for a task.
    ///
    /// # Errors
    /// What the system says if there is none or it cannot be read; [`io::ErrorKind::InvalidData`]
    /// if it was cut short.
    pub fn kept(&self, id: &TaskId) -> io::Result<Variables> {
        let content = fs::read(self.dir.environment(id))?;
        let whole =
            content.strip_suffix(END).filter(|rest| rest.is_empty() || rest.ends_with(b"\0"));
        let Some(whole) = whole else { return Err(io::ErrorKind::InvalidData.into()) };
        let entries = whole.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
        Ok(entries.filter_map(variable).collect())
    }

    /// Forgets the environment kept for a task; nothing happens if there is none.
    ///
    /// # Errors
    /// What the system says if it is there and cannot be removed.
    pub fn forget(&self, id: &TaskId) -> io::Result<()> {
        match fs::remove_file(self.dir.environment(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// A name may begin with the sign that ends it, as some shells have it.
fn variable(entry: &[u8]) -> Option<(OsString, OsString)> {
    let at = entry.iter().skip(1).position(|byte| *byte == b'=')? + 1;
    let (name, value) = (OsStr::from_bytes(&entry[..at]), &entry[at + 1..]);
    Some((name.to_owned(), OsString::from_vec(value.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environments() -> (tempfile::TempDir, FileEnvironments, TaskId) {
        let folder = tempfile::tempdir().expect("a folder");
        let environments = FileEnvironments::new(DataDir::at(folder.path().join("store")));
        (folder, environments, TaskId::parse("bg_1").expect("an id"))
    }

    #[test]
    fn what_is_kept_comes_back_to_the_byte() {
        let (_folder, environments, id) = environments();
        let kept: Variables = [("A", "b=c\nd"), ("EMPTY", ""), ("LATIN", "x")]
            .map(|(name, value)| (name.into(), value.into()))
            .into_iter()
            .chain([("BYTES".into(), OsString::from_vec(vec![0xff, b'=']))])
            .collect();
        environments.keep(&id, &kept).expect("kept");
        assert_eq!(environments.kept(&id).expect("there"), kept);
        environments.forget(&id).expect("forgotten");
        assert!(environments.kept(&id).is_err());
        environments.forget(&id).expect("forgotten twice");
    }

    #[test]
    fn an_environment_that_was_cut_short_is_not_taken_for_a_whole_one() {
        let (_folder, environments, id) = environments();
        environments.keep(&id, &[("A".into(), "b".into())]).expect("kept");
        let path = environments.dir.environment(&id);
        for length in 0..5 {
            let whole = b"A=b\0=";
            fs::write(&path, &whole[..length]).expect("written");
            assert!(environments.kept(&id).is_err(), "{length} bytes");
        }
    }
}
