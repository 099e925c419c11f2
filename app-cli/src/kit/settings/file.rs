//! The settings file: TOML, with leniency in reading and precision in complaints.
//!
//! The reader leaves out what makes no sense and names it with line and column; the rest counts.
//! Whoever knows a setting judges its value. Nothing here writes.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use adapters_fs::inspection::strangers;
use adapters_fs::{open_plain, text_of};
use domain::task::text;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::environment;
use super::runners::RunnerEntry;
use super::table::{DROID, IN_FILE, LIMITS, NOTIFY, ON, RUNNER, RUNNERS, SLURM};
use crate::kit::failure::{Failure, Kind};

/// How alike two words have to be for one to be offered in place of the other.
const ALIKE: f64 = 0.7;

/// What a settings file says.
#[derive(Debug, Default)]
pub(super) struct SettingsFile {
    /// Where it is, or would be.
    pub(super) path: PathBuf,
    /// Whether it is there.
    pub(super) found: bool,
    entries: BTreeMap<String, Entry>,
    /// The limits of groups.
    pub(super) groups: BTreeMap<String, usize>,
    /// Which licence of a cluster a task of a group takes.
    pub(super) licences: BTreeMap<String, String>,
    /// Agents of somebody's own, and programs of those that are known.
    pub(super) runners: Vec<RunnerEntry>,
    problems: Vec<Problem>,
}

/// A value as text, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The value.
    pub(super) text: String,
    place: Place,
}

/// What is wrong, and where.
#[derive(Debug)]
struct Problem {
    place: Option<Place>,
    words: String,
    hint: String,
}

/// A place in the file: line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    line: usize,
    column: usize,
}

impl Place {
    /// The place of a byte.
    fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }
}

impl SettingsFile {
    /// Reads the file at `path`, if there is one.
    pub(super) fn read(path: PathBuf) -> Self {
        let mut file = Self { path, ..Self::default() };
        match read_own(&file.path) {
            Ok(Err(owner)) => {
                let words = format!("it belongs to another user, number {owner}");
                let hint = "it could name any program: make it yours, or remove it".to_owned();
                file.problems.push(Problem { place: None, words, hint });
            }
            Ok(Ok(text)) => {
                file.found = true;
                file.take_all(&text);
            }
            // Where there can be no file there is no store either, and that is told elsewhere.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) => {}
            Err(error) => {
                let hint = "make it a text file that you can read, or remove it".to_owned();
                file.problems.push(Problem { place: None, words: error.to_string(), hint });
            }
        }
        file
    }

    /// What this text says, as if it stood in the file at `path`.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn of(path: PathBuf, text: &str) -> Self {
        let mut file = Self { path, ..Self::default() };
        file.take_all(text);
        file
    }

    /// The value of a setting.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// What is wrong with a value that stands in it.
    pub(super) fn complain(&mut self, key: &str, hint: &str) {
        let Some(entry) = self.entries.remove(key) else { return };
        let words = format!("`{key}` is `{}`", entry.text);
        self.problems.push(Problem { place: Some(entry.place), words, hint: hint.to_owned() });
    }

    /// The first thing that is wrong with it.
    pub(super) fn failure(&self) -> Option<Failure> {
        let first = self.problems.iter().min_by_key(|problem| problem.place)?;
        let path = self.path.display();
        let place = first.place.map_or(String::new(), |at| format!(":{}:{}", at.line, at.column));
        let failure = Failure::new(Kind::Usage, format!("{path}{place}: {}", first.words));
        Some(failure.hint(first.hint.clone()))
    }

    fn take_all(&mut self, text: &str) {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let place = error.span().map(|span| Place::of(text, span.start));
            let (words, hint) = torn(error.message());
            self.problems.push(Problem { place, words, hint: hint.to_owned() });
        }
        for (key, value) in table.get_ref() {
            let name = key.get_ref().as_ref();
            if Some(name) == LIMITS.key {
                self.take_limits(text, value);
            } else if Some(name) == SLURM.key {
                self.take_slurm(text, value);
            } else if Some(name) == RUNNERS.key {
                self.take_runners(text, value);
            } else if IN_FILE.iter().any(|setting| setting.key == Some(name)) {
                self.take(text, name, value);
            } else {
                self.refuse(text, key.span(), format!("`{name}` is no setting"), near(name));
            }
        }
    }

    fn take(&mut self, text: &str, name: &str, value: &Spanned<DeValue<'_>>) {
        let any_text = [DROID.key, RUNNER.key, ON.key, NOTIFY.key].contains(&Some(name));
        let written = text.get(value.span()).unwrap_or_default();
        if any_text && !matches!(value.get_ref(), DeValue::String(_)) {
            let words = format!("`{name}` is `{written}`, which is no text");
            let hint = "write it in double quotes".to_owned();
            return self.refuse(text, value.span(), words, hint);
        }
        // Whoever knows the setting refuses what it cannot be, and says what it may be.
        let found = scalar(value.get_ref()).unwrap_or_else(|| written.to_owned());
        let place = Place::of(text, value.span().start);
        self.entries.insert(name.to_owned(), Entry { text: found, place });
    }

    fn take_limits(&mut self, text: &str, value: &Spanned<DeValue<'_>>) {
        let DeValue::Table(groups) = value.get_ref() else {
            let words = "`limits` is no table".to_owned();
            let hint =
                "write `[limits]`, and below it a line such as `explorer = 1` for each group";
            return self.refuse(text, value.span(), words, hint.to_owned());
        };
        for (key, value) in groups {
            let name = key.get_ref().as_ref();
            let is_number = matches!(value.get_ref(), DeValue::Integer(_));
            let text_of = scalar(value.get_ref()).filter(|_| is_number);
            let number = text_of.and_then(|text| text.parse().ok());
            match number.filter(|number| *number > 0) {
                Some(number) => drop(self.groups.insert(name.to_owned(), number)),
                None => self.refuse(
                    text,
                    value.span(),
                    format!("the limit of `{name}` is no whole number above 0"),
                    "names with `:` or `.` go in quotes, as in `\"model:x\" = 2`".to_owned(),
                ),
            }
        }
    }

    pub(super) fn refuse(&mut self, text: &str, at: Range<usize>, words: String, hint: String) {
        let place = Some(Place::of(text, at.start));
        self.problems.push(Problem { place, words, hint });
    }
}

/// The longest file, in bytes.
const LONGEST: u64 = 1 << 20;

/// The text of a file, or the number of the user that it belongs to, if that is neither we nor root: beside a
/// store in a folder that many write to, anybody could put one.
fn read_own(path: &Path) -> io::Result<Result<String, u32>> {
    let file = open_plain(path)?;
    if let Some(owner) = strangers(&file.metadata()?).filter(|_| !environment::any_owner()) {
        return Ok(Err(owner));
    }
    text_of(file, LONGEST).map(Ok)
}

/// What the parser found wrong, in words of ours where it is usual, and what helps.
fn torn(said: &str) -> (String, &'static str) {
    let usual = "write `key = value`; text, and names with `:` or `.`, go in quotes";
    let (words, hint) = match said {
        said if said.starts_with("duplicate key") => {
            ("this stands in the file already", "leave out one of the two")
        }
        said if said.starts_with("key with no value") => ("a key has no value", usual),
        said if said.starts_with("string values must be quoted") => {
            ("a value is missing, or is a text without quotes", usual)
        }
        said => (said, usual),
    };
    (words.to_owned(), hint)
}

/// A text or a whole number, as text.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n.to_string())
        }
        DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    }
}

/// What may have been meant by a key that is none.
fn near(name: &str) -> String {
    let keys = || IN_FILE.iter().filter_map(|setting| setting.key);
    let alike = |key: &str| strsim::jaro(name, key);
    let nearest = keys().max_by(|a, b| alike(a).total_cmp(&alike(b)));
    match nearest.filter(|key| alike(key) > ALIKE) {
        Some(key) => format!("did you mean `{key}`?"),
        None => format!("there are {}", text::some_of(&keys().collect::<Vec<_>>(), text::NAMED)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> SettingsFile {
        SettingsFile::of("/x/task-bg.toml".into(), text)
    }

    fn wrong(text: &str) -> (String, String) {
        let failure = read(text).failure().expect("something is wrong");
        (failure.message, failure.hints.concat())
    }

    #[test]
    fn what_makes_no_sense_is_named_with_line_and_column() {
        let (words, hint) = wrong("max_running = 8\n\n  max_runing = 9\n");
        assert_eq!(words, "/x/task-bg.toml:3:3: `max_runing` is no setting");
        assert_eq!(hint, "did you mean `max_running`?");
        assert_eq!(
            wrong("zzz = 1").1,
            "there are format, droid, runner, on, max_running, limits, runners, ttl, stale, max_log and 4 more"
        );
        assert!(wrong("ü = 1\nttl = [1]").0.starts_with("/x/task-bg.toml:1:1: "));
        assert!(wrong("droid = [1]").0.ends_with(":1:9: `droid` is `[1]`, which is no text"));
        assert!(wrong("max_running 8").0.ends_with(": a key has no value"));
        assert!(wrong("[limits]\nexplorer = 0").0.contains(":2:12: the limit of `explorer`"));
        assert!(wrong("[limits]\na.b = 1").1.contains("in quotes"));
        assert!(wrong("limits = 3").0.contains(":1:10: `limits` is no table"));
        assert!(wrong("[limits]\nmodel:x = 1").1.contains("in quotes"));
        assert!(wrong("max_running = = 8").0.starts_with("/x/task-bg.toml:1:"));
    }

    #[test]
    fn what_makes_sense_counts_all_the_same() {
        let file = read("max_running = 0x8\nbogus = 1\nttl = \"5m\"\n[limits]\n\"model:x\" = 2\n");
        let text = |key| file.entry(key).map(|entry| entry.text.as_str());
        assert_eq!((text("max_running"), text("ttl")), (Some("8"), Some("5m")));
        assert_eq!(file.groups["model:x"], 2);
    }
}
