//! Keeping the bound of the logs of a task that has ended, as long as anything that outlives it has one of them open.
//!
//! By then all is recorded and put away, the life lock is free and nobody waits for this process: it is no supervisor any more. It
//! ends by itself with the last of what it stays for, or when it is asked to. Records nothing, and ends no other process.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use domain::task::TaskId;

use super::super::detach::release_stdin;
use super::Driver;
use crate::local::group::Group;
use crate::local::identity;
use crate::local::termination;
use crate::local::tree::Snapshot;

/// How often it is looked for who has a log open, at most: what replaces itself all the time is not to keep this process busy.
const OFTEN: Duration = Duration::from_millis(100);
/// How late it is seen that a process that lives on has closed the logs.
const LATE: Duration = Duration::from_secs(60);
/// How late it is seen that a process has ended of which there is no descriptor.
const UNTOLD: Duration = Duration::from_secs(1);

impl Driver<'_> {
    /// Whether something has outlived the task that may write on. The process of a cluster's job ends with its task: the job would
    /// go on.
    pub(in super::super) fn stays(&self) -> bool {
        self.bounding.is_some()
            && !self.stop_was_asked
            && self.post.at_cluster.is_none()
            && self.held.task.status().is_ended()
            && self.held.task.progress().left.count > 0
    }

    /// Has another thread look at the logs while the task is put away, if this process stays after that.
    pub(super) fn look_out_while_putting_away(&mut self) {
        let lookout = self.lookout.take();
        if self.stays() {
            self.lookout = lookout.or_else(|| self.bounding.as_ref()?.look_out());
        }
    }

    /// Keeps the bound of the logs until nobody has one open any more, where their middle can be given back.
    pub(in super::super) async fn stay(&mut self) {
        // The life lock, which has no name any more.
        release_stdin().unwrap_or_default();
        self.signals.watch();
        (self.grown, self.stream) = (None, None);
        let id = self.id().clone();
        while let Some(holder) = self.holder(&id) {
            drop(self.lookout.take());
            if self.is_sent_away_within(OFTEN, None)
                || self.is_sent_away_within(holder.patience(), holder.descriptor.as_ref())
            {
                break;
            }
            self.lookout = self.look_out();
        }
        drop(self.lookout.take());
        self.free_pace();
        if self.agent.group.as_ref().is_some_and(Group::remove) {
            // Else the next one who looks does.
            drop(self.post.world.locks.forget_remains(&id).await);
        }
    }

    /// Waits so long, or until the process of the descriptor has ended; whether this one is to end meanwhile.
    fn is_sent_away_within(&mut self, wait: Duration, also: Option<&OwnedFd>) -> bool {
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            self.wait_in_bounds(Some(left), also);
            // They are nobody else's to reap.
            self.agent.may_have_more();
            if self.bounding.is_none() || self.signals.take_stop() {
                return true;
            }
            if left.is_zero() || also.is_some_and(termination::is_over) {
                return false;
            }
        }
    }

    /// A process of the task that has one of its logs open.
    fn holder(&self, id: &TaskId) -> Option<Holder> {
        // Its group may be gone: it never held what was started by an agent that was over at once.
        if !self.agent.may_have_more() {
            return None;
        }
        let left = Snapshot::take().belonging_to(&self.agent.doomed(id), self.agent.reaper());
        let logs = [&*self.post.files.output, &*self.post.files.events].map(number_of);
        let has_one = |process: &&identity::Stat| has_open(process.pid, &logs);
        let found = left.iter().find(has_one)?;
        let named = identity::named(std::slice::from_ref(found));
        Some(Holder { descriptor: named.first().and_then(termination::descriptor) })
    }
}

/// A process that has a log open.
struct Holder {
    /// What becomes readable when it ends, where that can be had.
    descriptor: Option<OwnedFd>,
}

impl Holder {
    /// How long it is believed to be one.
    const fn patience(&self) -> Duration {
        if self.descriptor.is_some() { LATE } else { UNTOLD }
    }
}

/// What a file is known by, whatever its name.
fn number_of(file: &File) -> Option<(u64, u64)> {
    file.metadata().ok().map(|file| (file.dev(), file.ino()))
}

/// Whether a process has one of these files open.
fn has_open(pid: u32, files: &[Option<(u64, u64)>]) -> bool {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| fs::metadata(entry.path()).ok())
        .any(|open| files.iter().flatten().any(|file| *file == (open.dev(), open.ino())))
}
