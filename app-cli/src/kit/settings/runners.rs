//! The tables `[runners.NAME]` of the settings file: agents of somebody's own, and other programs for those
//! that are known.
//!
//! What makes no sense is named with line and column, and the runner that it belongs to does not exist.

use std::ffi::OsString;
use std::ops::Range;

use adapters_process::agents::own::{Description, Handing, PROMPT, SESSION};
use adapters_process::agents::registry::{Programs, SHIPPED};
use adapters_process::agents::streams;
use domain::task::AgentName;
use toml::Spanned;
use toml::de::DeValue;

use super::file::SettingsFile;

/// What a table may say.
const KEYS: [&str; 5] = ["command", "prompt", "stream", "session", "resume"];

/// One table.
#[derive(Clone, Debug)]
pub(super) struct RunnerEntry {
    name: AgentName,
    command: Vec<OsString>,
    prompt: Handing,
    stream: Option<String>,
    session: Vec<String>,
    resume: Vec<String>,
}

impl RunnerEntry {
    /// The name of the agent.
    pub(super) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Whether it gives a program to an agent that is known.
    fn is_known(&self) -> bool {
        SHIPPED.contains(&self.name.as_str())
    }

    /// The agent that it describes; `None` where it only gives a program to one that is known.
    pub(super) fn described(&self) -> Option<Description> {
        (!self.is_known()).then(|| Description {
            name: self.name.clone(),
            command: self.command.clone(),
            prompt: self.prompt,
            stream: self.stream.as_deref().and_then(streams::named),
            session: self.session.clone(),
            resume: self.resume.clone(),
        })
    }

    /// These programs, with its own if it is for an agent that is known.
    pub(super) fn added_to(&self, programs: Programs) -> Programs {
        if self.is_known() {
            return programs.with_words(&self.name, self.command.clone());
        }
        programs
    }
}

impl SettingsFile {
    /// Takes over every table that makes sense.
    pub(super) fn take_runners(&mut self, text: &str, value: &Spanned<DeValue<'_>>) {
        let example = "write `[runners.NAME]`, and below it `command = [\"program\", \"--word\"]`";
        let DeValue::Table(runners) = value.get_ref() else {
            let words = "`runners` is no table".to_owned();
            return self.refuse(text, value.span(), words, example.to_owned());
        };
        for (key, value) in runners {
            match entry(key.get_ref().as_ref(), &key.span(), value) {
                Ok(entry) => self.runners.push(entry),
                Err(Wrong { at, words, hint }) => self.refuse(text, at, words, hint),
            }
        }
    }
}

/// What is wrong, and where.
struct Wrong {
    at: Range<usize>,
    words: String,
    hint: String,
}

fn wrong(at: Range<usize>, words: impl Into<String>, hint: impl Into<String>) -> Wrong {
    Wrong { at, words: words.into(), hint: hint.into() }
}

fn entry(
    name: &str,
    at: &Range<usize>,
    value: &Spanned<DeValue<'_>>,
) -> Result<RunnerEntry, Wrong> {
    let name = AgentName::parse(name).map_err(|invalid| {
        wrong(
            at.clone(),
            format!("`{name}` is no name of a runner: {invalid}"),
            "use lower-case letters, digits and `-`",
        )
    })?;
    let DeValue::Table(table) = value.get_ref() else {
        let hint = format!("write `[runners.{name}]`, and below it what is said of it");
        return Err(wrong(value.span(), format!("`runners.{name}` is no table"), hint));
    };
    let mut entry = RunnerEntry {
        name,
        command: Vec::new(),
        prompt: Handing::Input,
        stream: None,
        session: Vec::new(),
        resume: Vec::new(),
    };
    for (key, value) in table {
        let word = key.get_ref().as_ref();
        if entry.is_known() && word != "command" {
            let words = format!("`{word}` cannot be said of `{}`, which is known", entry.name);
            return Err(wrong(key.span(), words, "only its `command` can be another"));
        }
        if matches!(word, "command" | "session" | "resume") {
            check_places(word, value)?;
        }
        match word {
            "command" => entry.command = list(word, value)?.into_iter().map(Into::into).collect(),
            "session" => entry.session = template(word, value)?,
            "resume" => entry.resume = template(word, value)?,
            "prompt" => entry.prompt = handing(value)?,
            "stream" => entry.stream = stream(value)?,
            _ => {
                let hint = format!("there are {}", KEYS.join(", "));
                return Err(wrong(key.span(), format!("`{word}` says nothing of a runner"), hint));
            }
        }
    }
    if entry.command.is_empty() {
        let words = format!("`runners.{}` has no `command`", entry.name);
        return Err(wrong(at.clone(), words, "write `command = [\"program\", \"--word\"]`"));
    }
    if entry.command.first().is_some_and(|program| program.is_empty()) {
        let at = table.get("command").map_or_else(|| at.clone(), Spanned::span);
        let hint = "write `command = [\"program\", \"--word\"]`";
        return Err(wrong(at, "`command` begins with an empty word, which is no program", hint));
    }
    let placed = entry.command.iter().any(|word| word.to_string_lossy().contains(PROMPT));
    if placed && entry.prompt == Handing::Input {
        let words =
            format!("`{PROMPT}` stands in the command, and the prompt comes on standard input");
        return Err(wrong(at.clone(), words, "add `prompt = \"file\"` or `prompt = \"arg\"`"));
    }
    Ok(entry)
}

fn list(key: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, Wrong> {
    let no_list = || {
        wrong(
            value.span(),
            format!("`{key}` is no list of words"),
            format!("write `{key} = [\"word\", \"word\"]`"),
        )
    };
    let DeValue::Array(words) = value.get_ref() else { return Err(no_list()) };
    let text = |word: &Spanned<DeValue<'_>>| {
        word.get_ref().as_str().filter(|text| !text.contains('\0')).map(ToOwned::to_owned)
    };
    words.iter().map(text).collect::<Option<Vec<_>>>().ok_or_else(no_list)
}

/// Refuses a place in a word that nothing is put into. A word with a blank may be a script, whose braces are its own.
fn check_places(key: &str, value: &Spanned<DeValue<'_>>) -> Result<(), Wrong> {
    let known = if key == "command" { PROMPT } else { SESSION };
    let DeValue::Array(words) = value.get_ref() else { return Ok(()) };
    for word in words {
        let Some(text) = word.get_ref().as_str() else { continue };
        let place = places(text).find(|place| *place != known);
        let Some(place) = place.filter(|place| *place == SESSION || !text.contains(' ')) else {
            continue;
        };
        let hint = match place {
            SESSION => format!(
                "write it in `session` or `resume`, as in `session = [\"--session\", \"{SESSION}\"]`"
            ),
            _ => format!("there is `{known}` there"),
        };
        let words = format!("nothing is put in the place of `{place}` in `{key}`");
        return Err(wrong(word.span(), words, hint));
    }
    Ok(())
}

/// The words in braces, with these; not those of variables, as in `${HOME}`.
fn places(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('{').filter_map(|(at, _)| {
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let end = text[at..].find('}')?;
        let is_place = is_name(&text[at + 1..at + end]) && !text[..at].ends_with('$');
        is_place.then(|| &text[at..=at + end])
    })
}

fn template(key: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, Wrong> {
    let words = list(key, value)?;
    if words.iter().any(|word| word.contains(SESSION)) {
        return Ok(words);
    }
    let hint = format!("write `{key} = [\"--session\", \"{SESSION}\"]`");
    Err(wrong(value.span(), format!("`{key}` has no `{SESSION}`"), hint))
}

fn text<'a>(value: &'a Spanned<DeValue<'_>>) -> &'a str {
    value.get_ref().as_str().unwrap_or_default()
}

fn handing(value: &Spanned<DeValue<'_>>) -> Result<Handing, Wrong> {
    match text(value) {
        "stdin" => Ok(Handing::Input),
        "file" => Ok(Handing::File),
        "arg" => Ok(Handing::Word),
        _ => Err(wrong(
            value.span(),
            "`prompt` is none of `stdin`, `file` and `arg`",
            "the usual one is `stdin`",
        )),
    }
}

fn stream(value: &Spanned<DeValue<'_>>) -> Result<Option<String>, Wrong> {
    let word = text(value);
    if word == "none" {
        return Ok(None);
    }
    if streams::named(word).is_some() {
        return Ok(Some(word.to_owned()));
    }
    let names: Vec<&str> = streams::names().collect();
    let hint = format!(
        "use `none`, or that of {}",
        domain::task::text::some_of(&names, domain::task::text::NAMED)
    );
    Err(wrong(value.span(), "`stream` names no stream that is known", hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> SettingsFile {
        SettingsFile::of("/x/task-bg.toml".into(), text)
    }

    fn complaint(text: &str) -> String {
        read(text).failure().expect("something is wrong").message
    }

    #[test]
    fn an_agent_of_ones_own_is_described_and_a_known_one_gets_another_program() {
        let file = read(
            "[runners.mine]\ncommand = [\"aider\", \"--yes\"]\nprompt = \"file\"\nstream = \"claude\"\n\
             session = [\"-s\", \"{session}\"]\n[runners.codex]\ncommand = [\"node\", \"codex.js\"]\n",
        );
        assert!(file.failure().is_none(), "{:?}", file.failure().map(|it| it.message));
        let described: Vec<_> = file.runners.iter().filter_map(RunnerEntry::described).collect();
        assert_eq!(described.len(), 1);
        assert_eq!(described[0].name.as_str(), "mine");
        assert_eq!(described[0].command, ["aider", "--yes"]);
        assert_eq!((described[0].prompt, described[0].stream.is_some()), (Handing::File, true));
    }

    #[test]
    fn what_makes_no_sense_is_named_with_its_place() {
        for (text, words) in [
            ("runners = 3", ":1:11: `runners` is no table"),
            ("[runners.Mine]\ncommand = [\"a\"]", ":1:10: `Mine` is no name of a runner"),
            ("[runners.mine]\nprompt = \"stdin\"", "`runners.mine` has no `command`"),
            ("[runners.mine]\ncommand = \"a b\"", ":2:11: `command` is no list of words"),
            ("[runners.mine]\ncommand = [\"\"]", ":2:11: `command` begins with an empty word"),
            ("[runners.codex]\ncommand = [\"\", \"a\"]", ":2:11: `command` begins with an empty"),
            ("[runners.mine]\ncommand = [\"a\", 7]", ":2:11: `command` is no list of words"),
            ("[runners.mine]\ncommand = [\"a\"]\nprompt = \"pipe\"", ":3:10: `prompt` is none of"),
            (
                "[runners.mine]\ncommand = [\"a\"]\nstream = \"x\"",
                ":3:10: `stream` names no stream",
            ),
            (
                "[runners.mine]\ncommand = [\"a\"]\nresume = [\"-r\"]",
                ":3:10: `resume` has no `{session}`",
            ),
            ("[runners.mine]\ncommand = [\"a\"]\ncomand = 1", ":3:1: `comand` says nothing"),
            (
                "[runners.mine]\ncommand = [\"a\", \"{prompt}\"]",
                "the prompt comes on standard input",
            ),
            ("[runners.codex]\ncommand = [\"a\"]\nstream = \"none\"", "cannot be said of `codex`"),
            (
                "[runners.mine]\ncommand = [\"a\", \"-s={session}\"]",
                ":2:17: nothing is put in the place of `{session}` in `command`",
            ),
            (
                "[runners.mine]\ncommand = [\"a\", \"{file}\"]",
                ":2:17: nothing is put in the place of",
            ),
            (
                "[runners.mine]\ncommand = [\"a\"]\nresume = [\"{session}\", \"{id}\"]",
                ":3:24: nothing is put in the place of `{id}` in `resume`",
            ),
        ] {
            let found = complaint(text);
            assert!(found.contains(words), "{text}: {found}");
            assert!(read(text).runners.is_empty(), "{text}");
        }
    }

    #[test]
    fn braces_of_a_script_a_variable_or_json_are_no_places() {
        for word in ["${home}", "awk '{print}'", "{}", "{ }", "{Name}", "{'a':1}"] {
            let file = read(&format!("[runners.mine]\ncommand = [\"a\", \"{word}\"]"));
            assert!(file.failure().is_none(), "{word}");
        }
    }
}
