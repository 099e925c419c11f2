//! What is kept for tasks that have ended or were never recorded: life locks, environments,
//! instructions, names in the queue.
//!
//! Of a task that has ended nobody needs any of it. Of a task without a record nobody does either, once
//! its launcher is dead: one that lives holds the task's life lock from before it keeps anything until the
//! record is there. A sweep never removes anything of a task whose life lock somebody holds. Main type:
//! [`Leftover`].

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use domain::plan::reconcile::Custody;
use domain::port::{StoreError, Stream};
use domain::task::{Task, TaskId};

use super::super::FileStore;
use super::Tally;
use crate::data_dir::ActiveEntry;
use crate::queue;

/// What lies about for one task that is over.
#[derive(Default)]
struct Leftover {
    /// Its life lock and what is kept for it.
    files: Vec<PathBuf>,
    /// Whether its life lock is among these.
    has_lock: bool,
    /// The second names of its logs.
    logs: Vec<PathBuf>,
    /// Its names in the queue.
    queued: Vec<PathBuf>,
    /// What the hosts that share the store told each other of its job.
    job: Vec<PathBuf>,
}

impl FileStore {
    /// How many files lie about for tasks that are over and that nobody holds. One that is just being
    /// launched may count for a moment.
    pub(super) fn unneeded(&self) -> Result<usize, StoreError> {
        let locks = self.life_locks();
        let mut count = 0;
        for (id, leftover) in self.found()? {
            let held = || locks.custody_of(&id).is_ok_and(|custody| custody == Custody::Held);
            // The lock first: of what runs no record is read.
            if !held() && self.is_over(&id) {
                let plain =
                    |path: &&PathBuf| fs::symlink_metadata(path).is_ok_and(|it| it.is_file());
                let Leftover { files, logs, queued, job, has_lock: _ } = &leftover;
                let all = files.iter().chain(logs).chain(queued).chain(job);
                count += all.filter(plain).count();
            }
        }
        Ok(count)
    }

    /// Removes what is kept for tasks that are over.
    pub(super) fn sweep_finished(&self) -> Result<usize, StoreError> {
        let mut tally = Tally::default();
        for (id, leftover) in self.found()?.into_iter().filter(|(id, _)| self.is_over(id)) {
            self.sweep_one(&id, &leftover, &mut tally);
        }
        tally.told()
    }

    fn sweep_one(&self, id: &TaskId, leftover: &Leftover, tally: &mut Tally) {
        // Each is asked again: it may have been recorded meanwhile.
        if !self.is_over(id) {
            return;
        }
        let there = |path: &&PathBuf| fs::symlink_metadata(path).is_ok();
        for path in leftover.queued.iter().chain(leftover.job.iter().filter(there)) {
            tally.add(self.take_away(path));
        }
        if leftover.has_lock && self.task(id).is_ok_and(|task| task.progress().group.is_some()) {
            // Its supervisor was killed before it could put the task away, and nothing else leads to the group.
            if let Err(fault) = self.life_locks().note(id) {
                return tally.add(Err(self.broken(fault.into())));
            }
        }
        let retired = self.life_locks().retire_if(id, || self.is_over(id));
        tally.add(retired.map_err(|fault| self.broken(fault.into())));
    }

    /// Everything that lies about, by the task that it is for.
    fn found(&self) -> Result<BTreeMap<TaskId, Leftover>, StoreError> {
        let (dir, mut found) = (&self.dir, BTreeMap::<TaskId, Leftover>::new());
        let listed = self.life_locks().each(&mut |entry| {
            let path = match &entry {
                // What goes with the task, whatever else there is of it.
                ActiveEntry::Log(id) => {
                    let logs = [Stream::Readable, Stream::Events].map(|of| dir.second_name(id, of));
                    found.entry(id.clone()).or_default().logs = logs.into();
                    return true;
                }
                ActiveEntry::Lock(id) => {
                    found.entry(id.clone()).or_default().has_lock = true;
                    dir.life_lock(id)
                }
                ActiveEntry::Environment(id) => dir.environment(id),
                ActiveEntry::Again(id) => dir.again_environment(id),
                ActiveEntry::Instructions(id) => dir.instructions(id),
                ActiveEntry::Reserve(id) => dir.reserve(id),
                // Whoever looks removes it with what it stands for.
                ActiveEntry::Remains(_) => return true,
                ActiveEntry::Job(id) => {
                    let job = [dir.intent(id), dir.started(id), dir.job_output(id)];
                    found.entry(id.clone()).or_default().job = job.into();
                    return true;
                }
            };
            found.entry(entry.owner().clone()).or_default().files.push(path);
            true
        });
        listed.map_err(|error| self.failed("listing", &dir.active(), &error))?;
        let waiting = queue::waiting(dir, &*self.disk);
        let waiting = waiting.map_err(|error| self.failed("listing", &dir.queue(), &error))?;
        for waiting in waiting {
            let path = dir.queue_entry(&waiting.entry);
            found.entry(waiting.id).or_default().queued.push(path);
        }
        Ok(found)
    }

    /// Whether the record of `id` says, or its absence means, that nothing derived is needed.
    pub(super) fn is_over(&self, id: &TaskId) -> bool {
        self.is_past(id, |task| task.status().is_ended())
    }

    /// Whether no report about a task is taken any more, or there is no such task.
    pub(super) fn takes_no_report(&self, id: &TaskId) -> bool {
        self.is_past(id, |task| !task.takes_report())
    }

    fn is_past(&self, id: &TaskId, past: impl FnOnce(&Task) -> bool) -> bool {
        match self.task(id) {
            Ok(task) => past(&task),
            Err(StoreError::NotFound { .. }) => true,
            // What cannot be read now may be read later.
            Err(_) => false,
        }
    }
}
