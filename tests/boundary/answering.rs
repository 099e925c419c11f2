//! What answers say: the original's keys, the command to go on with, and what tells most of a task.

use serde_json::{Value, json};
use tests::sandbox::task_id;

use crate::sandbox;

fn ids(rows: &Value) -> Vec<&str> {
    rows.as_array().into_iter().flatten().filter_map(|row| row["taskId"].as_str()).collect()
}

// Once, `launch` had no `sessionId`, `complete` did not say that it was completed, and the output of a task
// without a log was an empty text.
#[test]
fn the_originals_keys_are_in_the_answers() {
    let sandbox = sandbox();
    let answer = sandbox.task_bg(["launch", "a task", "SAY x", "--hold"]).ok().json();
    let id = task_id(&answer);
    assert_eq!(answer["sessionId"], answer["session_id"], "{answer:#}");
    assert!(answer["sessionId"].is_string(), "{answer:#}");
    assert_eq!((&answer["id"], &answer["description"]), (&json!(id), &json!("a task")));
    let output = sandbox.task_bg(["output", &id]).ok().json();
    assert_eq!((&output["output"], &output["status"]), (&Value::Null, &json!("queued")));
    assert!(output["error"].is_string(), "{output:#}");
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert_eq!((&status["id"], &status["taskId"]), (&json!(id), &json!(id)));
    let completed = sandbox.task_bg(["complete", &id, "by hand"]).ok().json();
    assert_eq!(completed["completed"], true, "{completed:#}");
    assert_eq!(completed["description"], "a task", "{completed:#}");
    let waited = sandbox.task_bg(["wait", &id]).ok().json();
    assert_eq!(waited["ended"][0]["id"], json!(id), "{waited:#}");
    let list = sandbox.task_bg(["list"]).ok().json();
    assert_eq!(list["tasks"][0]["taskId"], json!(id), "{list:#}");
}

// An agent took the quick answer of a launch for the end of the work.
#[test]
fn whoever_launches_is_told_the_next_command() {
    let sandbox = sandbox();
    let wait = |id: &str| json!(format!("task-bg wait {id}"));
    let launched = sandbox.task_bg(["launch", "a task", "SAY x", "--hold"]).ok().json();
    assert_eq!(launched["next"], wait(&task_id(&launched)), "{launched:#}");
    let run = sandbox.task_bg(["run", "x", "--hold", "--", "true"]).ok().json();
    assert_eq!(run["next"], wait(&task_id(&run)), "{run:#}");
    let batch = sandbox.task_bg(["batch", "-"]);
    let batch = batch.stdin(r#"{"description":"x","command":["true"],"hold":true}"#).ok().json();
    let id = task_id(&batch["launched"][0]);
    assert_eq!((&batch["next"], &batch["launched"][0]["id"]), (&wait(&id), &json!(id)));
    sandbox.task_bg(["cancel", "--all"]).ok().done();
}

// Of a thousand lines the first two hundred characters were shown, and the cause of the failure stands in the last.
#[test]
fn the_last_lines_of_a_command_are_in_every_preview() {
    let sandbox = sandbox().with_env("TASK_BG_PARENT_SESSION", "parent");
    let script = "for n in $(seq 100); do echo \"test number $n of the whole suite ... ok\"; done; \
                  echo 'FATAL: disk is missing'; exit 1";
    let failed = sandbox.run_script(&[], script);
    sandbox.ended(&failed);
    let event = json!({"session_id": "parent", "hook_event_name": "PostToolUse"});
    let notice = sandbox.hook(event.to_string()).ok().stdout;
    let report = sandbox.task_bg(["report"]).ok().stdout;
    let list = sandbox.task_bg(["list"]).ok();
    let waited = sandbox.task_bg(["wait", &failed]).code(5);
    let told = waited.json()["ended"][0]["result"].clone();
    let expected = "ok\nFATAL: disk is missing";
    assert!(told.as_str().is_some_and(|told| told.ends_with(expected)), "{told}");
    assert!(told.as_str().is_some_and(|told| told.starts_with("exited with code 1: …")), "{told}");
    assert!(list.json()["tasks"][0]["error"].as_str().is_some_and(|it| it.ends_with(expected)));
    for answer in [&notice, &report, &list.stdout] {
        assert!(answer.contains("FATAL: disk is missing"), "{answer}");
    }
}

// A list showed the first lines of a command that was cancelled, and the end of every other one.
#[test]
fn of_a_command_that_was_cancelled_a_list_shows_the_last_lines_as_of_any_other() {
    let sandbox = sandbox();
    let script = "for n in $(seq 100); do echo \"test number $n of the whole suite ... ok\"; done; \
                  echo 'stuck in test 101'; touch \"$0\"; exec sleep 60";
    let there = sandbox.path("there");
    let there = there.to_str().expect("a path");
    let id = sandbox.run_command(["sh", "-c", script, there]);
    sandbox.wait_for_file("there");
    sandbox.task_bg(["cancel", &id]).ok().done();
    let list = sandbox.task_bg(["list"]).ok().json();
    let result = list["tasks"][0]["result"].as_str().unwrap_or_default();
    assert!(result.starts_with('…') && result.ends_with("ok\nstuck in test 101"), "{list:#}");
}

#[test]
fn of_an_agents_answer_a_preview_is_the_beginning_and_an_empty_one_is_named() {
    let sandbox = sandbox();
    let long = format!("SAY The answer. {}", "word ".repeat(200));
    let answered = sandbox.launch(&long);
    let silent = sandbox.run_command(["true"]);
    let waited = sandbox.task_bg(["wait", &answered, &silent]).ok().json();
    let told = waited["ended"][0]["result"].as_str().unwrap_or_default();
    assert!(told.starts_with("The answer. word") && told.ends_with('…'), "{told}");
    assert_eq!(waited["ended"][1]["result"], "(it printed nothing)", "{waited:#}");
    let result = sandbox.task_bg(["output", "--result", &silent]).ok().json();
    assert_eq!((&result["output"], &result["note"]), (&json!(""), &json!("(it printed nothing)")));
}

// A wait without ids said nothing and ended well, whether all was done or the session's name was misspelt.
#[test]
fn a_wait_with_nothing_to_wait_for_says_so_and_names_what_ended_lately() {
    let sandbox = sandbox();
    let idle = sandbox.task_bg(["wait"]).ok().json();
    assert!(idle["idle"].as_str().is_some_and(|it| it.contains("nothing to wait for")), "{idle:#}");
    assert_eq!(idle["recent"], json!([]), "{idle:#}");
    let failed = sandbox.run_script(&["--parent", "mine"], "echo why; exit 3");
    sandbox.ended(&failed);
    let well = sandbox.run_command(["true"]);
    sandbox.ended(&well);
    sandbox.assert_nothing_left();
    let idle = sandbox.task_bg(["wait"]).ok().json();
    assert_eq!(ids(&idle["recent"]), [&failed, &well], "failures first: {idle:#}");
    assert_eq!(idle["recent"][0]["result"], "exited with code 3: why", "{idle:#}");
    let table = sandbox.task_bg(["wait", "--format", "table"]).ok().stdout;
    assert!(table.contains("nothing to wait for") && table.contains(&failed), "{table}");
    let typo = sandbox.task_bg(["wait", "--parent", "mien"]).code(3);
    assert_eq!(typo.json()["code"], "not_found", "{typo}");
    assert!(typo.json()["error"].as_str().is_some_and(|it| it.contains("`mien`")), "{typo}");
}

// A host took the same answer twice for a loop, and stopped the agent.
#[test]
fn two_waits_that_run_out_of_time_do_not_answer_the_same() {
    let sandbox = sandbox();
    let gate = sandbox.until("gate");
    let id = sandbox.run_script(&[], &gate);
    let first = sandbox.task_bg(["wait", &id, "--timeout", "100ms"]).code(6);
    let second = sandbox.task_bg(["wait", &id, "--timeout", "100ms"]).code(6);
    assert_ne!(first.stdout, second.stdout);
    assert_eq!(second.json()["pending"][0]["description"], "a script", "{second}");
    sandbox.open_gate("gate");
    sandbox.ended(&id);
}

#[test]
fn launch_and_wait_names_the_task_whatever_became_of_it() {
    let sandbox = sandbox();
    for (script, code) in [("true", 0), ("exit 3", 5), ("sleep 30", 6)] {
        let ran = sandbox.task_bg(["run", "x", "--wait=1s", "--", "sh", "-c", script]).code(code);
        let id = task_id(&ran.json());
        assert_eq!(ran.json()["id"], json!(id), "{ran}");
        assert_eq!(sandbox.record(&id)["id"], json!(id));
    }
    sandbox.task_bg(["cancel", "--all", "--grace", "0"]).ok().done();
    let failed = sandbox.task_bg(["run", "x", "--wait", "--", "/no/such/program"]).code(7).json();
    assert_eq!(sandbox.status(&task_id(&failed)), "error");
    // Somebody at a terminal who is cut off while it waits knows which task it was.
    let at_terminal = "script -qec 'task-bg run x --wait -- true' /dev/null";
    let shown = sandbox.shell(at_terminal).ok().stdout;
    assert!(shown.trim_start().starts_with("launched bg_"), "{shown}");
}

// Each attempt was counted, so that a task which came out well in the end stood among the failed as well.
#[test]
fn a_report_counts_the_last_attempt_of_a_task() {
    let sandbox = sandbox();
    let once = sandbox.path("once");
    let script = format!("[ -e {0} ] || {{ touch {0}; exit 3; }}", once.display());
    let first = sandbox.run_script(&["--retries", "1", "--backoff", "0"], &script);
    sandbox.task_bg(["wait", &first]).ok().done();
    let report = sandbox.task_bg(["report", "--json"]).ok().json();
    assert_eq!((&report["total"], &report["counts"]["completed"]), (&json!(1), &json!(1)));
    assert_eq!(report["notCompleted"], json!([]), "{report:#}");
    assert!(!sandbox.task_bg(["report"]).ok().stdout.contains(&first));
}

#[test]
fn a_report_and_an_output_take_several_ids() {
    let sandbox = sandbox();
    let one = sandbox.run_command(["echo", "one"]);
    let two = sandbox.run_command(["echo", "two"]);
    let three = sandbox.run_command(["echo", "three"]);
    for id in [&one, &two, &three] {
        sandbox.ended(id);
    }
    let report = sandbox.task_bg(["report", "--json", &three, &one]).ok().json();
    assert_eq!(ids(&report["tasks"]), [&three, &one], "{report:#}");
    let output = sandbox.task_bg(["output", &one, &two]).ok().json();
    assert_eq!(ids(&output["outputs"]), [&one, &two], "{output:#}");
    assert_eq!(output["outputs"][1]["output"], "two\n", "{output:#}");
    let partly = sandbox.task_bg(["output", &one, "bg_0"]).code(3).json();
    assert_eq!(ids(&partly["outputs"]), [&one], "{partly:#}");
    assert_eq!(ids(&partly["refused"]), ["bg_0"], "{partly:#}");
}

#[test]
fn a_list_takes_several_statuses_an_order_and_pages() {
    let sandbox = sandbox();
    let failed = sandbox.run_command(["false"]);
    sandbox.ended(&failed);
    let well = sandbox.run_command(["true"]);
    sandbox.ended(&well);
    let held = sandbox.run_script(&["--hold"], "true");
    let list = |options: &[&str]| {
        let words = [&["list"], options].concat();
        sandbox.task_bg(words).ok().json()
    };
    assert_eq!(ids(&list(&["--status", "error,queued"])["tasks"]), [&held, &failed]);
    assert_eq!(ids(&list(&["--sort", "oldest"])["tasks"]), [&failed, &well, &held]);
    assert_eq!(ids(&list(&["--sort", "ended"])["tasks"]), [&well, &failed, &held]);
    assert_eq!(ids(&list(&["--sort", "status"])["tasks"]), [&held, &failed, &well]);
    let first = list(&["--limit", "2", "--status", "queued,error,completed"]);
    assert_eq!((ids(&first["tasks"]), &first["omitted"]), (vec![&*held, &well], &json!(1)));
    let more = "task-bg list --status queued,error,completed --offset 2";
    assert_eq!(first["more"], more, "{first:#}");
    // Once, those before the page counted as left out, and `more` led to an empty page.
    let middle = list(&["--offset", "1", "--limit", "1"]);
    assert_eq!((ids(&middle["tasks"]), &middle["omitted"]), (vec![&*well], &json!(1)));
    assert_eq!(middle["more"], "task-bg list --offset 2", "{middle:#}");
    for (offset, shown) in [("2", vec![&*failed]), ("3", vec![]), ("9", vec![])] {
        let end = list(&["--offset", offset]);
        assert_eq!((ids(&end["tasks"]), &end["omitted"]), (shown, &json!(0)), "{end:#}");
        assert!(end["more"].is_null() && end["total"] == 3, "{end:#}");
    }
    sandbox.task_bg(["cancel", &held]).ok().done();
}

// Process numbers, boot ids and empty values filled a list, which an agent pays for.
#[test]
fn a_list_has_only_what_somebody_acts_on() {
    let sandbox = sandbox();
    let prompt = format!("SAY {}", "a long prompt ".repeat(100));
    for _ in 0..5 {
        sandbox.ended(&sandbox.launch(&prompt));
    }
    let ran = sandbox.task_bg(["list"]).ok();
    let printed = ran.stdout.chars().count();
    assert!(printed < 4_000, "{printed} characters\n{ran}");
    for key in ["null", "\"\"", "bootId", "pid", "agentProcess", "supervisor"] {
        assert!(!ran.stdout.contains(key), "{key}\n{ran}");
    }
    let whole = sandbox.task_bg(["list", "--full"]).ok().stdout;
    assert!(whole.contains("bootId") && whole.chars().count() > 10_000);
}

// A task that waited said no word of why, and looked as if it were forgotten.
#[test]
fn a_queued_task_says_why_it_waits() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "1");
    let gate = sandbox.until("gate");
    let running = sandbox.run_script(&[], &gate);
    let held = sandbox.run_script(&["--hold"], "true");
    let after = sandbox.run_script(&["--after", &running], "true");
    let later = sandbox.run_script(&["--start-in", "1h"], "true");
    let room = sandbox.run_script(&[], "true");
    let expected = [
        (&held, format!("held: `task-bg release {held}` lets it start")),
        (&after, format!("waits for {running}")),
        (&later, "waits until 20".to_owned()),
        (&room, "waits for room: 1 of 1 run".to_owned()),
    ];
    let list = sandbox.task_bg(["list", "--status", "queued"]).ok().json();
    let wait = sandbox.task_bg(["wait", "--timeout", "1ms"]).code(6).json();
    let find = |rows: &Value, id: &str| {
        rows.as_array().and_then(|rows| rows.iter().find(|row| row["id"] == id)).cloned()
    };
    for (id, why) in expected {
        let row = find(&list["tasks"], id).expect("it is listed");
        let status = sandbox.task_bg(["status", id]).ok().json();
        let pending = find(&wait["pending"], id).expect("it is pending");
        for note in [&row["progress"]["note"], &status["progress"]["note"], &pending["note"]] {
            assert!(note.as_str().is_some_and(|note| note.starts_with(&why)), "{why}\n{note}");
        }
        assert!(row["progress"]["queuePosition"].is_number(), "{row}");
    }
    sandbox.task_bg(["queue", "pause"]).ok().done();
    let status = sandbox.task_bg(["status", &room]).ok().json();
    let note = status["progress"]["note"].as_str().unwrap_or_default();
    assert!(note.starts_with("the queue is paused"), "{status:#}");
    sandbox.open_gate("gate");
    sandbox.task_bg(["cancel", "--all"]).ok().done();
}

// Without any count of all of them, a program that reads `total` read nothing.
#[test]
fn a_list_of_what_has_not_ended_counts_that_and_nothing_else() {
    let sandbox = sandbox();
    let ended = sandbox.run_script(&[], "exit 0");
    sandbox.ended(&ended);
    sandbox.run_script(&[], "sleep 60");
    let all = sandbox.task_bg(["list"]).ok().json();
    assert_eq!((&all["total"], &all["completed"]), (&json!(2), &json!(1)), "{all:#}");
    for statuses in ["running", "running,queued"] {
        let list = sandbox.task_bg(["list", "--status", statuses]).ok().json();
        let counts = (&list["total"], &list["running"], &list["queued"]);
        assert_eq!(counts, (&json!(1), &json!(1), &json!(0)), "{list:#}");
        for uncounted in ["completed", "error", "cancelled"] {
            assert!(list.get(uncounted).is_none(), "{list:#}");
        }
    }
}
