//! What a supervisor does about its store: where that was moved, it goes on there; where that is gone, it ends.
//!
//! A store that does not work (a full disk, say) may work again, and is waited for: whoever asks the supervisor to end
//! meanwhile is heard. Judges no task.

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use domain::port::{Renewal, Stream, Whereabouts};
use domain::run::machine::{Input, Recorded};
use domain::task::Event;

use super::super::sight;
use super::Driver;

/// How many bytes of the disk a log may take that is put back where logs have no bound: whoever removes a larger one wants
/// room.
const MOST: u64 = 256 << 20;

/// How long nothing may go from a store before the name of a life lock that went is made again.
const QUIET: Duration = Duration::from_millis(250);

impl Driver<'_> {
    /// Records an event, also in a store that was moved.
    pub(super) async fn apply(&mut self, event: Event) -> Recorded {
        // This waits for the disk, and maybe for whoever has the lock.
        let lookout = self.look_out();
        let recorded = Box::pin(self.try_to_apply(event.clone())).await;
        drop(lookout);
        match recorded {
            Recorded::Done(_) | Recorded::Refused => recorded,
            Recorded::Gone | Recorded::Failed => match (self.post.follow_store)() {
                Whereabouts::Here => recorded,
                Whereabouts::Gone => Recorded::Gone,
                Whereabouts::Moved => Box::pin(self.try_to_apply(event)).await,
            },
        }
    }

    /// Looks at the record, and sees to it that the life lock has its name.
    pub(super) async fn look(&mut self) {
        let id = self.id().clone();
        let mut seen = sight(self.post.world, &id).await;
        // One that is gone is taken for one that ended.
        if seen.is_none_or(|sight| sight.ended) && (self.post.follow_store)() == Whereabouts::Moved
        {
            seen = sight(self.post.world, &id).await;
        }
        // Without its name the task is found by whoever lists all records, as a last resort.
        self.renew_life();
        if let Some(sight) = seen {
            self.tell(Input::Seen(sight)).await;
        }
    }

    /// Sees to it that the life lock has its name, or that this is tried again soon.
    pub(super) fn renew_life(&mut self) {
        let renewed = self.held.renew();
        self.renewal = matches!(renewed, Ok(Renewal::Later)).then(|| Instant::now() + QUIET);
    }

    /// Waits until the end is recorded, can never be, or somebody asks this process to end without that: the next one who
    /// looks concludes the task then.
    pub(super) async fn wait_for_the_record(&mut self) {
        if !self.done {
            // Whoever asked for a cancel before meant the agent.
            self.signals.wait(Some(Duration::ZERO), None);
            self.signals.take_stop();
        }
        while !self.done && !self.signals.take_stop() {
            // A full disk delays the ending, and no more.
            self.wait_in_bounds(self.until_woken(), None);
            self.tell(Input::Tick).await;
        }
    }

    /// Removes the group of a task whose end is not recorded: where the store is gone nobody else knows of it.
    pub(super) async fn forget_group_of_unrecorded(&self) {
        if !self.held.task.status().is_ended() {
            self.post.world.host.put_away(&self.agent.doomed(self.id())).await;
        }
    }

    /// Puts back the logs of the task that were removed or replaced while the agent wrote them: what it printed is still
    /// there as long as this process has them open.
    pub(super) fn put_logs_back(&mut self) {
        let files = &self.post.files;
        for (stream, file) in [(Stream::Readable, &*files.output), (Stream::Events, &*files.events)]
        {
            let Ok(found) = file.metadata() else { continue };
            if stream == Stream::Readable {
                self.printed = found.len();
            }
            // One of its two names is enough to say that the other may be gone; some file systems know no second.
            let is_lost = found.nlink() < 2 && found.len() > 0;
            let most = self.post.most.unwrap_or(0).max(MOST);
            let is_back = is_lost && (self.post.put_back)(stream, file, most).is_ok();
            if is_lost && !is_back && stream == Stream::Readable {
                self.nameless = found.len();
            }
        }
    }
}
