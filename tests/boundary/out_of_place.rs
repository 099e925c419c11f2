//! What lies in the place of something of the store's own: pipes, links, folders and files where other things belong, in
//! each of its folders and in the place of each of them.
//!
//! Once, one link in `.active` made `list` exit with 8, and so did a file in the place of `.queue`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use serde_json::{Value, json};
use tests::meddling::make_pipe;
use tests::process::wait_until;
use tests::run::Ran;
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// The folders of the store that can be made again at any time.
const PARTS: [&str; 11] = [
    ".active",
    ".agents",
    ".begun",
    ".hosts",
    ".keys",
    ".locks",
    ".names",
    ".notices",
    ".queue",
    ".sessions",
    ".waiters",
];

/// What may have a name that it should not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    Nothing,
    File,
    Shut,
    Pipe,
    Socket,
    Folder,
    Link,
    DanglingLink,
    Loop,
}

impl Thing {
    /// Puts it at `path`, in place of what is there.
    fn put(self, path: &Path) {
        // Somebody may be making something in it.
        wait_until("that it is gone", || {
            drop(fs::remove_dir_all(path));
            drop(fs::remove_file(path));
            fs::symlink_metadata(path).is_err()
        });
        let file = |text| fs::write(path, text).expect("a file");
        match self {
            Self::Nothing => {}
            Self::File => file("x"),
            Self::Shut => {
                file("x");
                fs::set_permissions(path, fs::Permissions::from_mode(0o0)).expect("a mode");
            }
            Self::Pipe => make_pipe(path),
            Self::Socket => drop(UnixListener::bind(path).expect("a socket")),
            Self::Folder => fs::create_dir_all(path.join("x")).expect("a folder"),
            Self::Link => symlink("/etc/hostname", path).expect("a link"),
            Self::DanglingLink => symlink("/nowhere/at/all", path).expect("a link"),
            Self::Loop => symlink(path, path).expect("a link"),
        }
    }
}

/// What `doctor` says of entries that are not what belongs there; null if nothing.
fn entries(sandbox: &Sandbox) -> Value {
    let answer = sandbox.task_bg(["doctor"]).run().json();
    let findings = answer["findings"].as_array().cloned().unwrap_or_default();
    findings.into_iter().find(|finding| finding["check"] == "entries").unwrap_or_default()
}

#[track_caller]
fn assert_named(sandbox: &Sandbox, path: &Path) {
    let found = entries(sandbox);
    let [detail, fix] = ["detail", "fix"].map(|key| found[key].as_str().unwrap_or_default());
    assert!(detail.contains(&format!("`{}`", path.display())), "{}: {found:#}", path.display());
    assert!(fix.contains("rm -r "), "{found:#}");
}

/// Every kind of command, about other tasks than those before.
#[track_caller]
fn assert_all_works(sandbox: &Sandbox, what: &str) {
    let here = |words: &[&str]| {
        let ran = sandbox.task_bg(words).run();
        assert!(ran.code == 0, "{what}: {ran}");
        ran.json()
    };
    here(&["list"]);
    here(&["list", "--status", "running"]);
    let waited = here(&["run", "x", "--parent", "P", "--wait=20s", "--", "echo", "hi"]);
    assert_eq!(waited["ended"][0]["result"], "hi", "{what}: {waited:#}");
    let id = waited["ended"][0]["taskId"].as_str().expect("an id").to_owned();
    let event = json!({"session_id": "P", "hook_event_name": "UserPromptSubmit"});
    let told = sandbox.hook(event.to_string()).ok();
    assert!(told.stdout.contains(&id), "{what}: {told}");
    here(&["status", &id]);
    assert_eq!(here(&["output", &id])["output"], "hi\n", "{what}");
    let key = here(&["run", "k", "--key", "a-key", "--wait=20s", "--", "true"]);
    assert_eq!(key["ended"][0]["status"], "completed", "{what}: {key:#}");
    let named = here(&["run", "n", "--name", "a-name", "--hold", "--", "true"]);
    let held = named["taskId"].as_str().expect("an id").to_owned();
    here(&["release", &held]);
    here(&["wait", &held, "--timeout", "20s"]);
    let slow = here(&["run", "s", "--", "sleep", "300"]);
    let slow = slow["taskId"].as_str().expect("an id").to_owned();
    assert_eq!(here(&["cancel", &slow])["cancelled"], json!([slow]), "{what}");
    here(&["queue", "pause"]);
    here(&["queue", "resume"]);
    here(&["queue", "limit", "7"]);
    here(&["queue"]);
    here(&["prune"]);
    here(&["report", "--json"]);
    here(&["cleanup"]);
}

fn in_the_place_of_each_folder(thing: Thing) {
    for part in PARTS {
        let sandbox = sandbox();
        sandbox.ended(&sandbox.run_command(["true"]));
        // Its supervisor admits the next, and makes locks for that.
        sandbox.wait_until_idle();
        let path = sandbox.store().join(part);
        thing.put(&path);
        assert_named(&sandbox, &path);
        assert_all_works(&sandbox, &format!("{thing:?} in the place of {part}"));
        // A part that was in the way was put aside whole, and is still named.
        let found = entries(&sandbox);
        let detail = found["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(part.trim_start_matches('.')), "{part}: {found:#}");
    }
}

#[test]
fn a_file_in_the_place_of_a_folder_stops_no_command_and_is_named() {
    in_the_place_of_each_folder(Thing::File);
}

#[test]
fn a_pipe_in_the_place_of_a_folder_stops_no_command_and_is_named() {
    in_the_place_of_each_folder(Thing::Pipe);
}

#[test]
fn a_link_that_leads_nowhere_in_the_place_of_a_folder_stops_no_command_and_is_named() {
    in_the_place_of_each_folder(Thing::DanglingLink);
}

#[test]
fn a_link_to_itself_in_the_place_of_a_folder_stops_no_command_and_is_named() {
    in_the_place_of_each_folder(Thing::Loop);
}

#[test]
fn a_running_task_ends_right_whatever_becomes_of_the_folders_meanwhile() {
    for thing in [Thing::Nothing, Thing::File, Thing::Loop] {
        for part in PARTS {
            let sandbox = sandbox();
            let id = sandbox.run_script(&["--parent", "P"], &sandbox.until("gate"));
            let waits = sandbox.task_bg(["wait", &id, "--timeout", "20s"]).start();
            thing.put(&sandbox.store().join(part));
            sandbox.task_bg(["status", &id]).ok().done();
            let list = sandbox.task_bg(["list", "--status", "running"]).ok().json();
            assert_eq!(list["tasks"][0]["id"], id.as_str(), "{thing:?} {part}: {list:#}");
            sandbox.open_gate("gate");
            let waited = waits.finish().ok().json();
            assert_eq!(waited["ended"][0]["status"], "completed", "{thing:?} {part}: {waited:#}");
            assert_all_works(&sandbox, &format!("{thing:?} in the place of {part}"));
            let event = json!({"session_id": "P", "hook_event_name": "Stop"});
            sandbox.hook(event.to_string()).ok().done();
            wait_until("that nothing is kept", || sandbox.traces(&id).is_empty());
        }
    }
}

#[test]
fn an_entry_that_is_not_what_belongs_in_its_folder_stops_no_command_and_is_named() {
    let id = "bg_19b8c0ffee1a2b3c4";
    let queued = format!("127-0006612780719ec2-c-{id}");
    let places = [
        format!(".active/{id}"),
        format!(".active/{id}.env"),
        format!(".queue/{queued}"),
        ".queue/.paused".to_owned(),
        ".queue/.limit".to_owned(),
        ".locks/gate".to_owned(),
        ".keys/a-key".to_owned(),
        ".keys/.a-key.lock".to_owned(),
        ".names/a-name".to_owned(),
        ".sessions/P".to_owned(),
        ".sessions/.seen".to_owned(),
        ".notices/P".to_owned(),
        format!(".begun/{id}"),
        ".agents/versions".to_owned(),
    ];
    let things = [Thing::Link, Thing::Loop, Thing::Pipe, Thing::Socket, Thing::Folder, Thing::Shut];
    for thing in things {
        let sandbox = sandbox();
        sandbox.ended(&sandbox.run_command(["true"]));
        // Its supervisor admits the next, and makes locks for that.
        sandbox.wait_until_idle();
        // A plain file is how a queue is paused, whoever can read it.
        let fits = |place: &str| thing == Thing::Shut && place == ".queue/.paused";
        for place in places.iter().filter(|place| !fits(place)) {
            let path = sandbox.store().join(place);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            thing.put(&path);
        }
        for shard in 0..16 {
            thing.put(&sandbox.store().join(format!(".locks/{shard:02}")));
            thing.put(&sandbox.store().join(format!(".locks/notices-{shard:02}")));
        }
        let found = entries(&sandbox);
        let count = found["detail"].as_str().and_then(|it| it.split(' ').next()?.parse().ok());
        // In three of the places a link is what belongs there, and in one a folder.
        let fitting = [Thing::Link, Thing::Loop, Thing::Folder].map(|it| it == thing);
        let fitting = fitting.iter().zip([4, 4, 1]).filter(|(it, _)| **it).map(|(_, count)| count);
        let fitting: usize = fitting.sum();
        // Whoever admits meanwhile may have removed what is kept for a task without a record.
        let removed = 4;
        assert!(count >= Some(places.len() + 32 - fitting - removed), "{thing:?}: {found:#}");
        assert_all_works(&sandbox, &format!("{thing:?} in each folder"));
    }
}

// Once, the advice was to move the null device away.
#[test]
fn nobody_is_told_to_move_a_device_out_of_the_way_of_a_store() {
    let sandbox = sandbox();
    let failed = sandbox.task_bg(["list"]).env("TASK_BG_DIR", "/dev/null").run().failure(8);
    assert!(!failed.to_string().contains("mv "), "{failed}");
    let file = sandbox.path("file");
    fs::write(&file, "mine").expect("a file");
    let failed = sandbox.task_bg(["list"]).env("TASK_BG_DIR", &file).run().failure(8);
    assert!(failed["hint"].as_str().is_some_and(|hint| hint.contains("mv ")), "{failed}");
}

// Once, the order ran twice.
#[test]
fn an_order_under_a_key_runs_once_although_the_entries_of_the_keys_are_removed_or_replaced() {
    let sandbox = sandbox();
    let words = ["run", "x", "--key", "kk", "--"];
    let mut order = words.to_vec();
    let script = sandbox.until("gate");
    order.extend(["sh", "-c", &script]);
    let id = |run: &Ran| run.json()["id"].as_str().expect("an id").to_owned();
    let first = id(&sandbox.task_bg(order.iter().copied()).ok());
    let keys = sandbox.store().join(".keys");
    for script in [
        "rm -r .keys",
        "rm -r .keys; mkfifo .keys",
        "rm .keys/kk; mkdir .keys/kk",
        "rm .keys/kk; mkfifo .keys/kk",
        "ln -sfn kk .keys/kk",
    ] {
        let script = format!("cd '{}'; {script}", sandbox.store().display());
        sandbox.shell(&script).ok().done();
        assert_eq!(id(&sandbox.task_bg(order.iter().copied()).ok()), first, "{script}");
        assert_eq!(fs::read_link(keys.join("kk")).ok(), Some(first.clone().into()), "{script}");
    }
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&first)["status"], "completed");
}

// Once, the task waited on and on, and nothing said for what.
#[test]
fn what_comes_after_a_task_whose_record_cannot_be_read_says_so() {
    type Make = fn(&Path);
    let sandbox = sandbox();
    let first = sandbox.run_script(&[], &sandbox.until("gate"));
    let after = ["run", "after", "--after", &first, "--", "true"];
    let id = task_id(&sandbox.task_bg(after).ok().json());
    let record = sandbox.store().join(format!("{first}.json"));
    let aside = sandbox.path("aside");
    fs::rename(&record, &aside).expect("it was there");
    let things: [(&str, Make); 3] = [
        ("an empty file", |path| fs::write(path, "").expect("a file")),
        ("a folder", |path| fs::create_dir(path).expect("a folder")),
        ("a pipe", make_pipe),
    ];
    for (what, make) in things {
        make(&record);
        let status = sandbox.task_bg(["status", &id]).ok().json();
        let why = status["progress"]["note"].as_str().unwrap_or_default();
        assert!(
            why.contains(&format!("{first}, whose record cannot be read")),
            "{what}: {status:#}"
        );
        if record.is_dir() { fs::remove_dir(&record) } else { fs::remove_file(&record) }
            .expect("it was made");
    }
    fs::rename(&aside, &record).expect("it is put back");
    let status = sandbox.task_bg(["status", &id]).ok().json();
    let why = status["progress"]["note"].as_str().unwrap_or_default();
    assert!(why.contains(&first) && !why.contains("cannot be read"), "{status:#}");
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&id)["status"], "completed");
}
