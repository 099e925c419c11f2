//! Which other machines this store has tasks on, or was told of: an empty file each, with the machine's name.
//!
//! The records say which task is where. The names here say at a glance whether there is any such task, and which
//! machines `hosts` lists. Main type: [`FileHosts`].

use std::fs;
use std::io;

use domain::task::Target;

use crate::data_dir::DataDir;
use crate::disk::{Disk as _, RealDisk};

/// The machines that a store knows.
#[derive(Clone, Debug)]
pub struct FileHosts {
    dir: DataDir,
}

impl FileHosts {
    /// The machines that the store in `dir` knows.
    pub const fn new(dir: DataDir) -> Self {
        Self { dir }
    }

    /// Whether it knows any, or ever did. One look at the disk.
    pub fn has_any(&self) -> bool {
        self.dir.hosts().exists()
    }

    /// Their names, sorted. What cannot be the name of a machine is none.
    ///
    /// # Errors
    /// The disk's, if the folder cannot be listed.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.dir.hosts()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let name = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
        let is_host = |name: &String| Target::parse(&format!("ssh:{name}")).is_ok();
        let mut names: Vec<String> = entries.filter_map(name).filter(is_host).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Keeps the name of a machine, if it is not kept yet; `false` if it was.
    ///
    /// # Errors
    /// The disk's, if it cannot be kept.
    pub fn add(&self, host: &str) -> io::Result<bool> {
        self.dir.prepare()?;
        self.dir.prepare_hosts()?;
        match RealDisk.write_new(&self.dir.host(host), &[]) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            written => written.map(|()| true),
        }
    }

    /// Forgets the name of a machine; `false` if it was not kept.
    ///
    /// # Errors
    /// The disk's, if it cannot be removed.
    pub fn remove(&self, host: &str) -> io::Result<bool> {
        match RealDisk.remove(&self.dir.host(host)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}
