//! Where droid keeps what defines droids: the only builder of paths below a `.factory` folder.
//!
//! The places are those that droid 0.225.2 was seen to use. This file looks at folders to find a
//! project's root, and reads no file.

use std::path::{Path, PathBuf};

/// The folders whose droids a task in `cwd` may use, nearest first: `cwd` and its parents up to the
/// root of its repository, or `cwd` alone where there is no repository.
pub(super) fn projects(cwd: &Path) -> Vec<PathBuf> {
    let folders: Vec<&Path> = cwd.ancestors().collect();
    let root = folders.iter().position(|folder| folder.join(".git").exists());
    folders.into_iter().take(root.unwrap_or(0) + 1).map(Path::to_path_buf).collect()
}

/// What droid keeps in a project or a home folder.
pub(super) fn factory(folder: &Path) -> PathBuf {
    folder.join(".factory")
}

/// The definitions in a `.factory` folder or in a plugin.
pub(super) fn droids(folder: &Path) -> PathBuf {
    folder.join("droids")
}

/// The settings in a `.factory` folder.
pub(super) fn settings(factory: &Path) -> PathBuf {
    factory.join("settings.json")
}

/// The user's list of installed plugins: one file a plugin.
pub(super) fn installed_plugins(factory: &Path) -> PathBuf {
    factory.join("plugins/installed_plugins")
}
