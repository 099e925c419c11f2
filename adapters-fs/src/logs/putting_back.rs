//! Putting back a log that lost its name while it was written, as where somebody removed it, put another file in its
//! place, or restored an older store.
//!
//! As long as somebody has it open the system keeps what is in it, and it can be copied; a file without a name can be given
//! none. Gaps stay gaps, at their places.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use domain::port::Stream;
use domain::task::TaskId;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::FileLogs;
use crate::data_dir::ownership;
use crate::disk;
use crate::effect::effect;
use crate::life_lock::{identity, is_still};

impl FileLogs {
    /// Puts the open file `lost`, or what is in it, where the log of the task belongs, in place of what is there. Makes no
    /// folder, and nothing for a task without a record, which was removed with its log. Of a file without a name at most
    /// `most` bytes of the disk are copied.
    ///
    /// # Errors
    /// What the system says; nothing is changed then.
    pub fn put_back(&self, id: &TaskId, which: Stream, lost: &File, most: u64) -> io::Result<()> {
        let (target, second) = (self.path(id, which), self.dir.second_name(id, which));
        let found = lost.metadata()?;
        if is_still(&target, identity(&found))? {
            return Ok(());
        }
        std::fs::symlink_metadata(self.dir.record(id))?;
        if is_still(&second, identity(&found))? {
            return put_in_place(&second, &target);
        }
        if found.blocks().saturating_mul(512) > most {
            return Err(Errno::FBIG.into());
        }
        // It was opened for writing alone.
        let source = File::open(format!("/proc/self/fd/{}", lost.as_raw_fd()))?;
        let temp = self.dir.temp(&target);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let copy = effect("create", &temp, || disk::opened(&temp, flags))?;
        let copied = ownership::handed_over(copy).and_then(|copy| copied(&source, &copy));
        let placed = copied.and_then(|()| put_in_place(&temp, &target));
        placed.inspect_err(|_| {
            effect("unlink", &temp, || std::fs::remove_file(&temp)).unwrap_or_default();
        })?;
        // One that came with an older store is of another file.
        effect("unlink", &second, || std::fs::remove_file(&second)).unwrap_or_default();
        Ok(())
    }
}

fn put_in_place(temp: &Path, target: &Path) -> io::Result<()> {
    effect("rename to", target, || std::fs::rename(temp, target))
}

/// Copies what is in a file to the same places of another.
fn copied(mut source: &File, mut copy: &File) -> io::Result<()> {
    let end = source.metadata()?.len();
    let mut at = 0;
    while at < end {
        let (from, to) = match rustix::fs::seek(source, rustix::fs::SeekFrom::Data(at)) {
            Ok(from) => (from, rustix::fs::seek(source, rustix::fs::SeekFrom::Hole(from))?),
            // Nothing but a gap is left.
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL | Errno::OPNOTSUPP) => (at, end),
            Err(error) => return Err(error.into()),
        };
        source.seek(SeekFrom::Start(from))?;
        copy.seek(SeekFrom::Start(from))?;
        io::copy(&mut source.take(to - from), &mut copy)?;
        at = to;
    }
    copy.flush()?;
    copy.set_len(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::DataDir;
    use std::fs;
    use std::os::unix::fs::FileExt;

    const MOST: u64 = 1 << 20;

    #[test]
    fn a_log_without_a_name_is_put_back_with_its_gap() {
        let home = tempfile::tempdir().expect("a folder");
        let logs = FileLogs::new(DataDir::at(home.path().to_owned()));
        let id = TaskId::parse("bg_1").expect("an id");
        let log = logs.append_output(&id).expect("a log");
        let record = home.path().join("bg_1.json");
        fs::write(&record, "").expect("a record");
        let path = home.path().join("bg_1.out");
        let other = File::options().write(true).open(&path).expect("it is there");
        other.write_all_at(b"the first", 0).expect("written");
        other.write_all_at(b"the last", 64 << 20).expect("written");
        fs::remove_file(&path).expect("removed");
        std::os::unix::fs::symlink("/nowhere", &path).expect("a link in its place");
        logs.put_back(&id, Stream::Readable, &log, MOST).expect("it is put back");
        let found = fs::symlink_metadata(&path).expect("it is there");
        assert!(found.is_file() && found.len() == (64 << 20) + 8 && found.blocks() < 2048);
        let mut end = [0; 8];
        File::open(&path).and_then(|file| file.read_exact_at(&mut end, 64 << 20)).expect("read");
        assert_eq!(&end, b"the last");
        fs::remove_file(&record).expect("removed");
        fs::remove_file(&path).expect("removed");
        assert!(logs.put_back(&id, Stream::Readable, &log, MOST).is_err() && !path.exists());
        fs::remove_dir_all(home.path()).expect("removed");
        assert!(logs.put_back(&id, Stream::Readable, &log, MOST).is_err() && !home.path().exists());
    }
}
