//! Launching: what comes back at once, what reaches the agent, and what must not.

use std::fs;

use serde_json::Value;
use tests::process::{alive, command_line, descriptors, wait_until};
use tests::sandbox::{Sandbox, task_id, text};

use crate::sandbox;

/// All that a shell, a JSON writer or a line reader could stumble over.
const NASTY: &str = "\
it's \"quoted\" and `touch pwned` and $(touch pwned) and ${HOME} and \\ and \\n\n\
\ttab, trailing blanks   \n\
\n\
--looks-like-an-option ; rm -rf / & | > < * ? [a] {b} !! # ~\n\
\u{1b}[31m ünïcödé \u{1f980} \u{2028} \r\n\
%s %d %%\n";

fn json_in(sandbox: &Sandbox, name: &str) -> Value {
    sandbox.wait_for_file(name);
    let text = fs::read_to_string(sandbox.path(name)).expect("a file the script wrote");
    serde_json::from_str(&text).expect("the script writes JSON")
}

fn words(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .map(|words| words.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

fn has_pair(words: &[&str], pair: [&str; 2]) -> bool {
    words.windows(2).any(|window| window == pair)
}

#[test]
fn the_answer_is_one_json_line_with_the_task_the_session_and_the_status() {
    let sandbox = sandbox();
    let ran = sandbox.task_bg(["launch", "a task", "SAY hi"]).ok();
    assert_eq!(ran.stdout.lines().count(), 1, "{ran}");
    let answer = ran.json();
    let id = task_id(&answer);
    assert!(id.starts_with("bg_"), "{ran}");
    assert_eq!(answer["status"], "running", "{ran}");
    assert!(answer["session_id"].as_str().is_some_and(|session| !session.is_empty()), "{ran}");
    assert_eq!(sandbox.record(&id)["session_id"], answer["session_id"]);
    assert!(ran.stderr.is_empty(), "{ran}");
    sandbox.ended(&id);
}

#[test]
fn launch_returns_while_the_agent_runs_and_keeps_no_pipe_of_its_caller_open() {
    let sandbox = sandbox();
    let script = format!(
        "PID {}\nWAIT {}\nSAY done",
        sandbox.path("pid").display(),
        sandbox.path("gate").display()
    );
    fs::write(sandbox.path("prompt"), script).expect("a file in the sandbox");
    let shell = "answer=$(task-bg launch 'a task' --prompt-file ../prompt); echo \"$answer\"";
    let id = task_id(&sandbox.shell(shell).ok().json());
    assert!(alive(sandbox.pid_in("pid")), "the agent is to run on");
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&id)["status"], "completed");
}

#[test]
fn a_pipe_inherited_under_another_number_is_not_kept_open_either() {
    let sandbox = sandbox();
    let gate = sandbox.path("gate");
    fs::write(sandbox.path("prompt"), format!("WAIT {}", gate.display())).expect("a file");
    let shell =
        "task-bg launch 'a task' --prompt-file ../prompt 9>&1 >../answer | cat; cat ../answer";
    let id = task_id(&sandbox.shell(shell).ok().json());
    assert_eq!(sandbox.record(&id)["status"], "running");
    sandbox.open_gate("gate");
    sandbox.ended(&id);
}

#[test]
fn an_agent_inherits_three_streams_and_nothing_else() {
    let sandbox = sandbox();
    let shell = "task-bg run sleeper 7</etc/passwd 9>&1 -- sleep 60";
    let id = task_id(&sandbox.shell(shell).ok().json());
    let pid = agent_pid(&sandbox, &id);
    wait_until("the command to be itself", || {
        command_line(pid).is_some_and(|line| line == "sleep 60")
    });
    assert_eq!(descriptors(pid), [0, 1, 2]);
    sandbox.task_bg(["cancel", &id]).ok().done();
}

fn agent_pid(sandbox: &Sandbox, id: &str) -> u32 {
    let record = sandbox.record(id);
    let pid = record["progress"]["agentProcess"]["pid"].as_u64();
    pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or_else(|| panic!("no agent in {record:#}"))
}

#[test]
fn the_record_names_the_agent_that_runs_when_launch_returns() {
    let sandbox = sandbox();
    let id = sandbox.launch(&format!(
        "PID {}\nWAIT {}",
        sandbox.path("pid").display(),
        sandbox.path("gate").display()
    ));
    let named = agent_pid(&sandbox, &id);
    assert_eq!(named, sandbox.pid_in("pid"));
    sandbox.open_gate("gate");
    sandbox.ended(&id);
}

#[test]
fn a_missing_droid_is_exit_7_with_a_hint_and_leaves_nothing_running() {
    let sandbox = sandbox();
    sandbox.remove_droid();
    let answer = sandbox.task_bg(["launch", "a task", "SAY hi"]).run().failure(7);
    assert!(answer["error"].as_str().is_some_and(|words| words.contains("droid")), "{answer}");
    assert!(answer["hint"].as_str().is_some_and(|words| !words.is_empty()), "{answer}");
    let list = sandbox.task_bg(["list"]).ok().json();
    assert_eq!(list["running"], 0, "{list}");
    assert_eq!(sandbox.active(), [""; 0]);
    sandbox.assert_nothing_left();
}

#[test]
fn a_command_that_does_not_exist_is_exit_7_and_named() {
    let sandbox = sandbox();
    let answer = sandbox.task_bg(["run", "a task", "--", "no-such-program"]).run().failure(7);
    assert!(answer["error"].to_string().contains("no-such-program"), "{answer}");
    assert_eq!(sandbox.active(), [""; 0]);
}

#[test]
fn a_prompt_reaches_the_agent_byte_for_byte_however_it_is_given() {
    let sandbox = sandbox();
    let echo = sandbox.path("echo");
    let prompt = format!("ECHO {}\n{NASTY}", echo.display());
    fs::write(sandbox.path("prompt"), &prompt).expect("a file in the sandbox");
    let file = text(&sandbox.path("prompt"));
    for arguments in [
        vec!["launch", "a task", "--prompt-file", &file],
        vec!["launch", "a task", "--prompt-file", "-"],
        vec!["launch", "a task", &prompt],
        vec!["launch", "a task", &prompt, "executor-med", "main"],
    ] {
        let ran = sandbox.task_bg(&arguments).stdin(prompt.as_str()).ok();
        let id = task_id(&ran.json());
        let record = sandbox.ended(&id);
        let arrived = fs::read(&echo).expect("the script writes what it got");
        assert_eq!(String::from_utf8_lossy(&arrived), prompt, "{:?}", &arguments[..2]);
        assert_eq!(record["prompt"], prompt.as_str());
        fs::remove_file(&echo).expect("a file that was just read");
    }
    assert!(!sandbox.work().join("pwned").exists());
}

#[test]
fn a_prompt_of_a_megabyte_arrives() {
    let sandbox = sandbox();
    let echo = sandbox.path("echo");
    let mut prompt = format!("ECHO {}\n", echo.display());
    while prompt.len() < 1_000_000 {
        prompt.push_str(NASTY);
    }
    let record = sandbox.ended(&sandbox.launch(&prompt));
    assert_eq!(record["status"], "completed");
    assert!(fs::read(&echo).expect("the script writes what it got") == prompt.as_bytes());
}

#[test]
fn a_prompt_is_on_nobodys_command_line() {
    let sandbox = sandbox();
    let script = format!(
        "PID {}\nsecret-word-in-the-prompt\nWAIT {}",
        sandbox.path("pid").display(),
        sandbox.path("gate").display()
    );
    let id = sandbox.launch(&script);
    let agent = sandbox.pid_in("pid");
    let seen = sandbox.leftovers();
    assert!(seen.iter().any(|seen| seen.pid == agent), "{seen:?}");
    for process in seen {
        assert!(!process.command_line.contains("secret-word"), "{}", process.command_line);
    }
    sandbox.open_gate("gate");
    sandbox.ended(&id);
}

#[test]
fn a_prompt_with_a_nul_is_refused_and_nothing_is_recorded() {
    let sandbox = sandbox();
    let arguments = ["launch", "a task", "--prompt-file", "-"];
    let ran = sandbox.task_bg(arguments).stdin(b"SAY a\0b".as_slice()).run();
    let answer = ran.failure(2);
    assert!(answer["error"].to_string().to_lowercase().contains("nul"), "{answer}");
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 0);
}

#[test]
fn an_empty_prompt_is_refused() {
    let sandbox = sandbox();
    for prompt in ["", "  \n\t"] {
        sandbox.task_bg(["launch", "a task", prompt]).run().failure(2);
    }
}

#[test]
fn the_positional_form_of_the_original_still_works() {
    let sandbox = sandbox();
    let script = format!("ARGS {}\nSAY hi", sandbox.path("args").display());
    let words_of = ["launch", "Fix it", &script, "executor-med", "main", "low", "custom:Mock-A-0"];
    let record = sandbox.ended(&task_id(&sandbox.task_bg(words_of).ok().json()));
    assert_eq!(record["description"], "Fix it");
    assert_eq!(record["agent"], "executor-med");
    assert_eq!(record["status"], "completed");
    let arguments = json_in(&sandbox, "args");
    let arguments = words(&arguments);
    assert_eq!(arguments[1], "exec");
    assert!(has_pair(&arguments, ["-o", "stream-json"]), "{arguments:?}");
    assert!(has_pair(&arguments, ["--auto", "low"]), "{arguments:?}");
    assert!(arguments.contains(&"custom:Mock-A-0"), "{arguments:?}");
}

#[test]
fn a_parent_called_main_is_the_one_that_the_environment_names() {
    let sandbox = sandbox();
    for (words, expected) in [
        (vec!["launch", "a task", "SAY x", "executor-med", "main"], "the-session"),
        (vec!["launch", "a task", "SAY x"], "the-session"),
        (vec!["launch", "a task", "SAY x", "executor-med", "another"], "another"),
    ] {
        let ran = sandbox.task_bg(words).env("TASK_BG_PARENT_SESSION", "the-session").ok();
        let record = sandbox.ended(&task_id(&ran.json()));
        assert_eq!(record["parent_session_id"], expected);
    }
}

#[test]
fn an_agent_runs_in_its_callers_folder_and_environment_and_knows_its_task() {
    let sandbox = sandbox();
    let script = format!(
        "CWD {}\nENVIRON {}",
        sandbox.path("cwd").display(),
        sandbox.path("environ").display()
    );
    let arguments = ["launch", "a task", &script, "--env", "GIVEN=by hand"];
    let ran = sandbox.task_bg(arguments).env("INHERITED", "as it was").ok();
    let id = task_id(&ran.json());
    let environ = json_in(&sandbox, "environ");
    assert_eq!(environ["INHERITED"], "as it was");
    assert_eq!(environ["GIVEN"], "by hand");
    assert_eq!(environ["TASK_BG_TASK_ID"], id.as_str());
    assert_eq!(environ["TASK_BG_DEPTH"], "1");
    sandbox.ended(&id);
    assert_eq!(fs::read_to_string(sandbox.path("cwd")).expect("written"), text(&sandbox.work()));

    let script = format!("CWD {}", sandbox.path("other").display());
    let id = sandbox.launch_with(["--cwd", &text(&sandbox.home())], &script);
    sandbox.ended(&id);
    assert_eq!(fs::read_to_string(sandbox.path("other")).expect("written"), text(&sandbox.home()));
}

#[test]
fn a_folder_that_is_not_there_is_a_usage_error() {
    let sandbox = sandbox();
    let answer =
        sandbox.task_bg(["launch", "a task", "SAY x", "--cwd", "/there/is/none"]).run().failure(2);
    assert!(answer["error"].to_string().contains("/there/is/none"), "{answer}");
}

#[test]
fn without_a_home_there_is_no_store_and_never_the_current_folder() {
    let sandbox = sandbox();
    // A verb that writes nothing, lest a wrong answer touch the home of whoever runs this.
    sandbox.task_bg(["list"]).without_env("HOME").run().failure(8);
    sandbox.task_bg(["list"]).env("HOME", "").run().failure(8);
    assert_eq!(fs::read_dir(sandbox.work()).expect("a folder").count(), 0);
}

#[test]
fn the_store_is_where_the_environment_says() {
    let sandbox = sandbox();
    let own = sandbox.path("own");
    let ran = sandbox.task_bg(["run", "a task", "--", "true"]).env("TASK_BG_DIR", &own).ok();
    assert!(own.join(format!("{}.json", task_id(&ran.json()))).exists());
    let droids = sandbox.path("droids-home");
    let ran =
        sandbox.task_bg(["run", "a task", "--", "true"]).env("FACTORY_HOME_OVERRIDE", &droids);
    let id = task_id(&ran.ok().json());
    let folder = droids.join(".factory/.omd/background-tasks");
    assert!(folder.join(format!("{id}.json")).exists());
    assert!(!sandbox.store().exists());
    sandbox.assert_nothing_left();
}
