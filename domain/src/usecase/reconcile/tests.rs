//! What reconciling makes of each kind of task, in a world in memory.

use super::*;
use crate::port::{Clock, LaunchFailure, TaskStore};
use crate::run::AgentEvent;
use crate::task::Reason;
use crate::task::{CancelIntent, State};
use crate::testing::{self, MemoryWorld, Part};

/// A world in which the name of the life lock of `task` is left, and nobody holds it.
fn abandoned(task: &Task) -> MemoryWorld {
    let memory = MemoryWorld::holding([task.clone()]);
    memory.locks.leave_free(task.id());
    memory
}

async fn believed(memory: &MemoryWorld, task: Task) -> Believed {
    reconcile(memory.world(), task).await.expect("nothing fails")
}

#[tokio::test]
async fn a_running_record_without_supervisor_and_agent_ends_as_its_event_log_says() {
    let task = testing::running_task();
    let memory = abandoned(&task);
    memory.events.say(task.id(), AgentEvent::Finished { text: "found".into(), usage: None });
    let found = believed(&memory, task).await;
    assert_eq!(found.task.state().result(), Some("found"));
    assert_eq!(found.task.status(), Status::Completed);
}

#[tokio::test]
async fn a_running_record_of_which_nothing_is_left_ends_as_lost() {
    let task = testing::running_task();
    let found = believed(&abandoned(&task), task).await;
    assert!(matches!(found.task.state(), State::Error(failure) if failure.reason == Reason::Lost));
}

#[tokio::test]
async fn a_living_agent_without_supervisor_gets_another_one() {
    let task = testing::running_task();
    let memory = abandoned(&task);
    memory.host.revive(&testing::process(101), task.id(), Part::Agent);
    let found = believed(&memory, task.clone()).await;
    assert_eq!((found.task.status(), found.note), (Status::Running, Some(Note::Adopted)));
    assert_eq!((memory.at_work().len(), memory.host.living(Part::Supervisor).len()), (1, 1));
    assert_eq!(memory.locks.look(task.id()), Custody::Held);
}

#[tokio::test]
async fn a_living_agent_that_nobody_can_take_over_is_left_alone_and_named() {
    let task = testing::running_task();
    let memory = abandoned(&task);
    memory.host.revive(&testing::process(101), task.id(), Part::Agent);
    memory.host.fail_with(Some(LaunchFailure::Supervisor("no room".into())));
    let found = believed(&memory, task).await;
    assert_eq!((found.task.status(), found.note), (Status::Running, Some(Note::Orphaned)));
    assert_eq!(memory.at_work().len(), 1, "it is left alone");
}

// A cancel that was cut short before its signals left the agent of a dead supervisor working for
// ever: later commands reported an orphan and did not stop it.
#[tokio::test]
async fn whoever_looks_carries_out_an_intent_to_stop_an_orphan_once_it_is_due() {
    let task = testing::running_task();
    let memory = abandoned(&task);
    memory.host.revive(&testing::process(101), task.id(), Part::Agent);
    memory.host.fail_with(Some(LaunchFailure::Supervisor("no room".into())));
    let grace = Duration::from_secs(10);
    let wish = CancelIntent { at: memory.clock.now(), grace };
    let event = Event::CancelRequested(wish);
    let task = memory.store.apply(task.id(), event, wish.at).await.expect("it runs");
    let before = believed(&memory, task.clone()).await;
    assert_eq!((before.task.status(), before.note), (Status::Running, Some(Note::Orphaned)));
    assert_eq!(memory.at_work().len(), 1, "it has its grace");
    memory.clock.advance(grace);
    assert_eq!(believed(&memory, task).await.task.status(), Status::Cancelled);
    assert_eq!(memory.at_work().len(), 0, "it was stopped");
}

#[tokio::test]
async fn a_foreign_running_record_stands_as_it_is_and_is_named() {
    let task = testing::foreign_running_task();
    let found = believed(&MemoryWorld::holding([task.clone()]), task).await;
    assert_eq!((found.task.status(), found.note), (Status::Running, Some(Note::Unsupervised)));
}

#[tokio::test]
async fn a_queued_record_of_a_killed_launcher_ends_as_never_started() {
    let task = testing::queued_task();
    let found = believed(&abandoned(&task), task).await;
    assert!(
        matches!(found.task.state(), State::Error(failure) if failure.reason == Reason::LaunchFailed)
    );
}
