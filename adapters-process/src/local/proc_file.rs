//! Reading a file of `/proc` or of a control group in as few system calls as it takes.
//!
//! Such a file has no length to go by, so the standard library reads it in small pieces, and asks once more at the end. What the
//! kernel has to say of one thing it says at once, in as much room as it is given. Nothing here knows what is in a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// What nearly every such file has room in, in bytes.
const ROOM: usize = 2048;

/// What is in the file.
///
/// # Errors
/// The system's.
pub(super) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path.as_ref(), flags, Mode::empty())?;
    let mut first = [0; ROOM];
    let count = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut first))?;
    let mut content = first[..count].to_vec();
    if count == ROOM {
        File::from(file).read_to_end(&mut content)?;
    }
    Ok(content)
}

/// The same as text; what is none in it becomes U+FFFD.
///
/// # Errors
/// The system's.
pub(super) fn text(path: impl AsRef<Path>) -> io::Result<String> {
    let text = String::from_utf8(read(path)?);
    // What is text already is not copied.
    Ok(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_the_room_is_read_whole() {
        let path = std::env::temp_dir().join(format!("task-bg-proc-file-{}", std::process::id()));
        for length in [0, 1, ROOM - 1, ROOM, ROOM + 1, 5 * ROOM] {
            let content = vec![b'x'; length];
            std::fs::write(&path, &content).expect("written");
            assert_eq!(read(&path).expect("read"), content, "{length}");
        }
        std::fs::remove_file(&path).expect("removed");
        assert!(read(&path).is_err());
    }
}
