//! An agent that only the tests know goes all its way, from the order to the ending.

use std::fs::File;
use std::io::{Read, Seek};
use std::sync::Arc;

use domain::port::{Agents, EventLog};
use domain::run::ending::{Evidence, decide};
use domain::task::{Ending, Order, Prompt, Timestamp};
use domain::testing::{self, MemoryWorld};
use domain::usecase::World;

use super::*;
use crate::agents::event_log::AgentEventLog;
use crate::agents::registry::{Programs, Registry};
use crate::agents::tests::{Lines, for_agent};
use crate::local::supervisor::Surroundings;

fn ordered(runner: Runner, prompt: &str) -> Task {
    let prompt = Prompt::recorded(prompt.to_owned());
    let order = Order { runner, prompt, cwd: Some("/".into()), ..testing::order() };
    Task::ordered(TaskId::mint(testing::ORDERED, [1, 2, 3]), order, None, Timestamp::from_millis(0))
}

/// Starts the agent of `task` among `agents`, and hands what came of it to `look` with its event file.
fn started<T>(
    task: &Task,
    agents: &dyn Agents,
    look: impl FnOnce(Result<Agent<'_>, LaunchFailure>, File) -> T,
) -> T {
    let memory = MemoryWorld::holding([task.clone()]);
    let events = tempfile::NamedTempFile::new().expect("a file");
    let reopened = || events.reopen().expect("it is there");
    let post = Post {
        at_cluster: None,
        most: None,
        world: World { agents, ..memory.world() },
        hasty: memory.world().store,
        files: AgentFiles {
            events: Arc::new(reopened()),
            events_reader: reopened(),
            output: Arc::new(tempfile::tempfile().expect("a file")),
        },
        instructions: None,
        follow_store: &|| domain::port::Whereabouts::Here,
        go_on: &|| (),
        put_back: &|_, _, _| Ok(()),
        attach: &|_| Err(io::Error::other("nothing is attached here")),
        surroundings: Surroundings {
            path: || Some("/bin:/usr/bin".into()),
            depth: 1,
            is_set: |_| false,
            text: |_| None,
        },
    };
    let started = Agent::start(task, task.order().prompt.as_str(), &post);
    look(started.inspect(|agent| agent.gather(task.id())), reopened())
}

/// Waits for the agent alone: other tests have children too.
fn exit(agent: &Agent<'_>) -> Option<Exit> {
    let pid = rustix::process::Pid::from_raw(i32::try_from(agent.process.pid).ok()?);
    exit_of(rustix::process::waitpid(pid, WaitOptions::empty()).ok()??.1)
}

#[test]
fn an_agent_with_one_line_in_the_registry_is_started_decoded_and_ended() {
    let registry = Arc::new(Registry::new(&Programs::default()).with(Lines));
    let task = ordered(for_agent("lines"), "SESSION s-1\nSAY working\nDONE the answer\n");
    let (exit, mut events) = started(&task, registry.as_ref(), |agent, events| {
        let agent = agent.expect("it is started");
        assert!(agent.decoder.is_some_and(|decoder| decoder.name() == "lines"));
        (exit(&agent), events)
    });
    let mut printed = String::new();
    events.read_to_string(&mut printed).expect("it can be read");
    assert!(printed.starts_with("MODE plain, home unset\n"), "{printed}");

    events.rewind().expect("rewound");
    let open = move |_: &TaskId| events.try_clone().map(Some);
    let log = AgentEventLog::new(registry, open, |_| domain::port::Cause::Other);
    let runner = &task.order().runner;
    let account = pollster::block_on(log.account(task.id(), runner)).expect("it can be read");
    let session = account.activity().session.as_ref().map(ToString::to_string);
    assert_eq!(session.as_deref(), Some("s-1"));
    let ending = decide(&Evidence {
        runner,
        cancel_requested: false,
        time_limit_passed: None,
        output_limit_passed: None,
        account: &account,
        exit,
        log_tail: "",
        log_complaint: None,
        text_only: false,
    });
    assert_eq!(ending, Ending::Completed { result: "the answer".into() });
}

#[test]
fn an_agent_that_nobody_registered_is_named_and_not_started() {
    let task = ordered(for_agent("later-agent"), "x");
    let failure = started(&task, &Registry::new(&Programs::default()), |agent, _| {
        agent.err().expect("nothing can be started")
    });
    assert!(failure.to_string().contains("`later-agent`"), "{failure}");
}
