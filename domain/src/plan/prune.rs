//! Which unfinished tasks expire.
//!
//! The plan names each task with the reason; it stops nothing.

use alloc::vec::Vec;

use crate::task::retention::{Policy, Signs, Verdict, verdict};
use crate::task::{Task, TaskId, Timestamp};

/// One task that expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Which.
    pub id: TaskId,
    /// Why.
    pub verdict: Verdict,
    /// The signs of life the verdict rests on.
    pub signs: Signs,
}

/// Plans which of `tasks` expire, each judged with the signs of life that were looked up.
pub fn plan_prune(tasks: &[(Task, Signs)], policy: Policy, now: Timestamp) -> Vec<Expiry> {
    let judged = tasks.iter().map(|(task, signs)| Expiry {
        id: task.id().clone(),
        verdict: verdict(task, *signs, policy, now),
        signs: *signs,
    });
    judged.filter(|expiry| expiry.verdict != Verdict::Fresh).collect()
}
