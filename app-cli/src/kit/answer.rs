//! An answer: what it says, in each form that can be asked for, and the exit code that goes with it.
//!
//! A verb returns an [`Answer`]; only `console` prints one. Nothing here looks anything up.

use clap::ValueEnum;
use domain::task::Task;
use domain::usecase::Trouble;
use serde_json::{Map, Value};

use super::bound::{self, Shape};
use super::failure::{Failure, Kind};
use super::screen::Screen;
use super::terminal;

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object
    Json,
    /// One JSON object a line, for list and wait
    Ndjson,
    /// A table for people
    Table,
    /// A Markdown table
    Markdown,
}

/// Where an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// To a person who can scroll: tables are as long as they are, and no wider than the terminal.
    Terminal(Screen),
    /// To a file or a program: every form is within the bound.
    Other,
}

/// How an answer looks.
pub(crate) trait View {
    /// For programs: one object.
    fn json(&self) -> Value;

    /// The same with texts of at most so many characters, if it can be had.
    fn json_within(&self, texts: usize) -> Value {
        let _ = texts;
        self.json()
    }

    /// What gives way if it is too long; `None` if it was asked for whole.
    fn shape(&self) -> Option<Shape> {
        Some(Shape::default())
    }

    /// The lists whose rows are the lines for programs that read line by line; none if it is one line.
    fn line_lists(&self) -> &'static [&'static str] {
        &[]
    }

    /// The ids of the tasks it is about, where nothing else is asked for.
    fn ids(&self) -> Vec<String> {
        Vec::new()
    }

    /// For people at a terminal.
    fn table(&self) -> String;

    /// Whether its lines are what somebody else wrote, and stay as they are however wide a terminal is.
    fn is_verbatim(&self) -> bool {
        false
    }

    /// How many rows a table has that can do with fewer, and says itself what it leaves out.
    fn rows(&self) -> usize {
        0
    }

    /// The table, or the Markdown, with at most so many of its rows.
    fn with_rows(&self, format: Format, rows: usize) -> String {
        let _ = rows;
        if format == Format::Markdown { self.markdown() } else { self.table() }
    }

    /// What could not be done for some of several things. The other forms name it as well.
    fn failures(&self) -> Vec<Failure> {
        Vec::new()
    }

    /// For documents.
    fn markdown(&self) -> String {
        self.table()
    }
}

/// An answer, and the exit code that goes with it.
pub(crate) struct Answer {
    view: Option<Box<dyn View>>,
    exit_code: u8,
    collected: Vec<Task>,
    /// What failed after the deed, and what is to be said besides.
    notes: Vec<String>,
}

impl Answer {
    /// All went well.
    pub(crate) fn ok(view: impl View + 'static) -> Self {
        Self::with(view, None)
    }

    /// An answer whose exit code says something as well.
    pub(crate) fn with(view: impl View + 'static, kind: Option<Kind>) -> Self {
        Self {
            view: Some(Box::new(view)),
            exit_code: kind.map_or(0, Kind::exit_code),
            collected: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// An answer that prints nothing more.
    pub(crate) const fn nothing() -> Self {
        Self::exiting(0)
    }

    /// An answer that prints nothing more and has this exit code.
    pub(crate) const fn exiting(exit_code: u8) -> Self {
        Self { view: None, exit_code, collected: Vec::new(), notes: Vec::new() }
    }

    /// Marks these tasks as seen: whoever reads the answer knows how they fared.
    pub(crate) fn collecting(mut self, tasks: impl IntoIterator<Item = Task>) -> Self {
        self.collected.extend(tasks);
        self
    }

    /// Adds notes about what failed after the deed; they change neither the rest of the answer nor its
    /// exit code.
    pub(crate) fn noting(mut self, troubles: impl IntoIterator<Item = Trouble>) -> Self {
        for trouble in troubles {
            let note = Failure::from(trouble).sentence();
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        self
    }

    /// Adds notes that the reader would otherwise not think of; they change nothing else.
    pub(crate) fn saying(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }

    /// The tasks of which the reader knows how they fared.
    pub(crate) fn collected(&self) -> &[Task] {
        &self.collected
    }

    /// Whether its lines are what somebody else wrote.
    pub(crate) fn is_verbatim(&self) -> bool {
        self.view.as_ref().is_some_and(|view| view.is_verbatim())
    }

    /// The exit code.
    pub(crate) const fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// The answer for programs, within the bound unless it was asked for whole.
    fn fitted(&self, view: &dyn View) -> Value {
        let mut build = |texts: Option<usize>| {
            let mut answer = texts.map_or_else(|| view.json(), |texts| view.json_within(texts));
            if let (Value::Object(answer), false) = (&mut answer, self.notes.is_empty()) {
                answer.insert("note".to_owned(), self.notes.join("; ").into());
            }
            answer
        };
        match view.shape() {
            Some(shape) => bound::fit(&mut build, &shape),
            None => build(None),
        }
    }

    /// What could not be done for some of several things.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        self.view.as_ref().map(|view| view.failures()).unwrap_or_default()
    }

    /// The ids of the tasks it is about, a line each.
    pub(crate) fn ids(&self) -> String {
        let ids = self.view.as_ref().map(|view| view.ids()).unwrap_or_default();
        ids.iter().map(|id| format!("{id}\n")).collect()
    }

    /// The text to print for this reader.
    pub(crate) fn render(&self, format: Format, reader: Reader) -> String {
        let Some(view) = &self.view else { return String::new() };
        match format {
            Format::Json => format!("{}\n", self.fitted(&**view)),
            Format::Ndjson => lines(self.fitted(&**view), view.line_lists()),
            Format::Table | Format::Markdown => {
                let notes = self.notes.iter();
                let notes = notes.map(|note| format!("note: {}\n", terminal::harmless(note)));
                let notes: String = notes.collect();
                let draw = |rows| view.with_rows(format, rows) + &notes;
                match (reader, view.shape()) {
                    (Reader::Other, Some(shape)) => {
                        bound::fit_text(&draw, view.rows(), shape.more.as_deref())
                    }
                    (Reader::Terminal(screen), _)
                        if format == Format::Table && !view.is_verbatim() =>
                    {
                        screen.within(&draw(view.rows()))
                    }
                    (Reader::Terminal(_), _) | (Reader::Other, None) => draw(view.rows()),
                }
            }
        }
    }
}

/// The rows of these lists, a line each, and a line that counts what was left out of them; or the whole answer as
/// one line.
fn lines(mut answer: Value, lists: &[&str]) -> String {
    if lists.is_empty() {
        return format!("{answer}\n");
    }
    let rows =
        lists.iter().filter_map(|list| answer.get_mut(*list)?.as_array_mut().map(std::mem::take));
    let mut text: String = rows.flatten().map(|row| format!("{row}\n")).collect();
    if let Some(more) = answer.get("more") {
        let counts = answer.as_object().into_iter().flatten();
        let counts = counts.filter(|(key, _)| key.to_lowercase().ends_with("omitted"));
        let mut last: Map<String, Value> =
            counts.map(|(key, count)| (key.clone(), count.clone())).collect();
        last.insert("more".to_owned(), more.clone());
        text.push_str(&format!("{}\n", Value::Object(last)));
    }
    text
}
