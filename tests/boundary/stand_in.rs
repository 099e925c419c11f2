//! The stand-in for `droid` is held to what the real one was seen to do.
//!
//! Every other topic trusts it, so its lines, its refusals and its exit codes are tested themselves.

use serde_json::Value;
use tests::process::{alive, has_pending_signals, kill, terminate, wait_until};
use tests::run::{Ran, Run};
use tests::sandbox::Sandbox;

use crate::sandbox;

fn droid(sandbox: &Sandbox, arguments: &str, prompt: &str) -> Run {
    sandbox.shell(&format!("exec droid {arguments}")).stdin(prompt)
}

fn stream(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn keys(line: &Value) -> Vec<&str> {
    line.as_object().map(|line| line.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[test]
fn its_stream_has_the_lines_and_keys_of_the_real_one() {
    let sandbox = sandbox();
    let script =
        "SAY first\nTOOL Execute {\"command\":\"true\"}\nRESULT fine\nFAILRESULT bad\nSAY last";
    let ran = droid(&sandbox, "exec -o stream-json --auto low -m custom:Mock-A-0", script).ok();
    let lines = stream(&ran);
    let expected = [
        "type subtype cwd session_id tools model reasoning_effort",
        "type role id text timestamp session_id",
        "type role id text timestamp session_id",
        "type id messageId toolId toolName parameters timestamp session_id",
        "type id messageId toolId isError value timestamp session_id",
        "type id messageId toolId isError error timestamp session_id",
        "type role id text timestamp session_id",
        "type finalText numTurns durationMs session_id timestamp usage",
    ];
    let seen: Vec<String> = lines.iter().map(|line| keys(line).join(" ")).collect();
    assert_eq!(seen, expected, "{ran}");
    assert_eq!(lines[0]["model"], "custom:Mock-A-0");
    assert_eq!(lines[1]["text"], script);
    assert_eq!(lines[7]["finalText"], "last");
    let sessions: Vec<_> = lines.iter().map(|line| &line["session_id"]).collect();
    assert!(sessions.iter().all(|session| *session == sessions[0]), "{ran}");
}

#[test]
fn it_refuses_what_the_real_one_refuses() {
    let sandbox = sandbox();
    for (arguments, words) in [
        ("exec --droid explorer x", "error: unknown option '--droid'"),
        ("exec --auto off x", "Invalid --auto value. Allowed values: low, medium, high."),
        ("exec -o yaml x", "Invalid --output-format value"),
        ("exec --model", "error: option '-m, --model <id>' argument missing"),
        ("exec --cwd /there/is/none x", "/there/is/none"),
    ] {
        let ran = droid(&sandbox, arguments, "SAY x").code(1);
        assert!(ran.stderr.contains(words), "{ran}");
        assert!(ran.stdout.is_empty(), "{ran}");
    }
    let silent = droid(&sandbox, "exec -o stream-json", "  \n").code(1);
    assert!(silent.stdout.is_empty() && silent.stderr.is_empty(), "{silent}");
}

#[test]
fn it_takes_one_positional_as_the_prompt_and_drops_the_rest_without_a_word() {
    let sandbox = sandbox();
    let ran = droid(&sandbox, "exec -o text -- 'SAY --one' 'SAY two'", "SAY three").ok();
    assert_eq!(ran.stdout, "--one\n");
}

#[test]
fn it_ends_in_every_way_a_script_asks_for() {
    let sandbox = sandbox();
    for (script, code, completed) in [
        ("SAY x", 0, true),
        ("NOCOMPLETE", 0, false),
        ("EXIT 3", 3, false),
        ("COMPLETE_EXIT 4", 4, true),
        ("DIE KILL", 137, false),
        ("DIE TERM", 143, false),
        ("DIE SEGV", 139, false),
        ("COMPLETE_DIE 9", 137, true),
        ("PERMISSION high", 1, false),
        ("AUTH", 1, false),
        ("FAIL401", 1, false),
        ("SLEEP soon", 70, false),
    ] {
        let ran = droid(&sandbox, "exec -o stream-json", script).code(code);
        let said_so = stream(&ran).iter().any(|line| line["type"] == "completion");
        assert_eq!(said_so, completed, "{script}\n{ran}");
    }
}

#[test]
fn term_ends_it_with_0_and_no_completion_line_unless_its_script_says_otherwise() {
    let sandbox = sandbox();
    for (script, code, completed) in
        [("", 0, false), ("ON_TERM complete0", 0, true), ("ON_TERM exit 9", 9, false)]
    {
        let pid_file = sandbox.path(&format!("pid-{code}-{completed}"));
        let script = format!("{script}\nPID {}\nSLEEP 60", pid_file.display());
        let started = droid(&sandbox, "exec -o stream-json", &script).start();
        wait_until("the script to sleep", || pid_file.exists());
        terminate(started.pid());
        let ran = started.finish().code_is(code);
        assert_eq!(ran.stdout.contains("\"completion\""), completed, "{ran}");
    }
}

#[test]
fn its_grandchildren_outlive_it_each_in_a_session_of_its_own() {
    let sandbox = sandbox();
    let script = format!(
        "SETSID {}\nDOUBLEFORK {}\nSETSID_CLEANENV {}",
        sandbox.path("own").display(),
        sandbox.path("orphan").display(),
        sandbox.path("clean").display()
    );
    // Their output is not the agent's, so that whoever reads the agent's is not kept waiting.
    droid(&sandbox, "exec -o stream-json > /dev/null 2>&1", &script).ok().done();
    let pids = ["own", "orphan", "clean"].map(|name| sandbox.pid_in(name));
    assert!(pids.into_iter().all(alive));
    terminate(pids[1]);
    wait_until("that the signal was taken", || !has_pending_signals(pids[1]));
    assert!(alive(pids[1]), "the orphan is to be deaf");
    pids.into_iter().for_each(kill);
    sandbox.assert_nothing_left();
}
