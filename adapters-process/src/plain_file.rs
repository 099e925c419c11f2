//! Opening a small file that somebody else may have put in the place of what is looked for.
//!
//! Never waits, whatever lies there, follows no symbolic link at the end of a path, and never reads more than the caller
//! bears. Files of `/proc` are read by `local/proc_file.rs`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Opens a plain file with `flags`, as its owner's alone where that makes it.
///
/// # Errors
/// The system's, or words of ours if it is no plain file.
pub(crate) fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let never = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags | never, Mode::RUSR | Mode::WUSR)?);
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::other("it is no plain file"))
}

/// The text of a plain file of at most so many bytes.
///
/// # Errors
/// As those of [`open`]; words of ours if it is longer, or no text.
pub(crate) fn text(path: &Path, most: u64) -> io::Result<String> {
    let mut text = String::new();
    open(path, OFlags::RDONLY)?.take(most.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > most {
        return Err(io::Error::other(format!("it is longer than {most} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, mknodat};
    use std::os::unix::fs::symlink;

    #[test]
    fn what_is_no_plain_file_or_too_long_is_refused_at_once() {
        let home = tempfile::tempdir().expect("a folder");
        let at = |name: &str| home.path().join(name);
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        symlink("/dev/zero", at("link")).expect("a link");
        std::fs::write(at("plain"), "1234").expect("a file");
        for path in [at("pipe"), at("link"), home.path().to_owned(), "/dev/zero".into()] {
            assert!(text(&path, 100).is_err(), "{}", path.display());
            let flags = OFlags::WRONLY | OFlags::CREATE;
            assert!(open(&path, flags).is_err(), "{}", path.display());
        }
        assert_eq!(text(&at("plain"), 4).ok().as_deref(), Some("1234"));
        assert!(text(&at("plain"), 3).is_err());
    }
}
