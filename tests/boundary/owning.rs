//! Whose store it is: one of another user, one that root wrote into by accident, a folder that many share.
//!
//! What needs another user is tried as root alone; elsewhere a test says so and proves nothing.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tests::process::wait_until;
use tests::sandbox::Sandbox;

use crate::sandbox;

/// A user that is not root and owns nothing here.
const OTHER: u32 = 54_321;

/// Whether this is root, who alone can give files to others.
fn is_root(sandbox: &Sandbox) -> bool {
    let is_root = fs::metadata(sandbox.work()).is_ok_and(|found| found.uid() == 0);
    if !is_root {
        writeln!(std::io::stderr(), "this is not root: nothing is proved").unwrap_or_default();
    }
    is_root
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").mode() & 0o7777
}

fn open_to(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

fn give(path: &Path) {
    chown(path, Some(OTHER), Some(OTHER)).expect("root gives files away");
}

/// The same for what may be a link.
fn lchown_other(path: &Path) {
    lchown(path, Some(OTHER), Some(OTHER)).expect("root gives files away");
}

fn finding(answer: &Value, check: &str) -> Value {
    let findings = answer["findings"].as_array().expect("findings");
    findings.iter().find(|finding| finding["check"] == check).cloned().unwrap_or_default()
}

// Once, `TASK_BG_DIR=/tmp` made `/tmp` private, and shut everybody else out.
#[test]
fn a_folder_that_others_use_is_refused_and_keeps_its_mode() {
    let sandbox = sandbox();
    for bits in [0o755, 0o1777] {
        let shared = sandbox.path(&format!("shared-{bits:o}"));
        fs::create_dir(&shared).expect("a folder");
        fs::write(shared.join("letter"), "").expect("a file");
        open_to(&shared, bits);
        for words in [&["run", "x", "--", "true"][..], &["list"], &["cleanup"], &["queue", "pause"]]
        {
            let failed = sandbox.task_bg(words).env("TASK_BG_DIR", &shared).code(8).json();
            assert_eq!(failed["code"], "store_unavailable");
            let hint = failed["hint"].as_str().unwrap_or_default();
            assert!(hint.contains("TASK_BG_DIR") && hint.contains("task-bg`"), "{hint}");
        }
        assert_eq!(mode(&shared), bits);
        assert_eq!(fs::read_dir(&shared).expect("a folder").count(), 1, "nothing was made in it");
        let doctor = sandbox.task_bg(["doctor"]).env("TASK_BG_DIR", &shared).code(1).json();
        assert_eq!(finding(&doctor, "store")["status"], "fail", "{doctor}");
    }
}

#[test]
fn an_empty_folder_and_a_store_are_closed_and_what_else_lies_there_is_said() {
    let sandbox = sandbox();
    let folder = sandbox.path("mine");
    fs::create_dir(&folder).expect("a folder");
    open_to(&folder, 0o755);
    let here = |words: &[&str]| sandbox.task_bg(words).env("TASK_BG_DIR", &folder);
    here(&["run", "x", "--wait", "--", "true"]).ok().done();
    assert_eq!(mode(&folder), 0o700, "it was empty");
    open_to(&folder, 0o755);
    here(&["run", "x", "--wait", "--", "true"]).ok().done();
    assert_eq!(mode(&folder), 0o700, "nothing is in it but a store");
    fs::write(folder.join("letter"), "").expect("a file");
    open_to(&folder, 0o755);
    here(&["run", "x", "--wait", "--", "true"]).ok().done();
    assert_eq!(mode(&folder), 0o755, "others may read the letter");
    let doctor = here(&["doctor", "--fix"]).run().json();
    let store = finding(&doctor, "store");
    assert!(store["fix"].as_str().is_some_and(|fix| fix.contains("chmod 700")), "{store}");
    assert_eq!(mode(&folder), 0o755);
}

#[test]
fn a_store_behind_a_link_works_as_the_folder_itself() {
    let sandbox = sandbox();
    let (folder, link) = (sandbox.path("real"), sandbox.path("link"));
    fs::create_dir(&folder).expect("a folder");
    symlink(&folder, &link).expect("a link");
    let run = sandbox.task_bg(["run", "x", "--wait", "--", "true"]);
    run.env("TASK_BG_DIR", &link).ok().done();
    let listed = sandbox.task_bg(["list"]).env("TASK_BG_DIR", &folder).ok().json();
    assert_eq!((&listed["total"], mode(&folder)), (&json!(1), 0o700));
}

// Where others can put a link in the place of a store, they can lead it anywhere.
#[test]
fn a_link_of_another_user_to_a_store_is_refused_and_a_folder_where_all_may_replace_it_is_named() {
    let sandbox = sandbox();
    let (folder, link) = (sandbox.path("real"), sandbox.path("link"));
    fs::create_dir(&folder).expect("a folder");
    let shared = sandbox.path("shared");
    fs::create_dir(&shared).expect("a folder");
    open_to(&shared, 0o777);
    let doctor = sandbox.task_bg(["doctor"]).env("TASK_BG_DIR", shared.join("store")).run().json();
    let parent = finding(&doctor, "parent");
    assert!(parent["fix"].as_str().is_some_and(|fix| fix.contains("chmod o-w")), "{doctor:#}");
    open_to(&shared, 0o1777);
    let doctor = sandbox.task_bg(["doctor"]).env("TASK_BG_DIR", shared.join("store")).run().json();
    assert_eq!(finding(&doctor, "parent"), Value::default());
    if !is_root(&sandbox) {
        return;
    }
    symlink(&folder, &link).expect("a link");
    lchown_other(&link);
    let run = sandbox.task_bg(["run", "x", "--", "true"]).env("TASK_BG_DIR", &link).run();
    let refused = run.failure(8);
    assert!(refused["error"].as_str().is_some_and(|it| it.contains("another user")), "{refused}");
}

#[test]
fn a_store_of_another_user_is_refused_by_every_verb_also_to_root() {
    let sandbox = sandbox();
    if !is_root(&sandbox) {
        return;
    }
    let id = sandbox.run_command(["true"]);
    sandbox.ended(&id);
    give(&sandbox.store());
    let verbs: [&[&str]; 10] = [
        &["list"],
        &["status", &id],
        &["output", &id],
        &["wait"],
        &["cancel", &id],
        &["run", "x", "--", "true"],
        &["queue"],
        &["prune"],
        &["cleanup", "--delete"],
        &["report"],
    ];
    for words in verbs {
        let failed = sandbox.task_bg(words).arg("--json").code(8).json();
        let [error, hint] = ["error", "hint"].map(|key| failed[key].as_str().unwrap_or_default());
        assert!(error.contains("another user, number 54321"), "{words:?}: {error}");
        assert!(hint.contains("TASK_BG_ANY_OWNER"), "{words:?}: {hint}");
    }
    let doctor = sandbox.task_bg(["doctor"]).code(1).json();
    assert!(
        finding(&doctor, "store")["detail"].as_str().is_some_and(|it| it.contains("another user"))
    );
    let event = json!({"hook_event_name": "Stop", "session_id": "P"}).to_string();
    assert_eq!(sandbox.hook(event).ok().stdout, "");
    sandbox.task_bg(["list"]).env("TASK_BG_ANY_OWNER", "1").ok().done();
}

#[test]
fn files_that_root_made_in_a_store_by_accident_are_named_with_the_fix_and_stop_no_list() {
    let sandbox = sandbox();
    if !is_root(&sandbox) {
        return;
    }
    let [one, two] = ["one", "two"].map(|it| sandbox.run_command(["echo", it]));
    for id in [&one, &two] {
        sandbox.ended(id);
    }
    sandbox.assert_nothing_left();
    // The store of another user, in which root, who may, left a record and a lock.
    give(&sandbox.store());
    let theirs = fs::read_dir(sandbox.store()).expect("a folder").flatten();
    for path in theirs.map(|entry| entry.path()) {
        let inner = fs::read_dir(&path).into_iter().flatten().flatten();
        inner.map(|entry| entry.path()).chain([path]).for_each(|path| lchown_other(&path));
    }
    for name in [format!("{one}.json"), ".locks/gate".to_owned()] {
        chown(sandbox.store().join(name), Some(0), Some(0)).expect("root takes files back");
    }
    let here = |words: &[&str]| sandbox.task_bg(words).env("TASK_BG_ANY_OWNER", "1");
    let doctor = here(&["doctor"]).run().json();
    let owners = finding(&doctor, "owners");
    assert_eq!(owners["status"], "warn", "{doctor}");
    let [detail, fix] = ["detail", "fix"].map(|key| owners[key].as_str().unwrap_or_default());
    assert!(detail.starts_with("2 files") && detail.contains(&one), "{detail}");
    assert!(fix.contains("chown -R 54321 "), "{fix}");
    assert_eq!(here(&["list"]).ok().json()["total"], 2);
}

// In a folder that others can write to, `retry --failed` ran what another user had put there as the record of a task.
#[test]
fn what_another_user_put_into_a_store_is_read_by_no_verb_and_named_with_the_fix() {
    let sandbox = sandbox();
    if !is_root(&sandbox) {
        return;
    }
    let here = |words: &[&str]| sandbox.task_bg(words);
    let ours = here(&["run", "ours", "--wait", "--", "false"]).code(5).json();
    let ours = ours["taskId"].as_str().expect("an id").to_owned();
    open_to(&sandbox.store(), 0o1777);
    let mut record = sandbox.record(&ours);
    let planted = "bg_19b8c0ffee1a2b3c4";
    record["id"] = json!(planted);
    record["progress"]["command"] = json!(["touch", sandbox.path("owned")]);
    let file = sandbox.store().join(format!("{planted}.json"));
    fs::write(&file, record.to_string()).expect("a file");
    open_to(&file, 0o644);
    give(&file);
    let listed = here(&["list"]).ok().json();
    assert_eq!(listed["total"], 1, "{listed:#}");
    let unreadable = listed["unreadable"].to_string();
    assert!(unreadable.contains(planted) && unreadable.contains("another user"), "{unreadable}");
    for words in [&["status", planted][..], &["retry", planted], &["output", planted]] {
        here(words).code(9).done();
    }
    let again = here(&["retry", "--failed"]).run().json();
    assert!(!again.to_string().contains(planted), "{again:#}");
    here(&["cancel", "--all"]).run().code_is(0).done();
    here(&["wait"]).run().done();
    assert!(!sandbox.path("owned").exists(), "it was run");
    let owners = finding(&here(&["doctor"]).run().json(), "owners");
    let [detail, fix] = ["detail", "fix"].map(|key| owners[key].as_str().unwrap_or_default());
    assert!(detail.contains(planted) && fix.contains("chown"), "{owners}");
    // A folder in which we would keep locks and environments is no better.
    fs::remove_dir_all(sandbox.store().join(".queue")).expect("a folder");
    fs::create_dir(sandbox.store().join(".queue")).expect("a folder");
    give(&sandbox.store().join(".queue"));
    let failed = here(&["run", "x", "--", "true"]).code(8).json();
    assert!(failed["error"].as_str().is_some_and(|it| it.contains(".queue")), "{failed}");
}

#[test]
fn a_settings_file_of_another_user_does_not_count() {
    let sandbox = sandbox();
    if !is_root(&sandbox) {
        return;
    }
    sandbox.task_bg(["run", "x", "--wait", "--", "true"]).ok().done();
    let settings = sandbox.store().with_file_name("task-bg.toml");
    fs::write(&settings, "droid = \"/tmp/evil\"\n").expect("a file");
    give(&settings);
    let failed = sandbox.task_bg(["list"]).code(2).json();
    assert!(failed["error"].as_str().is_some_and(|it| it.contains("another user")), "{failed}");
}

/// All that is in a folder.
fn everything_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let below = |path: PathBuf| if path.is_dir() { everything_in(&path) } else { Vec::new() };
    entries.flat_map(|path| [below(path.clone()), vec![path]].concat()).collect()
}

/// Whether a file has the name that it is made for: a moment before, under a hidden one, it is still its maker's.
fn has_its_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !(name.starts_with('.') && name.ends_with(".tmp"))
}

// What root wrote there was root's, and the user whose store it was could not change a record or take a lock any more.
#[test]
fn what_root_makes_in_the_store_of_another_user_belongs_to_that_user() {
    let sandbox = sandbox();
    if !is_root(&sandbox) {
        return;
    }
    fs::create_dir_all(sandbox.store()).expect("a folder");
    give(&sandbox.store());
    let sandbox = sandbox.with_env("TASK_BG_ANY_OWNER", "1");
    let here = |words: &[&str]| sandbox.task_bg(words);
    let running = {
        let named = ["run", "a", "--key", "k", "--name", "n"];
        here(&[&named[..], &["--parent", "P", "--", "sleep", "300"]].concat()).ok()
    };
    let piped = here(&["run", "b", "--hold", "--stdin", "-", "--", "cat"]).stdin("words").ok();
    let failed = here(&["run", "c", "--retries", "1", "--wait", "--", "false"]).code(5);
    here(&["queue", "pause"]).ok().done();
    here(&["queue", "limit", "3"]).ok().done();
    sandbox.hook(r#"{"session_id":"P","hook_event_name":"UserPromptSubmit"}"#).ok().done();
    here(&["list"]).ok().done();
    let running = running.json()["taskId"].as_str().expect("an id").to_owned();
    let waits = here(&["wait", &running]).start();
    let bells = sandbox.store().join(".waiters");
    wait_until("that it waits", || everything_in(&bells).iter().any(|path| has_its_name(path)));
    let not_theirs = || {
        let all = everything_in(&sandbox.store()).into_iter().filter(|path| has_its_name(path));
        // Whatever is removed meanwhile is nobody's.
        let owner = |path: &PathBuf| fs::symlink_metadata(path).map_or(OTHER, |it| it.uid());
        all.filter(|path| owner(path) != OTHER).collect::<Vec<_>>()
    };
    assert_eq!(not_theirs(), Vec::<PathBuf>::new());
    here(&["cancel", "--all"]).ok().done();
    waits.finish().code_is(5).done();
    assert_eq!(not_theirs(), Vec::<PathBuf>::new());
    drop((piped, failed));
}

// Once, the hint was to look at owner and mode of what is named.
#[test]
fn whoever_may_not_signal_a_supervisor_that_root_started_is_told_whose_it_is() {
    let sandbox = sandbox();
    let can = sandbox.shell(&format!("setpriv --reuid {OTHER} true")).run().code == 0;
    if !is_root(&sandbox) || !can {
        return;
    }
    let store = sandbox.path("theirs");
    fs::create_dir(&store).expect("a folder");
    open_to(&store, 0o700);
    give(&store);
    open_to(store.parent().expect("the sandbox"), 0o755);
    let by_root = |words: &[&str]| {
        sandbox.task_bg(words).env("TASK_BG_DIR", &store).env("TASK_BG_ANY_OWNER", "1")
    };
    let ran = by_root(&["run", "x", "--", "sleep", "300"]).ok().json();
    let id = ran["taskId"].as_str().expect("an id").to_owned();
    let drop = format!("setpriv --reuid {OTHER} --regid {OTHER} --clear-groups");
    let cancel = format!("{drop} task-bg cancel --grace 1ms --json {id}");
    let refused = sandbox.shell(&cancel).env("TASK_BG_DIR", &store).env("HOME", "/").run();
    let (said, code) = (format!("{}{}", refused.stdout, refused.stderr), refused.code);
    assert_ne!(code, 0, "{said}");
    assert!(said.contains("it runs as user 0"), "{said}");
    assert!(said.contains("run the command as that user, or as root"), "{said}");
    by_root(&["cancel", "--grace", "1ms", &id]).ok().done();
}
