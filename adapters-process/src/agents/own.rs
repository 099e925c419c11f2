//! An agent of somebody's own, as the settings describe it.
//!
//! What it prints is text for people, or the stream of an agent that is known here. It knows no level of
//! autonomy: what it may do is up to its own command line.

use std::ffi::OsString;

use domain::port::{Abilities, Agent, CommandLine, Input, OsText, Program, Speech, Told};
use domain::run::AgentEvent;
use domain::task::{AgentName, Autonomy, Continuation, Order, Runner, SessionId};

use super::start::Start;
use super::streams::Decode;

/// What stands in a word for the session.
pub const SESSION: &str = "{session}";
/// What stands in a word for the prompt, or for the file that it is in.
pub const PROMPT: &str = "{prompt}";
/// How such an agent is installed.
const INSTALL: &str =
    "install it, put its folder on PATH, or name it by its path in `task-bg.toml`";
/// What the system says of a command line with a word that is too long.
const TOO_LONG: &str = "Argument list too long";
/// The file that a process finds its standard input in.
const STANDARD_INPUT: &str = "/dev/stdin";

/// An agent as the settings describe it.
#[derive(Clone, Debug)]
pub struct Description {
    /// By which orders and records know it.
    pub name: AgentName,
    /// Its program and the words that always follow.
    pub command: Vec<OsString>,
    /// How it is given its prompt.
    pub prompt: Handing,
    /// Which agent's stream it prints, by name; absent where it prints text for people.
    pub stream: Option<Decode>,
    /// The words that name a new session, with [`SESSION`] in one of them; none where it chooses itself.
    pub session: Vec<String>,
    /// The words that continue a session, with [`SESSION`] in one of them; none where it cannot.
    pub resume: Vec<String>,
}

/// How an agent is given its prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handing {
    /// On standard input.
    Input,
    /// In a file whose path takes the place of [`PROMPT`], or comes last.
    File,
    /// In the place of [`PROMPT`], or as the last word: other users of the machine can read it there.
    Word,
}

/// The adapter of such an agent.
pub struct Own {
    start: Start,
    described: Description,
}

impl Own {
    /// The adapter of an agent that is described like this.
    pub fn new(described: Description) -> Self {
        Self { start: Start::new(&described.command, described.name.as_str(), INSTALL), described }
    }

    fn arguments(&self, order: &Order, told: &Told<'_>) -> Vec<OsText> {
        let filled = |words: &[String], session: &SessionId| -> Vec<OsText> {
            let with = |word: &String| word.replace(SESSION, session.as_str()).into();
            words.iter().map(with).collect()
        };
        match (&order.lineage.continues, &order.session) {
            (Some(Continuation::Same(session) | Continuation::Fork(session)), _) => {
                filled(&self.described.resume, session)
            }
            (None, Some(session)) => filled(&self.described.session, session),
            (None, None) => Vec::new(),
        }
        .into_iter()
        .chain(self.handed(order, told))
        .collect()
    }

    /// The prompt, or its file, where it is the last word.
    fn handed(&self, order: &Order, told: &Told<'_>) -> Option<OsText> {
        if self.start.has(PROMPT) {
            return None;
        }
        self.words_of_prompt(order, told)
    }

    fn words_of_prompt(&self, order: &Order, told: &Told<'_>) -> Option<OsText> {
        match self.described.prompt {
            Handing::Input => None,
            Handing::File => Some(STANDARD_INPUT.into()),
            Handing::Word => Some(told.prompt.unwrap_or(order.prompt.as_str()).into()),
        }
    }
}

impl Agent for Own {
    fn name(&self) -> &str {
        self.described.name.as_str()
    }

    fn command(&self, order: &Order, told: &Told<'_>) -> Option<CommandLine> {
        self.start.autonomy(order)?;
        let line = self.start.with(self.arguments(order, told));
        let put = |word: OsText| match self.words_of_prompt(order, told) {
            Some(prompt) => word.with(PROMPT, &prompt),
            None => word,
        };
        let first = self.start.length();
        let (fixed, further) = line.arguments.split_at(first);
        let arguments = fixed.iter().cloned().map(put).chain(further.iter().cloned()).collect();
        let by_word = self.described.prompt == Handing::Word;
        Some(CommandLine {
            arguments,
            input: if by_word { Input::Nothing } else { Input::Prompt },
            speech: if self.described.stream.is_some() { Speech::Events } else { Speech::Text },
            ..line
        })
    }

    fn decode(&self, line: &[u8], take: &mut dyn FnMut(AgentEvent)) {
        if let Some(decode) = self.described.stream {
            decode(line, take);
        }
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            resumes: !self.described.resume.is_empty(),
            forks: false,
            takes_session_name: !self.described.session.is_empty(),
            streams: self.described.stream.is_some(),
            models_of_droids: false,
            levels: &Autonomy::ALL,
        }
    }

    fn program(&self) -> Option<Program<'_>> {
        Some(self.start.program())
    }

    fn unapplied(&self, order: &Order) -> Vec<String> {
        let Runner::Agent { autonomy, .. } = &order.runner else { return Vec::new() };
        let briefing = order.briefing.as_ref();
        let tools = briefing.and_then(|given| given.tools.as_ref());
        let tools = tools.map(|tools| format!("the tools {}", tools.join(", ")));
        let effort = briefing.and_then(|given| given.reasoning_effort.as_ref());
        let effort = effort.map(|effort| format!("the reasoning effort {effort}"));
        let model = order.model.as_ref().map(|model| format!("the model {model}"));
        let always =
            [format!("the autonomy {}", autonomy.word()), "the droid's instructions".to_owned()];
        always.into_iter().chain(tools).chain(effort).chain(model).collect()
    }

    fn remedy(&self, reason: &str) -> Option<String> {
        let too_long = self.described.prompt == Handing::Word && reason.contains(TOO_LONG);
        too_long.then(|| {
            format!(
                "a prompt of that length is no word of a command line: write `prompt = \"stdin\"` or `prompt = \"file\"` \
                 in `[runners.{}]` of `task-bg.toml`",
                self.name()
            )
        })
    }

    fn warning(&self) -> Option<String> {
        (self.described.prompt == Handing::Word).then(|| {
            format!("`{}` gets its prompt as a word of its command line, where `ps` shows it to everybody", self.name())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::streams;
    use crate::agents::tests::{ended, order_for, words};
    use domain::task::{Exit, Reason};

    fn described(command: &[&str], prompt: Handing) -> Description {
        Description {
            name: AgentName::parse("mine").expect("a name"),
            command: command.iter().map(OsString::from).collect(),
            prompt,
            stream: None,
            session: vec!["--session".into(), "{session}".into()],
            resume: vec!["--resume={session}".into()],
        }
    }

    fn line(own: &Own, change: impl FnOnce(&mut Order)) -> CommandLine {
        let order = order_for(own, Autonomy::Low, change);
        own.command(&order, &Told { prompt: Some("do it"), ..Told::default() }).expect("its order")
    }

    #[test]
    fn the_prompt_goes_where_the_settings_say() {
        for (command, prompt, expected, input) in [
            (
                &["a", "--yes"][..],
                Handing::Input,
                &["--yes", "--session", "minted"][..],
                Input::Prompt,
            ),
            (
                &["a", "-f", "{prompt}"],
                Handing::File,
                &["-f", "/dev/stdin", "--session", "minted"],
                Input::Prompt,
            ),
            (&["a"], Handing::File, &["--session", "minted", "/dev/stdin"], Input::Prompt),
            (
                &["a", "-m={prompt}"],
                Handing::Word,
                &["-m=do it", "--session", "minted"],
                Input::Nothing,
            ),
            (&["a"], Handing::Word, &["--session", "minted", "do it"], Input::Nothing),
        ] {
            let own = Own::new(described(command, prompt));
            let line = line(&own, |_| {});
            assert_eq!(words(&line), expected);
            assert_eq!((line.input, line.speech), (input, Speech::Text));
            assert_eq!(own.warning().is_some(), prompt == Handing::Word);
        }
    }

    #[test]
    fn a_session_is_continued_where_the_settings_say_how() {
        let mut described = described(&["a"], Handing::Input);
        let own = Own::new(described.clone());
        let earlier = SessionId::parse("earlier").expect("a session");
        let change =
            |order: &mut Order| order.lineage.continues = Some(Continuation::Same(earlier));
        assert_eq!(words(&line(&own, change)), ["--resume=earlier"]);
        assert!(own.abilities().resumes && own.abilities().takes_session_name);
        described.resume = Vec::new();
        assert!(!Own::new(described).abilities().resumes);
    }

    #[test]
    fn one_that_prints_a_known_stream_is_judged_by_it_and_another_by_its_exit() {
        let mut described = described(&["a"], Handing::Input);
        let (reason, text) = ended(&Own::new(described.clone()), &[], Exit::Code(0), "the end\n");
        assert_eq!((reason, text.as_str()), (None, "the end"));
        described.stream = streams::named("claude");
        let own = Own::new(described);
        assert_eq!(ended(&own, &[], Exit::Code(0), "the end").0, Some(Reason::NoResult));
        let line = r#"{"type":"result","subtype":"success","is_error":false,"result":"found"}"#;
        assert_eq!(ended(&own, &[line], Exit::Code(0), ""), (None, "found".into()));
    }
}
