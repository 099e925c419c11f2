//! Which tasks work in which session: an index that is only derived.
//!
//! A task stays in it until no report of its session is taken any more: after an ending that was a guess, until the
//! task is removed. One that others recorded comes into it with such an ending.
//!
//! The entry of a session is a symbolic link in `.sessions/` that points nowhere: its target is the
//! ids of the tasks, separated by spaces. Such an entry appears, changes and is read in one system
//! call, and can never be seen half-written. It is not synced. A look at the records that nobody has
//! seen yet finds what the index misses ([`super::seen`]), and whoever reads a record notices what the
//! index has too much. So nothing here is ever an error.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::port::StoreError;
use domain::task::{SessionId, Task, TaskId};

use super::{FileStore, shard};
use crate::data_dir::{DataDir, ownership};
use crate::effect::effect;

/// How long to wait for the lock of an entry before it stays as it is.
const DEADLINE: Duration = Duration::from_millis(250);
/// The longest target a link may have, in bytes.
const MAX_TARGET: usize = 4_000;

/// Notes that the task works in `sessions`.
pub(super) fn add<'a>(dir: &DataDir, sessions: impl Iterator<Item = &'a SessionId>, id: &TaskId) {
    for session in sessions {
        let Some(path) = dir.session(session) else { continue };
        match link(id.as_str(), &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                change(dir, session, &path, |ids| {
                    if !ids.contains(id) {
                        ids.push(id.clone());
                    }
                });
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Forgets that the task works in `sessions`.
pub(super) fn remove<'a>(
    dir: &DataDir,
    sessions: impl Iterator<Item = &'a SessionId>,
    id: &TaskId,
) {
    for session in sessions {
        if let Some(path) = dir.session(session) {
            change(dir, session, &path, |ids| ids.retain(|known| known != id));
        }
    }
}

/// Changes one entry under its lock. Best effort.
fn change(dir: &DataDir, session: &SessionId, path: &Path, edit: impl FnOnce(&mut Vec<TaskId>)) {
    let Ok(Some(_lock)) = shard::take(&dir.session_shard(session), DEADLINE) else { return };
    let before = read(path);
    let mut after = before.clone();
    edit(&mut after);
    if after != before {
        replace(dir, path, &after).unwrap_or_default();
    }
}

fn replace(dir: &DataDir, path: &Path, ids: &[TaskId]) -> io::Result<()> {
    let target = ids.iter().map(TaskId::as_str).collect::<Vec<_>>().join(" ");
    if target.is_empty() {
        return effect("unlink", path, || fs::remove_file(path));
    }
    if target.len() > MAX_TARGET {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let temp = dir.temp(path);
    link(&target, &temp)?;
    effect("rename to", path, || fs::rename(&temp, path))
}

fn link(target: &str, path: &Path) -> io::Result<()> {
    effect("symlink", path, || symlink(target, path))?;
    ownership::hand_over(path)
}

/// The tasks that the entry at `path` names.
pub(super) fn read(path: &Path) -> Vec<TaskId> {
    let target = fs::read_link(path).map(PathBuf::into_os_string).unwrap_or_default();
    let target = target.to_str().unwrap_or_default();
    target.split(' ').filter_map(|id| TaskId::parse(id).ok()).collect()
}

impl FileStore {
    /// The tasks that a report about `session` means: those of the index, and if it knows none that has not
    /// ended, those that others recorded as well ([`super::seen`]).
    pub(super) fn working_in(&self, session: &SessionId) -> Result<Vec<TaskId>, StoreError> {
        let theirs = |id: &TaskId| self.task(id).ok().filter(|task| task.works_in(session));
        let indexed = self.dir.session(session).map(|path| read(&path)).unwrap_or_default();
        let mut found: Vec<Task> = indexed.iter().filter_map(theirs).collect();
        if found.iter().all(|task| task.status().is_ended()) {
            found.extend(self.not_indexed_in(session)?.iter().filter_map(theirs));
        }
        Ok(Task::meant_by_report(found))
    }
}
