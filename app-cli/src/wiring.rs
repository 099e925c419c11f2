//! The concrete adapters, put together. The only file that names them all.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use adapters_fs::{
    ClaimedLife, DataDir, FileDroids, FileLifeLocks, FileLogs, FileNotices, FileStore,
};
use adapters_process::clock::SystemClock;
use adapters_process::entropy::SystemEntropy;
use adapters_process::event_log::DroidEventLog;
use adapters_process::launcher::{HeldLife, SupervisorLauncher};
use adapters_process::system_processes::SystemProcesses;
use domain::task::droid::Instructions;
use domain::usecase::Witnesses;

use crate::environment;
use crate::failure::Failure;

/// The concrete adapters.
pub(crate) struct Wiring {
    /// Where everything is.
    pub(crate) dir: DataDir,
    /// The records.
    pub(crate) store: FileStore,
    /// The life locks.
    pub(crate) locks: FileLifeLocks,
    /// What tasks wrote.
    pub(crate) logs: FileLogs,
    /// What parents have not been told yet.
    pub(crate) notices: FileNotices,
    /// What agents said of their own work.
    pub(crate) events: DroidEventLog,
    /// What defines named droids.
    pub(crate) droids: FileDroids,
    /// The processes of the system.
    pub(crate) processes: SystemProcesses,
    /// The time.
    pub(crate) clock: SystemClock,
    /// Random bits.
    pub(crate) entropy: SystemEntropy,
}

impl Wiring {
    /// The adapters over the store that the environment names.
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self::over(DataDir::locate(&environment::variable)?))
    }

    /// The adapters over the store in the folder `root`.
    pub(crate) fn at(root: PathBuf) -> Self {
        Self::over(DataDir::at(root))
    }

    fn over(dir: DataDir) -> Self {
        let logs = FileLogs::new(dir.clone());
        let streams = FileLogs::new(dir.clone());
        Self {
            store: FileStore::open(dir.clone()),
            locks: FileLifeLocks::new(dir.clone()),
            events: DroidEventLog::new(move |id| streams.open_events(id)),
            logs,
            droids: FileDroids::new(environment::home()),
            notices: FileNotices::new(dir.clone()),
            processes: SystemProcesses,
            clock: SystemClock,
            entropy: SystemEntropy,
            dir,
        }
    }

    /// Everything that can be asked about a task besides its record.
    pub(crate) fn witnesses(&self) -> Witnesses<'_> {
        Witnesses {
            locks: &self.locks,
            processes: &self.processes,
            events: &self.events,
            logs: &self.logs,
        }
    }

    /// What starts supervisors, with these variables added to the agent's environment, and this told
    /// to it besides its prompt.
    pub(crate) fn launcher(
        &self,
        variables: Vec<(OsString, OsString)>,
        instructions: Option<Instructions>,
    ) -> SupervisorLauncher {
        let locks = FileLifeLocks::new(self.dir.clone());
        let folder = self.dir.root().display().to_string();
        let claim = move |id: &_| -> io::Result<Box<dyn HeldLife>> {
            let claimed = locks.claim(id);
            let claimed = claimed.and_then(|life| match &instructions {
                Some(instructions) => life.brief(instructions.as_str()).map(|()| life),
                None => Ok(life),
            });
            let named =
                claimed.map_err(|error| io::Error::other(format!("in `{folder}`: {error}")));
            Ok(Box::new(Claimed(named?)))
        };
        SupervisorLauncher::new(self.dir.root().to_owned(), claim).with_variables(variables)
    }
}

/// A life lock of the file store, as a launcher wants it.
struct Claimed(ClaimedLife);

impl HeldLife for Claimed {
    fn hand_over(self: Box<Self>) -> File {
        self.0.into_file()
    }
}
