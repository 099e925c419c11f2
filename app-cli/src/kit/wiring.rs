//! The concrete adapters, put together. No other file names them all.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters_fs::{
    DataDir, FileBeginnings, FileDroids, FileHosts, FileJobs, FileKeys, FileKits, FileLifeLocks,
    FileLogs, FileNotices, FileQueue, FileStore, cause_of, task_of,
};
use adapters_process::agents::event_log::AgentEventLog;
use adapters_process::agents::registry::Registry;
use adapters_process::at_end::AtEnd;
use adapters_process::clock::SystemClock;
use adapters_process::entropy::SystemEntropy;
use adapters_process::git::{GitWorktrees, names_a_repository};
use adapters_process::local::host::{self, LocalHost};
use adapters_process::local::supervisor;
use adapters_process::remote::SshRemotes;
use adapters_process::remote::ssh::Ssh;
use adapters_process::slurm::Slurm;
use domain::plan::queue::admission::Limits;
use domain::port::{Clock as _, Entropy, Environment, Kit};
use domain::task::droid::Instructions;
use domain::task::{SessionId, Task, TaskId, Timestamp};
use domain::usecase::World;
use domain::usecase::admit::{Admitted, PATIENCE, Thoroughness, admit};
use domain::usecase::cleanup::remove_collected;
use domain::usecase::custody::Held;

use crate::kit::environment;
use crate::kit::settings::Settings;

/// How long whoever admits in passing waits for the lock of a record: many times what a change takes.
const IN_PASSING: Duration = Duration::from_millis(250);
/// For how long the limits count that a command read when it began.
const A_MOMENT: Duration = Duration::from_millis(50);

/// How often is looked for ended tasks that are too old: so many times within the time that they are kept, and at least
/// once in [`ROUND`].
const ROUNDS: u32 = 24;
/// The longest time between two such looks.
const ROUND: Duration = Duration::from_secs(60 * 60);

/// Variables with their values.
pub(crate) type Variables = Vec<(OsString, OsString)>;

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
    /// What tasks start with.
    pub(crate) kits: FileKits,
    /// Which worktrees are being made.
    pub(crate) beginnings: FileBeginnings,
    /// The life locks.
    pub(crate) locks: FileLifeLocks,
    /// What tasks wrote.
    pub(crate) logs: FileLogs,
    /// What parents have not been told yet.
    pub(crate) notices: FileNotices,
    /// The adapters of the agents.
    pub(crate) agents: Arc<Registry>,
    /// What agents said of their own work.
    pub(crate) events: AgentEventLog,
    /// The definitions of named droids.
    pub(crate) droids: FileDroids,
    /// How many bytes of the disk each log of a task may take; zero is no bound.
    pub(crate) max_log: u64,
    /// How long ended tasks are kept that somebody has collected; zero is for ever.
    keep_ended: Duration,
    /// This machine.
    pub(crate) host: LocalHost,
    /// What is run at the ends of tasks.
    pub(crate) at_end: AtEnd,
    /// The cluster.
    pub(crate) cluster: Slurm,
    /// What the hosts that share the store tell each other of its jobs.
    pub(crate) jobs: FileJobs,
    /// Other machines.
    pub(crate) remotes: SshRemotes,
    /// Which of them the store knows.
    pub(crate) hosts: FileHosts,
    /// The time.
    pub(crate) clock: SystemClock,
    /// Random bits.
    pub(crate) entropy: SystemEntropy,
}

impl Wiring {
    /// The adapters over the store in the folder `root`, with its settings as far as they can be read: no
    /// task ends because of a wrong word in a file.
    pub(crate) fn at(root: PathBuf) -> Self {
        let dir = DataDir::at(root);
        dir.serve_owner();
        let (settings, _) = Settings::read(None, Some(&dir));
        Self::with(dir, &settings, None)
    }

    /// The adapters over a store, with its settings.
    pub(crate) fn over(dir: DataDir, settings: &Settings) -> Self {
        Self::with(dir, settings, Some(settings.limits()))
    }

    fn with(dir: DataDir, settings: &Settings, known: Option<Limits>) -> Self {
        let (streams, own) = (FileLogs::new(dir.clone()), dir.clone());
        let shipped = Registry::new(&settings.programs());
        let agents = Arc::new(shipped.with_own(&settings.own_agents()));
        Self {
            store: FileStore::open(dir.clone()),
            queue: FileQueue::new(dir.clone(), limits(dir.clone(), known)),
            keys: FileKeys::new(dir.clone()),
            beginnings: FileBeginnings::new(dir.clone()),
            kits: FileKits::new(dir.clone()),
            locks: FileLifeLocks::new(dir.clone()),
            events: AgentEventLog::new(agents.clone(), move |id| streams.open_events(id), cause_of),
            agents,
            logs: FileLogs::new(dir.clone()),
            droids: FileDroids::new(environment::home()),
            notices: FileNotices::new(dir.clone()),
            max_log: settings.max_log.value,
            keep_ended: settings.keep_ended.value,
            host: LocalHost::new(move || own.root().to_owned()),
            at_end: at_end(dir.clone()),
            cluster: Slurm::new(environment::of_clusters)
                .taking(settings.licences())
                .sharing(dir.cluster_answer()),
            jobs: FileJobs::new(dir.clone(), env!("CARGO_PKG_VERSION")),
            remotes: Self::remotes(),
            hosts: FileHosts::new(dir.clone()),
            clock: SystemClock,
            entropy: SystemEntropy,
            dir,
        }
    }

    /// Other machines, over the user's ssh.
    pub(crate) fn remotes() -> SshRemotes {
        SshRemotes::new(Ssh::default().within(environment::depth()), Box::new(task_of))
    }

    /// Everything that tasks are kept, judged, started and stopped with.
    pub(crate) fn world(&self) -> World<'_> {
        World {
            store: &self.store,
            locks: &self.locks,
            kits: &self.kits,
            queue: &self.queue,
            host: &self.host,
            cluster: &self.cluster,
            jobs: &self.jobs,
            agents: self.agents.as_ref(),
            events: &self.events,
            logs: &self.logs,
            aftermath: &self.at_end,
            clock: &self.clock,
            entropy: &self.entropy,
        }
    }

    /// What an agent starts with: the environment of this process with these variables added, and what it is
    /// told besides its prompt.
    pub(crate) fn kit(variables: Variables, instructions: Option<Instructions>) -> Kit {
        let environment = Self::passed(environment::all(), variables);
        Kit { environment, instructions }
    }

    /// The same for an agent with a worktree of its own, without the variables that name its caller's
    /// repository.
    pub(crate) fn kit_apart(variables: Variables, instructions: Option<Instructions>) -> Kit {
        let passed = environment::all().filter(|(name, _)| !names_a_repository(name));
        Kit { environment: Self::passed(passed, variables), instructions }
    }

    fn passed(own: impl Iterator<Item = (OsString, OsString)>, more: Variables) -> Environment {
        host::environment(own.chain(environment::around()).chain(more))
    }

    /// What makes and removes worktrees.
    pub(crate) fn worktrees() -> GitWorktrees {
        GitWorktrees::new(environment::all())
    }

    /// A session name that nobody else has.
    pub(crate) fn minted_session(&self) -> SessionId {
        SessionId::from_random(self.entropy.bytes())
    }

    /// Completes what others began, and admits as many queued tasks as there is room for.
    pub(crate) async fn admit(&self) -> Admitted {
        admit(self.world(), Thoroughness::Thorough, PATIENCE).await
    }

    /// The same for a supervisor whose task is over.
    pub(crate) async fn admit_next(&self) -> Admitted {
        admit(self.world(), Thoroughness::Freed, PATIENCE).await
    }

    /// The same for whoever only looks: it waits for nobody who is at it already, and hardly for a lock.
    pub(crate) async fn admit_in_passing(&self) -> Admitted {
        let store = FileStore::open(self.dir.clone()).in_a_hurry(IN_PASSING);
        let world = World { store: &store, ..self.world() };
        admit(world, Thoroughness::Thorough, Duration::ZERO).await
    }

    /// Notes which of these tasks nobody launched and somebody was shown the end of, where a rule goes by that.
    pub(crate) fn note_collected(&self, tasks: &[Task]) {
        let alone = |task: &&Task| task.order().parent.is_none() && task.status().is_ended();
        for task in tasks.iter().filter(alone).filter(|_| !self.keep_ended.is_zero()) {
            self.notices.collected_of_none(task.id());
        }
    }

    /// Removes some of the ended tasks that are older than the settings let them become, if a look for them is due. For a
    /// supervisor whose task is over, for which nobody waits any more.
    pub(crate) async fn remove_old(&self) {
        let age = self.keep_ended;
        if age.is_zero() {
            return;
        }
        // What cannot be read or removed now stays until the next round.
        let Ok(collections) = self.notices.collections() else { return };
        let micros = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        let by = Timestamp::from_micros(self.clock.now().as_micros().saturating_sub(micros));
        let every = (age / ROUNDS).min(ROUND);
        let may_go = |id: &TaskId| !collections.is_pending(id);
        let Ok(ids) = self.store.next_of_round(by, every, &may_go) else { return };
        if !ids.is_empty() {
            let (worktrees, is_collected) =
                (Self::worktrees(), |task: &Task| collections.has(task));
            let world = self.world();
            drop(remove_collected(world, &worktrees, &ids, age, &is_collected).await);
        }
    }

    /// The task whose life lock was handed to this process through `file`.
    ///
    /// # Errors
    /// Why it cannot be supervised, for people.
    pub(crate) async fn held(&self, id: &TaskId, file: File) -> Result<Held, String> {
        let claim = self.locks.held(id, file).map_err(|error: io::Error| error.to_string())?;
        match self.world().store.load(id).await {
            Ok(task) => Ok(Held::of(Box::new(claim), task)),
            Err(error) => {
                domain::port::Claim::leave(Box::new(claim));
                Err(supervisor::worded(&error))
            }
        }
    }
}

/// Tells how many may run at once: `known` for the first moment of a command, and then as it is set anew each
/// time, since some commands and every supervisor live for long, and limits change.
fn limits(dir: DataDir, known: Option<Limits>) -> impl Fn() -> Limits + Send + Sync {
    let began = Instant::now();
    move || match &known {
        Some(known) if began.elapsed() < A_MOMENT => known.clone(),
        Some(_) | None => Settings::read(None, Some(&dir)).0.limits(),
    }
}

/// Starts what orders want run at the ends of tasks of this store.
fn at_end(dir: DataDir) -> AtEnd {
    AtEnd::of(dir.root().to_owned(), environment::depth().saturating_add(1), move |id| {
        dir.record(id)
    })
}
