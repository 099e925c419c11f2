//! Claiming life locks, handing them over, and removing them.
//!
//! Dropping a claim removes the name of its lock; once the lock was handed over, the name is the receiver's
//! to remove. Whoever removes a lock removes first what was kept for the task and then the lock's name, so
//! that what a crash leaves has a lock by which the next one finds it. Main type: [`ClaimedLife`].

use std::any::Any;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::port::{Claim, Fault, Renewal};
use domain::task::TaskId;
use rustix::fs::OFlags;

use super::{FileLifeLocks, exclusive, identity, is_still, open, unlink_if_still};
use crate::data_dir::asides::put_aside;
use crate::disk::{self, Disk};
use crate::effect::effect;
use crate::fault::fault;
use crate::kits;
use crate::store::shard::is_plain;

/// How long a claim goes on trying while the lock appears and vanishes again.
const PATIENCE: Duration = Duration::from_secs(1);

/// A life lock that is held.
///
/// Dropping it frees the lock and removes its name if that is still its own; what is kept for the task
/// stays.
#[derive(Debug)]
#[must_use = "dropping it frees the life lock"]
pub struct ClaimedLife {
    locks: FileLifeLocks,
    id: TaskId,
    // Before the file, so that the name is removed while the lock is still held and never seen free.
    name: Name,
    file: File,
    is_new: bool,
    /// How much there was in the store when the name was first missed, or missed last.
    left: Option<usize>,
}

/// The visible name of a claimed lock, removed when this is dropped.
#[derive(Debug)]
struct Name {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// The file that it must still name. `None` once that is somebody else's to remove.
    file: Option<(u64, u64)>,
}

impl Drop for Name {
    fn drop(&mut self) {
        if let Some(file) = self.file {
            // What cannot be removed is a free lock, which the next one takes over.
            unlink_if_still(&*self.disk, &self.path, file).unwrap_or_default();
        }
    }
}

impl ClaimedLife {
    /// The locked file, for the supervisor. The lock lives as long as any descriptor of this open file
    /// does; the name stays until [`FileLifeLocks::retire_held`].
    pub fn into_file(self) -> File {
        let Self { mut name, file, .. } = self;
        name.file = None;
        file
    }

    /// Makes the name anew that somebody removed, unless the store becomes less: whoever removes all of it is not to find
    /// something there again.
    fn made_anew(&mut self) -> io::Result<Renewal> {
        if !self.locks.is_missed(&self.id, &self.file)? {
            self.left = None;
            return Ok(Renewal::Settled);
        }
        let left = entries(self.locks.dir.root());
        if self.left.replace(left).is_none_or(|before| left < before) {
            return Ok(Renewal::Later);
        }
        if let Some(anew) = self.locks.reclaim(&self.id, &self.file)? {
            // The old one has no name any more, and is freed with its file.
            *self = anew;
        }
        Ok(Renewal::Settled)
    }
}

/// How many entries the folder of a store has, and the folders in it.
fn entries(root: &Path) -> usize {
    let listed = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let below = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => 1 + listed(&entry.path()).count(),
        Ok(_) | Err(_) => 1,
    };
    listed(root).map(below).sum()
}

impl Claim for ClaimedLife {
    fn id(&self) -> &TaskId {
        &self.id
    }

    fn is_new(&self) -> bool {
        self.is_new
    }

    fn hand_over(self: Box<Self>) -> Box<dyn Any + Send> {
        Box::new(self.into_file())
    }

    fn renew(&mut self) -> Result<Renewal, Fault> {
        let path = self.locks.dir.life_lock(&self.id);
        let renewed = self.made_anew();
        renewed.map_err(|error| fault("making the life lock anew", &path, &error))
    }

    fn leave(self: Box<Self>) {
        // Whatever else has the file open, as a supervisor's standard input has. A lock that cannot be freed
        // now is free once this process ends.
        let path = self.name.path.clone();
        effect("unlock", &path, || self.into_file().unlock()).unwrap_or_default();
    }

    fn retire(self: Box<Self>) -> Result<(), Fault> {
        let (locks, id) = (self.locks.clone(), self.id.clone());
        locks.retire_held(&id, &self.into_file())
    }
}

/// What came of the attempt to take a lock that may be there.
enum Seized {
    /// It is ours.
    Ours(File),
    /// It is somebody else's.
    Held,
    /// There is none.
    Absent,
}

impl FileLifeLocks {
    /// Takes the life lock of a task: the one that is there and free, or a new one. `None` if somebody
    /// else holds it.
    ///
    /// # Errors
    /// What the system says if it can neither be taken nor made; [`io::ErrorKind::TimedOut`] if others
    /// look at it all the time.
    pub fn take(&self, id: &TaskId) -> io::Result<Option<ClaimedLife>> {
        let (path, began) = (self.dir.life_lock(id), Instant::now());
        loop {
            match seize(&path)? {
                Seized::Ours(file) => return self.claimed(id, path, file, false).map(Some),
                Seized::Held => return Ok(None),
                Seized::Absent => {}
            }
            match self.make(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    // Somebody else made one meanwhile, unless it is no lock at all.
                    put_aside(&path, is_plain)?;
                    if began.elapsed() >= PATIENCE {
                        return Err(error);
                    }
                }
                made => return self.claimed(id, path, made?, true).map(Some),
            }
        }
    }

    /// Makes a life lock anew for a supervisor that holds the old one through `file`, if the name of
    /// that is gone: somebody removed it by hand. `None` if the name is still its own, or somebody else
    /// holds the one that has the name now, or the record is gone as well: whoever removes a store is not to find it
    /// there again.
    ///
    /// # Errors
    /// What the system says if it cannot be told or made.
    pub fn reclaim(&self, id: &TaskId, file: &File) -> io::Result<Option<ClaimedLife>> {
        if self.is_missed(id, file)? { self.take(id) } else { Ok(None) }
    }

    /// Whether the name of a lock that is held through `file` is gone or another one's, and the record is there.
    fn is_missed(&self, id: &TaskId, file: &File) -> io::Result<bool> {
        let is_named = is_still(&self.dir.life_lock(id), identity(&file.metadata()?))?;
        Ok(!is_named && self.dir.record(id).try_exists()?)
    }

    /// Removes the life lock that a supervisor holds through `file`, with all that was kept for the
    /// task, whose ending is recorded; then frees it, so that waiters wake at once, whatever else
    /// still has the file open and however long the process takes to exit.
    ///
    /// # Errors
    /// [`Fault`] if something cannot be removed. What has the name of the lock and is not `file` is
    /// left alone.
    pub fn retire_held(&self, id: &TaskId, file: &File) -> Result<(), Fault> {
        let removed = self.remove_held(id, file).map(drop);
        let path = self.dir.life_lock(id);
        let freed = effect("unlock", &path, || file.unlock())
            .map_err(|error| fault("freeing the life lock", &path, &error));
        removed.and(freed)
    }

    /// Removes the life lock of `id`, and all that is kept for the task, if nobody holds the lock and
    /// `gone` says that the task needs it no more: before the lock is taken, so that nobody else is
    /// kept from it without need, and again while it is held. Says how many files it removed.
    pub(crate) fn retire_if(&self, id: &TaskId, gone: impl Fn() -> bool) -> Result<usize, Fault> {
        if !gone() {
            return Ok(0);
        }
        let path = self.dir.life_lock(id);
        let seized = seize(&path);
        match seized.map_err(|error| fault("taking the life lock", &path, &error))? {
            // Whoever claims it meanwhile finds the task over.
            Seized::Absent => kits::forget(&self.dir, &*self.disk, id),
            Seized::Ours(file) if gone() => self.remove_held(id, &file),
            Seized::Ours(_) | Seized::Held => Ok(0),
        }
    }

    fn remove_held(&self, id: &TaskId, file: &File) -> Result<usize, Fault> {
        let kept = kits::forget(&self.dir, &*self.disk, id)?;
        let path = self.dir.life_lock(id);
        let unlinked = file.metadata().and_then(|found| {
            let file = identity(&found);
            unlink_if_still(&*self.disk, &path, file)
        });
        let was_there = unlinked.map_err(|error| fault("removing the life lock", &path, &error))?;
        Ok(kept + usize::from(was_there))
    }

    /// The life lock of a task that is held through `file`, as a supervisor gets it.
    ///
    /// # Errors
    /// What the system says if it cannot be looked at.
    pub fn held(&self, id: &TaskId, file: File) -> io::Result<ClaimedLife> {
        self.claimed(id, self.dir.life_lock(id), file, false)
    }

    fn claimed(
        &self,
        id: &TaskId,
        path: PathBuf,
        file: File,
        is_new: bool,
    ) -> io::Result<ClaimedLife> {
        let identity = identity(&file.metadata()?);
        let name = Name { disk: Arc::clone(&self.disk), path, file: Some(identity) };
        Ok(ClaimedLife { locks: self.clone(), id: id.clone(), name, file, is_new, left: None })
    }

    /// Makes a lock that is held before anybody can see it.
    fn make(&self, path: &Path) -> io::Result<File> {
        let temp = disk::prepared(&self.dir, || disk::create_beside(&self.dir, &*self.disk, path))?;
        let made = disk::open(&temp, OFlags::NOFOLLOW).and_then(|file| {
            effect("lock", &temp, || Ok(file.try_lock()?))?;
            self.disk.rename_new(&temp, path)?;
            Ok(file)
        });
        made.inspect_err(|_| self.disk.remove(&temp).unwrap_or_default())
    }
}

/// Takes the lock at `path` if it is there and nobody holds it.
fn seize(path: &Path) -> io::Result<Seized> {
    loop {
        let Some(file) = open(path)? else { return Ok(Seized::Absent) };
        if !effect("lock", path, || exclusive::take(&file))? {
            return Ok(Seized::Held);
        }
        // Its holder may have removed it between our opening and our locking.
        if is_still(path, identity(&file.metadata()?))? {
            return Ok(Seized::Ours(file));
        }
    }
}
