//! The few operations that change the store's folder, behind one trait, so that a test can crash them
//! anywhere.
//!
//! [`RealDisk`] is the implementation that we ship. It opens every file without following a symbolic
//! link and without waiting, and reads only a plain file of bearable size, so that nothing that lies in
//! the store's folder can make a command hang. It neither makes folders nor takes locks, and knows
//! nothing of records.

#[cfg(test)]
pub(crate) mod faulty;
#[cfg(test)]
pub(crate) mod halting;
#[cfg(test)]
pub(crate) mod recording;
mod syncing;

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::buffer::spare_capacity;
use rustix::fs::{CWD, FallocateFlags, Mode, OFlags, RawDir, RawDirEntry, RenameFlags};
use rustix::io::Errno;

use crate::data_dir::{DataDir, ownership};
use crate::effect::{effect, written};
pub(crate) use syncing::sync_files;

/// The largest file that is read as a record, in bytes.
pub(crate) const MAX_RECORD: u64 = 64 * 1024 * 1024;
/// How much of a folder's names is read first, in bytes, and how many names say that there are many.
const FEW: (usize, usize) = (2048, 120);
/// How much of a large folder's names is read at a time, in bytes.
const NAMES: usize = 64 * 1024;
/// Read and write, for the owner alone.
const PRIVATE: u32 = 0o600;

/// What was found where a plain file was expected.
#[derive(Debug)]
pub(crate) enum Found {
    /// A plain file, and what is in it.
    Plain(Vec<u8>),
    /// Nothing.
    Absent,
    /// Something that the disk does not read, and why, as the end of the sentence "it is ...".
    Unfit(&'static str),
}

/// A file that was replaced. Dropping this gives its space back to the disk.
///
/// Giving back takes milliseconds where the file system discards at once (ext4 mounted with `discard`
/// and no journal), and whoever waits for the change need not wait for that.
#[derive(Debug)]
#[must_use = "dropping it may take milliseconds"]
pub(crate) struct Replaced {
    _file: Option<File>,
}

/// The operations that change the store's folder, and the reads on which they are decided.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Reads a plain file whole. Never waits, never follows a symbolic link, and never reads what a stranger put
    /// there.
    fn read(&self, path: &Path) -> io::Result<Found>;

    /// Writes a file that must not be there yet and returns when its content is durable. Its name
    /// need not be.
    fn write_new(&self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Writes a file that must not be there yet. Neither its content nor its name need be durable.
    fn write_unsynced(&self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Makes a file that has `length` bytes of the disk to itself, or leaves the one that is there. Neither file nor name
    /// need be durable.
    fn reserve(&self, path: &Path, length: u64) -> io::Result<()>;

    /// Writes over a plain file that is there, which has nothing else in it then, without asking the disk for room, and
    /// returns when that is durable.
    fn write_over(&self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Makes an empty file, unless something has that name. Neither file nor name need be durable.
    fn create(&self, path: &Path) -> io::Result<()>;

    /// Makes a symbolic link that says `target`, unless something has that name.
    fn symlink(&self, target: &str, path: &Path) -> io::Result<()>;

    /// Gives a file a second name, unless something has that name.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file another name, in place of whatever has that name, and returns what was replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<Replaced>;

    /// Gives a file another name, unless something has that name.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Returns when the content of a plain file is durable. One that is gone has none.
    fn sync_file(&self, path: &Path) -> io::Result<()>;

    /// Returns when the names in a folder are durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Hands every name in a folder to `each` until that says `false`. A folder that is not there is empty; so is what
    /// has the name of one in a store and is none.
    fn list(&self, folder: &Path, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The disk we ship.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn read(&self, path: &Path) -> io::Result<Found> {
        let file = match open(path, OFlags::NOFOLLOW) {
            Ok(file) => file,
            Err(error) => return unopened(path, error),
        };
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Ok(Found::Unfit("a folder"));
        }
        if !metadata.is_file() {
            return Ok(Found::Unfit("no plain file"));
        }
        if metadata.len() > MAX_RECORD {
            return Ok(Found::Unfit("larger than 64 MiB"));
        }
        let owner_of_folder =
            || path.parent().and_then(|folder| fs::metadata(folder).ok()).map(|it| it.uid());
        if ownership::is_strangers(&metadata, owner_of_folder) {
            return Ok(Found::Unfit("the file of another user, as `task-bg doctor` explains"));
        }
        read_to_end(&file, metadata.len()).map(Found::Plain)
    }

    fn write_new(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = create_new(path)?;
        written(path, content, |part| file.write_all(part))?;
        effect("sync", path, || file.sync_all())
    }

    fn write_unsynced(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = create_new(path)?;
        written(path, content, |part| file.write_all(part))
    }

    fn reserve(&self, path: &Path, length: u64) -> io::Result<()> {
        let file = match create_new(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            made => made?,
        };
        let made = effect("reserve", path, || allocate(&file, length));
        made.inspect_err(|_| self.remove(path).unwrap_or_default())
    }

    fn write_over(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let found = file.metadata()?;
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        // What has another name as well is somebody else's.
        if !found.is_file() || found.len() < length || found.nlink() > 1 {
            return Err(Errno::NOSPC.into());
        }
        effect("overwrite", path, || file.write_all(content))?;
        effect("cut", path, || file.set_len(length))?;
        effect("sync", path, || file.sync_all())
    }

    fn create(&self, path: &Path) -> io::Result<()> {
        create_new(path).map(drop)
    }

    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        effect("symlink", path, || symlink(target, path))?;
        ownership::hand_over(path)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        effect("link", to, || fs::hard_link(from, to))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<Replaced> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let replaced = rustix::fs::open(to, flags, Mode::empty()).ok();
        effect("rename to", to, || fs::rename(from, to))?;
        Ok(Replaced { _file: replaced.map(File::from) })
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let rename = || Ok(rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE));
        match effect("rename to new", to, rename)? {
            // The file system does not know the flag.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                fs::hard_link(from, to)?;
                fs::remove_file(from)
            }
            other => Ok(other?),
        }
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        match open(path, OFlags::NOFOLLOW) {
            Ok(file) => effect("sync", path, || file.sync_all()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let opened = open_folder(folder)?;
        effect("sync the folder", folder, || opened.sync_all())
    }

    fn list(&self, folder: &Path, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = || rustix::fs::open(folder, flags, Mode::empty());
        let folder = match open() {
            Err(Errno::NOENT) => return Ok(()),
            Err(Errno::NOTDIR | Errno::LOOP) if DataDir::can_be_made_again(folder) => return Ok(()),
            Err(Errno::ACCESS) if DataDir::reopened(folder) => open()?,
            other => other?,
        };
        // No name is copied, and those of a small folder need no memory but this.
        let mut few = [MaybeUninit::uninit(); FEW.0];
        let mut entries = RawDir::new(&folder, &mut few[..]);
        let mut count = 0;
        while let Some(entry) = entries.next() {
            if !handed_on(&entry?, each) {
                return Ok(());
            }
            count += 1;
            if count >= FEW.1 && entries.is_buffer_empty() {
                return list_rest(&folder, each);
            }
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        effect("unlink", path, || fs::remove_file(path))
    }
}

/// Hands on the names that are left in a folder, in a few large blocks: a store may have a hundred thousand of them.
fn list_rest(folder: &OwnedFd, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
    let mut names = Vec::with_capacity(NAMES);
    let mut entries = RawDir::new(folder, names.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        if !handed_on(&entry?, each) {
            break;
        }
    }
    Ok(())
}

/// Hands on a name, unless it is that of the folder itself or of the one above; returns whether to go on.
fn handed_on(entry: &RawDirEntry<'_>, each: &mut dyn FnMut(&OsStr) -> bool) -> bool {
    let name = entry.file_name().to_bytes();
    name == b"." || name == b".." || each(OsStr::from_bytes(name))
}

/// Opens `path` for reading without waiting for whoever may be at its other end, with `flags` more.
pub(crate) fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    opened(path, flags | OFlags::RDONLY | OFlags::NONBLOCK)
}

/// Opens a folder; whatever else has its name is refused without waiting.
pub(crate) fn open_folder(path: &Path) -> io::Result<File> {
    opened(path, OFlags::RDONLY | OFlags::DIRECTORY)
}

/// Opens `path`, as the owner's own where it is made. The standard library makes two system calls of this where the C library is
/// musl.
pub(crate) fn opened(path: &Path, flags: OFlags) -> io::Result<File> {
    let mode = Mode::from_raw_mode(PRIVATE);
    let open = || rustix::fs::open(path, flags | OFlags::CLOEXEC, mode);
    Ok(File::from(rustix::io::retry_on_intr(open)?))
}

/// Makes an empty file beside `target`, under a name that nobody else has.
pub(crate) fn create_beside(dir: &DataDir, disk: &dyn Disk, target: &Path) -> io::Result<PathBuf> {
    unnamed(dir, target, |temp| disk.create(temp))
}

/// Makes something beside `target` with `make`, under a name that nobody else has.
pub(crate) fn unnamed(
    dir: &DataDir,
    target: &Path,
    make: impl Fn(&Path) -> io::Result<()>,
) -> io::Result<PathBuf> {
    loop {
        let temp = dir.temp(target);
        match make(&temp) {
            Ok(()) => return Ok(temp),
            // Left behind by somebody who had our number before.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Removes a file that may be gone already, and says whether it was there. A folder of that name is
/// none of ours, and stays.
pub(crate) fn forget(disk: &dyn Disk, path: &Path) -> io::Result<bool> {
    match disk.remove(path) {
        Ok(()) => Ok(true),
        Err(error) if is_absent(&error) || error.kind() == io::ErrorKind::IsADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the link at `path` say `target`, whatever has that name. Best effort: for what is only derived.
pub(crate) fn point(dir: &DataDir, path: &Path, target: &str) {
    let temp = dir.temp(path);
    let placed = RealDisk.symlink(target, &temp).and_then(|()| fs::rename(&temp, path));
    placed.or_else(|_| fs::remove_file(&temp)).unwrap_or_default();
}

/// Does something in the store's folders; makes them first if they are missing, or what has their names is none.
pub(crate) fn prepared<T>(dir: &DataDir, act: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match act() {
        Err(error) if is_absent(&error) => {
            dir.prepare()?;
            act()
        }
        // One that was shut to its owner is opened again.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            dir.prepare().map_err(|_| error).and_then(|()| act())
        }
        done => done,
    }
}

/// Whether a file cannot be there: it is not, or what should be its folder is none.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP))
        || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn create_new(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    ownership::handed_over(effect("create", path, || opened(path, flags))?)
}

/// Gives a new file `length` bytes of the disk.
fn allocate(mut file: &File, length: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, length) {
        Ok(()) => Ok(()),
        // The file system does not know how; what is written is there.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            io::copy(&mut io::repeat(0).take(length), &mut file).map(drop)
        }
        Err(error) => Err(error.into()),
    }
}

fn unopened(path: &Path, error: io::Error) -> io::Result<Found> {
    let is_derived = path.parent().is_some_and(DataDir::can_be_made_again);
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT) => Ok(Found::Absent),
        Some(Errno::NOTDIR) if is_derived => Ok(Found::Absent),
        Some(Errno::LOOP) => Ok(Found::Unfit("a symbolic link")),
        Some(Errno::NXIO) => Ok(Found::Unfit("no plain file")),
        Some(Errno::ACCESS | Errno::PERM) => Ok(Found::Unfit("not readable by us")),
        Some(_) | None => Err(error),
    }
}

/// Reads a file that had `size` bytes when it was opened.
fn read_to_end(file: &File, size: u64) -> io::Result<Vec<u8>> {
    // One byte more, so that the read that finds all of it also finds out that it was all.
    let room = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(1);
    let mut content = Vec::with_capacity(room);
    while content.len() < room {
        let read = match rustix::io::read(file, spare_capacity(&mut content)) {
            Err(Errno::INTR) => continue,
            other => other?,
        };
        if read == 0 || content.len() as u64 == size {
            break;
        }
    }
    Ok(content)
}
