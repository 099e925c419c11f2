//! To whom an ending is told, where several tell: two servers and the hook over one store and one session, and a client
//! that names no session.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::mcp_client::{Client, text, value};
use tests::sandbox::Sandbox;

use super::served;
use crate::sandbox;

const SESSION: &str = "the-parent";

/// How many tasks there are.
const MANY: usize = 24;

fn meta() -> Value {
    json!({"assemblySessionId": SESSION})
}

fn wait(client: &mut Client) -> String {
    client.call_as(&meta(), "wait_for_tasks", &json!({"max_wait_s": 5})).0
}

/// What the hook of an event tells the session.
fn hook(sandbox: &Sandbox, event: &str) -> String {
    let event = json!({"hook_event_name": event, "session_id": SESSION});
    sandbox.hook(event.to_string()).ok().stdout
}

/// The tasks that are said to have ended, where each of them is found by its own word.
fn told_in<'a>(said: &str, ids: &'a [String]) -> Vec<&'a str> {
    let lines = || said.lines().flat_map(|line| line.split("\\n"));
    let is_told =
        |id: &&String| lines().any(|line| line.contains(id.as_str()) && !line.contains("running"));
    ids.iter().filter(is_told).map(String::as_str).collect()
}

/// Tasks of the session, each behind one of four gates.
fn launched(sandbox: &Sandbox) -> Vec<String> {
    let mut client = served(sandbox);
    let launch = |number: usize| {
        let command = format!("{}; echo {number}", sandbox.until(&format!("gate-{}", number % 4)));
        let (said, _) = client.call_as(&meta(), "run_command", &json!({"command": command}));
        value(&said, "id").to_owned()
    };
    (0..MANY).map(launch).collect()
}

#[test]
fn two_servers_and_the_hook_at_once_tell_each_ending_of_a_session_and_then_nobody_tells_it_again() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "50");
    let ids = launched(&sandbox);
    let heard: Vec<String> = std::thread::scope(|scope| {
        let server = || {
            let mut client = served(&sandbox);
            let mut heard = Vec::new();
            while heard.last().is_none_or(|last: &String| !last.starts_with("nothing to wait")) {
                heard.push(wait(&mut client));
                assert!(heard.len() < 100, "{heard:#?}");
            }
            heard
        };
        let hooks = || (0..20).map(|_| hook(&sandbox, "PostToolUse")).collect::<Vec<_>>();
        let telling = [scope.spawn(server), scope.spawn(server), scope.spawn(hooks)];
        (0..4).for_each(|gate| sandbox.open_gate(&format!("gate-{gate}")));
        telling.into_iter().flat_map(|it| it.join().expect("it told")).collect()
    });
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for id in heard.iter().flat_map(|said| told_in(said, &ids)) {
        *told.entry(id).or_default() += 1;
    }
    assert_eq!(told.len(), MANY, "{told:?} of {ids:?}: {heard:#?}");
    assert_eq!(hook(&sandbox, "Stop"), "");
    let mut fresh = served(&sandbox);
    assert!(wait(&mut fresh).starts_with("nothing to wait for"), "{told:?}");
}

// What a server says while its client dies was heard by nobody, or by somebody who is no more.
#[test]
fn what_a_server_that_is_killed_did_not_tell_the_next_one_tells() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "50");
    let ids = launched(&sandbox);
    let waits = json!({"name": "wait_for_tasks", "_meta": meta()});
    let mut killed = served(&sandbox);
    let asked: Vec<Value> = (0..8).map(|_| killed.ask("tools/call", &waits)).collect();
    sandbox.open_gate("gate-0");
    let mut heard = vec![text(&killed.answer(&asked[3])).0];
    drop(killed);
    (1..4).for_each(|gate| sandbox.open_gate(&format!("gate-{gate}")));
    for id in &ids {
        sandbox.ended(id);
    }
    let mut next = served(&sandbox);
    while !heard.last().is_some_and(|last| last.starts_with("nothing to wait")) {
        heard.push(wait(&mut next));
    }
    let mut told: Vec<&str> = heard.iter().flat_map(|said| told_in(said, &ids)).collect();
    told.sort_unstable();
    told.dedup();
    // The killed one said what it said to a pipe that was read to the end, or not at all.
    let (of_first, others): (Vec<_>, Vec<_>) =
        ids.iter().enumerate().partition(|(number, _)| number % 4 == 0);
    assert!(others.iter().all(|(_, id)| told.contains(&id.as_str())), "{heard:#?}");
    assert!(of_first.iter().any(|(_, id)| told.contains(&id.as_str())), "{heard:#?}");
}

// Once, an answer told of so many endings as it had room for, and all of them counted as told.
#[test]
fn endings_for_which_an_answer_has_no_room_are_told_by_the_next_one() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "50");
    let mut client = served(&sandbox);
    let launch = |number: usize| {
        let arguments = json!({"command": format!("echo {number}")});
        let (said, _) = client.call_as(&meta(), "run_command", &arguments);
        value(&said, "id").to_owned()
    };
    let ids: Vec<String> = (0..32).map(launch).collect();
    for id in &ids {
        sandbox.ended(id);
    }
    let first = wait(&mut client);
    assert!(first.starts_with("ended: 32 of 32"), "{first}");
    assert!(first.contains("and 7 more, which wait_for_tasks tells next"), "{first}");
    let second = wait(&mut client);
    assert!(second.starts_with("ended: 7 of 7"), "{second}");
    let mut told: Vec<&str> = [&first, &second].iter().flat_map(|it| told_in(it, &ids)).collect();
    told.sort_unstable();
    assert_eq!(told, ids);
    assert!(wait(&mut client).starts_with("nothing to wait for"));
}

// Once, the eleventh failure and those after it were told by their ids alone, and nobody ever heard how they had ended.
#[test]
fn however_many_have_ended_each_is_told_with_how_it_ended_and_the_failed_ones_with_what_they_said()
{
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "50");
    let mut client = served(&sandbox);
    let launch = |number: usize| {
        let command = if number < 17 { "true" } else { "echo BROKEN; exit 7" };
        let arguments = json!({"command": command, "title": format!("number {number}")});
        let (said, _) = client.call_as(&meta(), "run_command", &arguments);
        value(&said, "id").to_owned()
    };
    let ids: Vec<String> = (0..34).map(launch).collect();
    for id in &ids {
        sandbox.ended(id);
    }
    let heard = [wait(&mut client), wait(&mut client)].concat();
    for (number, id) in ids.iter().enumerate() {
        let ending = if number < 17 { "completed" } else { "error (exit)" };
        let line = heard.lines().find(|line| line.starts_with(&format!("{id} {ending}")));
        assert!(line.is_some_and(|it| it.contains(&format!("number {number}"))), "{id}: {heard}");
    }
    assert_eq!(heard.matches("BROKEN").count(), 17, "{heard}");
    assert!(wait(&mut client).starts_with("nothing to wait for"));
}

// Once, whoever named many tasks that had been told of heard of the same ones each time, and never of the others.
#[test]
fn whoever_names_more_tasks_than_an_answer_has_room_for_hears_of_the_others_next() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "50");
    let mut client = served(&sandbox);
    let launch = |number: usize| {
        let said = client.call("run_command", &json!({"command": format!("echo {number}")}));
        value(&said, "id").to_owned()
    };
    let ids: Vec<String> = (0..60).map(launch).collect();
    for id in &ids {
        sandbox.ended(id);
    }
    let told = |client: &mut Client| {
        let heard: Vec<String> =
            (0..3).map(|_| client.call("wait_for_tasks", &json!({"ids": ids}))).collect();
        let heard = heard.concat();
        told_in(&heard, &ids).len()
    };
    assert_eq!([told(&mut client), told(&mut client)], [60, 60]);
}

// Once, an ending was told again and again for as long as the supervisor of the task lived on.
#[test]
fn an_ending_is_told_once_although_the_supervisor_lives_on() {
    let sandbox = sandbox();
    for meta in [meta(), json!({})] {
        let mut client = served(&sandbox);
        let command = sandbox.until("gate");
        let (said, _) = client.call_as(&meta, "run_command", &json!({"command": command}));
        let id = value(&said, "id").to_owned();
        // Its processes and its supervisor go on.
        drop(sandbox.task_bg(["complete", &id, "done by hand"]).ok());
        let mut wait = || client.call_as(&meta, "wait_for_tasks", &json!({"max_wait_s": 0})).0;
        let heard = [wait(), wait()];
        assert!(heard[0].contains("done by hand"), "{heard:?}");
        assert!(heard[1].starts_with("nothing to wait for"), "{heard:?}");
        // Neither does a new server, which has nothing but the notices, if the client says who it is.
        if meta != json!({}) {
            assert!(self::wait(&mut served(&sandbox)).starts_with("nothing to wait for"));
        }
        drop(sandbox.task_bg(["cancel", &id, "--grace", "0"]).ok());
    }
}

// Once, each look at a task that worked showed the whole results of those that had been told of long ago.
#[test]
fn what_was_told_before_is_a_line_beside_what_still_works() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let mut launch = |command: &str| {
        let said = client.call("run_command", &json!({"command": command}));
        value(&said, "id").to_owned()
    };
    let ended = launch("seq 1000 1040");
    let works = launch(&sandbox.until("gate"));
    sandbox.ended(&ended);
    let ids = json!({"ids": [ended, works], "max_wait_s": 0});
    let first = client.call("wait_for_tasks", &ids);
    assert!(first.contains("\n1000\n1001\n"), "{first}");
    let second = client.call("wait_for_tasks", &ids);
    assert!(second.contains(&format!("{ended} completed")) && second.contains("told before"));
    assert!(second.contains("time is over") && !second.contains("\n1000\n"), "{second}");
    // Asked for by itself it is shown again.
    let again = client.call("wait_for_tasks", &json!({"ids": [ended]}));
    assert!(again.contains("\n1000\n1001\n"), "{again}");
    sandbox.open_gate("gate");
}

// Where the client names no session, what had ended before the wait was told by nobody, and the wait was for the tasks of
// everybody.
#[test]
fn a_client_that_names_no_session_waits_for_what_it_launched_and_hears_of_each_ending() {
    let sandbox = sandbox();
    let others = sandbox.run_command(["sleep", "300"]);
    let mut client = served(&sandbox);
    // As long as it has launched nothing, all are meant.
    let heard = client.call("wait_for_tasks", &json!({"max_wait_s": 0}));
    assert!(heard.contains(&format!("{others} running")), "{heard}");
    let said = client.call("run_command", &json!({"command": "echo mine"}));
    let id = value(&said, "id").to_owned();
    sandbox.ended(&id);
    let heard = client.call("wait_for_tasks", &json!({}));
    assert!(heard.starts_with("ended: 1 of 1") && heard.contains("mine"), "{heard}");
    assert!(!heard.contains(&others), "{heard}");
    assert!(client.call("wait_for_tasks", &json!({})).starts_with("nothing to wait for"));
    let listed = client.call("list_tasks", &json!({}));
    assert!(listed.contains("tasks of this session: 0 running, 0 queued, 1 completed"), "{listed}");
    assert!(listed.contains(&id) && !listed.contains(&others), "{listed}");
    let listed = client.call("list_tasks", &json!({"all_sessions": true}));
    assert!(listed.contains(&id) && listed.contains(&others), "{listed}");
}
