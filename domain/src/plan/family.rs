//! The family of sessions: the tasks that they launched, and whatever was launched from within these, to
//! the last.
//!
//! A task belongs to a session that is named as its parent, and to the task in whose processes it was
//! launched. Nothing here reads a record or stops a task.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::task::{SessionId, Task, TaskId};

/// The tasks among `tasks` that belong to the family of one of `parents`, in the order given.
pub fn family<'a>(tasks: &'a [Task], parents: &'a [SessionId]) -> Vec<&'a Task> {
    let mut sessions: BTreeSet<&SessionId> = parents.iter().collect();
    let mut ids: BTreeSet<&TaskId> = BTreeSet::new();
    loop {
        let known = ids.clone();
        for task in tasks.iter().filter(|task| !known.contains(task.id())) {
            let order = task.order();
            let parent = order.parent.as_ref().map(SessionId::as_str);
            let of_session = sessions.iter().any(|it| it.launched(parent));
            let of_task = order.lineage.launched_by.as_ref().is_some_and(|it| ids.contains(it));
            if of_session || of_task {
                ids.insert(task.id());
                sessions.extend(order.session.as_ref());
                sessions.extend(task.progress().activity.session.as_ref());
            }
        }
        if ids.len() == known.len() {
            break;
        }
    }
    tasks.iter().filter(|task| ids.contains(task.id())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Lineage, Order};
    use crate::testing::{self, ORDERED};

    fn session(name: &str) -> Option<SessionId> {
        SessionId::parse(name).ok()
    }

    fn task(number: u8, parent: &str, own: &str, launched_by: Option<&Task>) -> Task {
        let launched_by = launched_by.map(|task| task.id().clone());
        let lineage = Lineage { launched_by, ..Lineage::default() };
        let order =
            Order { parent: session(parent), session: session(own), lineage, ..testing::order() };
        Task::ordered(TaskId::mint(ORDERED, [0, 0, number]), order, None, ORDERED)
    }

    #[test]
    fn a_family_is_all_that_was_launched_by_a_session_or_from_within_its_tasks_to_the_last() {
        let child = task(1, "root", "s1", None);
        let inherited = task(2, "elsewhere", "s2", Some(&child));
        let grandchild = task(3, "s2", "s3", None);
        let stranger = task(4, "other", "s4", None);
        // Newest first, as stores list them.
        let tasks = [&stranger, &grandchild, &inherited, &child].map(Task::clone);
        let root = session("root").expect("a session");
        let ids = |parents: &[SessionId]| -> Vec<TaskId> {
            family(&tasks, parents).iter().map(|task| task.id().clone()).collect()
        };
        let of_root = [&grandchild, &inherited, &child].map(|task| task.id().clone());
        assert_eq!(ids(std::slice::from_ref(&root)), of_root);
        let other = session("other").expect("a session");
        assert_eq!(ids(&[root, other]).len(), 4);
    }
}
