//! The second names of logs: as long as a task has not ended, each log that its agent writes is linked beside its life lock.
//!
//! So a log whose name somebody removed or gave to another file is not lost, whoever of the task is dead: readers find it
//! by the second name, and whoever puts the task away gives it the first name again. Where a file system knows no second
//! names there are none, and all is as it was before there were any. Nothing here opens a log to write it.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use domain::port::Stream;
use domain::task::TaskId;
use rustix::fs::{AtFlags, CWD, OFlags};

use super::FileLogs;
use crate::data_dir::DataDir;
use crate::disk::{self, Disk};
use crate::effect::effect;
use crate::life_lock::{identity, is_still};

/// Both logs of a task.
const STREAMS: [Stream; 2] = [Stream::Readable, Stream::Events];
/// How much of two files is compared at a place, in bytes.
const SAMPLE: usize = 4096;

impl FileLogs {
    /// Gives a log that this process just made its second name. Best effort: without it the log has one name less.
    pub fn name_twice(&self, id: &TaskId, which: Stream, log: &File) {
        let second = self.dir.second_name(id, which);
        let open = format!("/proc/self/fd/{}", log.as_raw_fd());
        let link = || Ok(rustix::fs::linkat(CWD, &*open, CWD, &second, AtFlags::SYMLINK_FOLLOW)?);
        effect("link", &second, link).unwrap_or_default();
    }

    /// Where the log is: at its first name, unless that is gone or another file's and there is a second.
    pub fn whereabouts(&self, id: &TaskId, which: Stream) -> PathBuf {
        let (first, second) = (self.dir.log(id, which), self.dir.second_name(id, which));
        match plain(&second) {
            Some(log) if !is_still(&first, identity(&log)).unwrap_or(true) => second,
            Some(_) | None => first,
        }
    }
}

/// Gives each log of a task that is over its first name again if something else has that, and removes the second. Of a
/// task without a record, which was removed with its logs, nothing comes back. Says how many names were removed.
pub(crate) fn settle(dir: &DataDir, disk: &dyn Disk, id: &TaskId) -> io::Result<usize> {
    let mut settled = 0;
    for which in STREAMS {
        let (first, second) = (dir.log(id, which), dir.second_name(id, which));
        let Ok(found) = fs::symlink_metadata(&second) else { continue };
        settled += 1;
        let is_lost = found.is_file()
            && !is_still(&first, identity(&found))?
            && fs::symlink_metadata(dir.record(id)).is_ok()
            && !is_copy(&first, &second, found.len());
        // What cannot take its name, as in the place of a folder, is lost.
        if !is_lost || disk.rename(&second, &first).is_err() {
            disk::forget(disk, &second)?;
        }
    }
    Ok(settled)
}

fn plain(path: &Path) -> Option<Metadata> {
    fs::symlink_metadata(path).ok().filter(Metadata::is_file)
}

/// Whether a file goes on where the log at `second` has its end, at `length`: in a store that was copied or restored the
/// two names may be two files, and then the first is as good as the second.
fn is_copy(first: &Path, second: &Path, length: u64) -> bool {
    let compare = || {
        let open = |path| disk::open(path, OFlags::NOFOLLOW);
        let (first, second) = (open(first)?, open(second)?);
        let found = first.metadata()?;
        let sample = SAMPLE.min(usize::try_from(length).unwrap_or(SAMPLE));
        let (mut one, mut other) = (vec![0; sample], vec![0; sample]);
        let mut is_same = found.is_file() && found.len() >= length;
        for place in [0, length - sample as u64] {
            if is_same {
                first.read_exact_at(&mut one, place)?;
                second.read_exact_at(&mut other, place)?;
                is_same = one == other;
            }
        }
        io::Result::Ok(is_same)
    };
    compare().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use domain::port::{LogPart, OutputLog as _};
    use std::io::Write as _;

    struct Scene {
        _home: tempfile::TempDir,
        dir: DataDir,
        logs: FileLogs,
        id: TaskId,
    }

    fn scene() -> Scene {
        let home = tempfile::tempdir().expect("a folder");
        let dir = DataDir::at(home.path().to_owned());
        dir.prepare().expect("prepared");
        let id = TaskId::parse("bg_1").expect("an id");
        let logs = FileLogs::new(dir.clone());
        let mut log = logs.append_output(&id).expect("a log");
        fs::write(dir.record(&id), "{}").expect("a record");
        logs.name_twice(&id, Stream::Readable, &log);
        log.write_all(b"ours\n").expect("written");
        Scene { _home: home, dir, logs, id }
    }

    impl Scene {
        fn read(&self) -> String {
            let read = self.logs.read(&self.id, Stream::Readable, LogPart::Whole);
            pollster::block_on(read).expect("read").text
        }

        fn settle(&self) -> usize {
            settle(&self.dir, &RealDisk, &self.id).expect("settled")
        }
    }

    #[test]
    fn a_log_whose_name_went_or_is_another_files_is_read_and_gets_it_back() {
        for put in [None, Some("a stranger's\n")] {
            let scene = scene();
            let first = scene.dir.output(&scene.id);
            fs::remove_file(&first).expect("removed");
            put.iter().try_for_each(|text| fs::write(&first, text)).expect("written");
            assert_eq!(scene.read(), "ours\n");
            pollster::block_on(scene.logs.append(&scene.id, "more\n")).expect("appended");
            assert_eq!((scene.settle(), scene.read()), (1, "ours\nmore\n".to_owned()));
            assert_eq!(fs::read_to_string(&first).expect("read"), "ours\nmore\n");
            assert_eq!(scene.settle(), 0, "nothing is left");
        }
    }

    #[test]
    fn a_log_that_has_its_name_keeps_it_and_so_does_a_copy_of_it() {
        let scene = scene();
        assert_eq!((scene.settle(), scene.read()), (1, "ours\n".to_owned()));
        let first = scene.dir.output(&scene.id);
        fs::write(scene.dir.second_name(&scene.id, Stream::Readable), "ou").expect("written");
        assert_eq!((scene.settle(), fs::read(&first).ok()), (1, Some(b"ours\n".to_vec())));
    }

    #[test]
    fn of_a_task_that_was_removed_no_log_comes_back() {
        let scene = scene();
        fs::remove_file(scene.dir.output(&scene.id)).expect("removed");
        fs::remove_file(scene.dir.record(&scene.id)).expect("removed");
        assert_eq!(scene.settle(), 1);
        assert!(!scene.dir.output(&scene.id).exists());
    }
}
