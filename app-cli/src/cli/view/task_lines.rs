//! One line a task, in columns that fit a terminal: by what the task may be named, how it fares, since when, what it is
//! and what it last did.
//!
//! Nothing here looks anything up. Main type: [`TaskLine`].

use std::time::Duration;

use domain::plan::queue::Obstacle;
use domain::task::{Status, Task, TaskId, Timestamp, preview, text};

use super::{task, terminal};
use crate::kit::screen::{self, Screen, cell, styled, width};

const MINUTE: Duration = Duration::from_secs(60);
/// Which column has the times.
const WHEN: usize = 2;
/// The blanks between two columns.
const GAP: &str = "  ";
/// The widest status, a place in the queue included.
const WIDEST_STATUS: usize = 12;
/// The widest name that stands before a description.
const WIDEST_NAME: usize = 24;
/// What is left for texts at least, if the column of times is to stay.
const FEWEST: usize = 20;

/// How near spans of time are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    /// As near as can be, where they are shown once.
    Exact,
    /// In whole minutes, where they are shown for as long as somebody looks: what is new each second would be written
    /// each second, though nothing happens.
    Calm,
}

impl Times {
    /// A span in two units.
    pub(crate) fn span(self, span: Duration) -> String {
        match self {
            Self::Exact => terminal::span(span),
            Self::Calm => self.rough_span(span),
        }
    }

    /// A span in its largest unit.
    pub(crate) fn rough_span(self, span: Duration) -> String {
        match self {
            Self::Calm if span < MINUTE => "<1m".to_owned(),
            Self::Exact | Self::Calm => terminal::rough_span(span),
        }
    }
}

/// The terminal that tasks are shown on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnScreen {
    /// Its size.
    pub(crate) screen: Screen,
    /// How many characters at the end of an id are enough.
    pub(crate) short: usize,
    /// How near times are said.
    pub(crate) times: Times,
}

/// A task as its line shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskLine {
    id: String,
    status: Status,
    how: String,
    when: String,
    label: String,
    last: String,
    /// How many characters at the beginning of that are kept with its end, where it is too long.
    lead: Option<usize>,
}

impl TaskLine {
    /// The line of a task, of whose id so many characters at the end are enough.
    pub(crate) fn of(task: &Task, short: usize, now: Timestamp, times: Times) -> Self {
        let ended = task.state().ended_at().filter(|_| task.status().is_ended());
        let when = match ended {
            Some(ended) => format!("{} ago", times.rough_span(now.since(ended))),
            // One that waits is no news every second.
            None if task.status() == Status::Queued => Times::Calm.span(task::duration(task, now)),
            None => times.span(task::duration(task, now)),
        };
        let label = task.order().label();
        let label = match &task.order().name {
            Some(name) if name.as_str() != label => {
                format!("{}: {label}", screen::fit(name.as_str(), WIDEST_NAME))
            }
            Some(_) | None => label.to_owned(),
        };
        let last = task::last_deed(task, 400);
        let (status, how) = (task.status(), task.status().word().to_owned());
        let lead = preview::lead(task);
        Self { id: short_id(task.id(), short), status, how, when, label, last, lead }
    }

    /// The same with the place of a task in the queue, counted from 1, and with why it waits.
    pub(crate) fn waiting(self, place: Option<usize>, why: Option<String>) -> Self {
        let how = place.map_or(self.how.clone(), |place| format!("{} #{place}", self.how));
        let lead = self.lead.filter(|_| why.is_none());
        Self { how, last: why.unwrap_or(self.last), lead, ..self }
    }
}

/// As much of the end of an id as tells it from others.
pub(crate) fn short_id(id: &TaskId, short: usize) -> String {
    let id = id.as_str();
    id.get(id.len().saturating_sub(short)..).unwrap_or(id).to_owned()
}

/// What keeps a queued task from starting, with short ids, and in few words.
pub(crate) fn obstacle(
    short: usize,
    now: Timestamp,
    times: Times,
    (id, obstacle): &(TaskId, Obstacle),
) -> String {
    match obstacle {
        Obstacle::Held => return format!("held; `task-bg release {}`", short_id(id, short)),
        Obstacle::Moment(moment) if *moment > now => {
            return format!("starts in {}", times.rough_span(moment.since(now)));
        }
        Obstacle::Moment(_)
        | Obstacle::Paused
        | Obstacle::Tasks(_)
        | Obstacle::Unreadable(_)
        | Obstacle::Room { .. }
        | Obstacle::Cluster(_)
        | Obstacle::Turn => {}
    }
    task::obstacle_by(&|id| short_id(id, short), id, obstacle)
}

/// The tasks that these and what is said of them name.
pub(crate) fn named<'a>(
    tasks: impl IntoIterator<Item = &'a Task>,
) -> impl Iterator<Item = &'a TaskId> {
    tasks.into_iter().flat_map(|task| {
        let waits = task.status() == Status::Queued;
        let after = task.order().placement.after.iter().filter(move |_| waits);
        std::iter::once(task.id()).chain(after)
    })
}

/// The widths of the columns.
#[derive(Default)]
struct Widths {
    id: usize,
    how: usize,
    when: usize,
    label: usize,
    last: usize,
}

impl Widths {
    /// The widths of the columns of these lines, each at least so wide.
    fn of(lines: &[TaskLine], screen: Screen, floor: &Self) -> Self {
        let widest = |text: fn(&TaskLine) -> &str, floor: usize| {
            lines.iter().map(|line| width(text(line))).max().unwrap_or_default().max(floor)
        };
        let id = widest(|line| &line.id, floor.id);
        let how = widest(|line| &line.how, floor.how).min(WIDEST_STATUS);
        let mut when = widest(|line| &line.when, floor.when);
        let label = widest(|line| &line.label, floor.label);
        let last = widest(|line| &line.last, floor.last);
        let rest = |when: usize| {
            let gaps = GAP.len() * if when > 0 { 4 } else { 3 };
            (screen.width.saturating_sub(1)).saturating_sub(id + how + when + gaps)
        };
        if rest(when) < FEWEST {
            when = 0;
        }
        let rest = rest(when);
        // Each has as much as it needs if the other leaves it, and two of five parts at least.
        let label = label.min((rest * 2 / 5).max(rest.saturating_sub(last)));
        Self { id, how, when, label, last: last.min(rest - label) }
    }

    /// The cells of a line, each as wide as its column.
    fn line(&self, cells: [String; 5]) -> String {
        let is_there = |at: &usize| *at != WHEN || self.when > 0;
        let cells = cells.into_iter().enumerate().filter(|(at, _)| is_there(at));
        let cells: Vec<String> = cells.map(|(_, cell)| cell).collect();
        format!("{}\n", cells.join(GAP).trim_end())
    }

    fn head(&self) -> String {
        let cells = [
            ("ID", self.id),
            ("STATUS", self.how),
            ("WHEN", self.when),
            ("DESCRIPTION", self.label),
            ("LAST", self.last),
        ];
        let line = self.line(cells.map(|(text, width)| cell(text, width)));
        format!("{}\n", styled(screen::HEAD, line.trim_end()))
    }

    fn row(&self, line: &TaskLine) -> String {
        let faint = if line.status.is_ended() { screen::FAINT } else { anstyle::Style::new() };
        self.line([
            cell(&line.id, self.id),
            styled(screen::colour(line.status), &cell(&line.how, self.how)),
            styled(faint, &cell(&line.when, self.when)),
            cell(&line.label, self.label),
            match line.lead {
                Some(lead) => screen::fit_ends(&line.last, lead, self.last),
                None => screen::fit(&line.last, self.last),
            },
        ])
    }
}

/// The lines below the heads of their columns; nothing where there is none.
pub(crate) fn table(lines: &[TaskLine], screen: Screen) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let floor = Widths { id: 2, how: 6, when: 4, label: 11, last: 4 };
    let widths = Widths::of(lines, screen, &floor);
    widths.head() + &lines.iter().map(|line| widths.row(line)).collect::<String>()
}

/// The lines alone.
pub(crate) fn rows(lines: &[TaskLine], screen: Screen) -> Vec<String> {
    let widths = Widths::of(lines, screen, &Widths::default());
    lines.iter().map(|line| widths.row(line).trim_end().to_owned()).collect()
}

/// How many tasks there are of each kind of which there is any, as in `12 tasks: 3 running, 9 completed`.
pub(crate) fn total(tally: &domain::task::Tally) -> String {
    let total = tally.total();
    let tasks = text::counted(total, "task");
    match counts(tally) {
        none if none.is_empty() => "no tasks".to_owned(),
        counts => format!("{tasks}: {counts}"),
    }
}

/// How many tasks there are of each kind, in its colour.
pub(crate) fn counts(tally: &domain::task::Tally) -> String {
    let of = [
        (tally.running, Status::Running),
        (tally.queued, Status::Queued),
        (tally.completed, Status::Completed),
        (tally.error, Status::Error),
        (tally.cancelled, Status::Cancelled),
    ];
    let there = of.into_iter().filter(|(count, _)| *count > 0);
    let words = there.map(|(count, status)| {
        styled(screen::colour(status), &format!("{count} {}", status.word()))
    });
    text::some_of(&words.collect::<Vec<_>>(), of.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::testing;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn every_line_fits_whatever_is_in_it() {
        let label = "日本語のタスク ".repeat(9);
        let order = domain::task::Order { description: label, ..testing::order() };
        let id = TaskId::parse("bg_19c0000000001").expect("an id");
        let task = Task::ordered(id, order, None, testing::ORDERED);
        let queued = TaskLine::of(&task, 6, testing::ORDERED, Times::Exact);
        let queued = queued.waiting(Some(1_000), Some("waits for room: 10 of 10 run".to_owned()));
        let running = TaskLine::of(&testing::running_task(), 17, testing::ORDERED, Times::Exact);
        let lines = [queued, running];
        for columns in [20, 40, 60, 80, 160] {
            let screen = Screen { width: columns, height: 24 };
            let table = plain(&table(&lines, screen));
            assert_eq!(table.lines().count(), 3, "{table}");
            for line in table.lines().filter(|_| columns >= 60) {
                assert!(width(line) < columns, "{columns}: {line}");
            }
            assert!(table.contains("queued #1000"), "{table}");
        }
    }
}
