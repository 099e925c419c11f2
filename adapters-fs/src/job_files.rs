//! The files by which the hosts that share a store tell each other of a task that a cluster runs.
//!
//! All but the program lie beside the life locks and go with them: what the cluster says of the job (`.slurm`), the mark
//! that the start was claimed (`.started`), and the wish of another host (`.cancel`). A sign of life is the time of the
//! life lock's file, by the clock of whatever keeps the files. Nothing here relies on a lock. Main type: [`FileJobs`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use domain::port::Fault;
use domain::port::job_files::{Endings, JobFiles, Prepared};
use domain::task::{CancelIntent, TaskId, Timestamp};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW};

mod endings;

use crate::data_dir::DataDir;
use crate::disk::{self, Disk, Found, RealDisk};
use crate::effect::effect;
use crate::fault::fault;

/// This program, as the system shows it to itself.
const OURSELVES: &str = "/proc/self/exe";
/// How much of what a cluster says of a job is read, in bytes, from its end.
const MOST: u64 = 16 << 10;
/// How long a host may keep what it knows of a file that another one writes: the default of NFS, for want of an answer.
const LAG: Duration = Duration::from_secs(60);
/// The file systems on which every host would be this one: ext, XFS, Btrfs, tmpfs, overlayfs, F2FS, ZFS, bcachefs.
const LOCAL: [i64; 8] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0x0102_1994,
    0x794c_7630,
    0xf2f5_2010_u32 as i64,
    0x2fc1_2fc1,
    0xca45_1a4e_u32 as i64,
];

/// The files of the tasks of a store that a cluster runs.
#[derive(Clone, Debug)]
pub struct FileJobs {
    dir: DataDir,
    disk: Arc<dyn Disk>,
    version: String,
    /// When the time of the disk was looked at, and what it was.
    time: Arc<OnceLock<(Instant, SystemTime)>>,
}

impl FileJobs {
    /// The files of the store in `dir`, for this version of the program. Touches nothing until it is used.
    pub fn new(dir: DataDir, version: &str) -> Self {
        let (disk, time) = (Arc::new(RealDisk), Arc::new(OnceLock::new()));
        Self { dir, disk, version: version.to_owned(), time }
    }

    /// Sees to it that this program is in the store, and says where. A copy appears whole or not at all, and one that is
    /// there is never written to: a host may be running it.
    fn copied(&self) -> io::Result<PathBuf> {
        let own = File::open(OURSELVES)?;
        let length = own.metadata()?.len();
        let is_there = |path: &Path| fs::metadata(path).is_ok_and(|found| found.len() == length);
        let path = self.dir.program(&self.version);
        if is_there(&path) {
            return Ok(path);
        }
        // Another build of the same version has the name.
        let path = match fs::symlink_metadata(&path) {
            Ok(_) => self.dir.program(&format!("{}-{length:x}", self.version)),
            Err(_) => path,
        };
        if is_there(&path) {
            return Ok(path);
        }
        self.dir.prepare_programs()?;
        let temp = self.dir.temp(&path);
        let copied = copy(own, &temp).and_then(|()| match self.disk.rename_new(&temp, &path) {
            // Somebody else was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_there(&path) => {
                self.disk.remove(&temp)
            }
            renamed => renamed,
        });
        copied.inspect_err(|_| self.disk.remove(&temp).unwrap_or_default())?;
        Ok(path)
    }

    /// The time by the clock of whatever keeps the files; by ours where nothing can be written.
    fn disk_time(&self) -> SystemTime {
        let (at, time) = self.time.get_or_init(|| {
            let probe = || -> io::Result<SystemTime> {
                let probe = disk::create_beside(&self.dir, &*self.disk, &self.dir.active())?;
                let made = fs::symlink_metadata(&probe).and_then(|made| made.modified());
                self.disk.remove(&probe)?;
                made
            };
            (Instant::now(), probe().unwrap_or_else(|_| now()))
        });
        *time + at.elapsed()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with the times of files, which nobody else can give"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

fn copy(mut from: File, to: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o700);
    let mut file = effect("copy ourselves", to, || options.open(to))?;
    io::copy(&mut from, &mut file)?;
    file.sync_all()
}

#[async_trait]
impl JobFiles for FileJobs {
    async fn prepare(&self, id: &TaskId) -> Result<Prepared, Fault> {
        let program = self.copied();
        let program = program
            .map_err(|error| fault("copying this program into", &self.dir.programs(), &error))?;
        let output = self.dir.job_output(id);
        disk::forget(&*self.disk, &output)
            .and_then(|_| disk::prepared(&self.dir, || self.disk.write_unsynced(&output, b"")))
            .map_err(|error| fault("making", &output, &error))?;
        let text = |path: &Path| {
            let text = path.to_str().map(ToOwned::to_owned);
            text.ok_or_else(|| Fault::of(format!("naming `{}`", path.display()), "it is not UTF-8"))
        };
        let (program, store) = (text(&program)?, text(self.dir.root())?);
        Ok(Prepared { program, store, output: text(&output)? })
    }

    async fn claim_start(&self, id: &TaskId) -> Result<bool, Fault> {
        let path = self.dir.started(id);
        let claimed = disk::prepared(&self.dir, || self.disk.write_new(&path, b""));
        match claimed {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(fault("claiming the start in", &path, &error)),
        }
    }

    async fn leave_intent(&self, id: &TaskId, intent: CancelIntent) -> Result<(), Fault> {
        let path = self.dir.intent(id);
        let millis = intent.grace.as_millis();
        let text = format!("{} {millis}\n", intent.at.as_micros());
        let left = || -> io::Result<()> {
            let temp = self.dir.temp(&path);
            disk::prepared(&self.dir, || self.disk.write_new(&temp, text.as_bytes()))?;
            self.disk.rename(&temp, &path).map(drop)
        };
        left().map_err(|error| fault("leaving an intent in", &path, &error))
    }

    async fn intent(&self, id: &TaskId) -> Option<CancelIntent> {
        let Ok(Found::Plain(content)) = self.disk.read(&self.dir.intent(id)) else { return None };
        let text = String::from_utf8(content).ok()?;
        let (micros, millis) = text.trim().split_once(' ')?;
        let at = Timestamp::from_micros(micros.parse().ok()?);
        Some(CancelIntent { at, grace: Duration::from_millis(millis.parse().ok()?) })
    }

    async fn last_words(&self, id: &TaskId) -> String {
        let path = self.dir.job_output(id);
        // Most jobs end without a word.
        if fs::symlink_metadata(&path).map_or(0, |found| found.len()) == 0 {
            return String::new();
        }
        let read = || -> io::Result<Vec<u8>> {
            let mut file = disk::open(&path, rustix::fs::OFlags::NOFOLLOW)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(MOST)))?;
            let mut bytes = Vec::new();
            file.take(MOST).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
    }

    async fn silence(&self, id: &TaskId) -> Option<Duration> {
        let found = fs::symlink_metadata(self.dir.life_lock(id)).ok()?;
        let beaten = found.modified().ok()?;
        Some(self.disk_time().duration_since(beaten).unwrap_or_default())
    }

    async fn beat(&self, id: &TaskId) -> Result<(), Fault> {
        let path = self.dir.life_lock(id);
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        rustix::fs::utimensat(CWD, &path, &times, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| fault("giving a sign of life in", &path, &error.into()))
    }

    async fn note_ending(&self, id: &TaskId) -> Result<(), Fault> {
        let host = endings::host();
        let noted = endings::note(&self.dir, &*self.disk, &host, id);
        noted.map_err(|error| fault("noting an ending in", &self.dir.ended_on(&host), &error))
    }

    async fn endings(&self, seen: &mut Endings) -> Vec<TaskId> {
        endings::since(&self.dir, seen)
    }

    async fn lag(&self) -> Duration {
        let is_local = |found: rustix::fs::StatFs| LOCAL.contains(&found.f_type);
        match rustix::fs::statfs(self.dir.root()) {
            Ok(found) if is_local(found) => Duration::ZERO,
            Ok(_) | Err(_) => LAG,
        }
    }

    async fn forget(&self, id: &TaskId) -> Result<(), Fault> {
        // The file by whose name others know of the job goes last.
        for path in [self.dir.intent(id), self.dir.started(id), self.dir.job_output(id)] {
            disk::forget(&*self.disk, &path).map_err(|error| fault("removing", &path, &error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> (tempfile::TempDir, FileJobs, TaskId) {
        let folder = tempfile::tempdir().expect("a folder");
        let jobs = FileJobs::new(DataDir::at(folder.path().join("store")), "9.9.9");
        (folder, jobs, TaskId::parse("bg_1").expect("an id"))
    }

    fn block<T>(future: impl Future<Output = T>) -> T {
        pollster::block_on(future)
    }

    #[test]
    fn a_start_is_claimed_once_and_the_program_is_copied_once() {
        let (_folder, jobs, id) = files();
        let prepared = block(jobs.prepare(&id)).expect("it can be made");
        assert!(prepared.program.ends_with("/.bin/task-bg-9.9.9"), "{prepared:?}");
        let made =
            fs::metadata(&prepared.program).and_then(|it| it.modified()).expect("it is there");
        assert_eq!(block(jobs.prepare(&id)).map(|it| it.program), Ok(prepared.program.clone()));
        assert_eq!(fs::metadata(&prepared.program).and_then(|it| it.modified()).ok(), Some(made));
        assert_eq!(block(jobs.claim_start(&id)), Ok(true));
        assert_eq!(block(jobs.claim_start(&id)), Ok(false));
        block(jobs.forget(&id)).expect("it can be removed");
        assert_eq!(block(jobs.claim_start(&id)), Ok(true));
    }

    #[test]
    fn another_build_of_the_same_version_gets_a_name_of_its_own() {
        let (folder, jobs, id) = files();
        let bin = folder.path().join("store/.bin");
        fs::create_dir_all(&bin).expect("a folder");
        fs::write(bin.join("task-bg-9.9.9"), "an older build").expect("a file");
        let prepared = block(jobs.prepare(&id)).expect("it can be made");
        assert!(prepared.program.contains("/.bin/task-bg-9.9.9-"), "{prepared:?}");
        let old = fs::read_to_string(bin.join("task-bg-9.9.9")).expect("it is there");
        assert_eq!(old, "an older build");
    }

    #[test]
    fn an_intent_and_last_words_are_read_as_they_were_left() {
        let (_folder, jobs, id) = files();
        let prepared = block(jobs.prepare(&id)).expect("it can be made");
        assert_eq!((block(jobs.intent(&id)), block(jobs.last_words(&id))), (None, String::new()));
        let at = Timestamp::from_micros(1_234_567);
        let intent = CancelIntent { at, grace: Duration::from_millis(1500) };
        block(jobs.leave_intent(&id, intent)).expect("it can be left");
        assert_eq!(block(jobs.intent(&id)), Some(intent));
        fs::write(&prepared.output, "*** JOB 3\n").expect("a file");
        assert_eq!(block(jobs.last_words(&id)), "*** JOB 3\n");
    }

    #[test]
    fn a_sign_of_life_ends_a_silence() {
        let (_folder, jobs, id) = files();
        block(jobs.prepare(&id)).expect("it can be made");
        assert_eq!(block(jobs.silence(&id)), None);
        let lock = File::create(jobs.dir.life_lock(&id)).expect("a file");
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        lock.set_modified(long_ago).expect("its time");
        assert!(
            block(jobs.silence(&id)).is_some_and(|silence| silence > Duration::from_secs(1000))
        );
        block(jobs.beat(&id)).expect("it can be touched");
        assert!(block(jobs.silence(&id)).is_some_and(|silence| silence < Duration::from_secs(10)));
    }
}
