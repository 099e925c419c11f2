//! A store that cannot be used costs a call, and not the server: it works as soon as the store does.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;

use serde_json::{Value, json};
use tests::mcp_client::{Client, value};
use tests::process::wait_until;
use tests::sandbox::{Sandbox, task_id};

use super::served;
use crate::disks::Disk;
use crate::sandbox;

/// The six tools, each with arguments that it would take, and one of them without any.
fn calls(id: &str) -> [(&'static str, Value); 7] {
    [
        ("run_command", json!({"command": "true"})),
        ("launch_agent", json!({"prompt": "SAY x"})),
        ("wait_for_tasks", json!({"ids": [id], "max_wait_s": 1})),
        ("wait_for_tasks", json!({"max_wait_s": 1})),
        ("task_output", json!({"id": id})),
        ("list_tasks", json!({})),
        ("cancel_task", json!({"ids": [id]})),
    ]
}

/// Asks for a task, and waits for it.
fn works(client: &mut Client) {
    let said = client.call("run_command", &json!({"command": "echo it works"}));
    let heard = client.call("wait_for_tasks", &json!({"ids": [value(&said, "id")]}));
    assert!(heard.contains("it works"), "{heard}");
}

/// Every tool says that the store is at fault; the server lists its tools all the same.
fn all_refuse(client: &mut Client, what: &str, id: &str) {
    for (tool, arguments) in calls(id) {
        let (said, is_error) = client.call_as(&json!({}), tool, &arguments);
        let is_named = said.contains("\ncode: store_unavailable\nhint: ");
        assert!(is_error && is_named, "{what}: {tool}: {said}");
    }
    let listed = client.request("tools/list", &json!({}));
    assert_eq!(listed["result"]["tools"].as_array().map(Vec::len), Some(6));
}

/// Makes the store unusable.
type Breaking = fn(&Path);

/// What makes a store unusable for every tool.
const BREAKINGS: [(&str, Breaking); 3] = [
    ("a file in its place", |store| fs::write(store, "x").expect("written")),
    ("a loop of links in its place", |store| symlink(store, store).expect("linked")),
    ("a folder of somebody else", |store| {
        fs::create_dir(store).expect("made");
        chown(store, Some(65_534), Some(65_534)).expect("only root runs this row");
    }),
];

fn remove(store: &Path) {
    if fs::symlink_metadata(store).is_ok_and(|found| found.is_dir()) {
        fs::remove_dir_all(store).expect("removed");
    } else {
        fs::remove_file(store).expect("removed");
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

// Once, only a folder that cannot be made was tried, and one tool was left out. And a server of root that had refused the
// store of another user gave the one it made itself to that user, and refused it from then on.
#[test]
fn a_store_that_cannot_be_used_is_an_error_of_each_call_and_the_server_works_once_it_can() {
    for (what, break_it) in BREAKINGS {
        if what.contains("somebody else") && !is_root() {
            continue;
        }
        let sandbox = sandbox();
        let store = sandbox.store();
        fs::remove_dir_all(&store).unwrap_or_default();
        fs::create_dir_all(store.parent().expect("a folder")).expect("made");
        break_it(&store);
        let mut client = served(&sandbox);
        all_refuse(&mut client, what, "bg_1");
        remove(&store);
        works(&mut client);
    }
}

/// A server with a task that works, whose store was moved away under it; the task's id and where the store is.
fn moved_away(sandbox: &Sandbox) -> (Client, String, std::path::PathBuf) {
    let mut client = served(sandbox);
    let command = format!("{}; echo lived on", sandbox.until("gate"));
    let said = client.call("run_command", &json!({"command": command}));
    let away = sandbox.work().join("away");
    fs::rename(sandbox.store(), &away).expect("moved");
    (client, value(&said, "id").to_owned(), away)
}

#[test]
fn a_store_that_is_replaced_while_the_server_serves_costs_calls_and_no_task() {
    let sandbox = sandbox();
    let (mut client, id, away) = moved_away(&sandbox);
    fs::write(sandbox.store(), "x").expect("written");
    all_refuse(&mut client, "a file", &id);
    fs::remove_file(sandbox.store()).expect("removed");
    fs::rename(away, sandbox.store()).expect("moved back");
    let heard = client.call("wait_for_tasks", &json!({"ids": [id], "max_wait_s": 0}));
    assert!(heard.contains(&format!("{id} running")), "{heard}");
    sandbox.open_gate("gate");
    let heard = client.call("wait_for_tasks", &json!({"ids": [id]}));
    assert!(heard.contains("lived on"), "{heard}");
    works(&mut client);
}

#[test]
fn a_store_that_is_gone_is_an_empty_one_and_is_made_anew() {
    let sandbox = sandbox();
    let (mut client, id, _) = moved_away(&sandbox);
    for tool in ["wait_for_tasks", "cancel_task"] {
        let (said, is_error) = client.call_as(&json!({}), tool, &json!({"ids": [id]}));
        assert!(is_error && value(&said, "code") == "not_found", "{tool}: {said}");
    }
    works(&mut client);
    sandbox.open_gate("gate");
}

#[test]
fn on_a_disk_that_can_be_read_and_not_written_the_tools_that_look_go_on() {
    let sandbox = sandbox();
    let Some(disk) = Disk::mount(&sandbox) else { return };
    let stored = |root: &Path| root.join("store").into_os_string();
    let run = sandbox.task_bg(["run", "Once", "--", "echo", "once"]);
    let id = task_id(&run.env("TASK_BG_DIR", stored(&disk.at)).ok().json());
    let waits = sandbox.task_bg(["wait", &id]);
    waits.env("TASK_BG_DIR", stored(&disk.at)).ok().done();
    let mut client =
        Client::start(sandbox.task_bg(["mcp"]).env("TASK_BG_DIR", stored(&disk.read_only)));
    for (tool, arguments) in calls(&id) {
        let (said, is_error) = client.call_as(&json!({}), tool, &arguments);
        let looks = ["wait_for_tasks", "task_output", "list_tasks"].contains(&tool);
        assert_eq!(is_error, !looks, "{tool}: {said}");
        let names_store = said.contains("code: store_unavailable") && said.contains("read-only");
        assert!(looks || tool == "cancel_task" || names_store, "{tool}: {said}");
    }
    disk.open();
    works(&mut client);
}

#[test]
fn on_a_full_disk_nothing_is_launched_and_the_server_works_once_there_is_room() {
    let sandbox = sandbox();
    let Some(disk) = Disk::mount(&sandbox) else { return };
    let store = disk.at.join("store");
    let mut client = Client::start(sandbox.task_bg(["mcp"]).env("TASK_BG_DIR", &store));
    works(&mut client);
    // Whoever looked after that task gives room back when it goes.
    wait_until("its supervisor is gone", || {
        let mut active = fs::read_dir(store.join(".active")).into_iter().flatten();
        active
            .all(|entry| !entry.is_ok_and(|it| it.file_name().to_string_lossy().starts_with("bg_")))
    });
    for (tool, arguments) in &calls("bg_1")[..2] {
        disk.fill();
        let (said, is_error) = client.call_as(&json!({}), tool, arguments);
        assert!(is_error && value(&said, "code") == "store_unavailable", "{tool}: {said}");
    }
    let listed = client.call("list_tasks", &json!({}));
    assert!(listed.contains("it works"), "{listed}");
    disk.make_room();
    works(&mut client);
}
