//! What the start of a task needs besides its record: each piece in a file of its own beside the life
//! locks, for the owner alone.
//!
//! An environment is written under its final name and no other, so that whoever dies in between
//! leaves no secret under a name that nobody understands. A mark at the end of the file tells a whole
//! environment from one that was cut short. Nothing here looks at what it keeps, and none of it gets
//! into a record, a log or an answer. Main type: [`FileKits`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use domain::port::kits::Environment;
use domain::port::{Attachment, Fault, Further, Kit, Kits};
use domain::task::TaskId;
use domain::task::droid::Instructions;
use rustix::io::Errno;

use crate::data_dir::DataDir;
use crate::disk::{self, Disk, Found, RealDisk};
use crate::fault::fault;
use crate::logs::second_names;

/// What ends a kept environment, so that a file that was cut short is told from a whole one.
const END: &[u8] = b"=";

/// What is kept for the starts of the tasks of a store.
#[derive(Clone, Debug)]
pub struct FileKits {
    dir: DataDir,
    disk: Arc<dyn Disk>,
}

impl FileKits {
    /// What is kept in the store in `dir`. Touches nothing until it is used.
    pub fn new(dir: DataDir) -> Self {
        Self::on(dir, Arc::new(RealDisk))
    }

    pub(crate) fn on(dir: DataDir, disk: Arc<dyn Disk>) -> Self {
        Self { dir, disk }
    }

    /// Where the instructions of a task that has not ended are, if its agent is given any.
    pub fn instructions(&self, id: &TaskId) -> Option<PathBuf> {
        Some(self.dir.instructions(id)).filter(|path| path.is_file())
    }

    /// Keeps a file that agents have to find, and returns where it is. Such a file has nothing secret in it,
    /// is the same for all tasks that need it, and stays.
    ///
    /// # Errors
    /// The disk's, if it cannot be kept.
    pub fn attach(&self, file: &Attachment) -> io::Result<PathBuf> {
        let Attachment { stem, extension, content } = file;
        let path = self.dir.attachment(stem, extension, content);
        if matches!(self.disk.read(&path)?, Found::Plain(known) if known == content.as_bytes()) {
            return Ok(path);
        }
        self.dir.prepare_attachments()?;
        let half_written = self.dir.temp(&path);
        self.disk.write_new(&half_written, content.as_bytes())?;
        drop(self.disk.rename(&half_written, &path)?);
        Ok(path)
    }

    /// Keeps what a command is to read as its standard input, for as long as there is a record of the task, and
    /// says where: later attempts read the same.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be written.
    pub fn keep_input(&self, id: &TaskId, content: &[u8]) -> Result<PathBuf, Fault> {
        let path = self.dir.input(id);
        let kept = self.write(&path, content);
        kept.map_err(|error| fault("keeping the standard input in", &path, &error))?;
        Ok(path)
    }

    /// Removes it again, for a task that was not recorded.
    pub fn forget_input(&self, id: &TaskId) {
        // What stays is removed by a sweep.
        disk::forget(&*self.disk, &self.dir.input(id)).unwrap_or_default();
    }

    /// Writes a file, durably, in place of whatever a dead process left under its name.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.replace(path, || self.disk.write_new(path, content))
    }

    /// Makes a file with `write` in place of whatever a dead process left under its name.
    fn replace(&self, path: &Path, write: impl Fn() -> io::Result<()>) -> io::Result<()> {
        disk::forget(&*self.disk, path)?;
        disk::prepared(&self.dir, write).inspect_err(|_| {
            disk::forget(&*self.disk, path).unwrap_or_default();
        })
    }

    /// Writes the instructions; their task is not announced yet, so nothing is synced.
    fn write_instructions(&self, id: &TaskId, instructions: &Instructions) -> Result<(), Fault> {
        let (path, content) = (self.dir.instructions(id), instructions.as_str().as_bytes());
        self.replace(&path, || self.disk.write_unsynced(&path, content))
            .map_err(|error| fault("keeping the instructions in", &path, &error))
    }

    /// Lets a second task have the same instructions, if there are any.
    fn link_instructions(&self, from: &TaskId, to: &TaskId) -> io::Result<()> {
        let (from, to) = (self.dir.instructions(from), self.dir.instructions(to));
        match self.disk.hard_link(&from, &to) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) if disk::is_absent(&error) => Ok(()),
            // The file system knows no second names.
            Err(error) if lacks_links(&error) => match self.disk.read(&from)? {
                Found::Plain(content) => self.write(&to, &content),
                Found::Absent | Found::Unfit(_) => Ok(()),
            },
            Err(error) => Err(error),
        }
    }

    /// Moves the environment that is kept for `from` to `to`.
    fn move_environment(&self, from: &TaskId, to: &TaskId) -> io::Result<()> {
        let target = self.dir.environment(to);
        for source in [self.dir.again_environment(from), self.dir.environment(from)] {
            match self.disk.rename(&source, &target) {
                Err(error) if disk::is_absent(&error) => {}
                moved => return moved.map(drop),
            }
        }
        let is_there =
            |path: &Path| self.disk.read(path).map(|found| matches!(found, Found::Plain(_)));
        // Passed on before, and maybe begun since.
        if is_there(&target)? || is_there(&self.dir.again_environment(to))? {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "no environment is kept"))
    }
}

/// Keeps an environment in `path` with `write`.
fn write_environment(
    path: &Path,
    environment: &Environment,
    write: impl FnOnce(&[u8]) -> io::Result<()>,
) -> Result<(), Fault> {
    encode(environment)
        .and_then(|content| write(&content))
        .map_err(|error| fault("keeping the environment in", path, &error))
}

#[async_trait]
impl Kits for FileKits {
    async fn keep(&self, id: &TaskId, kit: &Kit) -> Result<(), Fault> {
        if let Some(instructions) = &kit.instructions {
            self.write_instructions(id, instructions)?;
        }
        let path = self.dir.environment(id);
        let write =
            |content: &[u8]| self.replace(&path, || self.disk.write_unsynced(&path, content));
        write_environment(&path, &kit.environment, write).inspect_err(|_| {
            // The error tells what happened; what cannot be removed either is left to a sweep.
            disk::forget(&*self.disk, &self.dir.instructions(id)).unwrap_or_default();
        })
    }

    async fn make_durable(&self, ids: &[TaskId]) -> Result<(), Fault> {
        if ids.is_empty() {
            return Ok(());
        }
        let dir = &self.dir;
        let paths = ids.iter().flat_map(|id| [dir.instructions(id), dir.environment(id)]);
        disk::sync_files(&*self.disk, &paths.collect::<Vec<PathBuf>>())
            .map_err(|(path, error)| fault("syncing", &path, &error))?;
        let active = dir.active();
        self.disk.sync_folder(&active).map_err(|error| fault("syncing", &active, &error))
    }

    async fn instruct(&self, id: &TaskId, instructions: &Instructions) -> Result<(), Fault> {
        self.write_instructions(id, instructions)
    }

    async fn kept(&self, id: &TaskId) -> Result<Environment, Fault> {
        let path = self.dir.environment(id);
        let step = || format!("reading the environment that was kept in `{}`", path.display());
        let lost = |reason: &str| Fault::of(step(), reason);
        match self.disk.read(&path) {
            Ok(Found::Plain(content)) => decode(&content).ok_or_else(|| lost("it was cut short")),
            Ok(Found::Absent) => Err(lost("it is not there")),
            Ok(Found::Unfit(what)) => Err(lost(&format!("it is {what}"))),
            Err(error) => Err(lost(&error.to_string())),
        }
    }

    async fn keeps(&self, id: &TaskId) -> Result<bool, Fault> {
        let path = self.dir.environment(id);
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(true),
            Err(error) if disk::is_absent(&error) => Ok(false),
            Err(error) => Err(fault("looking for", &path, &error)),
        }
    }

    async fn keep_for_next(&self, id: &TaskId, environment: &Environment) -> Result<(), Fault> {
        let path = self.dir.again_environment(id);
        write_environment(&path, environment, |content| self.write(&path, content))
    }

    async fn begin(&self, id: &TaskId, further: Further) -> Result<(), Fault> {
        let path = self.dir.environment(id);
        let begun = match further {
            Further::Forget => disk::forget(&*self.disk, &path).map(drop),
            Further::KeepForNext => {
                let renamed = self.disk.rename(&path, &self.dir.again_environment(id));
                renamed.map(drop).or_else(unless_absent)
            }
        };
        begun.map_err(|error| fault("taking up the environment kept in", &path, &error))
    }

    async fn pass_on(&self, from: &TaskId, to: &TaskId) -> Result<(), Fault> {
        // In this order, so that everything is there once the environment is.
        self.link_instructions(from, to).map_err(|error| {
            fault("passing on the instructions in", &self.dir.instructions(from), &error)
        })?;
        self.move_environment(from, to).map_err(|error| {
            let path = self.dir.again_environment(from);
            fault("passing on the environment in", &path, &error)
        })
    }

    async fn forget(&self, id: &TaskId) -> Result<(), Fault> {
        forget(&self.dir, &*self.disk, id).map(drop)
    }
}

/// Forgets all that is kept for a task, and says how many files that were. What can be removed is
/// gone, whatever cannot.
pub(crate) fn forget(dir: &DataDir, disk: &dyn Disk, id: &TaskId) -> Result<usize, Fault> {
    let (mut removed, mut failed) = (0, None);
    match second_names::settle(dir, disk, id) {
        Ok(settled) => removed += settled,
        Err(error) => {
            failed = Some(fault("giving a log its name in", dir.root(), &error));
        }
    }
    // The environment of a task that waits goes last: by it the others are found.
    let kept = [
        dir.report(id),
        dir.progress(id),
        dir.reserve(id),
        dir.instructions(id),
        dir.again_environment(id),
        dir.environment(id),
    ];
    for path in kept {
        match disk::forget(disk, &path) {
            Ok(was_there) => removed += usize::from(was_there),
            Err(error) => failed = failed.or(Some(fault("removing", &path, &error))),
        }
    }
    failed.map_or(Ok(removed), Err)
}

fn unless_absent(error: io::Error) -> io::Result<()> {
    if disk::is_absent(&error) { Ok(()) } else { Err(error) }
}

fn lacks_links(error: &io::Error) -> bool {
    let meanings = [Errno::PERM, Errno::NOTSUP, Errno::NOSYS, Errno::MLINK];
    Errno::from_io_error(error).is_some_and(|errno| meanings.contains(&errno))
}

/// An environment as a file holds it: `name=value` and a NUL each, and the mark of the end.
fn encode(environment: &Environment) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    for (name, value) in &environment.0 {
        if name.is_empty() || name.contains(&0) || value.contains(&0) {
            let reason = "a variable has no name, or holds a NUL";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        content.extend([name, b"=".as_slice(), value, b"\0"].concat());
    }
    content.extend(END);
    Ok(content)
}

/// The environment that a file holds; `None` if it was cut short.
fn decode(content: &[u8]) -> Option<Environment> {
    let whole = content.strip_suffix(END).filter(|it| it.is_empty() || it.ends_with(b"\0"))?;
    let entries = whole.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    Some(Environment(entries.filter_map(variable).collect()))
}

/// A name may begin with the sign that ends it, as some shells have it.
fn variable(entry: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let at = entry.iter().skip(1).position(|byte| *byte == b'=')? + 1;
    Some((entry[..at].to_vec(), entry[at + 1..].to_vec()))
}

#[cfg(test)]
mod tests;
