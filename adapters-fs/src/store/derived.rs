//! Files that are only derived from the records: read whole, replaced whole, and never synced.
//!
//! Each has a heading that names its form and has a sum over all that follows, lines, an empty line, and a table of
//! bytes. One that is missing, damaged or makes no sense counts as none. Nothing here is an error: what cannot be kept
//! is found out anew.

use std::fs::FileTimes;
use std::path::Path;
use std::str::Lines;
use std::time::SystemTime;

use domain::task::TaskId;
use rustix::fs::OFlags;

use super::FileStore;
use crate::disk::{self, Found};

/// The lines and the table of a derived file, if it has this heading and is as it was written.
pub(super) fn parts<'a>(content: &'a [u8], heading: &str) -> Option<(Lines<'a>, &'a [u8])> {
    let start = memchr::memchr(b'\n', content)? + 1;
    let (first, rest) = content.split_at(start);
    if first != format!("{heading} {:016x}\n", sum(rest)).as_bytes() {
        return None;
    }
    // Where there is no line, the empty one comes first.
    let table = memchr::memmem::find(&content[start - 1..], b"\n\n")? + 1;
    Some((str::from_utf8(&rest[..table - 1]).ok()?.lines(), &rest[table..]))
}

/// The content of a derived file; each line has its line feed.
pub(super) fn joined(heading: &str, lines: &str, table: &[u8]) -> Vec<u8> {
    let rest = [lines.as_bytes(), b"\n", table].concat();
    let mut content = format!("{heading} {:016x}\n", sum(&rest)).into_bytes();
    content.extend_from_slice(&rest);
    content
}

/// The sum after one word more. Each step can be undone, so that another word alone makes another sum.
pub(super) const fn step(sum: u64, word: u64) -> u64 {
    (sum.rotate_left(29) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A number that is another one for other bytes: surely so where a single word of eight of them differs.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks();
    let sum =
        words.iter().fold(bytes.len() as u64, |sum, word| step(sum, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    step(sum, u64::from_le_bytes(last))
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
    let file = disk::opened(path, OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_which_any_byte_is_another_one_counts_as_none() {
        const HEADING: &str = "task-bg example 1";
        for (lines, table) in
            [("", &b""[..]), ("a line\n", b""), ("", b"12345678\n\n9"), ("a\nb\n", &[0; 40])]
        {
            let content = joined(HEADING, lines, table);
            let (found, rest) = parts(&content, HEADING).expect("it is as it was written");
            assert_eq!((found.collect::<Vec<_>>(), rest), (lines.lines().collect(), table));
            for at in 0..content.len() {
                for bits in 1..=u8::MAX {
                    let mut damaged = content.clone();
                    damaged[at] ^= bits;
                    assert!(parts(&damaged, HEADING).is_none(), "byte {at}, bits {bits:08b}");
                }
                assert!(parts(&content[..at], HEADING).is_none(), "{at} bytes of it");
            }
        }
    }
}
