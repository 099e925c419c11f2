//! The concrete adapters, put together for the moment at which a task turns out to be gone.
//!
//! The hook admits nobody and starts nothing: queue and host are here only because ending a task asks
//! them to forget it.

use std::sync::Arc;
use std::time::Duration;

use adapters_fs::{
    DataDir, FileJobs, FileKits, FileLifeLocks, FileLogs, FileQueue, FileStore, cause_of,
};
use adapters_process::DEPTH_VARIABLE;
use adapters_process::agents::event_log::AgentEventLog;
use adapters_process::agents::registry::{Programs, Registry};
use adapters_process::at_end::AtEnd;
use adapters_process::clock::SystemClock;
use adapters_process::entropy::SystemEntropy;
use adapters_process::local::host::LocalHost;
use adapters_process::slurm::Slurm;
use domain::plan::queue::admission::Limits;
use domain::port::{Clock as _, StoreError};
use domain::usecase::World;

/// How long ago a task ended at most of which a parent is told once more, where nobody knows whether it was.
const LATELY: Duration = Duration::from_secs(60 * 60);

/// The concrete adapters over one store.
pub(crate) struct Wiring {
    store: FileStore,
    queue: FileQueue,
    kits: FileKits,
    locks: FileLifeLocks,
    logs: FileLogs,
    agents: Arc<Registry>,
    events: AgentEventLog,
    host: LocalHost,
    at_end: AtEnd,
    cluster: Slurm,
    jobs: FileJobs,
    clock: SystemClock,
    entropy: SystemEntropy,
}

impl Wiring {
    /// The adapters over the store in `dir`. Touches nothing.
    pub(crate) fn over(dir: &DataDir) -> Self {
        let (streams, own) = (FileLogs::new(dir.clone()), dir.clone());
        let agents = Arc::new(Registry::new(&Programs::default()));
        Self {
            store: FileStore::open(dir.clone()),
            queue: FileQueue::new(dir.clone(), Limits::default),
            kits: FileKits::new(dir.clone()),
            locks: FileLifeLocks::new(dir.clone()),
            logs: FileLogs::new(dir.clone()),
            events: AgentEventLog::new(agents.clone(), move |id| streams.open_events(id), cause_of),
            agents,
            host: LocalHost::new(move || own.root().to_owned()),
            at_end: at_end(dir.clone()),
            // It asks no cluster: nobody may keep an agent waiting.
            cluster: Slurm::new(Vec::new),
            jobs: FileJobs::new(dir.clone(), env!("CARGO_PKG_VERSION")),
            clock: SystemClock,
            entropy: SystemEntropy,
        }
    }

    /// Notes anew what parents may not have been told, if somebody removed the notes; says whether that was so.
    ///
    /// # Errors
    /// [`StoreError`] if the records cannot be listed.
    pub(crate) async fn note_anew(&self) -> Result<bool, StoreError> {
        self.store.note_anew(self.clock.now(), LATELY).await
    }

    /// Everything that tasks are kept and judged with.
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
}

/// Starts what orders want run at the ends of tasks of this store.
fn at_end(dir: DataDir) -> AtEnd {
    let depth = std::env::var(DEPTH_VARIABLE).ok().and_then(|depth| depth.parse::<u32>().ok());
    AtEnd::of(dir.root().to_owned(), depth.unwrap_or(0).saturating_add(1), move |id| dir.record(id))
}
