//! What is left of a whole store if the power fails at any sync: everything that was not synced is dropped, another
//! store is opened over the rest, and whatever was announced by then has to be there.

use super::*;
use crate::disk::recording::RecordingDisk;
use crate::{FileKits, FileQueue};
use domain::plan::queue::Limits;
use domain::port::{Kit, Kits, Queue};
use domain::task::droid::Instructions;

/// What somebody was told, and how many syncs there were by then.
struct Announced {
    syncs: usize,
    task: Task,
    /// Whether it waits, and so needs its kit.
    waits: bool,
}

/// A store over a disk that remembers, and what it announced.
struct Told {
    scratch: Scratch,
    disk: RecordingDisk,
    store: FileStore,
    announced: Vec<Announced>,
}

impl Told {
    fn new() -> Self {
        let (scratch, disk) = (scratch(), RecordingDisk::default());
        let store = FileStore::on(scratch.dir.clone(), Arc::new(disk.clone()));
        Self { scratch, disk, store, announced: Vec::new() }
    }

    fn tell(&mut self, task: &Task, waits: bool) {
        let syncs = self.disk.survivors().len();
        self.announced.push(Announced { syncs, task: task.clone(), waits });
    }

    /// A launch: the task is announced once its start is recorded.
    fn launch(&mut self, seconds: u64) -> Task {
        let task = task_at(seconds);
        wait(self.store.create_untold(&task)).expect("created");
        let task = wait(self.store.apply(task.id(), started(), at(seconds))).expect("started");
        self.tell(&task, false);
        task
    }

    fn apply(&mut self, task: &Task, event: Event) {
        let task = wait(self.store.apply(task.id(), event, at(99))).expect("applied");
        self.tell(&task, false);
    }

    /// Several that wait, announced together.
    fn enqueue(&mut self, seconds: &[u64]) -> Vec<Task> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let kits = FileKits::on(self.scratch.dir.clone(), disk);
        // Its names follow from the records, and are made again by the next who looks.
        let queue = FileQueue::new(self.scratch.dir.clone(), Limits::default);
        let kit = Kit { instructions: Instructions::parse("be brief"), ..Kit::default() };
        let tasks: Vec<Task> = seconds.iter().map(|seconds| task_at(*seconds)).collect();
        for task in &tasks {
            wait(kits.keep(task.id(), &kit)).expect("kept");
            wait(self.store.create_untold(task)).expect("created");
            wait(queue.enter(task)).expect("entered");
        }
        let ids: Vec<TaskId> = tasks.iter().map(|task| task.id().clone()).collect();
        wait(kits.make_durable(&ids)).expect("durable");
        wait(self.store.make_durable(&ids)).expect("durable");
        for task in &tasks {
            self.tell(task, true);
        }
        tasks
    }

    /// Holds at every sync that the store reads what is left, and that what was announced by then is there.
    fn holds_at_every_sync(&self) {
        let survivors = self.disk.survivors();
        assert!(survivors.len() > 3, "nothing was synced");
        for (sync, left) in survivors.iter().enumerate() {
            let rebuilt = tempfile::tempdir().expect("a folder");
            left.rebuild(self.scratch.dir.root(), rebuilt.path());
            let dir = DataDir::at(rebuilt.path().to_path_buf());
            let (store, kits) = (FileStore::open(dir.clone()), FileKits::new(dir));
            let listed = wait(store.list(&Query::default())).expect("listed");
            assert_eq!(listed.unreadable, [], "after sync {sync}");
            // Of what was announced of a task, the last counts, and what came after it may be there as well.
            let mut known = std::collections::BTreeMap::new();
            for told in self.announced.iter().filter(|told| told.syncs <= sync + 1) {
                known.insert(told.task.id().clone(), told);
            }
            for (id, told) in known {
                let found = wait(store.load(&id));
                let found = found.unwrap_or_else(|error| panic!("{id} is lost at {sync}: {error}"));
                let rank = |task: &Task| match task.status() {
                    Status::Queued => 0,
                    Status::Running => 1,
                    Status::Completed | Status::Error | Status::Cancelled => 2,
                };
                assert!(rank(&found) >= rank(&told.task), "{id} went back at {sync}: {found:?}");
                if told.task.status().is_ended() {
                    assert_eq!(found.state(), told.task.state(), "after sync {sync}");
                }
                if told.waits && found.status() == Status::Queued {
                    wait(kits.kept(&id)).expect("its environment");
                    assert!(kits.instructions(&id).is_some(), "its instructions");
                }
            }
        }
    }
}

#[test]
fn invariant_a_power_cut_at_any_sync_costs_nothing_that_was_announced() {
    let mut told = Told::new();
    let running = told.launch(1);
    let waiting = told.enqueue(&[2, 3, 4]);
    let other = told.launch(5);
    told.apply(&running, completed("found"));
    told.apply(&waiting[1], completed("by hand"));
    told.apply(&other, completed("as well"));
    let last = told.launch(6);
    told.apply(&last, completed("last"));
    told.holds_at_every_sync();
}

#[test]
fn invariant_a_power_cut_at_any_sync_leaves_a_created_task_whole_or_not_there() {
    let mut told = Told::new();
    for seconds in 1..4 {
        let task = task_at(seconds);
        wait(told.store.create(&task)).expect("created");
        told.tell(&task, false);
    }
    told.holds_at_every_sync();
}

#[test]
fn invariant_an_ending_that_was_written_into_its_reserve_survives_a_power_cut() {
    let mut told = Told::new();
    let running = told.launch(1);
    let first = fs::read(told.scratch.dir.record(running.id())).expect("a record");
    let ended = running.clone().apply(completed("found"), at(9)).expect("it ends").task;
    let content =
        record::over(record::read(&first, running.id()).expect("a record").raw, &running, &ended);
    told.store.write_in_reserve(running.id(), content.as_bytes(), true).expect("there is room");
    told.store.sync_folder().expect("synced");
    told.tell(&ended, false);
    told.holds_at_every_sync();
}
