//! The concrete adapters, put together. The only file that names them all.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use adapters_fs::{
    ClaimedLife, DataDir, FileDroids, FileKeys, FileKits, FileLifeLocks, FileLogs, FileNotices,
    FileQueue, FileStore,
};
use adapters_process::agents::event_log::AgentEventLog;
use adapters_process::agents::registry::{Programs, Registry};
use adapters_process::clock::SystemClock;
use adapters_process::entropy::SystemEntropy;
use adapters_process::git::{GitWorktrees, names_a_repository};
use adapters_process::local::launcher::{HeldLife, Station, SupervisorLauncher, Variables};
use adapters_process::local::system_processes::SystemProcesses;
use adapters_process::local::tree;
use domain::port::kits::Environment;
use domain::port::{Entropy, Further, Kit, Kits as _};
use domain::task::droid::Instructions;
use domain::task::{AgentName, SessionId, TaskId};
use domain::usecase::Witnesses;
use domain::usecase::admit::{Door, admit, hand_on};

use crate::kit::context::parse_session;
use crate::kit::environment;
use crate::kit::failure::Failure;
use crate::kit::settings::Settings;

/// The concrete adapters.
pub(crate) struct Wiring {
    /// Where everything is.
    pub(crate) dir: DataDir,
    /// The records.
    pub(crate) store: FileStore,
    /// Who waits.
    pub(crate) queue: FileQueue,
    /// Who has which key.
    pub(crate) keys: FileKeys,
    /// The life locks.
    pub(crate) locks: FileLifeLocks,
    /// What tasks wrote.
    pub(crate) logs: FileLogs,
    /// What parents have not been told yet.
    pub(crate) notices: FileNotices,
    /// The agents that can be started.
    pub(crate) agents: Arc<Registry>,
    /// What agents said of their own work.
    pub(crate) events: AgentEventLog,
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
    /// The adapters over the store in the folder `root`, and its settings as far as they can be read: a
    /// task is not given up for a wrong word in a file.
    pub(crate) fn at(root: PathBuf) -> (Self, Settings) {
        let dir = DataDir::at(root);
        let (settings, _) = Settings::read(None, Some(&dir));
        (Self::over(dir, &settings), settings)
    }

    /// The adapters over a store, with its settings.
    pub(crate) fn over(dir: DataDir, settings: &Settings) -> Self {
        let logs = FileLogs::new(dir.clone());
        let streams = FileLogs::new(dir.clone());
        let programs = Programs::default().with(&AgentName::droid(), &settings.droid.value);
        let agents = Arc::new(Registry::new(&programs));
        let limits = settings.limits();
        Self {
            store: FileStore::open(dir.clone()),
            queue: FileQueue::new(dir.clone(), move || limits.clone()),
            keys: FileKeys::new(dir.clone()),
            locks: FileLifeLocks::new(dir.clone()),
            events: AgentEventLog::new(agents.clone(), move |id| streams.open_events(id)),
            agents,
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
            agents: self.agents.as_ref(),
            events: &self.events,
            logs: &self.logs,
        }
    }

    /// What starts supervisors, with these variables added to the environment of the agents, and this
    /// told to them besides their prompts.
    pub(crate) fn launcher(
        &self,
        variables: Variables,
        instructions: Option<Instructions>,
    ) -> SupervisorLauncher {
        let environment = move || environment::all().chain(variables.clone()).collect();
        self.launcher_with(environment, instructions)
    }

    /// The same for an agent with a worktree of its own: what names its caller's repository is not
    /// passed on.
    pub(crate) fn launcher_apart(
        &self,
        variables: Variables,
        instructions: Option<Instructions>,
    ) -> SupervisorLauncher {
        let environment = move || {
            let passed = environment::all().filter(|(name, _)| !names_a_repository(name));
            passed.chain(variables.clone()).collect()
        };
        self.launcher_with(environment, instructions)
    }

    fn launcher_with(
        &self,
        environment: impl Fn() -> Variables + Send + Sync + 'static,
        instructions: Option<Instructions>,
    ) -> SupervisorLauncher {
        let station = Stationed {
            locks: FileLifeLocks::new(self.dir.clone()),
            kits: FileKits::new(self.dir.clone()),
            instructions,
            folder: self.dir.root().display().to_string(),
        };
        SupervisorLauncher::new(self.dir.root().to_owned(), Box::new(station), environment)
    }

    /// What makes and removes worktrees.
    pub(crate) fn worktrees() -> GitWorktrees {
        GitWorktrees::new(environment::all())
    }

    /// A session name that nobody else has.
    ///
    /// # Errors
    /// A usage failure if it cannot be one, which no random name is.
    pub(crate) fn minted_session(&self) -> Result<SessionId, Failure> {
        let uuid = uuid::Builder::from_random_bytes(self.entropy.bytes()).into_uuid().to_string();
        parse_session(&uuid)
    }

    /// What it takes to let queued tasks in.
    pub(crate) fn door<'a>(&'a self, launcher: &'a SupervisorLauncher) -> Door<'a> {
        Door { queue: &self.queue, launcher }
    }

    /// Lets in as many queued tasks as there is room for.
    pub(crate) async fn admit(&self) -> Result<usize, Failure> {
        let launcher = self.launcher(Vec::new(), None);
        let door = self.door(&launcher);
        Ok(admit(&self.store, self.witnesses(), &self.clock, door).await?)
    }

    /// Hands the place of a task that has ended to the next; `vacate` gives up what was kept of it.
    pub(crate) async fn hand_on(&self, vacate: &dyn Fn()) -> Result<(), Failure> {
        let launcher = self.launcher(Vec::new(), None);
        let (door, successor) = (self.door(&launcher), || !tree::has_children());
        let witnesses = self.witnesses();
        Ok(hand_on(&self.store, witnesses, &self.clock, door, vacate, &successor).await?)
    }

    /// Forgets the environment that was kept for a task.
    pub(crate) fn forget_environment(&self, id: &TaskId) -> io::Result<()> {
        let begun = pollster::block_on(self.kits().begin(id, Further::Forget));
        begun.map_err(io::Error::other)
    }

    /// What the start of tasks needs besides their records.
    pub(crate) fn kits(&self) -> FileKits {
        FileKits::new(self.dir.clone())
    }
}

/// The file store's life locks and environments, as a launcher wants them.
struct Stationed {
    locks: FileLifeLocks,
    kits: FileKits,
    instructions: Option<Instructions>,
    folder: String,
}

impl Station for Stationed {
    fn claim(&self, id: &TaskId) -> io::Result<Box<dyn HeldLife>> {
        let claimed = self
            .locks
            .take(id)
            .and_then(|claimed| claimed.ok_or_else(|| io::Error::other("somebody else holds it")));
        let claimed = claimed.map_err(|error| self.named(&error))?;
        if let Some(instructions) = &self.instructions {
            pollster::block_on(self.kits.instruct(id, instructions)).map_err(io::Error::other)?;
        }
        Ok(Box::new(Claimed(claimed)))
    }

    fn keep(&self, id: &TaskId, environment: &Variables) -> io::Result<()> {
        let variables = environment.iter().cloned();
        let bytes = variables.map(|(name, value)| (name.into_vec(), value.into_vec()));
        let environment = Environment(bytes.collect());
        let kit = Kit { environment, instructions: self.instructions.clone() };
        pollster::block_on(self.kits.keep(id, &kit)).map_err(io::Error::other)
    }

    fn kept(&self, id: &TaskId) -> io::Result<Variables> {
        let kept = pollster::block_on(self.kits.kept(id)).map_err(io::Error::other)?;
        let variables = kept.0.into_iter();
        let variables =
            variables.map(|(name, value)| (OsString::from_vec(name), OsString::from_vec(value)));
        Ok(variables.collect())
    }
}

impl Stationed {
    /// The error with the folder it is about.
    fn named(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("in `{}`: {error}", self.folder))
    }
}

/// A life lock of the file store, as a launcher wants it.
struct Claimed(ClaimedLife);

impl HeldLife for Claimed {
    fn hand_over(self: Box<Self>) -> File {
        self.0.into_file()
    }
}
