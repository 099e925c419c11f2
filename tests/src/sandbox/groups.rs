//! The control groups of a sandbox, which outlive its processes.
//!
//! Removes no group but those that its records name.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Sandbox;
use crate::process::comes_true;

/// What the name of a note ends with that a group could not be removed yet.
pub(super) const NOTE: &str = ".group";

impl Sandbox {
    /// The notes of groups that could not be removed yet.
    pub fn groups_left(&self) -> Vec<String> {
        self.beside_locks().into_iter().filter(|name| name.ends_with(NOTE)).collect()
    }
}

/// Removes the groups of a store whose processes have been killed: nobody is left to put them away.
pub(super) fn remove(store: &Path) {
    for group in named(store) {
        let left = || fs::remove_dir(&group).is_err_and(|it| it.kind() == ErrorKind::ResourceBusy);
        let _ = comes_true(|| !left());
    }
}

/// Those that the records of a store name.
fn named(store: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(store).into_iter().flatten().flatten();
    // Among hostile names are pipes, and links to what has no end.
    let is_record = |entry: &fs::DirEntry| {
        let plain = entry.metadata().is_ok_and(|it| it.is_file() && it.len() < 1 << 20);
        plain && entry.file_name().to_string_lossy().ends_with(".json")
    };
    let entries = entries.filter(is_record);
    let record = |path: PathBuf| serde_json::from_slice::<Value>(&fs::read(path).ok()?).ok();
    let records = entries.filter_map(|entry| record(entry.path()));
    let named = records.filter_map(|it| Some(it["progress"]["cgroup"].as_str()?.into()));
    let is_ours = |group: &PathBuf| {
        group.starts_with("/sys/fs/cgroup")
            && group.file_name().is_some_and(|it| it.to_string_lossy().starts_with("task-bg-bg_"))
    };
    named.filter(is_ours).collect()
}
