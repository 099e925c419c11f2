//! How much of the readable log is missing when a task ends, because the disk had no room for it.
//!
//! A record has room set aside for its lasting changes, so what a full log cannot say of itself the record can, as long as
//! that is said before the ending. Of what an agent could not write itself nobody learns.

use domain::task::Event;

use super::Driver;

impl Driver<'_> {
    /// Records how much could not be added to the readable log, if `event` is the end and something could not.
    pub(super) async fn record_what_is_missing(&mut self, event: &Event) {
        let ends = matches!(event, Event::Ended { .. } | Event::AgentExited { .. });
        if ends && self.missing() != self.held.task.progress().log_lost {
            self.record_missing().await;
        }
    }

    /// Writes what found no room before, now that the ending has given back what was set aside for it, and corrects what
    /// is recorded as missing.
    pub(super) async fn finish_log(&mut self) {
        self.readable.catch_up();
        if self.missing() != self.held.task.progress().log_lost {
            self.record_missing().await;
        }
    }

    fn missing(&self) -> u64 {
        self.readable.missing().saturating_add(self.nameless)
    }

    /// What cannot be recorded either is lost without a word: there is nothing left to say it with.
    async fn record_missing(&mut self) {
        let bytes = self.missing();
        Box::pin(self.apply(Event::LogLost { bytes })).await;
    }
}
