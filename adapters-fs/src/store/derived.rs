//! Files that are only derived from the records: read whole, replaced whole, and never synced.
//!
//! Each has a heading that names its form, lines, an empty line, and a table of bytes. One that is missing or makes no
//! sense counts as none. Nothing here is an error: what cannot be kept is found out anew.

use std::fs::{File, FileTimes};
use std::path::Path;
use std::str::Lines;
use std::time::SystemTime;

use domain::task::TaskId;

use super::FileStore;
use crate::disk::{self, Found};

/// The lines and the table of a derived file, if it has this heading.
pub(super) fn parts<'a>(content: &'a [u8], heading: &str) -> Option<(Lines<'a>, &'a [u8])> {
    let end = memchr::memmem::find(content, b"\n\n")?;
    let mut lines = str::from_utf8(&content[..end]).ok()?.lines();
    (lines.next()? == heading).then(|| (lines, &content[end + 2..]))
}

/// The content of a derived file; each line has its line feed.
pub(super) fn joined(heading: &str, lines: &str, table: &[u8]) -> Vec<u8> {
    let mut content = format!("{heading}\n{lines}\n").into_bytes();
    content.extend_from_slice(table);
    content
}

/// The number of a task: of a million records, two have the same once in ten million stores.
pub(super) fn number(id: &TaskId) -> u64 {
    fnv(id.as_str().bytes())
}

/// FNV-1a, 64 bits.
pub(super) fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Gives the file at `path` the time `at`. Best effort.
pub(super) fn date(path: &Path, at: SystemTime) {
    let file = File::options().write(true).open(path);
    drop(file.and_then(|file| file.set_times(FileTimes::new().set_modified(at))));
}

impl FileStore {
    /// The content of the derived file at `path`.
    pub(super) fn derived(&self, path: &Path) -> Option<Vec<u8>> {
        match self.disk.read(path) {
            Ok(Found::Plain(content)) => Some(content),
            Ok(Found::Absent | Found::Unfit(_)) | Err(_) => None,
        }
    }

    /// Puts `content` in place of the derived file at `path`, with the time `at` if one is given. Best effort.
    pub(super) fn derive(&self, path: &Path, content: &[u8], at: Option<SystemTime>) {
        let write =
            || disk::unnamed(&self.dir, path, |temp| self.disk.write_unsynced(temp, content));
        let temp = write().or_else(|_| self.dir.prepare_sessions().and_then(|()| write()));
        let Ok(temp) = temp else { return };
        if let Some(at) = at {
            date(&temp, at);
        }
        if self.disk.rename(&temp, path).is_err() {
            self.disk.remove(&temp).unwrap_or_default();
        }
    }
}
