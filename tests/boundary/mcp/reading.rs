//! What a task wrote, as `task_output` shows it: how much there is, page after page to the end.

use serde_json::{Value, json};
use tests::mcp_client::{Client, value};
use tests::sandbox::Sandbox;

use super::served;
use crate::sandbox;

/// A command that has ended; its id.
fn ended(sandbox: &Sandbox, client: &mut Client, command: &str) -> String {
    let said = client.call("run_command", &json!({"command": command}));
    let id = value(&said, "id").to_owned();
    sandbox.ended(&id);
    id
}

// Once, the last fifty lines of a command looked like all that it had printed.
#[test]
fn the_end_of_a_log_is_not_taken_for_all_of_it() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    for (command, is_all) in [
        ("seq 1 200", false),
        ("seq 1 200; exit 3", false),
        ("for i in $(seq 40); do printf '%0100d\\n' $i; done", false),
        ("head -c 100000 /dev/zero | tr '\\0' x", false),
        ("seq 1 50", true),
        ("seq 1 50; exit 3", true),
        // A terminal shows but the last of it.
        ("for i in $(seq 2000); do printf '%0100d\\r' $i; done; echo done", true),
    ] {
        let id = ended(&sandbox, &mut client, command);
        let heard = client.call("wait_for_tasks", &json!({"ids": [id]}));
        assert_eq!(heard.contains("(cut: its log has "), !is_all, "{command}: {heard}");
        let read = client.call("task_output", &json!({"id": id}));
        assert_eq!(read.contains("\ncut: the result of a command is the end of its log"), !is_all);
        let log = client.call("task_output", &json!({"id": id, "mode": "tail"}));
        let size = value(&log, "log").split_once(' ').expect("a number").0;
        assert_eq!(heard.contains(&format!("(cut: its log has {size} bytes;")), !is_all, "{heard}");
    }
}

/// The text of an answer, after what it says of it.
fn body(answer: &str) -> &str {
    answer.split_once("\n\n").expect("a text").1
}

// Once, whoever read on to the end of a log that ends within a character was told for ever that there was more.
#[test]
fn the_last_page_of_what_an_ended_task_wrote_ends_it_also_within_a_character() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    for (printed, shown) in [
        ("abc\\360\\237", "abc\u{fffd}"),
        ("abc\\n\\303", "abc\n\u{fffd}"),
        ("\\303", "\u{fffd}"),
        ("abc\\360\\237\\246\\200", "abc🦀"),
    ] {
        let id = ended(&sandbox, &mut client, &format!("printf '{printed}'"));
        for mode in ["head", "raw", "tail", "result"] {
            let read = client.call("task_output", &json!({"id": id, "mode": mode}));
            assert_eq!((body(&read), read.contains("cut: ")), (shown, false), "{mode}: {read}");
        }
        for mode in ["head", "raw"] {
            let (mut offset, mut read) = ("0".to_owned(), String::new());
            for _ in 0..10 {
                let page = json!({"id": id, "mode": mode, "offset": offset, "max_chars": 1});
                let page = client.call("task_output", &page);
                read.push_str(body(&page));
                let Some((_, next)) = page.lines().find_map(|it| it.rsplit_once("next_offset: "))
                else {
                    break;
                };
                assert_ne!(next, offset, "{page}");
                offset = next.to_owned();
            }
            assert_eq!(read, shown, "{mode}");
        }
        // The command says the same.
        let last = sandbox.task_bg(["output", &id, "--since", "3"]).ok().json();
        assert_eq!(last["nextOffset"], last["totalBytes"], "{last}");
        assert_eq!(last["gap"], Value::Null, "{last}");
        let lines = sandbox.task_bg(["output", &id, "--tail", "5"]).ok().json();
        assert_eq!(lines["output"], shown, "{lines}");
        let followed = sandbox.task_bg(["output", &id, "--follow", "--raw"]).ok().stdout;
        assert_eq!(followed, shown);
    }
}

#[test]
fn the_beginning_of_a_character_waits_for_its_rest_as_long_as_the_task_works() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let command = format!(
        "printf 'abc\\360\\237'; touch {}; {}; printf '\\246\\200'",
        sandbox.path("half").display(),
        sandbox.until("gate")
    );
    let said = client.call("run_command", &json!({"command": command}));
    let id = value(&said, "id").to_owned();
    sandbox.wait_for_file("half");
    let read = client.call("task_output", &json!({"id": id, "mode": "raw"}));
    assert_eq!(body(&read), "abc", "{read}");
    let (_, next) = read.lines().find_map(|it| it.rsplit_once("next_offset: ")).expect("an offset");
    let next = next.to_owned();
    sandbox.open_gate("gate");
    sandbox.ended(&id);
    let read = client.call("task_output", &json!({"id": id, "mode": "raw", "offset": next}));
    assert_eq!(body(&read), "🦀", "{read}");
}
