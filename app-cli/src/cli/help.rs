//! What the help has beside the options: topics, and for each verb the exit codes, the files and the variables that
//! concern it.
//!
//! The words of a topic stand in a text file below `help/`; exit codes and variables come from the tables that the
//! documents are generated from. A command line that asks for no help never comes here. Main functions: [`dressed`] and
//! [`topic`].

pub(crate) mod options;

use clap::{Command, CommandFactory as _};

use super::args::Args;
use crate::kit::failure::Kind;
use crate::kit::settings;

/// How wide a line is at most, in characters.
const WIDTH: usize = 80;

/// The topics: the word, a line on it, and the text.
const TOPICS: [(&str, &str, &str); 6] = [
    (
        "states",
        "what a task goes through, and who says how it ended",
        include_str!("help/states.txt"),
    ),
    ("json", "what programs read: keys, failures, bounds", include_str!("help/json.txt")),
    ("droids", "named definitions of what an agent is for", include_str!("help/droids.txt")),
    ("queue", "who waits, for what, and who starts next", include_str!("help/queue.txt")),
    (
        "hooks",
        "how the session that launched a task hears of its end",
        include_str!("help/hooks.txt"),
    ),
    (
        "agents",
        "how to work with it as an agent, and which it runs",
        include_str!("help/agents.txt"),
    ),
];

/// What `task-bg help` takes beside the verbs.
pub(crate) fn topics() -> impl Iterator<Item = &'static str> {
    TOPICS.iter().map(|(name, ..)| *name)
}

/// The text that `task-bg help TOPIC` asks for, if it does: also the list of topics, which `topics` is.
///
/// A word that is a verb as well is none here: [`dressed`] has its topic in the help of the verb.
pub(crate) fn topic(words: &[String]) -> Option<String> {
    let mut rest = words.iter().skip(1).filter(|word| !matches!(word.as_str(), "--help" | "-h"));
    let (Some(help), Some(word), None) = (rest.next(), rest.next(), rest.next()) else {
        return None;
    };
    if help != "help" {
        return None;
    }
    if word == "topics" {
        return Some(list());
    }
    let found = TOPICS.iter().find(|(name, ..)| name == word)?;
    Args::command().find_subcommand(word).is_none().then(|| found.2.to_owned())
}

/// The topics, a line each.
fn list() -> String {
    let lines = TOPICS.iter().map(|(name, about, _)| format!("  task-bg help {name:<8} {about}\n"));
    format!("Topics:\n{}", lines.collect::<String>())
}

/// What concerns one verb beside its options.
struct Page {
    verb: &'static str,
    /// What can go wrong in it, beside what can in every verb.
    kinds: &'static [Kind],
    /// The files that it reads or writes.
    files: &'static [(&'static str, &'static str)],
    /// The variables that it heeds, beside those that every verb does.
    variables: &'static [&'static str],
}

const RECORD: (&str, &str) = ("ID.json", "the record");
const LOG: (&str, &str) = ("ID.out", "what people read");
const EVENTS: (&str, &str) = ("ID.events.jsonl", "the events of an agent");
const STDIN: (&str, &str) = ("ID.stdin", "what was piped in for a command");
const LOCK: (&str, &str) = (".active/ID", "held as long as somebody looks after the task");
const KEPT: (&str, &str) = (".active/ID.env", "the environment of a task that waits");
const NOTICES: (&str, &str) = (".notices/", "what sessions have not heard yet");
const LISTS: (&str, &str) = (".locks/", "lists of the records seen, and short-lived locks");
const QUEUE: (&str, &str) = (".queue/", "who waits, in order");
const SETTINGS: (&str, &str) = ("../task-bg.toml", "the settings");
const DEFINITIONS: (&str, &str) =
    (".factory/droids/", "definitions, of the project and the home folder");

const ORDER: &[(&str, &str)] = &[RECORD, LOG, EVENTS, LOCK, KEPT, NOTICES, DEFINITIONS];
const OF_ORDER: &[&str] = &[
    "TASK_BG_PARENT_SESSION",
    "TASK_BG_RUNNER",
    "TASK_BG_ON",
    "TASK_BG_DROID",
    "TASK_BG_MAX_RUNNING",
    "TASK_BG_MAX_LOG",
    "TASK_BG_NOTIFY",
    "TASK_BG_TASK_ID",
    "TASK_BG_DEPTH",
];
const ORDERING: &[Kind] =
    &[Kind::NotFound, Kind::TooDeep, Kind::TaskFailed, Kind::TimedOut, Kind::LaunchFailed];
const AGAIN: &[Kind] = &[
    Kind::NotFound,
    Kind::Ambiguous,
    Kind::WrongState,
    Kind::TaskFailed,
    Kind::TimedOut,
    Kind::LaunchFailed,
];
const NAMING: &[Kind] = &[Kind::NotFound, Kind::Ambiguous];
const ENDING: &[Kind] = &[Kind::NotFound, Kind::Ambiguous, Kind::AlreadyEnded, Kind::Unreadable];

const REMOVING: &[Kind] = &[Kind::NotFound, Kind::Ambiguous, Kind::WrongState, Kind::Unreadable];

const fn page(
    verb: &'static str,
    kinds: &'static [Kind],
    files: &'static [(&'static str, &'static str)],
    variables: &'static [&'static str],
) -> Page {
    Page { verb, kinds, files, variables }
}

const PAGES: &[Page] = &[
    page("launch", ORDERING, ORDER, OF_ORDER),
    page("run", ORDERING, &[RECORD, LOG, STDIN, LOCK, KEPT, NOTICES], OF_ORDER),
    page("batch", ORDERING, ORDER, OF_ORDER),
    page(
        "hosts",
        &[Kind::NotFound, Kind::WrongState, Kind::LaunchFailed],
        &[(".hosts/", "the names of other machines"), RECORD],
        &[],
    ),
    page("list", &[], &[RECORD, LISTS], &["TASK_BG_ENDED_LOGS"]),
    page("top", &[], &[RECORD, LOG, LOCK, QUEUE], &["NO_COLOR"]),
    page("status", &[Kind::NotFound, Kind::Ambiguous, Kind::Unreadable], &[RECORD, LOCK], &[]),
    page(
        "output",
        &[Kind::NotFound, Kind::Ambiguous, Kind::WrongState, Kind::Unreadable],
        &[RECORD, LOG, EVENTS],
        &[],
    ),
    page(
        "diff",
        &[Kind::NotFound, Kind::Ambiguous, Kind::WrongState],
        &[RECORD, ("../worktrees/ID", "the task's worktree")],
        &[],
    ),
    page(
        "wait",
        &[Kind::NotFound, Kind::Ambiguous, Kind::TaskFailed, Kind::TimedOut, Kind::Unreadable],
        &[RECORD, (".waiters/", "through which whoever waits is woken"), NOTICES],
        &["TASK_BG_PARENT_SESSION"],
    ),
    page("cancel", ENDING, &[RECORD, LOCK, QUEUE], &["TASK_BG_PARENT_SESSION"]),
    page("complete", ENDING, &[RECORD, QUEUE], &["TASK_BG_PARENT_SESSION"]),
    page("retry", AGAIN, ORDER, OF_ORDER),
    page("resume", AGAIN, ORDER, OF_ORDER),
    page("prune", &[], &[RECORD, LOCK, QUEUE], &["TASK_BG_TTL", "TASK_BG_STALE"]),
    page("queue", &[], &[QUEUE, SETTINGS], &["TASK_BG_MAX_RUNNING"]),
    page("release", &[Kind::NotFound, Kind::Ambiguous, Kind::WrongState], &[RECORD, QUEUE], &[]),
    page(
        "cleanup",
        &[],
        &[RECORD, LOG, EVENTS, STDIN, ("../worktrees/ID", "the task's worktree"), LISTS],
        &["TASK_BG_KEEP_ENDED"],
    ),
    page("rm", REMOVING, &[RECORD, LOG, EVENTS, STDIN], &[]),
    page("droids", &[], &[DEFINITIONS], &["TASK_BG_RUNNER"]),
    page("runners", &[], &[SETTINGS], &["TASK_BG_RUNNER", "TASK_BG_DROID"]),
    page(
        "hooks",
        &[Kind::SettingsRefused],
        &[(
            "~/.factory/settings.json",
            "or the file that the agent reads; `hooks status` names it",
        )],
        &["FACTORY_HOME_OVERRIDE"],
    ),
    page("doctor", &[], &[RECORD, LOCK, LISTS, SETTINGS], &["TASK_BG_DROID", "TASK_BG_ENDED_LOGS"]),
    page("report", NAMING, &[RECORD], &["TASK_BG_PARENT_SESSION"]),
    page("completions", &[], &[], &[]),
    page("man", &[], &[], &[]),
    page("config", &[], &[SETTINGS], &[]),
    page(
        "mcp",
        &[Kind::SettingsRefused],
        &[
            ("~/.factory/mcp.json", "or the file that the agent reads; `mcp status` names it"),
            RECORD,
            LOG,
        ],
        &["TASK_BG_PARENT_SESSION", "TASK_BG_MAX_RUNNING"],
    ),
];

/// The command line with all that its help has: for each verb its topic if there is one, exit codes, files, variables.
pub(crate) fn dressed(command: Command) -> Command {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let command = command.after_long_help(format!("{after}\n\n{}", list()));
    PAGES.iter().fold(command, |command, page| {
        if command.find_subcommand(page.verb).is_none() {
            return command;
        }
        command.mut_subcommand(page.verb, |verb| {
            let after = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            verb.after_long_help(format!("{after}\n\n{}", page.text()))
        })
    })
}

impl Page {
    fn text(&self) -> String {
        let mut said = String::new();
        if let Some((.., text)) = TOPICS.iter().find(|(name, ..)| *name == self.verb) {
            said.push_str(text);
            said.push('\n');
        }
        said.push_str("Exit codes:\n");
        rows(&mut said, &self.codes());
        if !self.files.is_empty() {
            said.push_str("\nFiles, in the store's folder unless a path says otherwise:\n");
            rows(
                &mut said,
                &self.files.iter().map(|(name, what)| pair(name, what)).collect::<Vec<_>>(),
            );
        }
        said.push_str("\nEnvironment:\n");
        let always = ["TASK_BG_DIR", "TASK_BG_FORMAT"];
        let named = self.variables.iter().chain(&always);
        let named = named.filter_map(|name| Some(pair(name, settings::meaning(name)?)));
        rows(&mut said, &named.collect::<Vec<_>>());
        said
    }

    /// The exit codes, each with what it means; what can go wrong in every verb is among them.
    fn codes(&self) -> Vec<(String, String)> {
        let of_all = [Kind::Unexpected, Kind::Usage, Kind::StoreUnavailable];
        let mut rows = vec![pair("0", "all went well")];
        for kind in
            Kind::ALL.into_iter().filter(|kind| of_all.contains(kind) || self.kinds.contains(kind))
        {
            let code = kind.exit_code().to_string();
            match rows.iter_mut().find(|(known, _)| *known == code) {
                Some((_, meaning)) => *meaning = format!("{meaning}; or {}", kind.meaning()),
                None => rows.push(pair(&code, kind.meaning())),
            }
        }
        rows
    }
}

fn pair(name: &str, what: &str) -> (String, String) {
    (name.to_owned(), what.to_owned())
}

/// Adds rows of two columns, the second one broken where a line would be too wide.
fn rows(said: &mut String, rows: &[(String, String)]) {
    let first = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, text) in rows {
        let mut line = format!("  {name:first$} ");
        for word in text.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > WIDTH {
                said.push_str(line.trim_end());
                said.push('\n');
                line = " ".repeat(first + 3);
            }
            line.push(' ');
            line.push_str(word);
        }
        said.push_str(line.trim_end());
        said.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn every_verb_for_people_has_a_page_and_every_variable_of_a_page_a_meaning() {
        let whole = Args::whole();
        let verbs = whole.get_subcommands().filter(|verb| !verb.is_hide_set());
        let without = ["help", "hook-complete"];
        let named: Vec<&str> =
            verbs.map(Command::get_name).filter(|name| !without.contains(name)).collect();
        let mut missing = named;
        missing.retain(|name| !PAGES.iter().any(|page| page.verb == *name));
        assert!(missing.is_empty(), "no page for {missing:?}");
        for page in PAGES {
            for name in page.variables {
                assert!(settings::meaning(name).is_some(), "{name} is in no table");
            }
        }
    }

    #[test]
    fn every_line_of_a_topic_fits_80_columns() {
        for (name, _, text) in TOPICS {
            for line in text.lines().chain(list().lines()) {
                assert!(line.chars().count() <= WIDTH, "{name}: {line}");
            }
        }
    }

    /// The commands that a document or a topic shows, without what only a shell reads.
    fn shown(text: &str) -> Vec<String> {
        let lines = text.lines().map(|line| line.trim_start().trim_start_matches("$ "));
        let commands = lines.filter(|line| line.starts_with("task-bg ") && !line.contains(" | "));
        // What follows two spaces in a topic is words on the command.
        let commands = commands.filter_map(|line| line.split("   ").next());
        commands.filter_map(|line| Some(line.split(" <<").next()?.trim().to_owned())).collect()
    }

    #[test]
    fn every_command_of_the_documents_and_topics_is_understood() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let pages = std::fs::read_dir(root.join("docs")).expect("the pages");
        let pages = pages.map(|page| page.expect("an entry").path());
        let pages = pages.filter(|page| page.extension().is_some_and(|it| it == "md"));
        let mut count = 0;
        let texts = pages.chain([root.join("README.md")]).map(|page| {
            let text = std::fs::read_to_string(&page).expect("a page is text");
            let fenced: Vec<&str> =
                text.split("```").skip(1).step_by(2).flat_map(str::lines).collect();
            (page.display().to_string(), fenced.join("\n"))
        });
        let topics = TOPICS.iter().map(|(name, _, text)| ((*name).to_owned(), (*text).to_owned()));
        for (place, text) in texts.chain(topics) {
            for command in shown(&text) {
                let words = shlex::split(&command).expect("a shell could read it");
                let words: Vec<String> =
                    words.into_iter().take_while(|word| !["||", "&&"].contains(&&**word)).collect();
                if let Err(error) = Args::try_parse_from(&words) {
                    let shows_help = error.kind() == clap::error::ErrorKind::DisplayHelp;
                    assert!(shows_help, "{place}: {command}: {error}");
                }
                count += 1;
            }
        }
        assert!(count >= 40, "{count} commands");
    }
}
