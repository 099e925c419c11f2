//! Watching: `status`, `wait`, `output` and `list`, while a task runs and after.

use std::fs;

use serde_json::{Value, json};
use tests::process::{alive, wait_for, wait_until};
use tests::sandbox::Sandbox;

use crate::sandbox;

/// A script that waits for the file `gate` in the sandbox, and then goes on.
fn gated(sandbox: &Sandbox, then: &str) -> String {
    format!("WAIT {}\n{then}", sandbox.path("gate").display())
}

fn ids(list: &Value) -> Vec<&str> {
    let ids = list.as_array().into_iter().flatten().filter_map(|task| task["taskId"].as_str());
    ids.collect()
}

#[test]
fn status_shows_the_droid_session_and_the_tool_during_a_tool_call() {
    let sandbox = sandbox();
    let tool = "SAY looking around\nTOOL Execute {\"command\":\"make\"}\n";
    let id = sandbox.launch(&format!("{tool}{}", gated(&sandbox, "RESULT x\nSAY done")));
    let progress = wait_for("the tool in the status", || {
        let status = sandbox.task_bg(["status", &id]).ok().json();
        (status["progress"]["lastTool"] == "Execute").then(|| status["progress"].clone())
    });
    assert_eq!(progress["toolCalls"], 1, "{progress:#}");
    assert!(progress["lastMessage"].to_string().contains("looking around"), "{progress:#}");
    let events = fs::read_to_string(sandbox.store().join(format!("{id}.events.jsonl")));
    let init = events.expect("an event log").lines().next().map(str::to_owned).unwrap_or_default();
    let init: Value = serde_json::from_str(&init).expect("the init line");
    assert_eq!(progress["droidSessionId"], init["session_id"], "{progress:#}");
    sandbox.open_gate("gate");
    sandbox.ended(&id);
}

#[test]
fn wait_wakes_when_the_task_ends() {
    let sandbox = sandbox();
    let id = sandbox.launch(&gated(&sandbox, "SAY the findings"));
    let waiter = sandbox.task_bg(["wait", &id]).start();
    sandbox.open_gate("gate");
    let ran = waiter.finish().ok();
    let ended = &ran.json()["ended"][0];
    assert_eq!(ended["taskId"], id.as_str(), "{ran}");
    assert_eq!(ended["status"], "completed", "{ran}");
    assert_eq!(ended["result"], "the findings", "{ran}");
    assert!(ended["outputCommand"].to_string().contains(&id), "{ran}");
    assert_eq!(ran.json()["timedOut"], false, "{ran}");
    // Whoever was woken finds the ending in the record, too.
    assert_eq!(sandbox.record(&id)["status"], "completed");
}

/// Once, it looked five times a second at each task that waited.
#[test]
fn wait_for_a_task_that_waits_itself_wakes_about_once_a_second_while_nothing_happens() {
    let sandbox = sandbox();
    let held = sandbox.task_bg(["run", "t", "--hold", "--", "true"]).ok().json();
    let id = held["taskId"].as_str().expect("an id");
    let waiter = sandbox.task_bg(["wait", id, "--timeout", "6s"]).start();
    let status = format!("/proc/{}/status", waiter.pid());
    let mut woken = 0;
    wait_until("that it gives up", || {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let count = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        woken = count.and_then(|count| count.trim().parse().ok()).unwrap_or(woken);
        !alive(waiter.pid())
    });
    waiter.finish().code_is(6).done();
    assert!((1..25).contains(&woken), "{woken} times in six seconds");
}

#[test]
fn wait_wakes_at_an_ending_from_outside_although_the_agent_runs_on() {
    let sandbox = sandbox();
    let id = sandbox.launch(&gated(&sandbox, "SAY late"));
    let waiter = sandbox.task_bg(["wait", &id]).start();
    sandbox.task_bg(["complete", &id, "by hand"]).ok().done();
    let ran = waiter.finish().ok();
    assert_eq!(ran.json()["ended"][0]["result"], "by hand", "{ran}");
    sandbox.open_gate("gate");
    sandbox.assert_nothing_left();
}

#[test]
fn wait_that_runs_out_of_time_says_what_is_pending_and_how_to_go_on() {
    let sandbox = sandbox();
    let id = sandbox.launch(&gated(&sandbox, "SAY x"));
    let ran = sandbox.task_bg(["wait", &id, "--timeout", "1"]).code(6);
    let answer = ran.json();
    assert_eq!(answer["timedOut"], true, "{ran}");
    assert_eq!(ids(&answer["pending"]), [id.as_str()], "{ran}");
    assert_eq!(answer["pending"][0]["status"], "running", "{ran}");
    assert!(answer["pending"][0]["elapsedMs"].as_u64().is_some_and(|ms| ms >= 1_000), "{ran}");
    let next = answer["next"].as_str().unwrap_or_default();
    assert!(next.contains("wait") && next.contains(&id), "{ran}");
    sandbox.open_gate("gate");
    sandbox.task_bg(["wait", &id]).ok().done();
}

#[test]
fn wait_for_any_wakes_at_the_first_end_and_names_the_rest() {
    let sandbox = sandbox();
    let slow = sandbox.launch(&gated(&sandbox, "SAY x"));
    let fast = sandbox.launch("SAY quick");
    let ran = sandbox.task_bg(["wait", "--any", &slow, &fast]).ok();
    assert_eq!(ids(&ran.json()["ended"]), [fast.as_str()], "{ran}");
    assert_eq!(ids(&ran.json()["pending"]), [slow.as_str()], "{ran}");
    sandbox.open_gate("gate");
    let ran = sandbox.task_bg(["wait", &slow, &fast]).ok();
    assert_eq!(ids(&ran.json()["ended"]).len(), 2, "{ran}");
}

#[test]
fn wait_for_a_task_that_fails_is_exit_5_with_its_reason() {
    let sandbox = sandbox();
    let id = sandbox.launch("EXIT 3");
    let ran = sandbox.task_bg(["wait", &id]).code(5);
    let ended = &ran.json()["ended"][0];
    assert_eq!(ended["status"], "error", "{ran}");
    assert_eq!(ended["reason"], "exit", "{ran}");
}

#[test]
fn wait_without_ids_waits_for_a_parents_tasks_or_for_all() {
    let sandbox = sandbox();
    sandbox.task_bg(["wait"]).ok().done();
    let mine = sandbox.launch_with(["--parent", "mine"], "SAY mine");
    let other = sandbox.launch_with(["--parent", "other"], &gated(&sandbox, "SAY other"));
    let ran = sandbox.task_bg(["wait", "--parent", "mine"]).ok();
    assert!(!ids(&ran.json()["pending"]).contains(&other.as_str()), "{ran}");
    assert_eq!(sandbox.record(&mine)["status"], "completed");
    let ran = sandbox.task_bg(["wait", "--timeout", "1"]).code(6);
    assert_eq!(ids(&ran.json()["pending"]), [other.as_str()], "{ran}");
    sandbox.open_gate("gate");
    sandbox.task_bg(["wait"]).ok().done();
}

#[test]
fn launch_and_wait_in_one_gives_the_ending() {
    let sandbox = sandbox();
    let ran = sandbox.task_bg(["launch", "a task", "SAY all in one", "--wait"]).ok();
    assert!(ran.stdout.contains("all in one"), "{ran}");
    sandbox.task_bg(["launch", "a task", "EXIT 1", "--wait"]).code(5).done();
}

#[test]
fn output_is_bounded_by_default_and_keeps_head_and_tail() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["seq", "1", "100000"]);
    sandbox.ended(&id);
    let ran = sandbox.task_bg(["output", &id]).ok();
    let answer = ran.json();
    let output = answer["output"].as_str().expect("text");
    assert!(ran.stdout.chars().count() <= 30_000, "{} characters", ran.stdout.chars().count());
    assert!(output.starts_with("1\n2\n3\n"), "{ran}");
    assert!(output.trim_end().ends_with("\n99999\n100000"), "{ran}");
    assert_eq!(answer["truncated"], true);
    assert_eq!(answer["totalBytes"], 588_895);
    assert_eq!(answer["status"], "completed");
    assert!(answer["outputFile"].as_str().is_some_and(|file| file.ends_with(&format!("{id}.out"))));
    let full = sandbox.task_bg(["output", &id, "--full"]).ok().json();
    assert_eq!(full["output"].as_str().map(str::len), Some(588_895));
    assert_eq!(full["truncated"], false);
    let tail = sandbox.task_bg(["output", &id, "--tail", "2"]).ok().json();
    assert_eq!(tail["output"].as_str().map(str::trim_end), Some("99999\n100000"));
}

#[test]
fn output_since_an_offset_gives_only_what_is_new() {
    let sandbox = sandbox();
    let gate = sandbox.path("gate");
    let shell =
        format!("echo first; while [ ! -e {} ]; do sleep 0.05; done; echo second", gate.display());
    let id = sandbox.run_command(["sh", "-c", &shell]);
    let first = wait_for("the first line", || {
        let answer = sandbox.task_bg(["output", &id, "--since", "0"]).ok().json();
        (answer["output"] == "first\n").then_some(answer)
    });
    let offset = first["nextOffset"].as_u64().expect("an offset").to_string();
    let nothing = sandbox.task_bg(["output", &id, "--since", &offset]).ok().json();
    assert_eq!(nothing["output"], "");
    sandbox.open_gate("gate");
    sandbox.ended(&id);
    let second = sandbox.task_bg(["output", &id, "--since", &offset]).ok().json();
    assert_eq!(second["output"], "second\n");
    assert_eq!(second["nextOffset"], second["totalBytes"]);
    let past = sandbox.task_bg(["output", &id, "--since", "999999999"]).ok().json();
    assert_eq!(past["output"], "");
}

#[test]
fn output_shows_what_the_agent_says_the_result_alone_or_the_raw_events() {
    let sandbox = sandbox();
    let id = sandbox.launch("SAY thinking aloud\nSTDERR a warning\nSAY the final answer");
    sandbox.ended(&id);
    sandbox.assert_nothing_left();
    let output = sandbox.task_bg(["output", &id]).ok().json();
    let text = output["output"].as_str().expect("text");
    for part in ["thinking aloud", "a warning"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.trim_end().ends_with("the final answer"), "{text}");
    let result = sandbox.task_bg(["output", &id, "--result"]).ok();
    assert!(!result.stdout.contains("thinking aloud"), "{result}");
    assert!(result.stdout.contains("the final answer"), "{result}");
    let events = sandbox.task_bg(["output", &id, "--events"]).ok();
    assert!(events.stdout.contains("completion"), "{events}");
}

#[test]
fn output_that_is_no_utf_8_and_has_control_characters_is_still_json() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["printf", r"\377\376 \033[31m \000 \303\244 end\n"]);
    sandbox.ended(&id);
    let answer = sandbox.task_bg(["output", &id]).ok().json();
    assert!(answer["output"].as_str().is_some_and(|text| text.contains("ä end")), "{answer}");
    sandbox.task_bg(["status", &id]).ok().json();
}

#[test]
fn a_flood_of_messages_is_followed_to_its_end() {
    let sandbox = sandbox();
    let record = sandbox.ended(&sandbox.launch("FLOOD 5000000\nFLOODERR 1000000\nSAY dry again"));
    assert_eq!(record["status"], "completed", "{record:#}");
    assert_eq!(record["result"], "dry again");
}

#[test]
fn follow_shows_the_output_as_it_comes_and_ends_with_the_task() {
    let sandbox = sandbox();
    let id = sandbox.launch(&format!("SAY early\n{}", gated(&sandbox, "SAY late")));
    let follower = sandbox.task_bg(["output", &id, "--follow"]).start();
    wait_until("the first message in the log", || {
        fs::read_to_string(sandbox.store().join(format!("{id}.out")))
            .is_ok_and(|text| text.contains("early"))
    });
    sandbox.open_gate("gate");
    let ran = follower.finish().ok();
    assert!(ran.stdout.contains("early") && ran.stdout.contains("late"), "{ran}");
}

#[test]
fn list_counts_and_shows_the_newest_first_with_long_texts_cut() {
    let sandbox = sandbox();
    let long = "x".repeat(1_000);
    let first = sandbox.launch(&format!("SAY {long}"));
    sandbox.ended(&first);
    let second = sandbox.launch("EXIT 1");
    sandbox.ended(&second);
    let third = sandbox.launch(&gated(&sandbox, "SAY x"));
    let ran = sandbox.task_bg(["list"]).ok();
    let list = ran.json();
    for (key, count) in [
        ("total", 3),
        ("running", 1),
        ("completed", 1),
        ("error", 1),
        ("queued", 0),
        ("cancelled", 0),
    ] {
        assert_eq!(list[key], count, "{key}\n{ran}");
    }
    let shown = list["tasks"].as_array().expect("tasks");
    let shown: Vec<_> = shown.iter().filter_map(|task| task["id"].as_str()).collect();
    assert_eq!(shown, [third.as_str(), &second, &first], "{ran}");
    let cut = list["tasks"][2]["result"].as_str().unwrap_or_default().chars().count();
    assert!((190..=210).contains(&cut), "{cut} characters\n{ran}");
    let full = sandbox.task_bg(["list", "--full"]).ok().json();
    assert_eq!(full["tasks"][2]["result"], long.as_str());
    let one = sandbox.task_bg(["list", "--limit", "1"]).ok().json();
    assert_eq!(one["tasks"].as_array().map(Vec::len), Some(1));
    assert_eq!((&one["omitted"], &one["total"]), (&Value::from(2), &Value::from(3)));
    let failed = sandbox.task_bg(["list", "--status", "error"]).ok().json();
    assert_eq!(failed["tasks"][0]["id"], second.as_str());
    assert_eq!(failed["tasks"].as_array().map(Vec::len), Some(1));
    sandbox.open_gate("gate");
    sandbox.ended(&third);
}

/// Each of its threads keeps a descriptor; they once took all there were, and no record could be read.
#[test]
fn more_tasks_than_descriptors_can_be_waited_for() {
    let sandbox = sandbox();
    let gate = sandbox.until("gate");
    let line = json!({"description": "x", "command": ["sh", "-c", gate]}).to_string() + "\n";
    let batch = sandbox.task_bg(["batch", "-"]).env("TASK_BG_MAX_RUNNING", "40");
    let launched = batch.stdin(line.repeat(40)).ok().json();
    assert_eq!(launched["rejected"], json!([]), "{launched:#}");
    let few = |wait: &str| format!("ulimit -n 24; exec task-bg wait {wait}");
    let looked = sandbox.shell(&few("--timeout 300ms")).run();
    assert_eq!(looked.code, 6, "{looked}");
    sandbox.open_gate("gate");
    let waited = sandbox.shell(&few("--timeout 60s")).ok().json();
    assert_eq!(waited["pending"], json!([]), "{waited:#}");
}
