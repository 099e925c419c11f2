//! Agents beside droid: each is launched by its name, followed, judged by its own truth table, continued and ended.

use serde_json::{Value, json};
use tests::process::{alive, kill, terminate, wait_until};
use tests::sandbox::{OTHER_AGENTS, Sandbox, pid_at, task_id};

use crate::sandbox;

pub(crate) fn agents() -> Sandbox {
    sandbox().with_other_agents()
}

/// Launches a script with an agent, and these options; returns the task's id.
pub(crate) fn launch(sandbox: &Sandbox, runner: &str, options: &[&str], script: &str) -> String {
    let options = [&["--runner", runner], options].concat();
    sandbox.launch_with(options.iter().copied(), script)
}

/// How a script ended with an agent.
fn play(runner: &str, script: &str) -> Value {
    let sandbox = agents();
    let id = launch(&sandbox, runner, &[], script);
    let record = sandbox.ended(&id);
    sandbox.assert_nothing_left();
    record
}

#[track_caller]
pub(crate) fn error_of(record: &Value, reason: &str) -> String {
    assert_eq!(record["status"], "error", "{record:#}");
    assert_eq!(record["progress"]["reason"], reason, "{record:#}");
    record["error"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn each_agent_completes_with_its_text_its_tools_its_usage_and_its_session() {
    for runner in OTHER_AGENTS {
        let record = play(runner, "SAY I look\nSHELL true\nSAY the answer\u{e9}");
        assert_eq!(record["status"], "completed", "{runner}: {record:#}");
        assert_eq!(record["result"], "the answer\u{e9}", "{runner}");
        let progress = &record["progress"];
        assert_eq!(progress["runner"], runner);
        assert_eq!(progress["toolCalls"], 1, "{runner}");
        assert!(progress["lastTool"].is_string(), "{runner}");
        assert_eq!(progress["usage"]["inputTokens"], 22, "{runner}: {progress:#}");
        assert!(progress["droidSessionId"].is_string(), "{runner}: {progress:#}");
    }
}

#[test]
fn what_people_read_is_its_messages_whole_and_in_order() {
    for runner in OTHER_AGENTS {
        let sandbox = agents();
        let id = launch(&sandbox, runner, &[], "SAY one\nSHELL true\nREFUSE Write\nSAY two");
        sandbox.ended(&id);
        let text = sandbox.task_bg(["output", &id, "--full"]).ok().json()["output"].to_string();
        let (one, two) = (text.find("one"), text.find("two"));
        assert!(one.is_some() && one < two, "{runner}: {text}");
        assert!(text.contains("refused: "), "{runner}: {text}");
        assert_eq!(text.matches("two").count(), 1, "{runner}: {text}");
    }
}

#[test]
fn a_tool_that_was_refused_is_named_beside_what_completed() {
    for runner in OTHER_AGENTS {
        let record = play(runner, "REFUSE Write\nSAY I could not write it");
        assert_eq!(record["status"], "completed", "{runner}: {record:#}");
        let refused = record["progress"]["refused"].as_array().map(Vec::len);
        assert_eq!(refused, Some(1), "{runner}: {record:#}");
    }
    // One of them ends at a question that nobody answers, and exits with 0.
    let words = error_of(&play("opencode", "REJECT"), "permission");
    assert!(words.contains("retry with --autonomy high"), "{words}");
}

#[test]
fn what_a_model_refused_is_never_a_result() {
    for runner in OTHER_AGENTS {
        for (script, reason) in [
            ("FAIL 401", "auth"),
            ("FAIL 402", "rate_limit"),
            ("FAIL 403", "auth"),
            ("FAIL 429", "rate_limit"),
            ("FAIL 500", "exit"),
        ] {
            let record = play(runner, script);
            let words = error_of(&record, reason);
            assert!(!words.is_empty(), "{runner}");
            // One reports the error that ends it twice.
            assert!(words.matches("scripted failure").count() <= 1, "{runner}: {words}");
            assert_eq!(record["result"], Value::Null, "{runner}, {script}: {record:#}");
        }
    }
}

// Once, words such as `quota` or `unauthorized` in what an agent wrote decided over the signal that had killed it.
#[test]
fn what_an_agent_writes_of_failures_never_decides_how_it_ended() {
    let words = "the quota is used up: unexpected status 429, unauthorized, permission denied";
    for runner in OTHER_AGENTS.into_iter().chain(["droid"]) {
        for (end, reason) in [("DIE KILL", "signal"), ("EXIT 1", "exit")] {
            for script in [format!("SAY {words}\n{end}"), format!("STDERR {words}\n{end}")] {
                error_of(&play(runner, &script), reason);
            }
        }
    }
}

#[test]
fn a_failure_that_an_agent_reports_before_it_exits_with_0_is_named_as_one() {
    let line = r#"{"type":"result","subtype":"error_during_execution","is_error":true,"errors":["interrupted"]}"#;
    let words = error_of(&play("claude", &format!("RAW {line}\nNOCOMPLETE")), "no_result");
    assert_eq!(words, "claude reported a failure, although it exited with 0: interrupted");
}

#[test]
fn an_agent_that_somebody_else_terminates_never_completes() {
    for runner in OTHER_AGENTS {
        let sandbox = agents();
        let script = format!("SAY half\nTOUCH {}\nSLEEP 60", sandbox.path("begun").display());
        let id = launch(&sandbox, runner, &[], &script);
        sandbox.wait_for_file("begun");
        terminate(pid_at(&sandbox.record(&id), "agentProcess"));
        let record = sandbox.ended(&id);
        assert_eq!(record["status"], "error", "{runner}: {record:#}");
        sandbox.assert_nothing_left();
    }
}

#[test]
fn cancel_reaches_the_tools_that_survive_their_agent() {
    for runner in OTHER_AGENTS {
        let sandbox = agents();
        let file = sandbox.path("tool");
        let script =
            format!("SHELL echo $$ > {0}.new; mv {0}.new {0}; exec sleep 100", file.display());
        let id = launch(&sandbox, runner, &[], &script);
        let tool = sandbox.pid_in("tool");
        let answer = sandbox.task_bg(["cancel", &id]).ok().json();
        assert_eq!(answer["survivors"], json!([]), "{runner}: {answer:#}");
        wait_until(&format!("the end of the tool of {runner}"), || !alive(tool));
        assert_eq!(sandbox.ended(&id)["status"], "cancelled", "{runner}");
        sandbox.assert_nothing_left();
    }
}

#[test]
fn an_agent_whose_supervisor_was_killed_is_judged_by_its_own_stream() {
    for runner in OTHER_AGENTS {
        let sandbox = agents();
        let (begun, gate) = (sandbox.path("begun"), sandbox.path("gate"));
        let script = format!("TOUCH {}\nWAIT {}\nSAY found", begun.display(), gate.display());
        let id = launch(&sandbox, runner, &[], &script);
        sandbox.wait_for_file("begun");
        let record = sandbox.record(&id);
        kill(pid_at(&record, "supervisor"));
        sandbox.open_gate("gate");
        let agent = pid_at(&record, "agentProcess");
        wait_until(&format!("the end of {runner}"), || !alive(agent));
        sandbox.task_bg(["wait", &id, "--timeout", "20"]).ok().done();
        let record = sandbox.ended(&id);
        assert_eq!(
            (&record["status"], &record["result"]),
            (&json!("completed"), &json!("found")),
            "{runner}"
        );
    }
}

#[test]
fn a_resume_goes_on_in_the_session_with_the_same_agent_and_a_fork_in_a_copy() {
    for runner in OTHER_AGENTS {
        let sandbox = agents();
        let first = launch(&sandbox, runner, &[], "SAY one");
        let session = sandbox.ended(&first)["progress"]["droidSessionId"].clone();
        let second = task_id(&sandbox.task_bg(["resume", &first, "SAY two"]).ok().json());
        let record = sandbox.ended(&second);
        assert_eq!(
            (&record["result"], &record["progress"]["runner"]),
            (&json!("two"), &json!(runner))
        );
        assert_eq!(record["progress"]["droidSessionId"], session, "{runner}");
        if runner == "gemini" {
            continue;
        }
        let third =
            task_id(&sandbox.task_bg(["resume", "--fork", &first, "SAY three"]).ok().json());
        let record = sandbox.ended(&third);
        assert_eq!(record["result"], "three", "{record:#}");
        assert_ne!(record["progress"]["droidSessionId"], session, "{runner}");
    }
}

#[test]
fn a_fork_is_refused_where_the_agent_cannot_copy_a_session() {
    let sandbox = agents();
    let id = launch(&sandbox, "gemini", &[], "SAY one");
    sandbox.ended(&id);
    let refused = sandbox.task_bg(["resume", "--fork", &id, "SAY two"]).code(4).json();
    assert!(refused["error"].to_string().contains("cannot go on in a copy"), "{refused:#}");
    assert!(refused["hint"].to_string().contains("--fork"), "{refused:#}");
}

#[test]
fn a_retry_keeps_the_runner() {
    let sandbox = agents();
    let id = launch(&sandbox, "codex", &[], "EXIT 3");
    error_of(&sandbox.ended(&id), "exit");
    let next = task_id(&sandbox.task_bg(["retry", &id]).ok().json());
    assert_eq!(sandbox.ended(&next)["progress"]["runner"], "codex");
}

#[test]
fn the_settings_say_who_works_where_an_order_names_nobody() {
    let sandbox = agents().with_env("TASK_BG_RUNNER", "gemini");
    let id = sandbox.launch("SAY hello");
    assert_eq!(sandbox.ended(&id)["progress"]["runner"], "gemini");
    let id = launch(&sandbox, "droid", &[], "SAY hello");
    assert_eq!(sandbox.ended(&id)["progress"]["runner"], "droid");
}

#[test]
fn a_droids_instructions_reach_every_agent_and_what_cannot_be_applied_is_named() {
    let sandbox = agents();
    let folder = sandbox.work().join(".factory/droids");
    std::fs::create_dir_all(&folder).expect("a folder");
    let text =
        "---\nname: writer\nmodel: some-model\ntools: [Read, AskUser]\n---\nWrite in verse.\n";
    std::fs::write(folder.join("writer.md"), text).expect("a droid");
    for runner in OTHER_AGENTS {
        let told = sandbox.path(&format!("{runner}.told"));
        let args = sandbox.path(&format!("{runner}.args"));
        let script = format!("SYSTEM {}\nARGS {}\nSAY x", told.display(), args.display());
        let id = launch(&sandbox, runner, &["--droid", "writer"], &script);
        let record = sandbox.ended(&id);
        assert_eq!(record["status"], "completed", "{runner}: {record:#}");
        assert_eq!(
            std::fs::read_to_string(&told).ok().as_deref(),
            Some("Write in verse."),
            "{runner}"
        );
        let args = std::fs::read_to_string(&args).expect("its arguments");
        assert!(
            !args.contains("verse") && !args.contains("SAY") && !args.contains("some-model"),
            "{args}"
        );
        let named = record["progress"]["notApplied"].to_string();
        assert!(
            named.contains("AskUser") && named.contains("the model some-model"),
            "{runner}: {named}"
        );
    }
}

// Once, the usual droid was taken for one that nobody had named, also where somebody had.
#[test]
fn an_agent_whose_own_instructions_are_replaced_keeps_them_only_where_no_droid_is_named() {
    for runner in ["codex", "gemini"] {
        let sandbox = agents();
        let told = |options: &[&str], name: &str| {
            let file = sandbox.path(name);
            let script = format!("SYSTEM {}\nEXIT 1", file.display());
            let id = launch(&sandbox, runner, options, &script);
            sandbox.ended(&id);
            let next = task_id(&sandbox.task_bg(["retry", &id]).ok().json());
            (std::fs::read_to_string(&file).is_ok(), sandbox.ended(&next), file)
        };
        let (is_told, record, _) = told(&[], "usual");
        assert!(!is_told, "{runner}");
        assert_eq!(record["progress"]["droid"]["named"], Value::Null, "{record:#}");
        let (is_told, record, file) = told(&["--droid", "executor-med"], "named");
        assert!(is_told, "{runner}");
        assert_eq!(record["progress"]["droid"]["named"], true, "{record:#}");
        // An attempt that follows is told as the first was.
        std::fs::remove_file(&file).expect("what it was told");
        let id = record["id"].as_str().expect("an id");
        let next = task_id(&sandbox.task_bg(["retry", id]).ok().json());
        sandbox.ended(&next);
        assert!(file.exists(), "{runner}: the next attempt");
    }
}

#[test]
fn five_agents_in_one_batch_hand_on_what_they_found() {
    let sandbox = agents();
    let mut lines = vec![
        json!({"name": "droid", "description": "d", "prompt": "SAY droid", "runner": "droid"}),
    ];
    let mut earlier = "droid".to_owned();
    for runner in OTHER_AGENTS {
        let prompt = format!("SAY {{{{task:{earlier}.result}}}} {runner}");
        lines.push(
            json!({"name": runner, "description": runner, "prompt": prompt, "runner": runner}),
        );
        runner.clone_into(&mut earlier);
    }
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let answer = sandbox.task_bg(["batch", "-", "--wait=60s"]).stdin(text).ok().json();
    let all = answer.to_string();
    assert!(all.contains("droid claude codex gemini opencode"), "{answer:#}");
}

#[test]
fn runners_says_where_each_is_and_asks_each_for_its_version_once() {
    let sandbox = sandbox();
    let asked = sandbox.path("asked");
    let script = format!("#!/bin/sh\necho asked >> {}\necho 9.9.9\n", asked.display());
    let program = sandbox.path("bin/claude");
    tests::sandbox::executable(&program, &script);
    // A version is remembered where there is a store.
    sandbox.ended(&sandbox.run_command(["true"]));
    for _ in 0..2 {
        let answer = sandbox.task_bg(["runners"]).ok().json();
        let runners = answer["runners"].as_array().expect("runners");
        let of = |name: &str| runners.iter().find(|it| it["name"] == name).expect("it is listed");
        let claude = of("claude");
        assert_eq!(claude["path"], program.to_string_lossy().as_ref());
        assert_eq!((&claude["version"], &claude["missing"]), (&json!("9.9.9"), &Value::Null));
        assert_eq!(
            (&claude["resume"], &claude["fork"], &claude["chosenSession"]),
            (&json!(true), &json!(true), &json!(true))
        );
        assert_eq!(of("gemini")["fork"], false);
        assert_eq!(
            (&of("droid")["default"], &of("droid")["version"]),
            (&json!(true), &json!("0.225.2"))
        );
        let codex = of("codex");
        assert_eq!((&codex["path"], &codex["version"]), (&Value::Null, &Value::Null));
        assert!(codex["missing"].to_string().contains("npm install"), "{codex:#}");
    }
    assert_eq!(sandbox.lines_of("asked").len(), 1, "it was asked more than once");
    tests::sandbox::executable(&program, &script.replace("9.9.9", "10.0.0"));
    let answer = sandbox.task_bg(["runners"]).ok().json();
    assert!(answer.to_string().contains("10.0.0"), "{answer:#}");
}

#[test]
fn doctor_looks_after_the_runner_that_is_in_use() {
    let sandbox = sandbox().with_env("TASK_BG_RUNNER", "codex");
    sandbox.remove_droid();
    let answer = sandbox.task_bg(["doctor"]).code(1).json();
    let findings = answer["findings"].as_array().expect("findings");
    let codex = findings.iter().find(|it| it["check"] == "codex").expect("it is checked");
    assert_eq!(codex["status"], "fail");
    assert!(codex["fix"].to_string().contains("npm install"), "{codex:#}");
    assert!(!findings.iter().any(|it| it["check"] == "droid"), "nobody uses it");
}

#[test]
fn a_task_launched_inside_an_agent_that_names_its_session_knows_its_parent() {
    let sandbox = sandbox();
    let parent = |variables: &[(&'static str, &str)]| {
        let run = sandbox.task_bg(["run", "x", "--", "true"]);
        let run = variables.iter().fold(run, |run, (name, value)| run.env(name, *value));
        let answer = run.ok().json();
        sandbox.ended(&task_id(&answer));
        answer["parent_session_id"].clone()
    };
    assert_eq!(parent(&[("CLAUDE_CODE_SESSION_ID", "of-claude")]), "of-claude");
    assert_eq!(parent(&[("CODEX_THREAD_ID", "of-codex")]), "of-codex");
    assert_eq!(parent(&[("OPENCODE_SESSION_ID", "of-opencode")]), "of-opencode");
    let both = [("CODEX_THREAD_ID", "of-codex"), ("TASK_BG_PARENT_SESSION", "said")];
    assert_eq!(parent(&both), "said");
    // An agent that a task of such a session starts does not take itself for that session.
    let sandbox = agents();
    let script = "SHELL task-bg run inner -- true\nSAY x";
    let words = ["launch", "outer", script, "--runner", "gemini"];
    let answer = sandbox.task_bg(words).env("CODEX_THREAD_ID", "of-codex").ok().json();
    sandbox.ended(&task_id(&answer));
    let inner = sandbox.task_bg(["list", "--parent", "of-codex"]).ok().json();
    assert_eq!(inner["total"], 1, "{inner:#}");
}
