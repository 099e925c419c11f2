//! Making a worktree anew that somebody removed, on the branch that it had.
//!
//! Nothing here makes a branch, forces git to anything, or touches what stands at the path.

use std::fs;
use std::path::Path;

use domain::port::worktrees::{Presence, WorktreeError};
use domain::task::Worktree;

use super::place::{self, Place};
use super::{GitWorktrees, fault, reference};

impl GitWorktrees {
    /// See [`domain::port::Worktrees::restore`].
    pub(super) fn restored(&self, of: &Worktree, folder: &str) -> Result<Presence, WorktreeError> {
        let path = Path::new(&of.path);
        let (presence, folder) = (self.present(of, path)?, Path::new(folder));
        // A folder that holds nothing git knows is not there yet.
        if presence == Presence::MadeAnew && folder.starts_with(path) {
            fs::create_dir_all(folder).map_err(|error| fault("making the folder", &error))?;
        }
        Ok(presence)
    }

    fn present(&self, of: &Worktree, path: &Path) -> Result<Presence, WorktreeError> {
        // Most are there, and git need not be asked.
        if let Place::Worktree(_) = place::look(path)? {
            return Ok(Presence::Found);
        }
        let site = self.survey(&of.repository)?;
        let locked = self.lock(&site)?;
        match place::look(path)? {
            Place::Worktree(_) => return Ok(Presence::Found),
            Place::Foreign => return Err(WorktreeError::Replaced { path: of.path.clone() }),
            Place::Plain if fs::remove_dir(path).is_err() => {
                return Err(WorktreeError::Unlinked { path: of.path.clone() });
            }
            Place::Plain | Place::Empty => {}
        }
        if !self.is_branch(site.at(), &reference(&of.branch))? {
            let (path, branch) = (of.path.clone(), of.branch.clone());
            return Err(WorktreeError::BranchGone { path, branch });
        }
        if let Some(other) = self.other_place(site.at(), &of.branch, path)? {
            return Err(WorktreeError::CheckedOut { branch: of.branch.clone(), other });
        }
        if place::registered(&site.common, path)?.is_some() {
            self.change(&locked, site.at(), &["worktree", "remove", "--", &of.path])?;
        }
        let add = ["worktree", "add", "--quiet", "--", &of.path, of.branch.as_str()];
        self.change(&locked, site.at(), &add)?;
        Ok(Presence::MadeAnew)
    }
}
