//! The hidden verb that a job of a cluster begins with, on its node: it becomes the supervisor of the job's task.
//!
//! Whatever it says lies in the job's own output, which others read for the cluster's words alone.

use std::path::PathBuf;
use std::time::Duration;

use adapters_process::local::host;
use adapters_process::slurm::Config;
use domain::port::Host as _;
use domain::task::{Ending, Reason, TaskId};
use domain::usecase::arrive::{Arrival, arrive as claim, on_the_node};
use domain::usecase::custody;

use crate::kit::answer::Answer;
use crate::kit::environment;
use crate::kit::wiring::Wiring;

/// How long the cluster is asked for its grace.
const QUESTION: Duration = Duration::from_secs(3);
/// Slurm's own default between SIGTERM and SIGKILL, in seconds.
const KILL_WAIT: u64 = 30;
/// How long the last steps of a supervisor may take.
const LAST_STEPS: u64 = 5;

pub(super) async fn arrive(id: &str, store: PathBuf) -> Answer {
    // What becomes of the task its record says; the cluster has nothing to know.
    if let Ok(id) = TaskId::parse(id) {
        let wiring = Wiring::at(store);
        take_up(&wiring, &id).await;
    }
    Answer::nothing()
}

async fn take_up(wiring: &Wiring, id: &TaskId) {
    let world = wiring.world();
    let job = environment::job().unwrap_or_default();
    let Ok(Arrival::Start(held, kept)) = Box::pin(claim(world, id, job, wiring.host.name())).await
    else {
        return;
    };
    let own = host::environment(environment::all());
    let environment = on_the_node(kept, own);
    let Some(lock) = held.into_claim() else { return };
    let failure = wiring.host.become_supervisor(lock, &environment, most_grace(wiring));
    // It is still this process: nothing was started.
    if let Ok(Some(held)) = custody::take(world, id).await {
        let ending = Ending::failed(Reason::LaunchFailed, failure.to_string());
        drop(held.end(world, ending).await);
    }
}

/// The longest grace of an agent whose job the cluster ends: what is left of the cluster's own once the ending is
/// recorded.
fn most_grace(wiring: &Wiring) -> Duration {
    let config = wiring.cluster.config(QUESTION).unwrap_or_else(|_| Config::default());
    let wait = config.seconds("KillWait").unwrap_or(KILL_WAIT);
    let half = Duration::from_secs(wait) / 2;
    Duration::from_secs(wait.saturating_sub(LAST_STEPS)).max(half).min(Duration::from_secs(10))
}
