//! Which tasks the screen shows, and in which order. Nothing here reads or draws. Main type: [`Sort`].

use domain::task::{Status, Task, notice};

/// In which order the tasks stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// By state: what runs, what waits, what ended.
    State,
    /// The newest first.
    Newest,
    /// The oldest first.
    Oldest,
}

impl Sort {
    /// Its name.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Newest => "newest",
            Self::Oldest => "oldest",
        }
    }

    /// The one after it, around.
    pub(super) const fn next(self) -> Self {
        match self {
            Self::State => Self::Newest,
            Self::Newest => Self::Oldest,
            Self::Oldest => Self::State,
        }
    }
}

/// Whether all of the words are somewhere in what a task shows.
pub(super) fn fits(of: &Task, words: &[String]) -> bool {
    let order = of.order();
    let name = order.name.as_ref().map(ToString::to_string);
    let texts = [
        of.id().as_str(),
        order.label(),
        &order.agent,
        order.model.as_deref().unwrap_or_default(),
        name.as_deref().unwrap_or_default(),
        &notice::ending_words(of),
    ];
    let text = texts.join(" ").to_lowercase();
    words.iter().all(|word| text.contains(word))
}

/// Where a status stands among the others.
pub(super) const fn rank(status: Status) -> u8 {
    match status {
        Status::Running => 0,
        Status::Queued => 1,
        Status::Error => 2,
        Status::Cancelled => 3,
        Status::Completed => 4,
    }
}

/// The status that is shown alone after this one; all after the last.
pub(super) const fn next(only: Option<Status>) -> Option<Status> {
    match only {
        None => Some(Status::Running),
        Some(Status::Running) => Some(Status::Queued),
        Some(Status::Queued) => Some(Status::Error),
        Some(Status::Error) => Some(Status::Cancelled),
        Some(Status::Cancelled) => Some(Status::Completed),
        Some(Status::Completed) => None,
    }
}
