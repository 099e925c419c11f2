//! Recording an ending that somebody else may record first: whichever came first stands.
//!
//! Shared by the verbs that end a task for want of anything better; a report from outside is not
//! one of them, for its sender wants to know if it came too late.

use crate::port::{Clock, StoreError, TaskStore};
use crate::task::{Ending, Event, Task, TaskId};

/// Ends a task, and returns it as it ended, by this or before.
///
/// # Errors
/// [`StoreError`] if there is no such task, or the store fails.
pub(super) async fn end(
    store: &dyn TaskStore,
    clock: &dyn Clock,
    id: &TaskId,
    ending: Ending,
) -> Result<Task, StoreError> {
    let event = Event::Ended { ending, exit: None, next: None };
    match store.apply(id, event, clock.now()).await {
        Err(StoreError::Refused { .. }) => store.load(id).await,
        decided => decided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Reason, Status};
    use crate::testing::{self, ManualClock, MemoryStore};

    #[tokio::test]
    async fn the_ending_that_came_first_stands_and_is_returned() {
        let task = testing::running_task();
        let (store, clock) =
            (MemoryStore::holding([task.clone()]), ManualClock::at(testing::ORDERED));
        let lost = || Ending::failed(Reason::Lost, "gone");
        let first = end(&store, &clock, task.id(), Ending::Cancelled).await.expect("ended");
        let second = end(&store, &clock, task.id(), lost()).await.expect("ended before");
        assert_eq!((first.status(), &second), (Status::Cancelled, &first));
    }
}
