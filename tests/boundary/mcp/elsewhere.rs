//! Tasks of other machines by the tools: each asks those machines, as the verb of the command line does.

use serde_json::json;
use tests::machines::{Machines, Trouble};
use tests::mcp_client::value;
use tests::process::wait_until;

use tests::sandbox::Sandbox;

use super::served;
use crate::sandbox;

fn settings(sandbox: &Sandbox, text: &str) {
    let file = sandbox.store().with_file_name("task-bg.toml");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder in the sandbox");
    std::fs::write(file, text).expect("a file in the sandbox");
}

// Once, the tools knew of such tasks what some command had heard of last, and waited for them in vain.
#[test]
fn the_tools_launch_wait_for_read_list_and_cancel_tasks_of_another_machine() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    settings(&sandbox, "on = \"ssh:box\"\n");
    let mut client = served(&sandbox);
    let gate = sandbox.until("gate");
    let command = format!("echo one; pwd; {gate}; echo two");
    let said = client.call("run_command", &json!({"command": command}));
    let id = value(&said, "id").to_owned();
    let home = machines.home("box").display().to_string();
    wait_until("that it wrote", || client.call("task_output", &json!({"id": id})).contains(&home));
    let read = client.call("task_output", &json!({"id": id}));
    assert!(read.contains("state: running") && read.ends_with(&format!("one\n{home}\n")), "{read}");
    assert!(value(&read, "file").starts_with("box:/"), "{read}");
    let read = client.call("task_output", &json!({"id": id, "mode": "head", "offset": 1}));
    assert!(read.ends_with(&format!("\nne\n{home}\n")), "{read}");
    sandbox.open_gate("gate");
    let heard = client.call("wait_for_tasks", &json!({"ids": [id]}));
    assert!(heard.contains(&format!("{id} completed")) && heard.contains("two"), "{heard}");
    let long =
        value(&client.call("run_command", &json!({"command": "sleep 300"})), "id").to_owned();
    let said = client.call("cancel_task", &json!({"ids": [long]}));
    assert_eq!(said, format!("cancelled: {long}"));
    assert_eq!(machines.tasks("box")[0]["status"], "cancelled");
    let other = value(&client.call("run_command", &json!({"command": "true"})), "id").to_owned();
    wait_until("that it ended there", || machines.tasks("box")[0]["status"] == "completed");
    let listed = client.call("list_tasks", &json!({}));
    assert!(listed.contains(&format!("{other} completed")), "{listed}");
}

#[test]
fn a_machine_that_is_down_is_a_line_of_what_the_tools_say() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let mut client = served(&sandbox);
    settings(&sandbox, "on = \"ssh:box\"\n");
    let id = value(&client.call("run_command", &json!({"command": "sleep 300"})), "id").to_owned();
    settings(&sandbox, "");
    let near =
        value(&client.call("run_command", &json!({"command": "sleep 300"})), "id").to_owned();
    machines.make("box", Trouble::Down);
    let listed = client.call("list_tasks", &json!({}));
    assert!(listed.contains(&near) && listed.contains(&id), "{listed}");
    assert_eq!(listed.matches("note: `box` does not answer").count(), 1, "{listed}");
    let heard = client.call("wait_for_tasks", &json!({"ids": [id, near], "max_wait_s": 2}));
    assert!(heard.contains("ended: 0 of 2") && heard.contains("`box` does not answer"), "{heard}");
    let (said, is_error) = client.call_as(&json!({}), "cancel_task", &json!({"ids": [id]}));
    assert!(is_error && said.contains("`box` does not answer"), "{said}");
    let (said, is_error) = client.call_as(&json!({}), "task_output", &json!({"id": id}));
    assert!(is_error && said.contains("`box` does not answer"), "{said}");
    machines.mend("box", Trouble::Down);
    client.call("cancel_task", &json!({"ids": [id, near]}));
}
