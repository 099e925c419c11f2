//! The endings that hosts note for each other: a file a host, a line an ending, which that host alone appends to.
//!
//! Whoever waits for many tasks of other hosts opens a few files instead of their records: opening a file is what has a
//! network's file system ask for what is new. A file that has grown long begins anew under the same name.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;

use domain::port::job_files::Endings;
use domain::task::TaskId;
use rustix::fs::OFlags;

use crate::data_dir::DataDir;
use crate::disk::{self, Disk};
use crate::effect::effect;
use crate::plain_file::plain;

/// How long a file may be before it begins anew, in bytes: some thousand endings.
const MOST: u64 = 64 << 10;

/// The name of this machine.
pub(super) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Notes an ending.
pub(super) fn note(dir: &DataDir, disk: &dyn Disk, host: &str, id: &TaskId) -> io::Result<()> {
    let path = dir.ended_on(host);
    let line = format!("{id}\n");
    if fs::symlink_metadata(&path).is_ok_and(|found| found.len() > MOST) {
        let temp = dir.temp(&path);
        disk.write_unsynced(&temp, line.as_bytes())?;
        return disk.rename(&temp, &path).map(drop);
    }
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW;
    let open = || disk::opened(&path, flags | OFlags::NONBLOCK).and_then(plain);
    let mut file = match effect("note an ending", &path, open) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            dir.prepare_ended()?;
            open()?
        }
        opened => opened?,
    };
    file.write_all(line.as_bytes())
}

/// What was noted since `seen`. What cannot be read is read the next time.
pub(super) fn since(dir: &DataDir, seen: &mut Endings) -> Vec<TaskId> {
    let mut news = Vec::new();
    let is_first = !std::mem::replace(&mut seen.begun, true);
    let Ok(hosts) = fs::read_dir(dir.ended()) else { return news };
    for name in hosts.flatten().map(|entry| entry.file_name()) {
        let path = DataDir::entry(&dir.ended(), &name);
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        let Ok(mut file) = disk::open(&path, OFlags::NOFOLLOW).and_then(plain) else { continue };
        let Ok(found) = file.metadata() else { continue };
        let known = seen.read.get(name).copied();
        let from = match known {
            Some((inode, read)) if inode == found.ino() && read <= found.len() => read,
            None if is_first => found.len(),
            Some(_) | None => 0,
        };
        let mut text = String::new();
        let read = file.seek(SeekFrom::Start(from));
        let read = read.and_then(|_| (&file).take(2 * MOST).read_to_string(&mut text));
        if read.is_err() {
            continue;
        }
        // The end of a line may be on its way.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        news.extend(text[..whole].lines().filter_map(|line| TaskId::parse(line).ok()));
        seen.read.insert(name.to_owned(), (found.ino(), from + whole as u64));
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    fn id(number: usize) -> TaskId {
        TaskId::parse(&format!("bg_{number}")).expect("an id")
    }

    #[test]
    fn whoever_looks_again_sees_what_each_host_noted_meanwhile_and_nothing_from_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = DataDir::at(folder.path().join("store"));
        let note = |host: &str, number| note(&dir, &RealDisk, host, &id(number)).expect("noted");
        note("node1", 1);
        let mut seen = Endings::default();
        assert_eq!(since(&dir, &mut seen), []);
        assert_eq!(since(&dir, &mut seen), []);
        note("node1", 2);
        note("node2", 3);
        let mut news = since(&dir, &mut seen);
        news.sort();
        assert_eq!(news, [id(2), id(3)]);
        assert_eq!(since(&dir, &mut seen), []);
    }

    #[test]
    fn a_file_that_has_grown_long_begins_anew_and_nobody_misses_anything() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = DataDir::at(folder.path().join("store"));
        let mut seen = Endings::default();
        assert_eq!(since(&dir, &mut seen), []);
        for number in 0..20_000 {
            note(&dir, &RealDisk, "node1", &id(number)).expect("noted");
            assert_eq!(since(&dir, &mut seen), [id(number)]);
        }
        let length = fs::metadata(dir.ended_on("node1")).expect("it is there").len();
        assert!(length <= MOST + 64, "{length}");
    }
}
