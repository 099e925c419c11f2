//! The newest of what may be shown: no more than a query asks for, in whatever order it comes.

use std::collections::BTreeMap;

use domain::task::{Status, Task, TaskId};

/// What is known of a task that may be shown.
#[derive(Debug)]
pub(super) enum Known {
    /// All of it, and it is counted already.
    Read(Box<Task>),
    /// Its outline, which is not counted yet: the record may turn out to be gone.
    Outlined(Facts),
}

/// What a listing counts of a task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) status: Status,
    /// How much of the disk its logs take, in bytes.
    pub(super) log_bytes: u64,
}

/// As many of the newest as there is room for.
#[derive(Debug)]
pub(super) struct Newest {
    /// `None` for any number.
    limit: Option<usize>,
    kept: BTreeMap<TaskId, Known>,
}

impl Newest {
    /// Room for so many.
    pub(super) const fn within(limit: Option<usize>) -> Self {
        Self { limit, kept: BTreeMap::new() }
    }

    /// Whether a task with this id would be kept.
    pub(super) fn has_room_for(&self, id: &[u8]) -> bool {
        self.limit.is_none_or(|limit| {
            let is_newer = |(oldest, _): (&TaskId, _)| oldest.as_str().as_bytes() < id;
            self.kept.len() < limit || self.kept.first_key_value().is_some_and(is_newer)
        })
    }

    /// Keeps a task, and returns the one for which there is no room any more.
    pub(super) fn keep(&mut self, id: TaskId, known: Known) -> Option<Known> {
        self.kept.insert(id, known);
        let is_over = self.limit.is_some_and(|limit| self.kept.len() > limit);
        if is_over { self.kept.pop_first().map(|(_, known)| known) } else { None }
    }

    /// Those that are to be read, newest first.
    pub(super) fn unread(&self) -> Vec<TaskId> {
        let unread = self.kept.iter().rev().filter(|(_, it)| matches!(it, Known::Outlined(_)));
        unread.map(|(id, _)| id.clone()).collect()
    }

    /// All of them, newest first.
    pub(super) fn all(self) -> impl Iterator<Item = (TaskId, Known)> {
        self.kept.into_iter().rev()
    }
}
