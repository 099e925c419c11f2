//! What it costs to watch many tasks on a cluster: how often the cluster is asked, records are read, and files looked at.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
use std::sync::Mutex;
use std::vec::Vec;

use async_trait::async_trait;

use super::*;
use crate::plan::reconcile::Custody;
use crate::port::{Claim, Clock as _, Index, LifeLocks, Watch, Woken};
use crate::task::{Order, Query};
use crate::testing::{self, ManualClock, MemoryWorld, ORDERED};
use crate::usecase::list::list;
use crate::usecase::wait::{Until, WaitRequest, wait};

const MINUTE: Duration = Duration::from_secs(60);

/// The life locks of a world in memory, where whoever waits sleeps until its time has come.
struct Passing<'m> {
    memory: &'m MemoryWorld,
    /// The moments until which somebody sleeps.
    sleepers: Sleepers,
}

type Sleepers = Arc<Mutex<BTreeSet<Duration>>>;

struct Sleep {
    clock: ManualClock,
    sleepers: Sleepers,
}

#[async_trait]
impl Watch for Sleep {
    async fn next(&mut self, at_most: Duration) -> Woken {
        let until = self.clock.elapsed() + at_most;
        self.sleepers.lock().expect("nobody panics").insert(until);
        poll_fn(|_| if self.clock.elapsed() < until { Poll::Pending } else { Poll::Ready(()) })
            .await;
        Woken::TimedOut
    }

    async fn include(&mut self, _id: &TaskId) {}

    async fn expect(&mut self, _id: &TaskId) {}
}

/// Runs all of these to their ends. Time passes only where each of them sleeps, and then to the next who wakes.
fn side_by_side<T>(
    memory: &MemoryWorld,
    sleepers: &Sleepers,
    all: Vec<impl Future<Output = T>>,
) -> Vec<T> {
    let mut left: Vec<_> = all.into_iter().map(Box::pin).collect();
    let (mut done, mut context) = (Vec::new(), Context::from_waker(Waker::noop()));
    while !left.is_empty() {
        left.retain_mut(|one| match one.as_mut().poll(&mut context) {
            Poll::Ready(value) => {
                done.push(value);
                false
            }
            Poll::Pending => true,
        });
        if let Some(next) = sleepers.lock().expect("nobody panics").pop_first() {
            memory.clock.advance(next.saturating_sub(memory.clock.elapsed()));
        }
    }
    done
}

#[async_trait]
impl LifeLocks for Passing<'_> {
    async fn custody(&self, id: &TaskId) -> Result<Custody, Fault> {
        self.memory.locks.custody(id).await
    }

    async fn index(&self) -> Result<Index, Fault> {
        self.memory.locks.index().await
    }

    async fn claim(&self, id: &TaskId) -> Result<Option<Box<dyn Claim>>, Fault> {
        self.memory.locks.claim(id).await
    }

    fn holder(&self, id: &TaskId) -> String {
        self.memory.locks.holder(id)
    }

    async fn retire(&self, id: &TaskId) -> Result<(), Fault> {
        self.memory.locks.retire(id).await
    }

    async fn note_remains(&self, id: &TaskId) -> Result<(), Fault> {
        self.memory.locks.note_remains(id).await
    }

    async fn forget_remains(&self, id: &TaskId) -> Result<(), Fault> {
        self.memory.locks.forget_remains(id).await
    }

    async fn watch(&self, _ids: &[TaskId]) -> Result<Box<dyn Watch>, Fault> {
        let (clock, sleepers) = (self.memory.clock.clone(), self.sleepers.clone());
        Ok(Box::new(Sleep { clock, sleepers }))
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

/// A task that was handed over and waits for the cluster.
fn queued(number: u32) -> Task {
    let order = Order { target: Target::Slurm { partition: None }, ..testing::order() };
    let [_, a, b, c] = number.to_be_bytes();
    let task = Task::ordered(TaskId::mint(ORDERED, [a, b, c]), order, None, ORDERED);
    let job = Job { id: Some(number.to_string()), submitted_at: Some(ORDERED), ..Job::default() };
    task.apply(placed(job), ORDERED).expect("it waits").task
}

/// Ten thousand tasks, a thousand of which run, each silent for so long and in this state by the word of the cluster.
fn ten_thousand(silence: Duration, state: &str) -> (MemoryWorld, Vec<TaskId>) {
    let tasks: Vec<Task> = (0..10_000).map(|number| on_a_node(number, number >= 1_000)).collect();
    let running: Vec<TaskId> = tasks[..1_000].iter().map(|task| task.id().clone()).collect();
    let memory = MemoryWorld::holding(tasks);
    for (number, id) in running.iter().enumerate() {
        memory.jobs.silent(id, silence);
        let node = format!("node{}", number % 20);
        memory.cluster.silence(&node);
        let seen =
            JobSeen { id: number.to_string(), state: state.into(), node, ..JobSeen::default() };
        memory.cluster.set(id, Some(seen));
    }
    (memory, running)
}

/// What some who wait cost together in a minute.
#[derive(Debug)]
struct Cost {
    /// Questions to the cluster, about jobs and about nodes.
    asked: usize,
    /// Records read.
    loads: u64,
    /// Other files looked at.
    looked: usize,
}

/// What so many processes cost in a minute that each wait for all of the thousand, and share what the cluster says.
fn a_minute(waiters: usize, silence: Duration, state: &str) -> Cost {
    let (memory, ids) = ten_thousand(silence, state);
    memory.cluster.at(memory.clock.clone());
    let sleepers = Sleepers::default();
    let locks = Passing { memory: &memory, sleepers: sleepers.clone() };
    let world = World { locks: &locks, ..memory.world() };
    let request = WaitRequest { ids, until: Until::Any, at_most: Some(MINUTE) };
    let waits = (0..waiters).map(|_| wait(world, &request)).collect();
    for waited in side_by_side(&memory, &sleepers, waits) {
        let waited = waited.expect("it can be waited for");
        assert_eq!((waited.ended.len(), waited.pending.len()), (0, 1_000));
    }
    let asked = memory.cluster.asked();
    assert!(memory.clock.elapsed() <= MINUTE + Duration::from_secs(1));
    Cost {
        asked: asked.jobs + asked.nodes,
        loads: memory.store.loads(),
        looked: memory.jobs.looked(),
    }
}

#[test]
fn whoever_waits_for_a_thousand_tasks_reads_five_thousand_records_a_minute_and_asks_nobody_while_they_live()
 {
    let cost = a_minute(1, Duration::from_secs(20), "RUNNING");
    assert_eq!(cost.asked, 0);
    // At the beginning, once more when the endings are first looked at, after 30 s and at the end.
    assert!(cost.loads <= 5_000, "{cost:?}");
    // Two files a task whose record is read, and one look at the endings of all hosts a second.
    assert!(cost.looked <= 2 * 5_000 + 80, "{cost:?}");
}

#[test]
fn twenty_who_wait_for_a_thousand_tasks_ask_nobody_while_they_live() {
    let cost = a_minute(20, Duration::from_secs(20), "RUNNING");
    assert_eq!(cost.asked, 0);
    assert!(cost.loads <= 100_000 && cost.looked <= 20 * (2 * 5_000 + 80), "{cost:?}");
}

#[test]
fn twenty_who_wait_for_a_thousand_silent_tasks_ask_the_cluster_once_in_twenty_seconds_together() {
    let cost = a_minute(20, MINUTE * 2, "RUNNING");
    assert!(cost.asked <= 4, "{cost:?}");
    assert!(cost.loads <= 100_000, "{cost:?}");
}

#[test]
fn twenty_who_wait_for_the_tasks_of_lost_nodes_ask_once_about_all_nodes_as_well() {
    let cost = a_minute(20, MINUTE * 2, "NODE_FAIL");
    assert!(cost.asked <= 8, "{cost:?}");
}

/// How often the cluster is asked in a minute by twenty who each wait for these, which were handed over so long ago.
fn questions_about_queued(count: u32, ago: Duration) -> usize {
    let tasks: Vec<Task> = (0..count).map(queued).collect();
    let ids: Vec<TaskId> = tasks.iter().map(|task| task.id().clone()).collect();
    let memory = MemoryWorld::holding(tasks);
    memory.clock.advance(ago);
    memory.cluster.at(memory.clock.clone());
    for id in &ids {
        let seen = JobSeen { id: "1".into(), state: "PENDING".into(), ..JobSeen::default() };
        memory.cluster.set(id, Some(seen));
    }
    let sleepers = Sleepers::default();
    let locks = Passing { memory: &memory, sleepers: sleepers.clone() };
    let world = World { locks: &locks, ..memory.world() };
    let request = WaitRequest { ids, until: Until::Any, at_most: Some(MINUTE) };
    let waits = (0..20).map(|_| wait(world, &request)).collect();
    for waited in side_by_side(&memory, &sleepers, waits) {
        assert_eq!(waited.expect("it can be waited for").ended.len(), 0);
    }
    memory.cluster.asked().jobs
}

#[test]
fn the_longer_tasks_wait_for_a_node_the_more_seldom_twenty_who_wait_for_them_ask_the_cluster() {
    for count in [1, 200] {
        let asked = [0, 5, 60].map(|minutes| questions_about_queued(count, MINUTE * minutes));
        assert!((15..=31).contains(&asked[0]), "{count}: {asked:?}");
        assert!((5..=7).contains(&asked[1]), "{count}: {asked:?}");
        assert!((2..=5).contains(&asked[2]), "{count}: {asked:?}");
    }
}

#[tokio::test]
async fn a_list_of_ten_thousand_tasks_asks_the_cluster_once_and_never_while_the_thousand_that_run_live()
 {
    for (silence, questions) in [(Duration::from_secs(20), 0), (MINUTE * 2, 1)] {
        let (memory, _) = ten_thousand(silence, "RUNNING");
        memory.cluster.at(memory.clock.clone());
        let listed = list(memory.world(), &Query::default()).await.expect("it can be listed");
        assert_eq!(listed.listing.tally.running, 1_000);
        assert_eq!(memory.cluster.asked().jobs, questions);
        assert!(memory.jobs.looked() <= 2_000, "{}", memory.jobs.looked());
    }
}
