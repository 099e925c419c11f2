//! Printing: answers to standard output, words to standard error; a closed pipe is no error.
//!
//! No other file prints.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::error::ErrorKind;

use crate::kit::answer::Answer;
use crate::kit::answer::Format;
use crate::kit::failure::wording;
use crate::kit::failure::{Failure, Kind};
use crate::kit::settings::Settings;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// How to answer: as is asked for, else as is usual for the verb, else by who reads.
pub(crate) fn format(asked: Option<Format>, usual: Option<Format>) -> Format {
    asked
        .or(usual)
        .unwrap_or_else(|| if io::stdout().is_terminal() { Format::Table } else { Format::Json })
}

/// Prints an answer.
pub(crate) fn answer(format: Format, answer: &Answer) -> ExitCode {
    match print(&answer.render(format)) {
        Ok(()) => ExitCode::from(answer.exit_code()),
        Err(code) => code,
    }
}

/// Prints text as it is, at once; returns whether the reader is still there.
pub(crate) fn stream(text: &str) -> bool {
    print(text).is_ok()
}

fn print(text: &str) -> Result<(), ExitCode> {
    let mut stdout = anstream::AutoStream::auto(io::stdout().lock());
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        // Whoever read has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ExitCode::SUCCESS),
        Err(error) => {
            say(&Failure::new(
                Kind::Unexpected,
                format!("standard output cannot be written: {error}"),
            ));
            Err(ExitCode::from(Kind::Unexpected.exit_code()))
        }
    }
}

/// Says why a command failed: to machines on standard output, to people on standard error.
pub(crate) fn failed(format: Format, failure: &Failure) -> ExitCode {
    match format {
        Format::Json | Format::Ndjson => drop(print(&wording::json(failure))),
        Format::Table | Format::Markdown => {}
    }
    say(failure);
    ExitCode::from(failure.kind.exit_code())
}

fn say(failure: &Failure) {
    let mut stderr = anstream::AutoStream::auto(io::stderr().lock());
    // Nobody is left to be told if this fails.
    drop(stderr.write_all(wording::words(failure, ERROR, HINT).as_bytes()));
}

/// Prints the help that was asked for, or what is wrong with the command line.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Clap knows where to print and whether with colour; a reader that went away is no failure.
    drop(error.print());
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return ExitCode::SUCCESS;
    }
    let asked = std::env::args_os().any(|word| word == "--json" || word == "--format=json");
    let (settings, _) = Settings::read(asked.then_some(Format::Json), None);
    let format = format(settings.format.value, None);
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if !is_help && matches!(format, Format::Json | Format::Ndjson) {
        let (message, hint) = wording::of_usage(error);
        let failure = Failure::new(Kind::Usage, message).hint(hint);
        let _ = print(&wording::json(&failure));
    }
    ExitCode::from(Kind::Usage.exit_code())
}
