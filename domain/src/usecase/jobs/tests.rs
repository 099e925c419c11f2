//! What it costs to watch many tasks on a cluster: how often the cluster is asked, records are read, and files looked at.

use std::vec::Vec;

use async_trait::async_trait;

use super::*;
use crate::plan::reconcile::Custody;
use crate::port::{Claim, Index, LifeLocks, Watch, Woken};
use crate::task::{Order, Query};
use crate::testing::{self, ManualClock, MemoryWorld, ORDERED};
use crate::usecase::list::list;
use crate::usecase::wait::{Until, WaitRequest, wait};

const MINUTE: Duration = Duration::from_secs(60);

/// The life locks of a world in memory, where time passes for whoever waits.
struct Passing<'m>(&'m MemoryWorld);

struct Sleep(ManualClock);

#[async_trait]
impl Watch for Sleep {
    async fn next(&mut self, at_most: Duration) -> Woken {
        self.0.advance(at_most);
        Woken::TimedOut
    }

    async fn include(&mut self, _id: &TaskId) {}

    async fn expect(&mut self, _id: &TaskId) {}
}

#[async_trait]
impl LifeLocks for Passing<'_> {
    async fn custody(&self, id: &TaskId) -> Result<Custody, Fault> {
        self.0.locks.custody(id).await
    }

    async fn index(&self) -> Result<Index, Fault> {
        self.0.locks.index().await
    }

    async fn claim(&self, id: &TaskId) -> Result<Option<Box<dyn Claim>>, Fault> {
        self.0.locks.claim(id).await
    }

    fn holder(&self, id: &TaskId) -> String {
        self.0.locks.holder(id)
    }

    async fn retire(&self, id: &TaskId) -> Result<(), Fault> {
        self.0.locks.retire(id).await
    }

    async fn watch(&self, _ids: &[TaskId]) -> Result<Box<dyn Watch>, Fault> {
        Ok(Box::new(Sleep(self.0.clock.clone())))
    }
}

/// A task that runs on some node, or has ended there.
fn on_a_node(number: u32, ended: bool) -> Task {
    let order = Order { target: Target::Slurm { partition: None }, ..testing::order() };
    let [_, a, b, c] = number.to_be_bytes();
    let task = Task::ordered(TaskId::mint(ORDERED, [a, b, c]), order, None, ORDERED);
    let job = Job { id: Some(number.to_string()), submitted_at: Some(ORDERED), ..Job::default() };
    let node = Some(format!("node{}", number % 20));
    let placed = Event::Placed { job: Box::new(job), host: node };
    let task = task.apply(placed, ORDERED).expect("it waits").task;
    let task = task.apply(Event::Started(testing::started()), ORDERED).expect("it waits").task;
    let end = Event::Ended { ending: Ending::CANCELLED, exit: None, next: None };
    if ended { task.apply(end, ORDERED).expect("it runs").task } else { task }
}

/// Ten thousand tasks, a thousand of which run, each silent for so long.
fn ten_thousand(silence: Duration) -> (MemoryWorld, Vec<TaskId>) {
    let tasks: Vec<Task> = (0..10_000).map(|number| on_a_node(number, number >= 1_000)).collect();
    let running: Vec<TaskId> = tasks[..1_000].iter().map(|task| task.id().clone()).collect();
    let memory = MemoryWorld::holding(tasks);
    for (number, id) in running.iter().enumerate() {
        memory.jobs.silent(id, silence);
        let seen =
            JobSeen { id: number.to_string(), state: "RUNNING".into(), ..JobSeen::default() };
        memory.cluster.set(id, Some(seen));
    }
    (memory, running)
}

/// What one who waits for all of them costs in a minute: questions to the cluster, records read, files looked at.
async fn a_minute(silence: Duration) -> (usize, u64, usize) {
    let (memory, ids) = ten_thousand(silence);
    memory.cluster.at(memory.clock.clone());
    let locks = Passing(&memory);
    let world = World { locks: &locks, ..memory.world() };
    let request = WaitRequest { ids, until: Until::Any, at_most: Some(MINUTE) };
    let waited = wait(world, &request).await.expect("it can be waited for");
    assert_eq!((waited.ended.len(), waited.pending.len()), (0, 1_000));
    (memory.cluster.asked().jobs, memory.store.loads(), memory.jobs.looked())
}

#[tokio::test]
async fn whoever_waits_for_a_thousand_tasks_reads_five_thousand_records_a_minute_and_asks_nobody_while_they_live()
 {
    let (asked, loads, looked) = a_minute(Duration::from_secs(20)).await;
    assert_eq!(asked, 0);
    // At the beginning, once more when the endings are first looked at, after 30 s and at the end.
    assert!(loads <= 5_000, "{loads}");
    // Two files a task whose record is read, and one look at the endings of all hosts a second.
    assert!(looked <= 2 * 5_000 + 80, "{looked}");
}

#[tokio::test]
async fn whoever_waits_for_a_thousand_silent_tasks_asks_the_cluster_once_in_twenty_seconds_at_most()
{
    let (asked, loads, _) = a_minute(MINUTE * 2).await;
    assert!(asked <= 4, "{asked}");
    assert!(loads <= 5_000, "{loads}");
}

#[tokio::test]
async fn a_list_of_ten_thousand_tasks_asks_the_cluster_once_and_never_while_the_thousand_that_run_live()
 {
    for (silence, questions) in [(Duration::from_secs(20), 0), (MINUTE * 2, 1)] {
        let (memory, _) = ten_thousand(silence);
        memory.cluster.at(memory.clock.clone());
        let listed = list(memory.world(), &Query::default()).await.expect("it can be listed");
        assert_eq!(listed.listing.tally.running, 1_000);
        assert_eq!(memory.cluster.asked().jobs, questions);
        assert!(memory.jobs.looked() <= 2_000, "{}", memory.jobs.looked());
    }
}
