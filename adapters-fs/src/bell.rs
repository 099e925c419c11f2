//! Bells: how whoever records an ending tells those that wait, without either knowing the other.
//!
//! Each process that waits hangs a bell, a FIFO in `.waiters/` that it alone reads. Whoever has recorded an ending
//! writes the id of the task into every bell there is, without waiting. So one descriptor tells of any number of
//! tasks, and nobody polls. A bell is a courtesy: the file system may have no FIFOs, a waiter may be stopped and its
//! bell full, and whoever dies rings none. So those that wait look at the life locks and the records as well, only
//! less often. Nothing here is an error, and no more than the id of a task is ever written.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::task::TaskId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::data_dir::{DataDir, ownership};
use crate::disk::{self, Disk};
use crate::effect::effect;

/// How much is read of a bell at a time, in bytes; the kernel keeps as much.
const HELD: usize = 64 * 1024;

/// A bell that hangs. Dropping it takes it down.
#[derive(Debug)]
pub(crate) struct Bell {
    file: File,
    path: PathBuf,
}

/// What a bell told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The tasks that have ended.
    pub(crate) ended: Vec<TaskId>,
    /// Whether the bell was so full that others may have been lost.
    pub(crate) overflowed: bool,
}

impl Bell {
    /// Hangs a bell in the store; `None` where that cannot be done.
    pub(crate) fn hang(dir: &DataDir, disk: &dyn Disk) -> Option<Self> {
        let make = || {
            disk::unnamed(dir, &dir.bell(OsStr::new("new")), |path| {
                let mode = Mode::RUSR | Mode::WUSR;
                let make = || Ok(rustix::fs::mknodat(CWD, path, FileType::Fifo, mode, 0)?);
                effect("mkfifo", path, make)?;
                ownership::hand_over(path)
            })
        };
        let new = make().or_else(|_| dir.prepare_waiters().and_then(|()| make())).ok()?;
        // It reads and writes, so that there is always somebody at the other end.
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(&new, flags, Mode::empty()).map(File::from);
        let name = new.file_name()?.to_string_lossy().trim_start_matches('.').to_owned();
        let path = dir.bell(OsStr::new(&name));
        // Nobody rings one that is not read yet: it would be taken for one that nobody reads any more.
        match file {
            Ok(file) if disk.rename(&new, &path).is_ok() => Some(Self { file, path }),
            Ok(_) | Err(_) => {
                disk.remove(&new).unwrap_or_default();
                None
            }
        }
    }

    /// Another end of the same bell, for a thread of this process that rings it.
    pub(crate) fn pull(&self) -> Option<File> {
        self.file.try_clone().ok()
    }

    /// Waits until the bell rings, at most this long, and says whether it did.
    pub(crate) fn wait(&self, at_most: Duration) -> bool {
        let Ok(at_most) = Timespec::try_from(at_most) else { return false };
        let mut bells = [PollFd::from_borrowed_fd(self.file.as_fd(), PollFlags::IN)];
        // A signal only makes the caller look earlier.
        poll(&mut bells, Some(&at_most)).is_ok_and(|rang| rang > 0)
    }

    /// What was rung since the last time.
    pub(crate) fn listen(&mut self) -> Told {
        let mut text = vec![0; HELD];
        let count = (&self.file).read(&mut text).unwrap_or_default();
        let words = String::from_utf8_lossy(&text[..count]).into_owned();
        let ended = words.lines().filter_map(|word| TaskId::parse(word).ok()).collect();
        Told { ended, overflowed: count + 4096 > HELD }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        // One that stays is taken down by the next who rings it.
        effect("unlink", &self.path, || fs::remove_file(&self.path)).unwrap_or_default();
    }
}

/// Rings one end of a bell of this process.
pub(crate) fn pull(mut end: &File) {
    // A bell that is full rings anyway.
    drop(end.write_all(b"\n"));
}

/// Tells everybody who waits that a task has ended.
pub(crate) fn ring(dir: &DataDir, disk: &dyn Disk, id: &TaskId) {
    let mut dead = Vec::new();
    let listed = disk.list(&dir.waiters(), &mut |name| {
        // A name with a dot is of one that is being hung.
        let bell = Some(dir.bell(name)).filter(|_| !name.as_encoded_bytes().starts_with(b"."));
        dead.extend(bell.filter(|bell| !tell(bell, id)));
        true
    });
    if listed.is_ok() {
        for path in dead {
            disk.remove(&path).unwrap_or_default();
        }
    }
}

/// Rings one bell, and says `false` of one that nobody reads any more.
fn tell(path: &Path, id: &TaskId) -> bool {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let bell = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(bell) => File::from(bell),
        Err(error) => return error != Errno::NXIO,
    };
    if bell.metadata().is_ok_and(|bell| bell.file_type().is_fifo()) {
        // Atomic, as it is short. One that is full tells its owner to look at everything.
        let word = format!("{id}\n");
        drop(effect("write to", path, || (&bell).write(word.as_bytes())));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    fn id(text: &str) -> TaskId {
        TaskId::parse(text).expect("an id")
    }

    #[test]
    fn everybody_who_waits_hears_and_what_nobody_reads_is_taken_down() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = DataDir::at(folder.path().join("tasks"));
        dir.prepare().expect("prepared");
        ring(&dir, &RealDisk, &id("bg_0"));
        let hang = || Bell::hang(&dir, &RealDisk).expect("hung");
        let (mut first, mut second) = (hang(), hang());
        // Of a waiter that was killed its name stays, and of others something strange.
        let mode = Mode::RUSR | Mode::WUSR;
        let of_dead = dir.bell(OsStr::new("dead"));
        rustix::fs::mknodat(CWD, &of_dead, FileType::Fifo, mode, 0).expect("made");
        let plain = dir.bell(OsStr::new("plain"));
        fs::write(&plain, "").expect("written");
        std::os::unix::fs::symlink(&plain, dir.bell(OsStr::new("link"))).expect("linked");
        fs::create_dir(dir.bell(OsStr::new("folder"))).expect("made");
        ring(&dir, &RealDisk, &id("bg_1"));
        ring(&dir, &RealDisk, &id("bg_2"));
        for bell in [&mut first, &mut second] {
            assert!(bell.wait(Duration::ZERO));
            let told = Told { ended: vec![id("bg_1"), id("bg_2")], overflowed: false };
            assert_eq!(bell.listen(), told);
            assert!(!bell.wait(Duration::ZERO));
        }
        assert!(!of_dead.exists());
        assert_eq!(fs::read(&plain).expect("read"), b"");
        drop(first);
        drop(second);
        let left = fs::read_dir(dir.waiters()).expect("listed").count();
        assert_eq!(left, 3, "what is strange stays");
    }

    #[test]
    fn a_bell_that_is_full_keeps_nobody_and_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = DataDir::at(folder.path().join("tasks"));
        dir.prepare().expect("prepared");
        let mut bell = Bell::hang(&dir, &RealDisk).expect("hung");
        for number in 0..10_000 {
            ring(&dir, &RealDisk, &id(&format!("bg_{number}")));
        }
        let told = bell.listen();
        assert!(told.overflowed && told.ended.len() > 5_000, "{}", told.ended.len());
        assert!(!bell.wait(Duration::ZERO));
    }
}
