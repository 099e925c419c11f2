//! An agent that only the tests know: all that an agent needs besides its file is a line in the registry.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use domain::port::{Abilities, Agent, Agents, CommandLine, Input, Speech, Told};
use domain::run::AgentEvent;
use domain::task::{AgentName, Autonomy, Order, Reason, Runner, SessionId};
use domain::testing;

use super::registry::{Programs, Registry};

/// An agent that repeats its prompt, which is its event stream: in each line a word in capitals, and what
/// belongs to it.
pub(crate) struct Lines;

impl Agent for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    fn command(&self, order: &Order, _told: &Told<'_>) -> Option<CommandLine> {
        let Runner::Agent { name, .. } = &order.runner else { return None };
        (name.as_str() == self.name()).then(|| CommandLine {
            program: "sh".into(),
            arguments: vec!["-c".into(), "echo MODE $LINES_MODE, home ${HOME-unset}; cat".into()],
            environment: vec![("LINES_MODE".into(), Some("plain".into())), ("HOME".into(), None)],
            input: Input::Prompt,
            speech: Speech::Events,
        })
    }

    fn decode(&self, line: &[u8]) -> AgentEvent {
        let text = String::from_utf8_lossy(line);
        let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
        match word {
            "SESSION" => AgentEvent::Began { session: SessionId::parse(rest).ok() },
            "SAY" => AgentEvent::Said { text: rest.into(), at: None },
            "DONE" => AgentEvent::Finished { text: rest.into(), usage: None },
            _ => AgentEvent::Other,
        }
    }

    fn complaint(&self, words: &str) -> Option<Reason> {
        words.contains("no login").then_some(Reason::Auth)
    }

    fn abilities(&self) -> Abilities {
        Abilities { resumes: false, forks: false, takes_session_name: true, levels: &Autonomy::ALL }
    }
}

/// What an order for the agent `name` is carried out by.
pub(crate) fn for_agent(name: &str) -> Runner {
    Runner::Agent { name: AgentName::parse(name).expect("a name"), autonomy: Autonomy::Low }
}

fn names(registry: &Registry) -> Vec<&str> {
    registry.all().into_iter().map(Agent::name).collect()
}

#[test]
fn an_agent_is_found_by_its_name_and_a_command_without_one() {
    let registry = Registry::new(&Programs::default()).with(Lines);
    let found = |runner: &Runner| registry.of(runner).map(Agent::name);
    for name in names(&registry) {
        assert_eq!(found(&for_agent(name)), Some(name));
    }
    assert_eq!(found(&for_agent("later-agent")), None);
    assert_eq!(found(&Runner::Command(vec!["make".into()])), Some("command"));
    assert_eq!(found(&Runner::Elsewhere), None);
}

#[test]
fn every_agent_that_is_shipped_has_a_name_of_its_own() {
    let registry = Registry::new(&Programs::default());
    for name in names(&registry) {
        assert!(AgentName::parse(name).is_ok(), "{name}");
    }
    let distinct: BTreeSet<&str> = names(&registry).into_iter().collect();
    assert_eq!(distinct.len(), names(&registry).len());
}

#[test]
fn an_agent_takes_the_place_of_one_with_the_same_name() {
    let registry = Registry::new(&Programs::default()).with(Lines);
    let before = names(&registry).len();
    assert_eq!(names(&registry.with(Lines)).len(), before);
}

#[test]
fn an_agent_is_started_with_the_program_of_the_settings_which_need_not_be_text() {
    let program = OsStr::from_bytes(b"/opt/\xff/droid");
    let registry = Registry::new(&Programs::default().with(&AgentName::droid(), program));
    let agent = registry.of(&testing::order().runner).expect("it is known");
    let line = agent.command(&testing::order(), &Told::default()).expect("it is its order");
    assert_eq!(line.program.as_bytes(), b"/opt/\xff/droid");
}
