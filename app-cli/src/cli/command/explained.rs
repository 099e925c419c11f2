//! `completions` and `man`: the program as shells and `man` read of it. Nothing of a store is looked at.

use std::fs;
use std::path::Path;

use clap::Command;
use clap_mangen::Man as Page;

use crate::cli::args::{Args, Completions, Man, VERSION};
use crate::cli::completing;
use crate::kit::answer::Answer;
use crate::kit::console;
use crate::kit::failure::{Failure, Kind};

/// Prints the script for a shell.
pub(crate) fn completions(args: &Completions) -> Result<Answer, Failure> {
    Ok(printed(&completing::script(args.shell)?))
}

/// Prints a page, or writes all of them.
pub(crate) fn man(args: &Man) -> Result<Answer, Failure> {
    let whole = Args::whole();
    if let Some(folder) = &args.to {
        let pages = pages(&whole);
        write(folder, &pages).map_err(|error| {
            let message = format!("the pages cannot be written to `{}`", folder.display());
            let mut failure = Failure::new(Kind::Usage, message).hint("name a folder of your own");
            failure.causes.push(error.to_string());
            failure
        })?;
        return Ok(printed(&format!("{} pages in {}\n", pages.len(), folder.display())));
    }
    let Some(verb) = &args.verb else { return Ok(printed(&page(whole))) };
    let found = whole.find_subcommand(verb).filter(|verb| !verb.is_hide_set()).cloned();
    let Some(verb) = found else {
        let failure = Failure::new(Kind::Usage, format!("`{verb}` is no command of task-bg"));
        return Err(failure.hint("run `task-bg --help` to see the commands"));
    };
    Ok(printed(&page(verb)))
}

/// An answer that was printed as it is.
fn printed(text: &str) -> Answer {
    Answer::exiting(console::stream(text).err().unwrap_or_default())
}

/// Every page, with the name of its file.
fn pages(whole: &Command) -> Vec<(String, String)> {
    let verbs = whole.get_subcommands().filter(|verb| !verb.is_hide_set());
    let verbs = verbs.filter(|verb| verb.get_name() != "help").cloned();
    let named = |command: Command| {
        let name = name(&command);
        (format!("{name}.1"), page(command))
    };
    std::iter::once(whole.clone()).chain(verbs).map(named).collect()
}

/// What a page is called: `task-bg`, or `task-bg-launch` of a verb.
fn name(command: &Command) -> String {
    let name = command.get_name();
    if name == "task-bg" { name.to_owned() } else { format!("task-bg-{name}") }
}

/// A page in the language of `man`. The same for the same program: it has no date.
fn page(command: Command) -> String {
    let name = name(&command);
    let source = format!("task-bg {}", VERSION.split(' ').next().unwrap_or_default());
    let more = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let page = Page::new(command.disable_help_subcommand(true).after_help("").after_long_help(""));
    let page = page.title(name).section("1").source(source).manual("task-bg manual");
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    drop(page.render(&mut text));
    String::from_utf8_lossy(&text).into_owned() + &sections(&more)
}

/// The sections of a page, each with what a line of the help begins with that heads it.
const SECTIONS: [(&str, &str); 4] = [
    ("Example", "EXAMPLES"),
    ("Exit codes", "EXIT STATUS"),
    ("Files", "FILES"),
    ("Environment", "ENVIRONMENT"),
];

/// What the help has beside the options, in sections whose lines stay as they are: an example is there to be copied, and a
/// table has columns.
fn sections(help: &str) -> String {
    let (mut text, mut is_open) = (String::new(), false);
    for line in help.trim().lines() {
        let section = SECTIONS.iter().find(|(head, _)| line.starts_with(head));
        if section.is_some() || !is_open {
            let title = section.map_or("NOTES", |(_, title)| *title);
            let close = if is_open { ".fi\n" } else { "" };
            text.push_str(&format!("{close}.SH {title}\n.nf\n"));
            is_open = true;
        }
        let is_bare = section.is_some()
            && line.split_once(':').is_some_and(|(_, more)| more.is_empty())
            && !line.contains(',');
        if !is_bare {
            text.push_str(&verbatim(line));
        }
    }
    if is_open { text + ".fi\n" } else { text }
}

/// A line as it stands, in the language of `man`.
fn verbatim(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    // A line that begins with one of these is read as a request.
    let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
    format!("{guard}{line}\n")
}

fn write(folder: &Path, pages: &[(String, String)]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    pages.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text))
}
