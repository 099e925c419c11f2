//! What is on the screen, and what keys do to it: values alone, nothing is read or drawn here. Main type: [`Board`].

use std::collections::BTreeMap;

use domain::task::{Status, Tally, Task, TaskId, notice};

use super::keys::Key;

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

    const fn next(self) -> Self {
        match self {
            Self::State => Self::Newest,
            Self::Newest => Self::Oldest,
            Self::Oldest => Self::State,
        }
    }
}

/// What the keys mean now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The list, and below it the selected task.
    List,
    /// The log alone, so many lines back from its end.
    Log(usize),
    /// The words of the filter are typed.
    Filter,
    /// What the selected task is told next is typed.
    Resume(String),
    /// Whether the selected task is to be cancelled.
    Cancel,
    /// What the keys are.
    Help,
}

/// What a key asks for that the board cannot do itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// To stop looking.
    Quit,
    /// To let the shell come to the front.
    Suspend,
    /// To draw everything anew.
    Redraw,
    /// To cancel a task.
    Cancel(TaskId),
    /// To try a task once more.
    Retry(TaskId),
    /// To go on in a task's session, with what it is told.
    Resume(TaskId, String),
}

/// What was read of the selected task besides its record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Detail {
    /// The last lines of its log.
    pub(super) log: Vec<String>,
    /// Why it waits.
    pub(super) waits: Option<String>,
}

/// What is on the screen.
#[derive(Debug)]
pub(super) struct Board {
    /// The tasks, as they were read last.
    pub(super) tasks: BTreeMap<TaskId, Task>,
    /// Those that wait, in order.
    pub(super) queue: Vec<TaskId>,
    /// How many characters at the end of an id are enough.
    pub(super) short: usize,
    /// How many records cannot be read.
    pub(super) unreadable: usize,
    /// What the keys mean.
    pub(super) mode: Mode,
    /// In which order.
    pub(super) sort: Sort,
    /// Only those with these words.
    pub(super) words: String,
    /// Only those with this status.
    pub(super) only: Option<Status>,
    /// What is said in the last line.
    pub(super) message: Option<String>,
    /// What was read of the selected task.
    pub(super) detail: Detail,
    // Invariant: those that fit the filter, in the order in which they stand.
    shown: Vec<TaskId>,
    selected: usize,
    /// How many rows a page has.
    pub(super) page: usize,
}

impl Board {
    /// A board without a task.
    pub(super) const fn new() -> Self {
        Self {
            tasks: BTreeMap::new(),
            queue: Vec::new(),
            short: usize::MAX,
            unreadable: 0,
            mode: Mode::List,
            sort: Sort::State,
            words: String::new(),
            only: None,
            message: None,
            detail: Detail { log: Vec::new(), waits: None },
            shown: Vec::new(),
            selected: 0,
            page: 10,
        }
    }

    /// The tasks that are shown, in their order.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Task> {
        self.shown.iter().filter_map(|id| self.tasks.get(id))
    }

    /// Which of them is selected.
    pub(super) const fn selected(&self) -> usize {
        self.selected
    }

    /// The selected task.
    pub(super) fn task(&self) -> Option<&Task> {
        self.tasks.get(self.shown.get(self.selected)?)
    }

    /// How many tasks there are of each kind.
    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.tasks.values().for_each(|task| tally.add(task.status()));
        tally
    }

    /// Which place in the queue a task has, counted from 1.
    pub(super) fn place(&self, id: &TaskId) -> Option<usize> {
        self.queue.iter().position(|other| other == id).map(|place| place + 1)
    }

    /// Puts the tasks in order after some of them changed. The same task stays selected, if it is still shown.
    pub(super) fn arrange(&mut self) {
        let before = self.shown.get(self.selected).cloned();
        let words: Vec<String> = self.words.split_whitespace().map(str::to_lowercase).collect();
        let fits = |task: &&Task| {
            let is_of = self.only.is_none_or(|only| task.status() == only);
            is_of && (words.is_empty() || fits(task, &words))
        };
        let mut shown: Vec<&Task> = self.tasks.values().rev().filter(fits).collect();
        match self.sort {
            Sort::Newest => {}
            Sort::Oldest => shown.reverse(),
            Sort::State => {
                let places: BTreeMap<&TaskId, usize> =
                    self.queue.iter().enumerate().map(|(place, id)| (id, place)).collect();
                shown.sort_by_key(|task| {
                    let place = places.get(task.id()).copied().unwrap_or(usize::MAX);
                    (rank(task.status()), place)
                });
            }
        }
        self.shown = shown.into_iter().map(|task| task.id().clone()).collect();
        let again = before.and_then(|id| self.shown.iter().position(|other| *other == id));
        self.selected = again.unwrap_or(self.selected).min(self.shown.len().saturating_sub(1));
    }

    /// Selects this task, if it is shown.
    pub(super) fn select(&mut self, id: &TaskId) {
        self.selected = self.shown.iter().position(|other| other == id).unwrap_or(self.selected);
    }

    /// Does what a key means, and returns what it asks for besides.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a key that means nothing here does nothing"
    )]
    pub(super) fn press(&mut self, key: &Key) -> Option<Wish> {
        match key {
            Key::Pasted(text) => {
                self.paste(text);
                return None;
            }
            Key::Interrupt => return Some(Wish::Quit),
            Key::Suspend => return Some(Wish::Suspend),
            Key::Redraw => return Some(Wish::Redraw),
            _ => self.message = None,
        }
        match std::mem::replace(&mut self.mode, Mode::List) {
            Mode::List => self.press_in_list(key),
            Mode::Log(back) => {
                self.mode = self.in_log(key, back);
                None
            }
            Mode::Filter => {
                self.in_filter(key);
                None
            }
            Mode::Resume(words) => self.in_resume(key, words),
            Mode::Cancel => {
                let meant = matches!(key, Key::Char('y' | 'Y') | Key::Enter);
                self.task().filter(|_| meant).map(|task| Wish::Cancel(task.id().clone()))
            }
            Mode::Help => None,
        }
    }

    /// Adds a pasted text to the line that is typed. Where none is, it means nothing at all.
    fn paste(&mut self, text: &str) {
        match &mut self.mode {
            Mode::Resume(words) => words.push_str(text),
            Mode::Filter => {
                self.words.push_str(&text.replace(['\n', '\t'], " "));
                self.arrange();
            }
            Mode::List | Mode::Log(_) | Mode::Cancel | Mode::Help => {}
        }
    }

    /// Whether this key is the end of a line within a text that a terminal pastes without marking it: nobody types on
    /// behind the key that ends what is told, in the same moment.
    pub(super) const fn is_line_break(&self, key: &Key, next: Option<&Key>) -> bool {
        let goes_on = matches!(next, Some(Key::Char(_) | Key::Enter));
        matches!((key, &self.mode), (Key::Enter, Mode::Resume(_))) && goes_on
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a key that means nothing here does nothing"
    )]
    fn press_in_list(&mut self, key: &Key) -> Option<Wish> {
        let last = self.shown.len().saturating_sub(1);
        match key {
            Key::Char('q') => return Some(Wish::Quit),
            Key::Up | Key::Char('k') => self.selected = self.selected.saturating_sub(1),
            Key::Down | Key::Char('j') => self.selected = (self.selected + 1).min(last),
            Key::PageUp => self.selected = self.selected.saturating_sub(self.page),
            Key::PageDown => self.selected = (self.selected + self.page).min(last),
            Key::Home | Key::Char('g') => self.selected = 0,
            Key::End | Key::Char('G') => self.selected = last,
            Key::Char('/') => self.mode = Mode::Filter,
            Key::Char('?' | 'h') => self.mode = Mode::Help,
            Key::Char('s') => self.sort = self.sort.next(),
            Key::Char('f') => self.only = next(self.only),
            Key::Escape => (self.words, self.only) = (String::new(), None),
            Key::Enter | Key::Char('o') if self.task().is_some() => self.mode = Mode::Log(0),
            Key::Char('c') if self.task().is_some() => self.mode = Mode::Cancel,
            Key::Char('r') => return self.task().map(|task| Wish::Retry(task.id().clone())),
            Key::Char('R') if self.task().is_some() => self.mode = Mode::Resume(String::new()),
            _ => {}
        }
        if matches!(key, Key::Char('s' | 'f') | Key::Escape) {
            self.arrange();
        }
        None
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a key that means nothing here does nothing"
    )]
    fn in_log(&self, key: &Key, back: usize) -> Mode {
        let most = self.detail.log.len().saturating_sub(1);
        Mode::Log(match key {
            Key::Char('q' | 'o') | Key::Escape | Key::Enter => return Mode::List,
            Key::Up | Key::Char('k') => (back + 1).min(most),
            Key::Down | Key::Char('j') => back.saturating_sub(1),
            Key::PageUp => (back + self.page).min(most),
            Key::PageDown => back.saturating_sub(self.page),
            Key::Home | Key::Char('g') => most,
            Key::End | Key::Char('G') => 0,
            _ => back,
        })
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a key that means nothing here does nothing"
    )]
    fn in_filter(&mut self, key: &Key) {
        match key {
            Key::Escape => self.words.clear(),
            Key::Enter => {}
            _ => {
                edit(&mut self.words, key);
                self.mode = Mode::Filter;
            }
        }
        self.arrange();
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a key that means nothing here does nothing"
    )]
    fn in_resume(&mut self, key: &Key, mut words: String) -> Option<Wish> {
        match key {
            Key::Escape => None,
            Key::Enter if words.trim().is_empty() => None,
            Key::Enter => self.task().map(|task| Wish::Resume(task.id().clone(), words)),
            _ => {
                edit(&mut words, key);
                self.mode = Mode::Resume(words);
                None
            }
        }
    }
}

/// Whether all of the words are somewhere in what a task shows.
fn fits(of: &Task, words: &[String]) -> bool {
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

/// Adds a letter to a line that is typed, or takes the last one back.
#[expect(clippy::wildcard_enum_match_arm, reason = "a key that means nothing here does nothing")]
fn edit(line: &mut String, key: &Key) {
    match key {
        Key::Char(letter) => line.push(*letter),
        Key::Backspace => drop(line.pop()),
        _ => {}
    }
}

/// Where a status stands among the others.
const fn rank(status: Status) -> u8 {
    match status {
        Status::Running => 0,
        Status::Queued => 1,
        Status::Error => 2,
        Status::Cancelled => 3,
        Status::Completed => 4,
    }
}

/// The status that is shown alone after this one; all after the last.
const fn next(only: Option<Status>) -> Option<Status> {
    match only {
        None => Some(Status::Running),
        Some(Status::Running) => Some(Status::Queued),
        Some(Status::Queued) => Some(Status::Error),
        Some(Status::Error) => Some(Status::Cancelled),
        Some(Status::Cancelled) => Some(Status::Completed),
        Some(Status::Completed) => None,
    }
}
