//! Keys, as symbolic links that name their task: made and read in one system call, never half there.
//!
//! The lock is held for as long as a launch takes, so it is one of a fixed set of its own. A key
//! outlives its task, and is worth nothing without the task's record. Decides nothing.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use domain::port::{Fault, KeyEntry, Keys};
use domain::task::TaskId;

use crate::data_dir::DataDir;
use crate::fault::fault;
use crate::store::shard;

/// How long to wait for launches with the same key, each of which takes milliseconds.
const DEADLINE: Duration = Duration::from_secs(30);

/// The keys of a store.
#[derive(Clone, Debug)]
pub struct FileKeys {
    dir: DataDir,
}

impl FileKeys {
    /// The keys of the store in `dir`.
    pub fn new(dir: DataDir) -> Self {
        Self { dir }
    }
}

struct Opened {
    dir: DataDir,
    path: PathBuf,
    owner: Option<TaskId>,
    _held: shard::Held,
}

#[async_trait]
impl Keys for FileKeys {
    async fn open(&self, key: &str) -> Result<Box<dyn KeyEntry>, Fault> {
        let lock = self.dir.key_lock(key);
        let path = self.dir.key(key).ok_or_else(|| Fault {
            step: "looking up the key".to_owned(),
            reason: "it is too long".to_owned(),
        })?;
        let prepared = self.dir.prepare();
        prepared.map_err(|error| fault("making the folder", self.dir.root(), &error))?;
        let held = shard::take(&lock, DEADLINE)
            .and_then(|held| held.ok_or_else(|| io::ErrorKind::TimedOut.into()))
            .map_err(|error| fault("locking", &lock, &error))?;
        let owner = match fs::read_link(&path) {
            Ok(target) => target.to_str().and_then(|id| TaskId::parse(id).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(fault("reading the key", &path, &error)),
        };
        Ok(Box::new(Opened { dir: self.dir.clone(), path, owner, _held: held }))
    }
}

#[async_trait]
impl KeyEntry for Opened {
    fn owner(&self) -> Option<&TaskId> {
        self.owner.as_ref()
    }

    async fn give(&mut self, id: &TaskId) -> Result<(), Fault> {
        let temp = self.dir.temp(&self.path);
        symlink(id.as_str(), &temp)
            .and_then(|()| fs::rename(&temp, &self.path))
            .map_err(|error| fault("giving away the key", &self.path, &error))?;
        self.owner = Some(id.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_given_once_and_then_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = FileKeys::new(DataDir::at(folder.path().join("store")));
        let open = |key| pollster::block_on(keys.open(key)).expect("opened");
        let (one, two) =
            (TaskId::parse("bg_1").expect("an id"), TaskId::parse("bg_2").expect("an id"));
        for (key, id) in [("nightly", &one), ("../../x", &two)] {
            let mut entry = open(key);
            assert_eq!(entry.owner(), None);
            pollster::block_on(entry.give(id)).expect("given");
        }
        assert_eq!(open("nightly").owner(), Some(&one));
        assert_eq!(open("../../x").owner(), Some(&two));
        assert!(pollster::block_on(keys.open(&"x".repeat(300))).is_err());
    }
}
