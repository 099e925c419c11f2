//! The file through which a hook hands variables to the shell commands of its session.
//!
//! Droid and Claude Code name it in `CLAUDE_ENV_FILE` and source it before each command. The file is
//! theirs, so this module only ever adds a line, and only to a plain file of bearable size.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::effect::effect;

/// The largest file that a line is added to, in bytes.
const LIMIT: u64 = 1 << 20;

/// Adds `line` to the file at `path`, unless the last line that begins as it does (up to its first
/// `=`) is the same already. Makes the file if it is not there.
///
/// # Errors
/// What the system says if it cannot be done, or [`io::ErrorKind::InvalidInput`] if what is there is
/// no plain file of bearable size.
pub fn add_line(path: &Path, line: &str) -> io::Result<()> {
    // Opening a pipe or a device may already do something.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600).custom_flags(flags);
    let mut file = effect("create", path, || options.open(path))?;
    // Two hooks of one event run at once.
    effect("lock", path, || file.lock())?;
    let before = content(&mut file)?;
    let name = &line[..=line.find('=').unwrap_or(line.len() - 1)];
    if before.lines().rfind(|known| known.starts_with(name)) == Some(line) {
        return Ok(());
    }
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    // In one write, so that nobody sources half a line.
    let text = format!("{gap}{line}\n");
    effect("write to", path, || file.write_all(text.as_bytes()))
}

fn content(file: &mut File) -> io::Result<String> {
    let found = file.metadata()?;
    if !found.is_file() || found.len() > LIMIT {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_line_is_added_once_and_what_was_there_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("env");
        fs::write(&path, "export A=1").expect("written");
        for _ in 0..2 {
            add_line(&path, "export P=one").expect("added");
        }
        assert_eq!(fs::read_to_string(&path).expect("read"), "export A=1\nexport P=one\n");
        // The last line wins when it is sourced, so a change back is a change.
        add_line(&path, "export P=two").expect("added");
        add_line(&path, "export P=one").expect("added");
        let text = fs::read_to_string(&path).expect("read");
        assert_eq!(
            text.lines().skip(1).collect::<Vec<_>>(),
            ["export P=one", "export P=two", "export P=one"]
        );
    }

    #[test]
    fn many_at_once_add_it_once_to_a_file_that_was_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("env");
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| add_line(&path, "export P=one").expect("added"));
            }
        });
        assert_eq!(fs::read_to_string(&path).expect("read"), "export P=one\n");
    }

    #[test]
    fn what_is_no_plain_file_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let large = folder.path().join("large");
        File::create(&large).and_then(|file| file.set_len(LIMIT + 1)).expect("made");
        for path in [folder.path(), Path::new("/dev/null"), &large] {
            let error = add_line(path, "export P=one").expect_err("refused");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{}", path.display());
        }
        assert!(add_line(&folder.path().join("no/such"), "export P=one").is_err());
    }
}
