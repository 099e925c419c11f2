//! Making the folders of a store, each when it is first needed or when somebody has taken it away.
//!
//! All of them but the store's own can be made again at any time, so what stands in the place of one is put aside
//! ([`super::asides`]). Nothing here makes a file.

use std::io;
use std::path::{Path, PathBuf};

use domain::task::SessionId;

use super::{DataDir, folders};

impl DataDir {
    /// Makes the folders that are missing, readable by their owner alone whatever the umask, puts aside what is no
    /// folder and has the name of one, and closes a store of ours that others could look into. Cheap when there is
    /// nothing to do.
    ///
    /// # Errors
    /// What the system says if a folder cannot be made.
    pub fn prepare(&self) -> io::Result<()> {
        let parts = [self.active(), self.queue(), self.keys(), self.locks(), self.sessions()];
        folders::prepare(self.root(), &parts.each_ref().map(PathBuf::as_path))
    }

    /// Makes the folder of the files that agents have to find.
    pub(crate) fn prepare_attachments(&self) -> io::Result<()> {
        folders::make_part_of(self.root(), &self.agents())
    }

    /// Makes the folder of the programs that other hosts start.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn prepare_programs(&self) -> io::Result<()> {
        folders::make_part_of(self.root(), &self.programs())
    }

    /// Makes the folder of the endings that hosts noted for each other.
    pub(crate) fn prepare_ended(&self) -> io::Result<()> {
        folders::make_part_of(self.root(), &self.ended())
    }

    /// Makes the folder with the names of other machines, if it is missing.
    pub(crate) fn prepare_hosts(&self) -> io::Result<()> {
        folders::make_part_of(self.root(), &self.hosts())
    }

    /// Makes the folder of the names of tasks, with the first of them.
    pub(crate) fn prepare_names(&self) -> io::Result<()> {
        folders::make_part_of(self.root(), &self.names())
    }

    /// Makes the folder of the notes of beginnings, in a store that has none yet.
    pub(crate) fn prepare_beginnings(&self) -> io::Result<()> {
        folders::make_part(&self.beginnings())
    }

    /// Makes the folder of the worktrees if it is missing, readable by its owner alone.
    ///
    /// # Errors
    /// What the system says if it cannot be made, or something else has its name.
    pub fn prepare_worktrees(&self) -> io::Result<()> {
        folders::make_if_missing(&self.worktrees())
    }

    /// Makes the folder of the bells, unless anything has its name: whoever waits can do without.
    pub(crate) fn prepare_waiters(&self) -> io::Result<()> {
        folders::make(&self.waiters()).map(drop)
    }

    /// Makes the folder of the session index, in a store that none of ours has written to yet.
    pub(crate) fn prepare_sessions(&self) -> io::Result<()> {
        folders::make_part(&self.sessions())
    }

    /// Makes the folder of what `parent` has not been told yet.
    pub(crate) fn prepare_notices_of(&self, parent: &SessionId) -> io::Result<()> {
        self.prepare_in_notices(&self.notices_of(parent))
    }

    /// Makes the folder of what was collected of tasks that no session launched.
    pub(crate) fn prepare_notices_of_none(&self) -> io::Result<()> {
        self.prepare_in_notices(&self.notices_of_none())
    }

    fn prepare_in_notices(&self, folder: &Path) -> io::Result<()> {
        folders::make_part(folder).or_else(|_| {
            folders::make_part(&self.notices())?;
            folders::make_part(folder)
        })
    }

    /// Gives a folder of this store, or one in such a folder, the mode back with which its owner can use it; `false`
    /// where that was not the matter, or it is none of ours.
    pub(crate) fn reopened(folder: &Path) -> bool {
        Self::can_be_made_again(folder) && folders::reopen(folder)
    }

    /// Whether a folder is one of a store, or is in one, and not the store itself.
    pub(crate) fn can_be_made_again(folder: &Path) -> bool {
        let is_part = |path: &Path| path.file_name().is_some_and(super::ownership::is_part);
        is_part(folder) || folder.parent().is_some_and(is_part)
    }
}
