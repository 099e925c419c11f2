//! The shape of the port, shown by an agent that only exists here.

use domain::port::{Abilities, Agent, Agents, CommandLine, Input, Speech, Told};
use domain::run::AgentEvent;
use domain::task::{AgentName, Autonomy, Order, Reason, Runner, SessionId};
use domain::testing;

use super::registry::{Programs, Registry};

/// An agent that speaks in plain lines: a word in capitals, and what belongs to it.
pub(crate) struct Lines;

impl Agent for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    fn command(&self, order: &Order, _told: &Told<'_>) -> Option<CommandLine> {
        let Runner::Agent { name, .. } = &order.runner else { return None };
        (name.as_str() == self.name()).then(|| CommandLine {
            program: "cat".into(),
            arguments: Vec::new(),
            environment: vec![("LINES_MODE".into(), Some("plain".into()))],
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

#[test]
fn one_line_registers_an_agent() {
    let registry = Registry::new(&Programs::default()).with(Lines);
    let name = AgentName::parse("lines").expect("a name");
    let runner = Runner::Agent { name, autonomy: Autonomy::Low };
    let agent = registry.of(&runner).expect("it is known");
    let order = Order { runner, ..testing::order() };
    assert!(agent.command(&order, &Told::default()).is_some());
}
