//! Notes of worktrees that are being made for tasks without a record, so that what a killed launcher left is
//! found again.
//!
//! A note is a file in the store. It is locked for as long as its launcher lives, and removed once the task has
//! a record or its worktree was taken back. A note that nobody holds is of a launcher that was cut off. Nothing
//! here touches a repository. Main type: [`FileBeginnings`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use domain::port::Fault;
use domain::port::worktrees::Wanted;
use domain::task::TaskId;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::data_dir::{DataDir, ownership};
use crate::disk;
use crate::effect::{effect, written};
use crate::fault::fault;

/// The largest note that is read, in bytes.
const MAX_NOTE: u64 = 64 * 1024;

/// The notes of a store.
#[derive(Clone, Debug)]
pub struct FileBeginnings {
    dir: DataDir,
}

/// A note that is held: by its launcher, or by whoever takes back what that one left. Dropping it removes the
/// note.
#[derive(Debug)]
#[must_use = "the note is removed when this is dropped"]
pub struct Beginning {
    /// The task that the worktree is for.
    pub id: TaskId,
    /// What is being made.
    pub wanted: Wanted,
    path: PathBuf,
    keeps: bool,
    _lock: File,
}

impl Beginning {
    /// Lets go of the note and leaves it, for whoever takes back later what is left.
    pub fn leave(mut self) {
        self.keeps = true;
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        if !self.keeps {
            // While it is locked. One that stays says what is there no more, and is removed by a cleanup.
            effect("unlink", &self.path, || fs::remove_file(&self.path)).unwrap_or_default();
        }
    }
}

/// What a note says.
#[derive(Serialize, Deserialize)]
struct Content {
    folder: String,
    path: String,
    branch: String,
}

impl FileBeginnings {
    /// The notes of the store in `dir`.
    pub fn new(dir: DataDir) -> Self {
        Self { dir }
    }

    /// Notes, before anything is made, what is wanted for a task.
    ///
    /// # Errors
    /// [`Fault`] if the note cannot be written; then nothing may be made.
    pub fn begin(&self, id: &TaskId, wanted: &Wanted) -> Result<Beginning, Fault> {
        let path = self.dir.beginning(id);
        let written = disk::prepared(&self.dir, || {
            self.dir.prepare_beginnings()?;
            write(&path, &self.dir.temp(&path), wanted)
        });
        let lock = written.map_err(|error| fault("noting a worktree in", &path, &error))?;
        Ok(Beginning { id: id.clone(), wanted: wanted.clone(), path, keeps: false, _lock: lock })
    }

    /// The notes of launchers that were cut off, of this branch alone if one is named. They are held from then on.
    ///
    /// # Errors
    /// [`Fault`] if the notes cannot be listed.
    pub fn cut_off(&self, branch: Option<&str>) -> Result<Vec<Beginning>, Fault> {
        let folder = self.dir.beginnings();
        let entries = match fs::read_dir(&folder) {
            Err(error) if disk::is_absent(&error) => return Ok(Vec::new()),
            other => other.map_err(|error| fault("listing", &folder, &error))?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        // A name that is no id is of a note that is being written.
        let ids = names.filter_map(|name| TaskId::parse(&name).ok());
        let held = ids.filter_map(|id| hold(self.dir.beginning(&id), id));
        Ok(held.filter_map(|held| chosen(held, branch)).collect())
    }
}

/// The note if it is of this branch; another one is left.
fn chosen(held: Beginning, branch: Option<&str>) -> Option<Beginning> {
    if branch.is_none_or(|branch| held.wanted.branch == branch) {
        return Some(held);
    }
    held.leave();
    None
}

/// Writes a note that is locked before it has its name.
fn write(path: &Path, unfinished: &Path, wanted: &Wanted) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let made = effect("create", unfinished, || options.open(unfinished))?;
    let mut file = ownership::handed_over(made)?;
    // Where nothing can be locked, nobody takes the note for one of a launcher that is gone.
    drop(effect("lock", unfinished, || Ok(file.try_lock()?)));
    let Wanted { folder, path: at, branch } = wanted.clone();
    let content = serde_json::to_vec(&Content { folder, path: at, branch })?;
    let named = written(unfinished, &content, |part| file.write_all(part))
        .and_then(|()| effect("rename to", path, || fs::rename(unfinished, path)));
    named.inspect_err(|_| fs::remove_file(unfinished).unwrap_or_default())?;
    Ok(file)
}

/// The note, if nobody holds it and it can be read.
fn hold(path: PathBuf, id: TaskId) -> Option<Beginning> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).ok()?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(&path).ok()?;
    file.try_lock().ok()?;
    let mut text = Vec::new();
    (&file).take(MAX_NOTE).read_to_end(&mut text).ok()?;
    let Content { folder, path: at, branch } = serde_json::from_slice(&text).ok()?;
    let wanted = Wanted { folder, path: at, branch };
    Some(Beginning { id, wanted, path, keeps: false, _lock: file })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::task::Timestamp;

    #[test]
    fn a_note_is_found_only_once_nobody_holds_it_and_is_removed_when_dropped() {
        let place = tempfile::tempdir().expect("a folder");
        let notes = FileBeginnings::new(DataDir::at(place.path().join("store")));
        let id = TaskId::mint(Timestamp::from_micros(1), [1, 2, 3]);
        let wanted =
            Wanted { folder: "/r".into(), path: "/w/1".into(), branch: "task-bg/1".into() };
        let held = notes.begin(&id, &wanted).expect("noted");
        assert!(notes.cut_off(None).expect("listed").is_empty(), "its launcher lives");
        held.leave();
        assert!(notes.cut_off(Some("task-bg/2")).expect("listed").is_empty());
        let found = notes.cut_off(Some("task-bg/1")).expect("listed");
        assert_eq!(found.iter().map(|it| &it.wanted).collect::<Vec<_>>(), [&wanted]);
        drop(found);
        assert!(notes.cut_off(None).expect("listed").is_empty());
    }
}
