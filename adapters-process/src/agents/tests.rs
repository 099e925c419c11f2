//! An agent that only the tests know: all that an agent needs besides its file is a line in the registry.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use domain::port::{Abilities, Agent, Agents, CommandLine, Input, OsText, Program, Speech, Told};
use domain::run::ending::{Evidence, decide};
use domain::run::{Account, AgentEvent};
use domain::task::{
    AgentName, Autonomy, Briefing, DroidSource, Ending, Exit, Order, Reason, Runner, SessionId,
};
use domain::testing;

use super::registry::{Programs, Registry};

mod prose;
mod unread;

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
            defaults: Vec::new(),
            input: Input::Prompt,
            speech: Speech::Events,
        })
    }

    fn decode(&self, line: &[u8], take: &mut dyn FnMut(AgentEvent)) {
        let text = String::from_utf8_lossy(line);
        let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
        take(match word {
            "SESSION" => AgentEvent::Began { session: SessionId::parse(rest).ok() },
            "SAY" => AgentEvent::Said { text: rest.into(), at: None },
            "DONE" => AgentEvent::Finished { text: rest.into(), usage: None },
            _ => return,
        });
    }

    fn complaint(&self, words: &str) -> Option<Reason> {
        words.contains("no login").then_some(Reason::Auth)
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            resumes: false,
            forks: false,
            takes_session_name: true,
            streams: true,
            models_of_droids: false,
            levels: &Autonomy::ALL,
        }
    }

    fn program(&self) -> Option<Program<'_>> {
        None
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

/// What the lines of an agent's stream say, one event after another.
pub(crate) fn events(agent: &dyn Agent, lines: &[&str]) -> Vec<AgentEvent> {
    let mut events = Vec::new();
    for line in lines {
        agent.decode(line.as_bytes(), &mut |event| events.push(event));
    }
    events
}

/// What a stream adds up to.
pub(crate) fn account(agent: &dyn Agent, lines: &[&str]) -> Account {
    let mut account = Account::default();
    for event in events(agent, lines) {
        account.note(event);
    }
    account
}

/// How a run ended that left this stream, this exit and these words in its log: the reason, if it ended badly,
/// and its result or the words that say why.
pub(crate) fn ended(
    agent: &dyn Agent,
    lines: &[&str],
    exit: Exit,
    log: &str,
) -> (Option<Reason>, String) {
    let ending = decide(&Evidence {
        runner: &for_agent(agent.name()),
        cancel_requested: false,
        time_limit_passed: None,
        output_limit_passed: None,
        account: &account(agent, lines),
        exit: Some(exit),
        log_tail: log,
        log_complaint: agent.complaint(log),
        text_only: !agent.abilities().streams,
    });
    match ending {
        Ending::Completed { result } => (None, result),
        Ending::Failed { reason, message, .. } => (Some(reason), message),
        Ending::Cancelled { .. } => panic!("nobody cancelled it"),
    }
}

/// An order for the agent with this autonomy, with whatever `change` does to it.
pub(crate) fn order_for(
    agent: &dyn Agent,
    autonomy: Autonomy,
    change: impl FnOnce(&mut Order),
) -> Order {
    let name = AgentName::parse(agent.name()).expect("a name");
    let mut order = testing::order();
    order.runner = Runner::Agent { name, autonomy };
    order.session = SessionId::parse("minted").ok();
    change(&mut order);
    order
}

/// A definition with these tools and this reasoning effort.
pub(crate) fn briefing(tools: &[&str], effort: Option<&str>) -> Briefing {
    Briefing {
        source: DroidSource::Builtin,
        path: None,
        reasoning_effort: effort.map(Into::into),
        tools: Some(tools.iter().map(|tool| (*tool).to_owned()).collect()),
        unapplied: Vec::new(),
        is_named: true,
    }
}

/// The arguments as text.
pub(crate) fn words(line: &CommandLine) -> Vec<String> {
    let text = |word: &OsText| String::from_utf8_lossy(word.as_bytes()).into_owned();
    line.arguments.iter().map(text).collect()
}

/// What the command line sets a variable to; `None` where it unsets it or leaves it.
pub(crate) fn variable(line: &CommandLine, name: &str) -> Option<String> {
    let (_, value) = line.environment.iter().find(|(known, _)| known == name)?;
    value.as_ref().map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned())
}

#[test]
fn no_agent_is_given_its_prompt_where_others_can_read_it_nor_decodes_nonsense() {
    let registry = Registry::new(&Programs::default());
    for agent in registry.all() {
        for autonomy in agent.abilities().levels {
            let order = order_for(agent, *autonomy, |_| {});
            let line = agent.command(&order, &Told::default()).expect("it is its order");
            let prompt = order.prompt.as_str();
            assert!(words(&line).iter().all(|word| !word.contains(prompt)), "{}", agent.name());
            assert_eq!(line.input, Input::Prompt);
            let others = Order { runner: for_agent("another"), ..order };
            assert_eq!(agent.command(&others, &Told::default()), None);
        }
        let nonsense =
            ["", "{", "null", "[]", "{\"type\":7}", "{\"type\":\"novel\"}", "{\"type\":\"error\"}"];
        for event in events(agent, &nonsense) {
            let harmless = matches!(
                event,
                AgentEvent::Other
                    | AgentEvent::Unread
                    | AgentEvent::NotDone
                    | AgentEvent::Failed { .. }
                    | AgentEvent::Began { session: None }
            );
            assert!(harmless, "{}: {event:?}", agent.name());
        }
        assert!(agent.program().is_some_and(|program| !program.install.is_empty()));
    }
}
