//! What is wrong with a command line, and what its author can do, in words of ours.
//!
//! Clap finds what is wrong; here it gets a sentence and a hint. A hint names only what people may type:
//! never a hidden verb, and a prompt only where there is one. Main function: [`failure`].

mod hands;
mod quoting;
pub(crate) mod stray;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, Parser as _};
use domain::task::text;

use self::quoting::{first_line, is_negative, number_words, quotable, quoted};
use super::args::Args;
use crate::kit::duration::FORMS;
use crate::kit::failure::{Failure, Kind};

/// How alike two verbs have to be for one to be offered in place of the other, by the share of letters that are the
/// same: so no short word is offered a long verb.
const ALIKE: f64 = 0.5;
/// The options whose value goes with an equals sign, as it may be left out.
const WITH_EQUALS: [&str; 2] = ["--wait", "--worktree"];

/// The failure that a command line comes to, from what clap found in `words`, the first of which is the
/// program.
#[expect(clippy::wildcard_enum_match_arm, reason = "clap may find more one day than it does now")]
pub(crate) fn failure(error: &clap::Error, words: &[String]) -> Failure {
    if let Some(failure) = stray::value(words) {
        return failure;
    }
    let said = Said { error, words, verb: verb_of(words) };
    let (message, hint) = match error.kind() {
        ErrorKind::UnknownArgument | ErrorKind::TooManyValues => said.unknown(),
        ErrorKind::InvalidSubcommand => said.no_verb(),
        ErrorKind::MissingRequiredArgument => said.missing(),
        ErrorKind::InvalidValue => said.invalid_value(),
        ErrorKind::ValueValidation => said.refused_value(),
        ErrorKind::ArgumentConflict => said.conflict(),
        ErrorKind::InvalidUtf8 => (
            "a word is not UTF-8 text".to_owned(),
            "give it in a file, if it is a prompt".to_owned(),
        ),
        ErrorKind::MissingSubcommand => (
            "no command is given".to_owned(),
            "run `task-bg --help` to see the commands".to_owned(),
        ),
        _ => (first_line(&error.to_string()), said.help()),
    };
    Failure::new(Kind::Usage, message).hint(hint)
}

/// The help that is meant by `help --help`, `help list --help`, `help hooks install` and the like, of which clap knows
/// nothing.
pub(crate) fn help_meant(words: &[String]) -> Option<clap::Error> {
    if words.get(1).is_none_or(|verb| verb != "help") {
        return None;
    }
    let asks = |word: &&String| matches!(word.as_str(), "--help" | "-h");
    let mut rest: Vec<&String> = words.iter().filter(|word| !asks(word)).collect();
    if let [_, _, verb, word] = rest.as_slice()
        && takes_word(verb, word)
    {
        rest.truncate(3);
    }
    let is_changed = rest.len() < words.len();
    let parsed = Args::try_parse_from(rest).err();
    parsed.filter(|error| is_changed && error.kind() == ErrorKind::DisplayHelp)
}

/// Whether a verb says with this word what it is to do.
fn takes_word(verb: &str, word: &str) -> bool {
    let command = Args::whole();
    let mut first = command.find_subcommand(verb).into_iter().flat_map(Command::get_positionals);
    let words = first.next().map(clap::Arg::get_possible_values).unwrap_or_default();
    words.iter().any(|known| known.matches(word, false))
}

/// The verb among the words of a command line, if it is one.
fn verb_of(words: &[String]) -> Option<String> {
    let command = Args::command();
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        if word == "--format" {
            words.next();
        } else if !word.starts_with('-') {
            let known = command.find_subcommand(word).filter(|verb| !verb.is_hide_set());
            let known = known.map(|verb| verb.get_name().to_owned());
            return known.or_else(|| (word == "help").then(|| word.clone()));
        }
    }
    None
}

/// What an option of this verb takes for its value, as its help calls it; `None` if it is no such option, or takes none.
fn taken_by(verb: &str, option: &str) -> Option<String> {
    let command = Args::whole();
    let name = option.strip_prefix("--")?;
    let option = command.find_subcommand(verb)?.get_arguments();
    let mut found = option.filter(|option| option.get_long() == Some(name));
    let takes = found.next().filter(|option| option.get_action().takes_values())?;
    let called = takes.get_value_names().and_then(<[_]>::first);
    Some(called.map_or_else(String::new, ToString::to_string))
}

/// Whether an option of this verb takes several values with commas.
fn takes_several(verb: &str, option: &str) -> bool {
    let command = Args::whole();
    let verb = command.find_subcommand(verb);
    let mut options = verb.into_iter().flat_map(Command::get_arguments);
    options
        .any(|it| it.get_long() == option.strip_prefix("--") && it.get_value_delimiter().is_some())
}

/// The option of this verb that a word is which somebody wrote in capitals.
fn in_lower_case(verb: &str, word: &str) -> Option<String> {
    let lower = word.to_lowercase();
    let command = Args::whole();
    let mut options = command.find_subcommand(verb)?.get_arguments();
    let is_there =
        options.any(|it| it.get_long().is_some() && it.get_long() == lower.strip_prefix("--"));
    (is_there && lower != word).then_some(lower)
}

/// The verbs that people may type.
fn visible(command: &Command) -> impl Iterator<Item = &str> {
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    shown.flat_map(names).chain(std::iter::once("help"))
}

/// What a verb is called.
fn names(verb: &Command) -> impl Iterator<Item = &str> {
    std::iter::once(verb.get_name()).chain(verb.get_visible_aliases())
}

/// What clap said.
struct Said<'a> {
    error: &'a clap::Error,
    words: &'a [String],
    verb: Option<String>,
}

impl Said<'_> {
    /// An option that is none, or a word too many.
    fn unknown(&self) -> (String, String) {
        let mut word = self.text(ContextKind::InvalidArg);
        if self.error.kind() == ErrorKind::TooManyValues && !word.starts_with('-') {
            // Of a word too many for several of a kind, clap names the kind.
            word = self.text(ContextKind::InvalidValue);
        }
        let (verb, shown) = (self.verb.as_deref().unwrap_or_default(), quoted(&word));
        let is_option = word.starts_with('-') && word.len() > 1;
        let value = self.text(ContextKind::InvalidValue);
        if is_option && self.error.kind() == ErrorKind::TooManyValues {
            let option = name_of(&word);
            let hint = format!("write `{option}` alone, without {}", quoted(&value));
            return (format!("`{option}` takes no value"), hint);
        }
        let message = if is_option {
            format!("`{}` has no option {shown}", self.command())
        } else {
            format!("`{}` has no use for the word {shown}", self.command())
        };
        let before = self.words.iter().take_while(|typed| **typed != word).last();
        if let Some(option) = before
            && is_option
            && let Some(takes) = taken_by(verb, option)
        {
            if !is_negative(&word) {
                let hint = format!("write `{option}={word}` if that is meant");
                let message = format!("`{option}` has no value: {shown} begins with a dash");
                return (message, hint);
            }
            let hint = if takes == "TIME" { FORMS } else { "give a number from 0 up" };
            return (format!("`{option}` cannot be {shown}"), hint.to_owned());
        }
        if verb == "queue" && is_negative(&word) {
            let hint = "write `task-bg queue limit 4`, or `none` to take it back".to_owned();
            return (format!("a limit cannot be {shown}"), hint);
        }
        if let (false, Some(hint)) = (is_option, self.several()) {
            return (message, hint);
        }
        let with_equals = before.filter(|typed| WITH_EQUALS.contains(&typed.as_str()));
        if let (false, Some(option)) = (is_option, with_equals) {
            return (message, format!("its value goes with an equals sign: `{option}={word}`"));
        }
        let meant = self.text(ContextKind::SuggestedArg);
        let meant = if meant.is_empty() { in_lower_case(verb, &word) } else { Some(meant) };
        let near = meant.map(|meant| format!("did you mean `{meant}`?"));
        let hint = match (verb, is_option) {
            ("run", _) => near.unwrap_or_else(|| {
                "the command goes after `--`, as in `task-bg run \"Test suite\" -- cargo test`"
                    .to_owned()
            }),
            ("launch" | "resume", true) => {
                let dash = "a prompt that begins with a dash goes after `--` or into --prompt-file";
                near.map_or_else(|| dash.to_owned(), |near| format!("{near} {dash}"))
            }
            ("complete", true) => "a result that begins with a dash goes after `--`".to_owned(),
            ("launch" | "resume" | "complete", false) => {
                "quote what holds spaces, so that it is one word".to_owned()
            }
            _ => near.unwrap_or_else(|| self.help()),
        };
        (message, hint)
    }

    /// A verb that is none.
    fn no_verb(&self) -> (String, String) {
        let word = self.text(ContextKind::InvalidSubcommand);
        let message = format!("{} is no command of task-bg", quoted(&word));
        if let Some(hint) = hands::meant(&word) {
            return (message, hint.to_owned());
        }
        let command = Args::command();
        let word = word.to_lowercase();
        let alike = |verb: &str| strsim::normalized_damerau_levenshtein(&word, verb);
        // `help` takes topics as well.
        let asks_for_help = self.words.get(1).is_some_and(|word| word == "help");
        let is_topic = |word: &String| super::help::topics().any(|topic| topic == word);
        if let (true, Some(topic), Some(extra)) =
            (asks_for_help, self.words.get(2).filter(|word| is_topic(word)), self.words.get(3))
        {
            let message = format!("there is one word too many: {}", quoted(extra));
            return (message, format!("run `task-bg help {topic}`"));
        }
        let (topics, help) = if asks_for_help { (usize::MAX, "help ") } else { (0, "") };
        let topics = super::help::topics().take(topics).map(str::to_owned);
        let words = visible(&command).map(str::to_owned).chain(topics);
        let near = words.filter(|verb| alike(verb.as_str()) > ALIKE);
        let nearest = near.max_by(|a, b| alike(a.as_str()).total_cmp(&alike(b.as_str())));
        let hint = nearest.map_or_else(
            || {
                let topics = if asks_for_help { " and the topics" } else { "" };
                format!("run `task-bg --help` to see the commands{topics}")
            },
            |verb| format!("did you mean `task-bg {help}{verb}`?"),
        );
        let message =
            if asks_for_help { format!("{message}, and no topic of its help") } else { message };
        (message, hint)
    }

    fn missing(&self) -> (String, String) {
        let missing = self.texts(ContextKind::InvalidArg);
        if let [option] = missing.as_slice()
            && option.starts_with("--")
        {
            // An option that says nothing without this one was given.
            let message = format!("`{}` needs `{}` as well", self.command(), name_of(option));
            return (message, format!("add `{option}`"));
        }
        let missing: Vec<String> = missing.iter().map(|word| format!("`{word}`")).collect();
        // Of `retry` either will do.
        let join = if self.verb.as_deref() == Some("retry") { " or " } else { " and " };
        let message = format!("`{}` needs {}", self.command(), missing.join(join));
        let hint = match self.verb.as_deref() {
            Some("cancel") => {
                "name tasks, or all of a session with `--parent`, or all there are with `--all`"
                    .to_owned()
            }
            Some("retry") => "name tasks, or all that failed with `--failed`".to_owned(),
            Some("batch") => {
                "name a file with a JSON object a line, or - for standard input".to_owned()
            }
            Some("run") => {
                "the command goes after `--`, as in `task-bg run \"Test suite\" -- cargo test`"
                    .to_owned()
            }
            Some("resume") => {
                "say what the agent is told next, or name a file that says it: --prompt-file FILE \
                 (- for standard input)"
                    .to_owned()
            }
            Some(_) | None => self.help(),
        };
        (message, hint)
    }

    /// A value that is none of a few words, or is missing.
    fn invalid_value(&self) -> (String, String) {
        let (what, value) = (self.what(), self.text(ContextKind::InvalidValue));
        let mut valid = self.texts(ContextKind::ValidValue);
        let alike = |word: &String| strsim::jaro(&value, word);
        // The sort is stable: words that are equally far keep their order.
        valid.sort_by(|one, other| alike(other).total_cmp(&alike(one)));
        let listed = (!valid.is_empty())
            .then(|| format!("use one of {}", text::some_of(&valid, text::NAMED)));
        if value.is_empty() {
            let hint = listed.unwrap_or_else(|| self.help());
            return (format!("{what} has no value"), hint);
        }
        let message = format!("{what} cannot be {}", quoted(&value));
        (message, listed.unwrap_or_else(|| self.help()))
    }

    /// A value that a parser refused.
    fn refused_value(&self) -> (String, String) {
        let message =
            format!("{} cannot be {}", self.what(), quoted(&self.text(ContextKind::InvalidValue)));
        let why =
            std::error::Error::source(self.error).map_or_else(String::new, ToString::to_string);
        (message, number_words(&why).unwrap_or(why))
    }

    fn conflict(&self) -> (String, String) {
        let prior = self.texts(ContextKind::PriorArg);
        let what = self.what();
        let Some(prior) = prior.first().filter(|prior| format!("`{}`", name_of(prior)) != what)
        else {
            return (format!("{what} is given more than once"), "give it once".to_owned());
        };
        let message = format!("{what} cannot go together with `{}`", name_of(prior));
        let hint = self.several().unwrap_or_else(|| "leave out one of the two".to_owned());
        (message, hint)
    }

    /// What to write where a word follows the value of an option that takes several with commas.
    fn several(&self) -> Option<String> {
        let verb = self.verb.as_deref()?;
        let options = self.words.iter().take_while(|word| *word != "--").collect::<Vec<_>>();
        options.windows(3).find_map(|three| match three {
            [option, first, second]
                if !first.starts_with('-')
                    && !second.starts_with('-')
                    && takes_several(verb, option) =>
            {
                let (first, second) = (quotable(first), quotable(second));
                Some(format!("several values go with commas: `{option} {first},{second}`"))
            }
            _ => None,
        })
    }

    /// The argument that clap complains of, as people write it.
    fn what(&self) -> String {
        format!("`{}`", name_of(&self.text(ContextKind::InvalidArg)))
    }

    fn command(&self) -> String {
        self.verb.as_ref().map_or_else(|| "task-bg".to_owned(), |verb| format!("task-bg {verb}"))
    }

    fn help(&self) -> String {
        match &self.verb {
            Some(verb) => format!("run `task-bg help {verb}` to see how it is used"),
            None => "run `task-bg --help` to see how it is used".to_owned(),
        }
    }

    fn text(&self, kind: ContextKind) -> String {
        self.texts(kind).into_iter().next().unwrap_or_default()
    }

    fn texts(&self, kind: ContextKind) -> Vec<String> {
        match self.error.get(kind) {
            Some(ContextValue::String(text)) => vec![text.clone()],
            Some(ContextValue::Strings(texts)) => texts.clone(),
            Some(ContextValue::StyledStr(text)) => vec![text.to_string()],
            _ => Vec::new(),
        }
    }
}

/// `--limit` of `--limit <N>`; a positional argument as it is.
fn name_of(argument: &str) -> &str {
    if argument.starts_with('-') {
        argument.split([' ', '=', '[']).next().unwrap_or(argument)
    } else {
        argument.trim_end_matches('.').trim_matches(['[', ']', '<', '>'])
    }
}

#[cfg(test)]
mod tests;
