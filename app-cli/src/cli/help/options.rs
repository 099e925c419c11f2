//! The table of every verb's arguments and options, for the documents: read from the command line itself.

use clap::{Arg, Command};

use crate::cli::args::Args;

/// What is said once and not of every verb.
const OF_ALL: [&str; 3] = ["help", "format", "json"];

/// The arguments and options of every verb for people, as Markdown.
pub(crate) fn markdown() -> String {
    let whole = Args::whole();
    let verbs = whole.get_subcommands().filter(|verb| !verb.is_hide_set());
    let verbs = verbs.filter(|verb| !matches!(verb.get_name(), "help" | "hook-complete"));
    verbs.map(section).collect::<Vec<_>>().join("\n")
}

fn section(verb: &Command) -> String {
    let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
    let aliases: Vec<String> =
        verb.get_visible_aliases().map(|alias| format!("`{alias}`")).collect();
    let also =
        if aliases.is_empty() { String::new() } else { format!(" Also {}.", aliases.join(", ")) };
    let mut said = format!("## {}\n\n{about}.{also}\n", verb.get_name());
    let shown =
        |argument: &&Arg| !argument.is_hide_set() && !OF_ALL.contains(&argument.get_id().as_str());
    let mut rows = verb.get_arguments().filter(shown).map(row).peekable();
    if rows.peek().is_some() {
        said.push_str("\n| | |\n|---|---|\n");
        rows.for_each(|row| said.push_str(&row));
    }
    said
}

fn row(argument: &Arg) -> String {
    let meaning = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let takes = argument.get_action().takes_values();
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| takes && !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    let of = argument.get_value_names().and_then(<[_]>::first).map(ToString::to_string);
    let of = if values.is_empty() { of.unwrap_or_default() } else { values.join("|") };
    let name = match argument.get_long() {
        None => format!("<{of}>"),
        Some(long) if !takes => format!("--{long}"),
        Some(long) if argument.is_require_equals_set() => format!("--{long}[={of}]"),
        Some(long) => format!("--{long} {of}"),
    };
    let usual: Vec<String> = argument
        .get_default_values()
        .iter()
        .filter(|_| takes)
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    let usual =
        if usual.is_empty() { String::new() } else { format!(" [default: {}]", usual.join(", ")) };
    format!("| `{}` | {}{usual} |\n", name.replace('|', "\\|"), meaning.replace('|', "\\|"))
}
