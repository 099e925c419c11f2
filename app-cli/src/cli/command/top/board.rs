//! What is on the screen, and what keys do to it: values alone, nothing is read or drawn here. Main type: [`Board`].

use std::collections::BTreeMap;

use domain::task::{Runner, Status, Tally, Task, TaskId};

use super::keys::Key;
use super::line::Line;
use super::log::{Log, Place};
use super::order::{Sort, fits, next, rank};

/// What the keys mean now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The list, and below it the selected task.
    List,
    /// The log alone, from this place on.
    Log(Place),
    /// The words of the filter are typed.
    Filter,
    /// What the selected task is told next is typed.
    Resume(Line),
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
    pub(super) log: Log,
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
    /// How many records of tasks are gone that had not ended: no verb removes one.
    pub(super) lost: usize,
    /// What the keys mean.
    pub(super) mode: Mode,
    /// In which order.
    pub(super) sort: Sort,
    /// Only those with these words.
    pub(super) words: Line,
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
    pub(super) fn new() -> Self {
        Self {
            tasks: BTreeMap::new(),
            queue: Vec::new(),
            short: usize::MAX,
            unreadable: 0,
            lost: 0,
            mode: Mode::List,
            sort: Sort::State,
            words: Line::default(),
            only: None,
            message: None,
            detail: Detail::default(),
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
        let words: Vec<String> =
            self.words.text().split_whitespace().map(str::to_lowercase).collect();
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

    /// Puts these tasks in the place of those that were read before.
    pub(super) fn replace(&mut self, tasks: BTreeMap<TaskId, Task>) {
        let is_lost = |task: &&Task| !task.status().is_ended() && !tasks.contains_key(task.id());
        self.lost += self.tasks.values().filter(is_lost).count();
        self.tasks = tasks;
    }

    /// Takes a task away whose record is gone.
    pub(super) fn remove(&mut self, id: &TaskId) {
        let removed = self.tasks.remove(id);
        self.lost += usize::from(removed.is_some_and(|task| !task.status().is_ended()));
    }

    /// Whether somebody emptied the store behind the back of what ran in it.
    pub(super) fn is_emptied(&self) -> bool {
        self.tasks.is_empty() && self.lost > 0
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
            Mode::Log(place) => {
                self.mode = self.in_log(key, place);
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
            Mode::Resume(words) => words.add(text),
            Mode::Filter => {
                self.words.add(&text.replace(['\n', '\t'], " "));
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
            Key::Escape => (self.words, self.only) = (Line::default(), None),
            Key::Enter | Key::Char('o') if self.task().is_some() => {
                self.mode = Mode::Log(Place::End);
            }
            Key::Char('c') => match self.task().map(|task| task.status().is_ended()) {
                Some(false) => self.mode = Mode::Cancel,
                Some(true) => {
                    self.message = Some("it has ended: there is nothing to cancel".to_owned());
                }
                None => {}
            },
            Key::Char('r') => return self.task().map(|task| Wish::Retry(task.id().clone())),
            Key::Char('R') => match self.task().map(no_session) {
                Some(None) => self.mode = Mode::Resume(Line::default()),
                why => self.message = why.flatten().map(ToOwned::to_owned),
            },
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
    fn in_log(&self, key: &Key, place: Place) -> Mode {
        let page = isize::try_from(self.page).unwrap_or(isize::MAX);
        let by = match key {
            Key::Char('q' | 'o') | Key::Escape | Key::Enter => return Mode::List,
            Key::Up | Key::Char('k') => -1,
            Key::Down | Key::Char('j') => 1,
            Key::PageUp => -page,
            Key::PageDown => page,
            Key::Home | Key::Char('g') => isize::MIN,
            Key::End | Key::Char('G') => return Mode::Log(Place::End),
            _ => return Mode::Log(place),
        };
        Mode::Log(self.detail.log.moved(place, self.page, by))
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a key that means nothing here does nothing"
    )]
    fn in_filter(&mut self, key: &Key) {
        match key {
            Key::Escape => self.words = Line::default(),
            Key::Enter => {}
            _ => {
                self.words.press(key);
                self.mode = Mode::Filter;
            }
        }
        self.arrange();
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a key that means nothing here does nothing"
    )]
    fn in_resume(&mut self, key: &Key, mut words: Line) -> Option<Wish> {
        match key {
            Key::Escape => None,
            Key::Enter if words.is_blank() => None,
            Key::Enter => self.task().map(|task| Wish::Resume(task.id().clone(), words.text())),
            _ => {
                words.press(key);
                self.mode = Mode::Resume(words);
                None
            }
        }
    }
}

/// Why nobody can be told anything in a task's session, if that can be seen before it is asked for.
fn no_session(of: &Task) -> Option<&'static str> {
    match (of.status().is_ended(), &of.order().runner) {
        (_, Runner::Command(_)) => {
            Some("a command has no session to go on in; r tries it once more")
        }
        (false, _) => Some("it has not ended: R goes on in the session of one that has"),
        (true, Runner::Agent { .. } | Runner::Elsewhere) => None,
    }
}
