//! Finding a program where `execvp` would find it, before a process is made for it.
//!
//! The search starts nothing and reads no environment variable.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Finds the program as `execvp` would: a name with a slash is a path, relative to `cwd`; any other
/// is looked for in the folders of `path`.
pub fn find(program: &OsStr, cwd: &Path, path: Option<&OsStr>) -> Option<PathBuf> {
    let executable = |candidate: &Path| {
        candidate
            .metadata()
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if program.as_encoded_bytes().contains(&b'/') {
        return Some(cwd.join(program)).filter(|candidate| executable(candidate));
    }
    let folders = std::env::split_paths(path?);
    folders.map(|folder| cwd.join(folder).join(program)).find(|candidate| executable(candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_where_execvp_would_find_it() {
        let (root, path) = (Path::new("/"), Some(OsStr::new("/nowhere:/bin:/usr/bin")));
        assert_eq!(find(OsStr::new("sh"), root, path), Some("/bin/sh".into()));
        assert_eq!(find(OsStr::new("bin/sh"), root, None), Some("/bin/sh".into()));
        assert_eq!(find(OsStr::new("/etc/passwd"), root, path), None);
        assert_eq!(find(OsStr::new("no-such-program"), root, path), None);
    }
}
