//! A real disk on which a process dies, or one step fails, wherever a test wants it.
//!
//! [`super::faulty`] models what a power cut may lose; this disk models what a killed process leaves:
//! everything up to some step has happened, and nothing after it, whatever destructors try. It works
//! in real folders, beside real locks. Main types: [`HaltingDisk`] and [`Halt`].

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Disk, Found, RealDisk, Replaced};
use crate::data_dir::Entry;

/// Where it halts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Halt {
    /// Nothing works any more after so many steps: the process was killed.
    After(usize),
    /// The step after so many fails, for want of room say, and the others work.
    At(usize),
}

/// A real disk that halts. Clones share their steps.
#[derive(Clone, Debug)]
pub(crate) struct HaltingDisk {
    halt: Halt,
    steps: Arc<AtomicUsize>,
}

/// Runs `trial` once for each step that it takes, halted there in both ways.
pub(crate) fn at_every_step(trial: impl Fn(Arc<HaltingDisk>)) {
    for halt in [Halt::After, Halt::At] {
        for step in 0.. {
            let disk = HaltingDisk { halt: halt(step), steps: Arc::default() };
            trial(Arc::new(disk.clone()));
            if disk.steps.load(Ordering::SeqCst) <= step {
                assert!(step > 0, "nothing was done on the disk");
                break;
            }
        }
    }
}

impl HaltingDisk {
    /// Whether the process was killed rather than hindered.
    pub(crate) fn kills(&self) -> bool {
        matches!(self.halt, Halt::After(_))
    }

    fn step(&self) -> io::Result<()> {
        let step = self.steps.fetch_add(1, Ordering::SeqCst);
        let halts = match self.halt {
            Halt::After(last) => step >= last,
            Halt::At(bad) => step == bad,
        };
        if halts { Err(io::Error::other(format!("halted at step {step}"))) } else { Ok(()) }
    }
}

impl Disk for HaltingDisk {
    fn read(&self, path: &Path) -> io::Result<Found> {
        RealDisk.read(path)
    }

    fn write_new(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.step()?;
        RealDisk.create(path)?;
        let mut file = OpenOptions::new().append(true).open(path)?;
        let (first, rest) = content.split_at(content.len() / 2);
        for part in [first, rest] {
            self.step()?;
            file.write_all(part)?;
        }
        Ok(())
    }

    fn write_unsynced(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.write_new(path, content)
    }

    fn reserve(&self, path: &Path, length: u64) -> io::Result<()> {
        self.step()?;
        RealDisk.reserve(path, length)
    }

    fn write_over(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.step()?;
        RealDisk.write_over(path, content)
    }

    fn create(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.create(path)
    }

    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.symlink(target, path)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<Replaced> {
        self.step()?;
        RealDisk.rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.rename_new(from, to)
    }

    fn sync_file(&self, _path: &Path) -> io::Result<()> {
        self.step()
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        self.step()
    }

    fn list(&self, folder: &Path, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
        RealDisk.list(folder, each)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.remove(path)
    }
}

/// The names in a folder, in order; none if there is no folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a text"))
        .collect();
    names.sort();
    names
}

/// Whether a name is that of a half-written file, which a sweep removes in time.
pub(crate) fn is_temp(name: &str) -> bool {
    Entry::of(OsStr::new(name)) == Entry::Temp
}
