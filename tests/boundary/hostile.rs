//! Hostile input: ids that are paths, records that are not, and a umask that hides nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tests::sandbox::{Sandbox, text};

use crate::sandbox;

/// All verbs that take an id, with their further arguments.
fn with_id(id: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["status", id],
        vec!["output", id],
        vec!["cancel", id],
        vec!["wait", id],
        vec!["complete", id, "x"],
    ]
}

/// What stands in a folder, without following anything out of it.
fn fingerprint(folder: &Path) -> BTreeMap<PathBuf, (u32, u64, Vec<u8>)> {
    let mut seen = BTreeMap::new();
    let entries = fs::read_dir(folder).expect("a folder");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let meta = path.symlink_metadata().expect("an entry that is there");
        let content = if meta.is_file() {
            fs::read(&path).expect("a file")
        } else if meta.is_symlink() {
            text(&fs::read_link(&path).expect("a link")).into_bytes()
        } else {
            Vec::new()
        };
        seen.insert(path, (meta.mode(), meta.ino(), content));
    }
    seen
}

/// Puts one of everything that is no record of ours into the store; returns the file names.
fn fill_with_junk(sandbox: &Sandbox) -> Vec<&'static str> {
    let store = sandbox.store();
    fs::create_dir_all(&store).expect("a folder");
    let write = |name: &str, content: &[u8]| {
        fs::write(store.join(name), content).expect("a file in the store");
    };
    write("bg_19c00000001_aaaaaa.json", b"");
    write("bg_19c00000002aaaaaa.json", b"{\"id\": \"bg_19c00000002aaaaaa\", \"status\": \"runn");
    write("bg_19c00000003aaaaaa.json", &[0; 4096]);
    let foreign = br#"{"taskId":"t1","sessionId":"s","status":"running","startedAt":"2026-01-01"}"#;
    write("bg_19c00000004aaaaaa.json", foreign);
    write("bg_19c00000005aaaaaa.json", b"[1, 2, 3]");
    write("bg_19c00000006aaaaaa.json", b"\xff\xfe{\x00}\x00");
    write("name with \n newline.json", b"null");
    fs::create_dir(store.join("bg_19c00000007aaaaaa.json")).expect("a folder in the store");
    let fifo = store.join("bg_19c00000008aaaaaa.json");
    let made = sandbox.shell(&format!("mkfifo {}", fifo.display())).ok();
    assert!(fifo.metadata().expect("a pipe").file_type().is_fifo(), "{made}");
    let secret = sandbox.path("secret");
    fs::write(&secret, "{\"secret\": \"outside\"}").expect("a file in the sandbox");
    symlink(&secret, store.join("bg_19c00000009aaaaaa.json")).expect("a link in the store");
    symlink("/dev/zero", store.join("bg_19c0000000aaaaaaa.json")).expect("a link in the store");
    symlink("nowhere", store.join("bg_19c0000000baaaaaa.json")).expect("a link in the store");
    vec![
        "bg_19c00000001_aaaaaa.json",
        "bg_19c00000002aaaaaa.json",
        "bg_19c00000003aaaaaa.json",
        "bg_19c00000004aaaaaa.json",
        "bg_19c00000005aaaaaa.json",
        "bg_19c00000006aaaaaa.json",
        "bg_19c00000007aaaaaa.json",
        "bg_19c00000008aaaaaa.json",
        "bg_19c00000009aaaaaa.json",
        "bg_19c0000000aaaaaaa.json",
        "bg_19c0000000baaaaaa.json",
        "name with \n newline.json",
    ]
}

#[test]
fn an_id_that_is_no_id_is_refused_by_every_verb_and_touches_no_path() {
    let sandbox = sandbox();
    let kept = sandbox.run_command(["true"]);
    sandbox.ended(&kept);
    fs::write(sandbox.path("home/x.json"), "{}").expect("a file to aim at");
    let before = fingerprint(&sandbox.home());
    let long = "a".repeat(10_000);
    let hostile =
        ["../../x", "../../../x", "/etc/passwd", "", ".", "..", "*", "bg_", "bg_../x", &long];
    for id in hostile {
        for words in with_id(id) {
            let ran = sandbox.task_bg(&words).run();
            assert!(matches!(ran.code, 2 | 3), "{ran}");
            assert!(ran.stdout.len() < 2_000, "repeats all of it:\n{ran}");
            let code = ran.code;
            ran.failure(code);
        }
    }
    assert_eq!(fingerprint(&sandbox.home()), before);
    assert_eq!(sandbox.record(&kept)["status"], "completed");
}

#[test]
fn an_id_nobody_has_is_not_found_in_the_words_of_the_original() {
    let sandbox = sandbox();
    let id = "bg_19cdeadbeef123456";
    for words in with_id(id) {
        let ran = sandbox.task_bg(&words).run();
        if words[0] != "cancel" && words[0] != "wait" {
            let answer = ran.failure(3);
            assert_eq!(answer["error"], format!("Task not found: {id}"));
            assert_eq!(answer["code"], "not_found");
        } else {
            assert!(ran.code == 3 && ran.stdout.contains(id), "{ran}");
        }
    }
}

#[test]
fn a_prefix_that_fits_one_task_is_enough_and_one_that_fits_two_is_refused() {
    let sandbox = sandbox();
    let ids = [sandbox.run_command(["true"]), sandbox.run_command(["true"])];
    for id in &ids {
        sandbox.ended(id);
        let status = sandbox.task_bg(["status", &id[..id.len() - 1]]).ok().json();
        assert_eq!(status["id"], id.as_str());
    }
    let common = ids[0].bytes().zip(ids[1].bytes()).take_while(|(a, b)| a == b).count();
    let answer = sandbox.task_bg(["status", &ids[0][..common]]).run().failure(3);
    assert!(ids.iter().any(|id| answer.to_string().contains(id.as_str())), "{answer}");
}

#[test]
fn what_is_no_record_is_listed_as_unreadable_with_a_reason_and_stops_nothing() {
    let sandbox = sandbox();
    let junk = fill_with_junk(&sandbox);
    let id = sandbox.run_command(["true"]);
    sandbox.ended(&id);
    let list = sandbox.task_bg(["list"]).ok().json();
    assert_eq!(list["total"], 1, "{list:#}");
    assert_eq!(list["completed"], 1, "{list:#}");
    assert_eq!(list["tasks"][0]["id"], id.as_str(), "{list:#}");
    let unreadable = list["unreadable"].as_array().expect("a list of what was not read");
    for name in junk {
        let entry = unreadable.iter().find(|entry| {
            entry["file"].as_str().is_some_and(|file| Path::new(file).ends_with(name))
        });
        let entry = entry.unwrap_or_else(|| panic!("{name:?} is not named in {list:#}"));
        assert!(entry["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{entry}");
        assert!(!entry.to_string().contains("outside"), "shows what a link points to: {entry}");
    }
    assert_eq!(unreadable.len(), 12, "{list:#}");
}

#[test]
fn a_record_that_cannot_be_read_is_exit_9_for_every_verb_that_asks_for_it() {
    let sandbox = sandbox();
    let junk = fill_with_junk(&sandbox);
    let named_like_a_task = |name: &&str| !name.contains([' ']) && !name.contains("_aaaaaa");
    for name in junk.into_iter().filter(named_like_a_task) {
        for words in with_id(name.trim_end_matches(".json")) {
            let ran = sandbox.task_bg(&words).code(9);
            assert!(!ran.stdout.contains("outside"), "shows what a link points to\n{ran}");
        }
    }
}

#[test]
fn no_verb_changes_or_removes_what_it_cannot_read() {
    let sandbox = sandbox();
    let junk = fill_with_junk(&sandbox);
    let only_junk = || {
        let mut seen = fingerprint(&sandbox.store());
        seen.retain(|path, _| junk.iter().any(|name| path.ends_with(name)));
        seen
    };
    let before = only_junk();
    assert_eq!(before.len(), junk.len());
    for words in [
        vec!["list"],
        vec!["list", "--full"],
        vec!["prune"],
        vec!["wait", "--timeout", "1"],
        vec!["cancel", "--all"],
        vec!["cleanup"],
        vec!["cleanup", "--delete"],
        vec!["cleanup", "--delete", "--older-than", "0"],
    ] {
        let ran = sandbox.task_bg(&words).run();
        assert!(!matches!(ran.code, 1 | 101), "{ran}");
        assert_eq!(only_junk(), before, "{ran}");
    }
    let hook =
        r#"{"hook_event_name":"SubagentStop","session_id":"s","transcript_path":"/dev/zero"}"#;
    sandbox.hook(hook).ok().done();
    sandbox.run_command(["true"]);
    assert_eq!(only_junk(), before);
}

#[test]
fn folders_are_0700_and_files_0600_whatever_the_umask() {
    let sandbox = sandbox();
    let script =
        format!("PID {}\nWAIT {}", sandbox.path("pid").display(), sandbox.path("gate").display());
    fs::write(sandbox.path("prompt"), script).expect("a file in the sandbox");
    let shell = "umask 000; task-bg launch 'a task' --prompt-file ../prompt --env SECRET=x";
    let id = tests::sandbox::task_id(&sandbox.shell(shell).ok().json());
    let check = || {
        let mut folders = vec![sandbox.store()];
        while let Some(folder) = folders.pop() {
            for path in std::iter::once(folder.clone()).chain(fingerprint(&folder).into_keys()) {
                let Ok(meta) = path.symlink_metadata() else { continue };
                // A symbolic link has no mode of its own.
                if meta.is_symlink() {
                    continue;
                }
                let expected = if meta.is_dir() { 0o700 } else { 0o600 };
                let mode = meta.permissions().mode() & 0o777;
                assert_eq!(mode, expected, "{} is {mode:o}", path.display());
                if meta.is_dir() && path != folder {
                    folders.push(path);
                }
            }
        }
    };
    sandbox.pid_in("pid");
    check();
    sandbox.open_gate("gate");
    sandbox.ended(&id);
    sandbox.assert_nothing_left();
    check();
}

#[test]
fn the_agent_gets_its_callers_umask_not_ours() {
    let sandbox = sandbox();
    let file = sandbox.path("made");
    let shell = format!("umask 022; task-bg run 'a task' -- touch {}", file.display());
    let id = tests::sandbox::task_id(&sandbox.shell(&shell).ok().json());
    sandbox.ended(&id);
    let mode = file.metadata().expect("the command made it").permissions().mode() & 0o777;
    assert_eq!(mode, 0o644, "{mode:o}");
}

#[test]
fn a_store_that_cannot_be_written_is_exit_8() {
    let sandbox = sandbox();
    fs::write(sandbox.path("home/.factory"), "a file where a folder should be").expect("a file");
    let answer = sandbox.task_bg(["run", "a task", "--", "true"]).run().failure(8);
    assert!(answer["hint"].as_str().is_some(), "{answer}");
    sandbox.assert_nothing_left();
}

#[test]
fn an_unknown_verb_or_flag_is_a_usage_error_and_nothing_else() {
    let sandbox = sandbox();
    for words in
        [vec!["lunch"], vec!["list", "--nope"], vec!["status"], vec!["wait", "--timeout", "soon"]]
    {
        sandbox.task_bg(words).code(2).done();
    }
    assert!(!sandbox.store().exists());
}
