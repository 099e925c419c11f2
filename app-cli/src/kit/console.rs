//! Printing: answers to standard output, words to standard error; a closed pipe is no error.
//!
//! No other file prints.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use clap::error::ErrorKind;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::termios;

use crate::kit::answer::{Answer, Format, Reader};
use crate::kit::environment;
use crate::kit::failure::wording;
use crate::kit::failure::{Failure, Kind};
use crate::kit::screen::Screen;
use crate::kit::settings::Settings;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// How to answer: as is asked for, else as is usual for the verb, else by who reads.
pub(crate) fn format(asked: Option<Format>, usual: Option<Format>) -> Format {
    asked
        .or(usual)
        .unwrap_or_else(|| if io::stdout().is_terminal() { Format::Table } else { Format::Json })
}

/// The terminal that a table is for; none where tables go into files, or another form is asked for.
pub(crate) fn screen(format: Format) -> Option<Screen> {
    let stdout = io::stdout();
    (format == Format::Table && stdout.is_terminal()).then(|| Screen::of(&stdout))
}

/// The terminal of a person who waits and can be shown meanwhile how far things are; none where standard error is none.
pub(crate) fn watched() -> Option<Screen> {
    let stderr = io::stderr();
    stderr.is_terminal().then(|| Screen::of(&stderr))
}

/// Whether lines on that terminal can be drawn anew in their place now: what runs in the background there would draw over
/// what others write.
pub(crate) fn can_draw() -> bool {
    let own = rustix::process::getpgrp();
    let is_in_front = termios::tcgetpgrp(io::stderr()).map_or(true, |front| front == own);
    is_in_front && lines_are_all().is_none()
}

/// Why a terminal shows lines alone; `None` if the cursor can be moved on it.
fn lines_are_all() -> Option<String> {
    match environment::text("TERM") {
        Some(term) if term == "dumb" => {
            Some(format!("`TERM={term}` says that yours shows lines alone"))
        }
        Some(_) => None,
        None => Some("no variable `TERM` says what yours can do".to_owned()),
    }
}

/// Why nothing can be drawn on the terminal that standard output is, and standard input where keys are read; `None` where
/// it can.
pub(crate) fn undrawable(reads_keys: bool) -> Option<String> {
    let is_typed = !reads_keys || io::stdin().is_terminal();
    let none = match (is_typed, io::stdout().is_terminal()) {
        (true, true) => None,
        (true, false) => Some("standard output is none"),
        (false, true) => Some("standard input is none"),
        (false, false) => Some("standard input and output are none"),
    };
    none.map(ToOwned::to_owned).or_else(lines_are_all)
}

/// Writes to a person at a terminal on standard error, cursor movements included, at once.
pub(crate) fn draw(words: &str) {
    let mut stderr = io::stderr().lock();
    // Nobody is left to be told if this fails.
    drop(stderr.write_all(words.as_bytes()).and_then(|()| stderr.flush()));
}

/// The words with their styles, or without where standard error shows none.
pub(crate) fn styled(words: String) -> String {
    shown_by(anstream::AutoStream::choice(&io::stderr()), words)
}

fn shown_by(choice: anstream::ColorChoice, words: String) -> String {
    match choice {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(&words).to_string(),
        anstream::ColorChoice::Auto
        | anstream::ColorChoice::Always
        | anstream::ColorChoice::AlwaysAnsi => words,
    }
}

/// What became of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printed {
    /// The exit code.
    pub(crate) code: ExitCode,
    /// Whether all of it was written: of any other nobody knows how much was read.
    pub(crate) is_whole: bool,
}

/// Prints an answer; where it is for machines, says to people what of it could not be done. What was done by a verb that
/// `acts` is said on standard error where it cannot be printed.
pub(crate) fn answer(format: Format, answer: &Answer, acts: bool) -> Printed {
    let stdout = io::stdout();
    let is_terminal = stdout.is_terminal();
    let reader = if is_terminal { Reader::Terminal(Screen::of(&stdout)) } else { Reader::Other };
    let text = answer.render(format, reader);
    let text = if is_terminal && !answer.is_verbatim() { as_shown(text) } else { text };
    let printed = print_all(&text, answer, acts);
    match format {
        Format::Json | Format::Ndjson if !is_one_terminal() => {
            write_words(&wording::words_of_all(&answer.failures(), ERROR, HINT));
        }
        // Who reads the answer has read it.
        Format::Json | Format::Ndjson | Format::Table | Format::Markdown => {}
    }
    printed
}

/// Prints the ids of an answer alone, and says to people what could not be done.
pub(crate) fn ids(answer: &Answer, acts: bool) -> Printed {
    let printed = print_all(&answer.ids(), answer, acts);
    write_words(&wording::words_of_all(&answer.failures(), ERROR, HINT));
    printed
}

/// Prints text as it is, at once.
///
/// # Errors
/// The exit code to stop with, where the reader is gone or nothing can be written; the latter is said.
pub(crate) fn stream(text: &str) -> Result<(), u8> {
    print(text)
}

/// Prints text to a terminal, cursor movements included, at once.
///
/// # Errors
/// The exit code to stop with, where the reader is gone or nothing can be written; the latter is said.
pub(crate) fn verbatim(text: &str) -> Result<(), u8> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| unwritten(&error))
}

/// The words with their styles, or without where standard output shows none.
pub(crate) fn as_shown(words: String) -> String {
    shown_by(anstream::AutoStream::choice(&io::stdout()), words)
}

/// Whether standard output shows colours, and they are wanted.
pub(crate) fn has_colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Whether whoever read standard output has gone away: nobody waits for what would still be shown.
pub(crate) fn is_reader_gone() -> bool {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    // It looks and does not wait. What cannot be looked at is found out by the next thing that is shown.
    let looked = rustix::event::poll(&mut polled, Some(&Timespec::default()));
    looked.is_ok() && polled[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

/// Says something beside the answer to a person at a terminal, at once; programs are not told.
pub(crate) fn remark(words: &str) {
    let stderr = io::stderr();
    if stderr.is_terminal() {
        // Nobody is left to be told if this fails.
        drop(writeln!(stderr.lock(), "{words}"));
    }
}

fn print(text: &str) -> Result<(), u8> {
    // No stream that strips colours: where they are ours they are stripped already, and what a task wrote is shown as it
    // was.
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) => Err(unwritten(&error)),
    }
}

/// Prints the text of an answer.
fn print_all(text: &str, answer: &Answer, acts: bool) -> Printed {
    let Err(code) = print(text) else {
        return Printed { code: ExitCode::from(answer.exit_code()), is_whole: true };
    };
    // Whoever read and went away has read enough.
    if acts && code != 0 {
        let done = answer.render(Format::Json, Reader::Other);
        write_words(&format!("what was done all the same: {done}"));
    }
    Printed { code: ExitCode::from(code), is_whole: false }
}

/// The exit code where standard output cannot be written, after saying why.
pub(crate) fn unwritten(error: &io::Error) -> u8 {
    // Whoever read has read enough.
    if error.kind() == io::ErrorKind::BrokenPipe {
        return 0;
    }
    let message = format!("standard output cannot be written: {error}");
    let hint = if error.kind() == io::ErrorKind::StorageFull {
        "make room on that disk, or write to another one"
    } else {
        "see where standard output leads, and whether it can be written"
    };
    say(&Failure::new(Kind::Unexpected, message).hint(hint));
    Kind::Unexpected.exit_code()
}

/// Says why a command failed: to machines on standard output, to people on standard error.
pub(crate) fn failed(format: Format, failure: &Failure) -> ExitCode {
    match format {
        // Who reads both streams at once need not be told twice.
        Format::Json | Format::Ndjson if is_one_terminal() => {}
        Format::Json | Format::Ndjson => drop(print(&wording::json(failure))),
        Format::Table | Format::Markdown => {}
    }
    say(failure);
    ExitCode::from(failure.kind.exit_code())
}

/// Whether standard output and standard error are one terminal.
fn is_one_terminal() -> bool {
    let (stdout, stderr) = (io::stdout(), io::stderr());
    stdout.is_terminal() && stderr.is_terminal() && is_same_device(&stdout, &stderr)
}

/// Whether two streams lead to the same device.
fn is_same_device(one: &impl AsFd, other: &impl AsFd) -> bool {
    let device = |fd: BorrowedFd<'_>| {
        let found = File::from(fd.try_clone_to_owned()?).metadata()?;
        Ok::<u64, io::Error>(found.rdev())
    };
    matches!((device(one.as_fd()), device(other.as_fd())), (Ok(one), Ok(other)) if one == other)
}

fn say(failure: &Failure) {
    write_words(&wording::words(failure, ERROR, HINT));
}

fn write_words(words: &str) {
    let mut stderr = anstream::AutoStream::auto(io::stderr().lock());
    // Nobody is left to be told if this fails.
    drop(stderr.write_all(words.as_bytes()));
}

/// Prints the help that was asked for, with the exit code that goes with it. Clap knows where to print and
/// whether with colour; a reader that went away is no failure.
pub(crate) fn help(help: &clap::Error) -> ExitCode {
    match (help.print(), help.kind()) {
        (Err(error), _) => ExitCode::from(unwritten(&error)),
        (Ok(()), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => ExitCode::SUCCESS,
        (Ok(()), _) => ExitCode::from(Kind::Usage.exit_code()),
    }
}

/// How to answer a command line that could not be read: as far as it can be, as it asks.
pub(crate) fn format_of_misuse(words: &[String]) -> Format {
    let asked = words.iter().enumerate().find_map(|(index, word)| match word.as_str() {
        "--json" => Some(Format::Json),
        "--format" => words.get(index + 1).and_then(|word| Format::from_str(word, true).ok()),
        word => word.strip_prefix("--format=").and_then(|word| Format::from_str(word, true).ok()),
    });
    let (settings, _) = Settings::read(asked, None);
    format(settings.format.value, None)
}
