//! What stands at the path of a worktree. Only the files say it; git is not asked, because it would
//! follow links and would answer for a repository further up.
//!
//! A worktree and its repository point at each other: `.git` in the worktree names the folder that
//! git keeps about it, its administrative folder, and `gitdir` in there names that `.git`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::port::Fault;

use crate::plain_file;

/// The longest file of git that names a folder, in bytes.
const MOST: u64 = 64 << 10;

/// What git writes into the lock of a worktree that it is still making.
const INITIALIZING: &str = "initializing";

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing at all.
    Empty,
    /// A folder without `.git`, or with one that says nothing.
    Plain,
    /// A worktree, with its administrative folder.
    Worktree(PathBuf),
    /// Something else: a link, a file, another repository, or a `.git` that belongs to another
    /// worktree.
    Foreign,
}

/// Looks at `path` without following a link there.
///
/// # Errors
/// [`Fault`] if it cannot be read.
pub(super) fn look(path: &Path) -> Result<Place, Fault> {
    let unreadable =
        |error: io::Error| Fault::of(format!("reading `{}`", path.display()), error.to_string());
    match present(fs::symlink_metadata(path)).map_err(unreadable)? {
        None => return Ok(Place::Empty),
        Some(found) if !found.is_dir() => return Ok(Place::Foreign),
        Some(_) => {}
    }
    let link = path.join(".git");
    match present(fs::symlink_metadata(&link)).map_err(unreadable)? {
        None => return Ok(Place::Plain),
        Some(found) if !found.is_file() => return Ok(Place::Foreign),
        Some(_) => {}
    }
    let text = plain_file::text(&link, MOST).map_err(unreadable)?;
    if text.is_empty() {
        // Git was cut off before it wrote into it.
        return Ok(Place::Plain);
    }
    let Some(named) = text.strip_prefix("gitdir:") else { return Ok(Place::Foreign) };
    let folder = path.join(named.trim());
    let ours = back(&folder).is_some_and(|named| same(&named, &link));
    Ok(if ours { Place::Worktree(folder) } else { Place::Foreign })
}

/// The administrative folder that a repository keeps about the worktree at `path`, which need not be
/// there itself.
///
/// # Errors
/// [`Fault`] if the list cannot be read.
pub(super) fn registered(common: &Path, path: &Path) -> Result<Option<PathBuf>, Fault> {
    let list = common.join("worktrees");
    let unreadable =
        |error: io::Error| Fault::of(format!("reading `{}`", list.display()), error.to_string());
    let Some(entries) = present(fs::read_dir(&list)).map_err(unreadable)? else { return Ok(None) };
    let (link, name) = (path.join(".git"), path.file_name().unwrap_or_default());
    for entry in entries {
        let folder = entry.map_err(unreadable)?.path();
        let found = match back(&folder) {
            Some(named) => same(&named, &link),
            // Git was cut off before it wrote down which worktree it is for. The name is the last
            // part of a path that no other worktree has.
            None => folder.file_name() == Some(name) && is_half_made(&folder),
        };
        if found {
            return Ok(Some(folder));
        }
    }
    Ok(None)
}

/// Whether git was cut off while it made the worktree that this administrative folder is about.
pub(super) fn is_half_made(folder: &Path) -> bool {
    plain_file::text(&folder.join("locked"), MOST).is_ok_and(|why| why.trim_end() == INITIALIZING)
}

/// Whether there is no file in the folder of a worktree, or no folder.
pub(super) fn is_bare_of_files(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|entries| {
        entries.into_iter().all(|entry| entry.is_ok_and(|entry| entry.file_name() == ".git"))
    }) || fs::symlink_metadata(path).is_err()
}

/// Whether an administrative folder is one of the repository with this common directory.
pub(super) fn is_in(folder: &Path, common: &Path) -> bool {
    folder.parent().is_some_and(|list| same(list, &common.join("worktrees")))
}

/// The `.git` that an administrative folder says it is about.
fn back(folder: &Path) -> Option<PathBuf> {
    let text = plain_file::text(&folder.join("gitdir"), MOST).ok()?;
    let named = text.strip_suffix('\n').unwrap_or(&text);
    // Git may write it relative to the folder.
    (!named.is_empty()).then(|| folder.join(named))
}

/// Whether two paths name one file, or would if it were there.
pub(super) fn same(one: &Path, other: &Path) -> bool {
    resolved(one) == resolved(other)
}

/// The path without links and `..`, as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    let whole = fs::canonicalize(path).ok();
    whole.unwrap_or_else(|| match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => resolved(parent).join(name),
        _ => path.to_owned(),
    })
}

/// What was found; `None` if there is nothing.
fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
