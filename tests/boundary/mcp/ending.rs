//! What ends the server: its client, in whatever way it goes. No task ends with it.

use serde_json::{Value, json};
use tests::mcp_client::{text, value};
use tests::process::{alive, wait_until};

use super::served;
use crate::sandbox;

/// A call that waits for a task; the id of the task.
fn waiting(client: &mut tests::mcp_client::Client) -> (String, Value) {
    let said = client.call("run_command", &json!({"command": "sleep 300"}));
    let id = value(&said, "id").to_owned();
    let wait =
        client.ask("tools/call", &json!({"name": "wait_for_tasks", "arguments": {"ids": [id]}}));
    (id, wait)
}

#[test]
fn at_the_end_of_its_input_it_answers_what_was_asked_ends_and_leaves_the_tasks() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let (id, wait) = waiting(&mut client);
    let launch =
        client.ask("tools/call", &json!({"name": "run_command", "arguments": {"command": "true"}}));
    client.close();
    let (said, _) = text(&client.answer(&launch));
    assert!(said.starts_with("id: bg_"), "{said}");
    // The wait is answered with what there is.
    let (said, _) = text(&client.answer(&wait));
    assert!(said.contains(&format!("{id} running")), "{said}");
    assert!(client.ended().success());
    assert_eq!(sandbox.status(&id), "running");
}

#[test]
fn when_nobody_reads_its_output_any_more_it_ends_and_leaves_the_tasks() {
    let sandbox = sandbox();
    let script = "mkfifo in out; task-bg mcp < in > out & echo $! > server; exec 3> in; exec 4< out; \
                  echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"run_command\",\"arguments\":{\"command\":\"sleep 300\"}}}' >&3; \
                  read -r line <&4; exec 4<&-; wait $!; echo ended";
    let ran = sandbox.shell(script).ok();
    assert!(ran.stdout.ends_with("ended\n"), "{ran}");
    let listed = sandbox.task_bg(["list"]).ok().json();
    assert_eq!(listed["running"], 1, "{listed}");
}

#[test]
fn when_its_client_is_killed_while_another_holds_its_input_it_ends_and_leaves_the_tasks() {
    let sandbox = sandbox();
    // The sleeping process is not the client, and holds both pipes of the server open.
    let script = "mkfifo in out; exec 2> /dev/null; sleep 300 <> in >&0 & exec 3<> in 4<> out; task-bg mcp <&3 >&4 & echo $! > server; \
                  echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"run_command\",\"arguments\":{\"command\":\"sleep 300\"}}}' >&3; \
                  read -r line <&4; kill -KILL $$";
    let ran = sandbox.shell(script).run();
    assert_eq!(ran.code, 137, "{ran}");
    let server = std::fs::read_to_string(sandbox.work().join("server")).expect("its number");
    let server: u32 = server.trim().parse().expect("a number");
    wait_until("the end of the server", || !alive(server));
    let listed = sandbox.task_bg(["list"]).ok().json();
    assert_eq!(listed["running"], 1, "{listed}");
}

/// The threads and the descriptors of a process.
fn held_by(pid: u32) -> (usize, usize) {
    let count =
        |what: &str| std::fs::read_dir(format!("/proc/{pid}/{what}")).expect("it lives").count();
    (count("task"), count("fd"))
}

// Once, each wait left threads behind that slept until the task ended, and a server that waits again and again ran
// out of descriptors.
#[test]
fn a_server_that_waits_again_and_again_has_no_more_threads_and_descriptors_than_after_the_first_time()
 {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let ids: Vec<String> = (0..4)
        .map(|_| {
            value(&client.call("run_command", &json!({"command": "sleep 300"})), "id").to_owned()
        })
        .collect();
    let mut wait = || client.call("wait_for_tasks", &json!({"ids": ids, "max_wait_s": 0.02}));
    let first = wait();
    assert!(first.contains("ended: 0 of 4"), "{first}");
    (0..20).for_each(|_| drop(wait()));
    let pid = client.pid();
    // Three threads that watch, with two descriptors each, beside the usual ones.
    wait_until("few threads and descriptors", || {
        let (threads, descriptors) = held_by(pid);
        threads <= 5 && descriptors <= 16
    });
}

#[test]
fn an_idle_server_does_nothing() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    client.call("run_command", &json!({"command": "true"}));
    client.call("wait_for_tasks", &json!({}));
    let pid = client.pid();
    let status = || std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    // How often it left the processor, by itself or not: that of its one thread that is left.
    let switches = || {
        let status = status();
        let lines = status.lines().filter(|line| line.contains("ctxt_switches")).map(str::to_owned);
        lines.collect::<Vec<_>>()
    };
    wait_until("one thread that sleeps", || held_by(pid).0 == 1 && status().contains("(sleeping)"));
    let before = switches();
    // Whatever it would do each second or each five shows by then; nothing is waited for, so there is no event.
    let looked = std::time::Instant::now();
    wait_until("six seconds", || looked.elapsed() > std::time::Duration::from_secs(6));
    assert_eq!(switches(), before);
}

// A client that stops reading and stays, a debugger at work say, kept the server and its memory for ever.
#[test]
fn a_client_that_reads_nothing_any_more_is_given_up_after_some_seconds() {
    let sandbox = sandbox();
    let script = "mkfifo in out; exec 3<> in 4<> out; task-bg mcp <&3 >&4 3>&- 4>&- & \
                  i=0; while [ $i -lt 100 ]; do echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}' >&3; i=$((i + 1)); done; \
                  wait $!; echo ended";
    let ran = sandbox.shell(script).ok();
    assert!(ran.stdout.ends_with("ended\n"), "{ran}");
}
