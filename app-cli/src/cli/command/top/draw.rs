//! How the board looks on a terminal of a size. Every text goes through [`cells`] or [`fit_ends`], and no byte that a terminal acts on is
//! in one. Nothing here prints. Main function: [`frame`].

use domain::task::{Status, Task, Timestamp, preview};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;

use super::board::{Board, Mode};
use super::facts::{FACTS, facts, row};
use super::fitting::{cells, ending, heading};
use super::line::Line;
use super::log::Place;
use crate::cli::view::task_lines::{self, short_id};
use crate::kit::screen::{Screen, fit_ends, width};

/// The rows that are neither a task's nor the log's: the title, the heads, the rule, the keys.
const FRAME: usize = 4;
/// A terminal with fewer rows shows the list alone.
const FEWEST: usize = 14;

/// The parts of the screen, in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// The rows of the list.
    pub(super) list: usize,
    /// The rows of the log below it; none where there is no room for the selected task.
    pub(super) log: usize,
}

/// How a terminal of this height is shared.
pub(super) const fn parts(height: usize) -> Parts {
    if height < FEWEST {
        return Parts { list: height.saturating_sub(3), log: 0 };
    }
    let list = (height - FRAME) / 2;
    Parts { list, log: height - FRAME - FACTS - list }
}

/// The whole screen.
pub(super) fn frame(board: &Board, size: Screen, has_colours: bool, now: Timestamp) -> Buffer {
    let of = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let mut page = Page {
        buffer: Buffer::empty(Rect::new(0, 0, of(size.width), of(size.height))),
        size,
        has_colours,
    };
    page.title(board);
    match &board.mode {
        Mode::Help => page.help(),
        Mode::Log(place) => page.log_alone(board, *place),
        Mode::List | Mode::Filter | Mode::Resume(_) | Mode::Cancel => {
            let parts = parts(size.height);
            page.list(board, parts.list, now);
            if size.height >= FEWEST {
                page.selected(board, parts, now);
            }
        }
    }
    page.last_line(board);
    page.buffer
}

struct Page {
    buffer: Buffer,
    size: Screen,
    has_colours: bool,
}

impl Page {
    /// Writes a text at a place, in so many columns, and fills them.
    fn put(&mut self, row: usize, column: usize, columns: usize, text: &str, style: Style) {
        let columns = columns.min(self.size.width.saturating_sub(column));
        if row >= self.size.height || columns == 0 {
            return;
        }
        let at = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let text = cells(text, columns);
        let text = Span::raw(text + &" ".repeat(columns));
        let mut end = 0;
        // A letter is in a cell with the marks above and below it.
        for letter in text.styled_graphemes(style) {
            let begin = end;
            end += width(letter.symbol);
            if end > columns {
                break;
            }
            let mut symbol = letter.symbol;
            for cell in begin..end {
                if let Some(cell) = self.buffer.cell_mut((at(column + cell), at(row))) {
                    cell.set_symbol(symbol).set_style(style);
                }
                // The other columns that it takes.
                symbol = "";
            }
        }
    }

    fn line(&mut self, row: usize, text: &str, style: Style) {
        self.put(row, 0, self.size.width, text, style);
    }

    fn colour(&self, status: Status) -> Style {
        let colour = match status {
            Status::Queued => Color::Yellow,
            Status::Running => Color::Cyan,
            Status::Completed => Color::Green,
            Status::Error => Color::Red,
            Status::Cancelled => Color::Magenta,
        };
        if self.has_colours { Style::new().fg(colour) } else { Style::new() }
    }

    fn title(&mut self, board: &Board) {
        let tally = board.tally();
        let total = task_lines::total(&tally);
        let mut words = anstream::adapter::strip_str(&total).to_string();
        if board.unreadable > 0 {
            words.push_str(&format!(", {} unreadable", board.unreadable));
        }
        let mut right = format!("by {}", board.sort.word());
        if let Some(only) = board.only {
            right = format!("only {}  {right}", only.word());
        }
        if !board.words.is_blank() && board.mode != Mode::Filter {
            right = format!("/{}  {right}", board.words.text());
        }
        let right = cells(&right, self.size.width / 2);
        let from = self.size.width.saturating_sub(width(&right));
        let words = heading(&words, from.saturating_sub(2));
        self.line(0, &words, Style::new().add_modifier(Modifier::BOLD));
        self.put(0, from, usize::MAX, &right, Style::new().add_modifier(Modifier::DIM));
    }

    fn list(&mut self, board: &Board, rows: usize, now: Timestamp) {
        let count = board.shown().count();
        // The selected one is in the middle, as far as there is something around it.
        let first = board.selected().saturating_sub(rows / 2).min(count.saturating_sub(rows));
        let tasks: Vec<&Task> = board.shown().skip(first).take(rows).collect();
        let lines: Vec<[String; 5]> = tasks.iter().map(|task| row(board, task, now)).collect();
        let heads = ["ID", "STATUS", "TIME", "DESCRIPTION", "LAST"].map(str::to_owned);
        let widths = columns(&heads, &lines, self.size.width);
        let head = Style::new().add_modifier(Modifier::DIM);
        self.row(1, &heads, widths, [head; 5], None);
        if lines.is_empty() {
            let none =
                if board.tasks.is_empty() { "no tasks yet" } else { "no task fits; Esc shows all" };
            self.line(2, none, Style::new());
        }
        for (at, (line, task)) in lines.iter().zip(&tasks).enumerate() {
            let mut styles = [Style::new(); 5];
            styles[1] = self.colour(task.status());
            if first + at == board.selected() {
                styles = styles.map(|style| style.add_modifier(Modifier::REVERSED));
            }
            self.row(2 + at, line, widths, styles, preview::lead(task));
        }
    }

    /// Draws a line of cells. `lead` is how many characters at the beginning of the last one are kept with its end, where it
    /// is too long.
    fn row(
        &mut self,
        row: usize,
        texts: &[String; 5],
        widths: [usize; 5],
        styles: [Style; 5],
        lead: Option<usize>,
    ) {
        let mut column = 0;
        for (at, ((text, columns), style)) in texts.iter().zip(widths).zip(styles).enumerate() {
            if columns > 0 {
                // The gap belongs to the cell, so that a selected row has no holes.
                let fitted = match lead {
                    Some(lead) if at == LAST => fit_ends(text, lead, columns),
                    Some(_) | None => cells(text, columns),
                };
                self.put(row, column, columns + GAP, &fitted, style);
                column += columns + GAP;
            }
        }
    }

    fn selected(&mut self, board: &Board, parts: Parts, now: Timestamp) {
        let top = 2 + parts.list;
        let rule = "─".repeat(self.size.width);
        self.line(top, &rule, Style::new().add_modifier(Modifier::DIM));
        let Some(task) = board.task() else { return };
        let facts = facts(board, task, now);
        for (at, fact) in facts.iter().enumerate() {
            let style =
                if at == 0 { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
            self.line(top + 1 + at, fact, style);
        }
        self.log(board, top + 1 + FACTS, parts.log, Place::End);
    }

    fn log_alone(&mut self, board: &Board, place: Place) {
        let Some(task) = board.task() else { return };
        let words =
            format!("log of {}: {}", short_id(task.id(), board.short), task.order().label());
        self.line(1, &words, Style::new().add_modifier(Modifier::DIM));
        self.log(board, 2, self.size.height.saturating_sub(3), place);
    }

    fn log(&mut self, board: &Board, top: usize, rows: usize, place: Place) {
        let lines = board.detail.log.shown(place, rows);
        for (at, line) in lines.iter().enumerate() {
            self.line(top + at, line, Style::new());
        }
        if lines.is_empty() {
            let ended = board.task().is_some_and(|task| task.status().is_ended());
            let none =
                if ended { "(it has written nothing)" } else { "(it has written nothing yet)" };
            self.line(top, none, Style::new().add_modifier(Modifier::DIM));
        }
    }

    fn help(&mut self) {
        for (at, line) in HELP.lines().enumerate() {
            self.line(2 + at, line, Style::new());
        }
    }

    fn last_line(&mut self, board: &Board) {
        let short =
            || board.task().map(|task| short_id(task.id(), board.short)).unwrap_or_default();
        // What is typed is seen where the next letter goes.
        let room = self.size.width.saturating_sub(24);
        let typed = |line: &Line| {
            let (before, behind) = line.parts();
            let shown = |part: &str| part.replace('\n', "⏎");
            format!("{}▏{}", ending(&shown(before), room), shown(behind))
        };
        let (words, style) = match (&board.mode, &board.message) {
            (Mode::Filter, _) => (format!("only with: {}", typed(&board.words)), Modifier::BOLD),
            (Mode::Resume(words), _) => {
                (format!("tell {} next: {}", short(), typed(words)), Modifier::BOLD)
            }
            (Mode::Cancel, _) => {
                (format!("cancel {}? y: yes, any other key: no", short()), Modifier::BOLD)
            }
            (_, Some(message)) => (message.clone(), Modifier::BOLD),
            (Mode::Log(Place::Line(_)), None) => (
                "it stands still; G follows  ↑↓ PgUp PgDn g move  Esc back".to_owned(),
                Modifier::DIM,
            ),
            (Mode::Log(Place::End), None) => {
                ("↑↓ PgUp PgDn g G move  Esc back".to_owned(), Modifier::DIM)
            }
            (Mode::Help, None) => ("any key: back".to_owned(), Modifier::DIM),
            (Mode::List, None) => (KEYS.to_owned(), Modifier::DIM),
        };
        self.line(self.size.height.saturating_sub(1), &words, Style::new().add_modifier(style));
    }
}

const KEYS: &str =
    "q quit  ? help  ↑↓ select  o log  c cancel  r retry  R resume  / filter  s sort";
const HELP: &str = "\
↑ ↓ PgUp PgDn g G   select a task
o, Enter            its log, Esc goes back
c                   cancel it
r                   try it once more
R                   go on in its session: type what it is told, Enter
/                   only tasks with these words; Esc shows all
f                   only those that run, wait, failed, …
s                   sort by state, newest, oldest
← → Home End        in what is typed; Ctrl-U, Ctrl-W, Ctrl-K erase all, a word, the rest
Ctrl-L              draw all of it anew
Ctrl-Z              back to the shell, `fg` returns
q, Ctrl-C           quit; no task ends with it";

/// Which column has the last words.
const LAST: usize = 4;
/// The blanks between two columns.
const GAP: usize = 2;

/// The widths of the columns: the texts share what the others leave.
fn columns(heads: &[String; 5], lines: &[[String; 5]], columns: usize) -> [usize; 5] {
    let widest = |at: usize| {
        let widths = lines.iter().chain([heads]).map(|line| width(&line[at]));
        widths.max().unwrap_or_default()
    };
    let (id, how) = (widest(0).min(17), widest(1).min(16));
    let time = if columns < 50 { 0 } else { widest(2) };
    let gaps = GAP * if time == 0 { 3 } else { 4 };
    let rest = columns.saturating_sub(id + how + time + gaps);
    let (label, last) = (widest(3), widest(4));
    let label = label.min((rest * 2 / 5).max(rest.saturating_sub(last)));
    [id, how, time, label, rest - label]
}

#[cfg(test)]
mod tests {
    use domain::task::Order;
    use domain::testing;
    use proptest::prelude::*;

    use super::super::log::Log;
    use super::*;

    /// The lines of a screen.
    fn lines(buffer: &Buffer) -> Vec<String> {
        let row = |row: u16| {
            let cells = (0..buffer.area().width).filter_map(|column| buffer.cell((column, row)));
            cells.map(ratatui::buffer::Cell::symbol).collect::<String>()
        };
        (0..buffer.area().height).map(row).collect()
    }

    fn typed(text: &str) -> Line {
        let mut line = Line::default();
        line.add(text);
        line.press(&super::super::keys::Key::Left);
        line
    }

    fn board(label: &str, log: &str) -> Board {
        let mut board = Board::new();
        let order =
            Order { description: label.to_owned(), agent: label.to_owned(), ..testing::order() };
        let id = domain::task::TaskId::parse("bg_19c0000000001").expect("an id");
        let waiting = Task::ordered(id.clone(), order, None, testing::ORDERED);
        board.queue = vec![id.clone()];
        for task in [waiting, testing::running_task()] {
            board.tasks.insert(task.id().clone(), task);
        }
        board.arrange();
        board.select(&id);
        let lines = log.lines().map(ToOwned::to_owned).collect();
        board.detail.log = Log::new(id, lines, None);
        board
    }

    #[test]
    fn the_parts_of_a_screen_are_there_at_every_usual_size() {
        for (columns, rows) in [(80, 24), (60, 20), (160, 50), (40, 14)] {
            let size = Screen { width: columns, height: rows };
            let shown =
                lines(&frame(&board("日本語 label", "one\ntwo"), size, true, testing::ORDERED));
            let text = shown.join("\n");
            for part in ["2 tasks", "queued #1", "running", "two", "q quit", "───"] {
                assert!(text.contains(part), "{columns}x{rows}: no {part}\n{text}");
            }
        }
    }

    #[test]
    fn a_letter_is_in_a_cell_with_its_marks_and_a_wide_one_in_two() {
        let size = Screen { width: 80, height: 24 };
        let shown = lines(&frame(&board("e\u{301} नमस्ते 日本", "x"), size, true, testing::ORDERED));
        let text = shown.join("\n");
        assert!(text.contains("e\u{301} नमस्ते 日本"), "{text}");
    }

    proptest! {
        #[test]
        fn invariant_nothing_that_a_terminal_acts_on_is_on_the_screen(
            label in any::<String>(),
            log in any::<String>(),
            columns in 0_usize..120,
            rows in 0_usize..40,
            back in 0_usize..5,
            mode in 0_usize..4,
        ) {
            let size = Screen { width: columns, height: rows };
            let mut board = board(&label, &log);
            board.mode = [Mode::List, Mode::Log(Place::Line(back)), Mode::Resume(typed(&label)), Mode::Help][mode].clone();
            let buffer = frame(&board, size, false, testing::ORDERED);
            for line in lines(&buffer) {
                prop_assert!(!line.contains(char::is_control), "{line:?}");
                prop_assert!(width(&line) <= columns, "{line:?}");
            }
        }
    }
}
