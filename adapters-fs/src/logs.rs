//! What tasks wrote: the readable log and the raw event stream.
//!
//! Agents write these files themselves, opened to append, so nothing here stands between an agent and
//! its log; whoever concludes a task appends what a dead supervisor left out. Reading takes memory for the part that was asked for,
//! whatever the size of the whole. Where the middle of a log was given back to the disk, the text
//! names the gap.

mod part;
mod putting_back;
pub(crate) mod second_names;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use domain::port::{Fault, LogPart, LogText, OutputLog, Stream};
use domain::run::log_bound;
use domain::task::{TaskId, Timestamp};
use rustix::fs::{FallocateFlags, OFlags};
use rustix::io::Errno;

use crate::data_dir::{DataDir, ownership};
use crate::disk;
use crate::effect::{effect, written};
use crate::fault::fault;
use crate::life_lock::{identity, is_still};

/// What is said of a folder, a pipe and the like.
const NOT_PLAIN: &str = "it is no plain file";

/// The logs of a store.
#[derive(Clone, Debug)]
pub struct FileLogs {
    dir: DataDir,
}

/// The two files that an agent writes, opened to append.
#[derive(Debug)]
pub struct AgentFiles {
    /// For its standard output: the raw event stream.
    pub events: File,
    /// For its standard error, and whatever else a person reads.
    pub output: File,
}

impl FileLogs {
    /// The logs of the store in `dir`.
    pub fn new(dir: DataDir) -> Self {
        Self { dir }
    }

    /// Makes both logs of a task, or opens those that are there, to append.
    ///
    /// # Errors
    /// What the system says.
    pub fn create_for_agent(&self, id: &TaskId) -> io::Result<AgentFiles> {
        let events = append(&self.dir.events(id))?;
        let output = append(&self.dir.output(id))?;
        Ok(AgentFiles { events, output })
    }

    /// Makes the event stream of a task, or opens the one that is there, to append.
    ///
    /// # Errors
    /// What the system says; that what has its name is no plain file.
    pub fn append_events(&self, id: &TaskId) -> io::Result<File> {
        append(&self.whereabouts(id, Stream::Events))
    }

    /// Makes the readable log of a task, or opens the one that is there, to append.
    ///
    /// # Errors
    /// What the system says.
    pub fn append_output(&self, id: &TaskId) -> io::Result<File> {
        append(&self.whereabouts(id, Stream::Readable))
    }

    /// Opens the raw event stream of a task from its beginning. `None` if there is none.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::InvalidInput`] if it is no plain file.
    pub fn open_events(&self, id: &TaskId) -> io::Result<Option<File>> {
        self.open(id, Stream::Events)
    }

    /// Opens a log: by its second name as long as there is one, since another file may have the first.
    fn open(&self, id: &TaskId, which: Stream) -> io::Result<Option<File>> {
        match open_plain(&self.dir.second_name(id, which)) {
            Ok(Some(log)) => Ok(Some(log)),
            Ok(None) | Err(_) => open_plain(&self.path(id, which)),
        }
    }

    fn path(&self, id: &TaskId, which: Stream) -> PathBuf {
        self.dir.log(id, which)
    }
}

#[async_trait]
impl OutputLog for FileLogs {
    async fn read(&self, id: &TaskId, which: Stream, part: LogPart) -> Result<LogText, Fault> {
        let path = self.path(id, which);
        let read = || match self.open(id, which)? {
            Some(file) => part::read(&file, part),
            None => Ok(LogText::default()),
        };
        read().map_err(|error| fault("reading the log", &path, &error))
    }

    async fn append(&self, id: &TaskId, text: &str) -> Result<(), Fault> {
        let path = self.whereabouts(id, Stream::Readable);
        let appended = append(&path)
            .and_then(|mut log| written(&path, text.as_bytes(), |part| log.write_all(part)));
        appended.map_err(|error| fault("completing the log", &path, &error))
    }

    async fn give_back(&self, id: &TaskId, most: u64) -> Result<(), Fault> {
        for which in [Stream::Readable, Stream::Events] {
            let path = self.whereabouts(id, which);
            let names = [self.dir.log(id, which), self.dir.second_name(id, which)];
            let open = || give_back(&path, &names, most);
            open().map_err(|error| fault("giving back the middle of the log", &path, &error))?;
        }
        Ok(())
    }

    async fn is_made(&self, id: &TaskId) -> bool {
        fs::symlink_metadata(self.path(id, Stream::Readable)).is_ok()
    }

    async fn last_write(&self, id: &TaskId) -> Result<Option<Timestamp>, Fault> {
        let mut last = None;
        for which in [Stream::Readable, Stream::Events] {
            let path = self.whereabouts(id, which);
            match fs::symlink_metadata(&path) {
                // An empty one was made at launch, and nobody wrote to it yet.
                Ok(file) if file.len() > 0 => last = last.max(Some(modified(&file))),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(fault("looking at the log", &path, &error)),
            }
        }
        Ok(last)
    }

    fn location(&self, id: &TaskId, which: Stream) -> String {
        self.path(id, which).display().to_string()
    }
}

/// Gives back the middle of a log that has these names. What has others besides is somebody else's file as well, and stays whole.
fn give_back(path: &Path, names: &[PathBuf], most: u64) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let taken = found.blocks().saturating_mul(512);
    let Some((from, to)) = log_bound::middle(found.len(), most) else { return Ok(()) };
    if !found.is_file() || taken <= log_bound::brim(most) {
        return Ok(());
    }
    let is_it = |name: &&PathBuf| is_still(name, identity(&found)).unwrap_or(false);
    if found.nlink() > names.iter().filter(is_it).count() as u64 {
        return Ok(());
    }
    let file = append(path)?;
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    // Where no hole can be made the log stays as it is.
    rustix::fs::fallocate(&file, flags, from, to - from).unwrap_or_default();
    Ok(())
}

/// Makes a log, or opens the one that is there, to append. Waits for nobody: a pipe may have its name.
fn append(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW;
    let made = effect("create", path, || disk::opened(path, flags | OFlags::EXCL));
    let there = match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let open = || disk::opened(path, flags | OFlags::NONBLOCK);
            let file = plain(effect("create", path, open).map_err(worded)?)?;
            // An agent gets the file as it would if it had made it.
            rustix::fs::fcntl_setfl(&file, OFlags::APPEND)?;
            file
        }
        made => made?,
    };
    ownership::handed_over(there)
}

fn open_plain(path: &Path) -> io::Result<Option<File>> {
    match disk::open(path, OFlags::NOFOLLOW) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => plain(opened.map_err(worded)?).map(Some),
    }
}

/// Says of what has the name of a log and cannot be opened what it is.
fn worded(error: io::Error) -> io::Error {
    let words = match Errno::from_io_error(&error) {
        Some(Errno::LOOP) => {
            "it is a symbolic link, and none is followed; `task-bg doctor` names it"
        }
        Some(Errno::NXIO | Errno::ISDIR) => NOT_PLAIN,
        Some(_) | None => return error,
    };
    io::Error::new(io::ErrorKind::InvalidInput, words)
}

fn plain(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, NOT_PLAIN))
    }
}

fn modified(file: &fs::Metadata) -> Timestamp {
    Timestamp::from_micros(
        file.mtime().saturating_mul(1_000_000).saturating_add(file.mtime_nsec() / 1_000),
    )
}

#[cfg(test)]
mod tests;
