//! Finding a program where `execvp` would find it, before a process is made for it.
//!
//! The search starts nothing and reads no environment variable. Main function: [`find`].

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::plain_file;

/// How much of a script's first line the system reads, in bytes.
const LONGEST_LINE: u64 = 256;

/// Why there is no such program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProgram {
    /// It is a name, and in none of the folders.
    #[error("it was not found on PATH")]
    NotOnPath,
    /// It is a path, and nothing is there.
    #[error("there is no such file")]
    Absent,
    /// It is a path, and a folder is there.
    #[error("it is a folder")]
    Folder,
    /// A file is there that nobody may execute.
    #[error("it is not executable: no execute bit is set")]
    NotExecutable,
    /// It is a path that cannot be looked at.
    #[error("it cannot be looked at: {0}")]
    Hidden(std::io::ErrorKind),
}

/// Finds the program as `execvp` would: a name with a slash is a path, relative to `cwd`; any other
/// is looked for in the folders of `path`.
///
/// # Errors
/// [`NoProgram`] if there is none, or it cannot be executed.
pub fn find(program: &OsStr, cwd: &Path, path: Option<&OsStr>) -> Result<PathBuf, NoProgram> {
    if program.as_encoded_bytes().contains(&b'/') {
        let candidate = cwd.join(program);
        return look(&candidate).map(|()| candidate);
    }
    let mut why = NoProgram::NotOnPath;
    for folder in path.iter().flat_map(std::env::split_paths) {
        let candidate = cwd.join(folder).join(program);
        match look(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(NoProgram::NotExecutable) => why = NoProgram::NotExecutable,
            Err(_) => {}
        }
    }
    Err(why)
}

/// The interpreter that the script `program` names, where that is not there: the system then says that there is no such
/// file, as if it were the script.
pub fn missing_interpreter(program: &Path) -> Option<PathBuf> {
    let mut beginning = Vec::new();
    // A program may well be reached by a link.
    let program = program.canonicalize().ok()?;
    let script = plain_file::open(&program, OFlags::RDONLY).ok()?;
    script.take(LONGEST_LINE).read_to_end(&mut beginning).ok()?;
    let line = beginning.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let word = line.trim_ascii().split(u8::is_ascii_whitespace).next()?;
    let interpreter = Path::new(OsStr::from_bytes(word));
    (!word.is_empty() && !interpreter.exists()).then(|| interpreter.to_owned())
}

fn look(candidate: &Path) -> Result<(), NoProgram> {
    match candidate.metadata() {
        Ok(found) if found.is_dir() => Err(NoProgram::Folder),
        Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => Ok(()),
        Ok(_) => Err(NoProgram::NotExecutable),
        Err(error) if is_absence(error.kind()) => Err(NoProgram::Absent),
        Err(error) => Err(NoProgram::Hidden(error.kind())),
    }
}

fn is_absence(kind: std::io::ErrorKind) -> bool {
    matches!(kind, std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_where_execvp_would_find_it() {
        let (root, path) = (Path::new("/"), Some(OsStr::new("/nowhere:/bin:/usr/bin")));
        let find = |program: &str, path| find(OsStr::new(program), root, path);
        assert_eq!(find("sh", path), Ok("/bin/sh".into()));
        assert_eq!(find("bin/sh", None), Ok("/bin/sh".into()));
        assert_eq!(find("/etc/passwd", path), Err(NoProgram::NotExecutable));
        assert_eq!(find("/etc/passwd/x", path), Err(NoProgram::Absent));
        assert_eq!(find("/no/such/program", path), Err(NoProgram::Absent));
        assert_eq!(find("/etc", path), Err(NoProgram::Folder));
        assert_eq!(find("no-such-program", path), Err(NoProgram::NotOnPath));
        assert_eq!(find("passwd", Some(OsStr::new("/etc"))), Err(NoProgram::NotExecutable));
    }

    #[test]
    fn an_interpreter_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("script");
        for (text, missing) in [
            ("#!/no/such/python -u\nx", Some("/no/such/python")),
            ("#! /no/such/sh\r\n", Some("/no/such/sh")),
            ("#!/bin/sh\n", None),
            ("#!", None),
            ("text", None),
        ] {
            std::fs::write(&script, text).expect("written");
            assert_eq!(missing_interpreter(&script), missing.map(Into::into), "{text}");
        }
        assert_eq!(missing_interpreter(&folder.path().join("none")), None);
    }
}
