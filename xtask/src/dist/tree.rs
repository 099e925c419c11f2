//! The files of a package, as a value: sorted by their paths, each with its bytes and whether it is run.
//!
//! Nothing here knows what a package is for. Main type: [`Tree`].

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::command::run;
use crate::failure::{During, Failure};

/// The files of a package.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, (Vec<u8>, u32)>,
}

impl Tree {
    /// Adds a file that is read.
    pub(crate) fn file(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), (bytes.into(), 0o644));
    }

    /// Adds a file that is run.
    pub(crate) fn program(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), (bytes.into(), 0o755));
    }

    /// Adds all files below `from`, as files below `at`.
    ///
    /// # Errors
    ///
    /// When one cannot be read.
    pub(crate) fn folder(&mut self, at: &str, from: &Path) -> io::Result<()> {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let path = format!("{at}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                self.folder(&path, &entry.path())?;
            } else {
                self.file(path, fs::read(entry.path())?);
            }
        }
        Ok(())
    }

    /// The files, sorted by their paths.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, (bytes, _))| (path.as_str(), bytes.as_slice()))
    }

    /// Writes the files below a folder, whatever the umask.
    ///
    /// # Errors
    ///
    /// When one cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        for (path, (bytes, mode)) in &self.files {
            let path = folder.join(path);
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent)?;
            fs::write(&path, bytes)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode))?;
            for folder in parent.ancestors().take_while(|above| above.starts_with(folder)) {
                fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
            }
        }
        Ok(())
    }

    /// Packs the files, in a folder called `top`, into a compressed archive that depends on nothing but them and the
    /// moment, in seconds since the epoch.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn pack(&self, archive: &Path, top: &str, epoch: u64) -> Result<(), Failure> {
        let work = tempfile::tempdir().during("making a folder")?;
        self.write(&work.path().join(top)).during("writing a package")?;
        let plain = work.path().join("archive.tar");
        let mut tar = Command::new("tar");
        tar.args(["--sort=name", "--format=ustar", "--owner=0", "--group=0", "--numeric-owner"]);
        tar.arg(format!("--mtime=@{epoch}")).arg("-cf").arg(&plain);
        run(tar.arg("-C").arg(work.path()).arg(top))?;
        run(Command::new("gzip").args(["-n", "-9"]).arg(&plain))?;
        fs::copy(work.path().join("archive.tar.gz"), archive).map(drop).during("placing a package")
    }
}
