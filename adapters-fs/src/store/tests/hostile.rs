//! Things that lie in the store's folder and are no records.

use super::*;
use rustix::fs::{CWD, Mode};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

#[test]
fn what_is_no_record_is_named_with_the_reason_and_left_as_it_is() {
    let Scratch { store, dir, .. } = scratch();
    let task = task_at(1);
    wait(store.create(&task)).expect("created");
    let place = |name: &str| dir.root().join(name);
    fs::write(place("a_empty.json"), "").expect("written");
    fs::write(place("b_cut.json"), r#"{"id": "b_cut", "sta"#).expect("written");
    fs::write(place("c_nul.json"), [0; 4096]).expect("written");
    fs::write(place("d_foreign.json"), r#"{"taskId":"x"}"#).expect("written");
    rustix::fs::mkfifoat(CWD, place("e_fifo.json"), Mode::from_raw_mode(0o600)).expect("made");
    fs::create_dir(place("f_folder.json")).expect("made");
    symlink(dir.record(task.id()), place("g_link.json")).expect("made");
    let _socket = UnixListener::bind(place("h_socket.json")).expect("bound");
    let huge = fs::File::create(place("i_huge.json")).expect("made");
    huge.set_len(65 * 1024 * 1024).expect("sparse");
    fs::write(place("j no id.json"), "{}").expect("written");
    fs::write(place(".k.json"), "not looked at").expect("written");
    fs::write(place("l.out"), "a log").expect("written");

    let listing = wait(store.list(&Query::default())).expect("listed");
    assert_eq!(listing.tasks, std::slice::from_ref(&task));
    let mut named: Vec<(&str, &str)> = listing
        .unreadable
        .iter()
        .map(|entry| (entry.file.as_str(), entry.reason.as_str()))
        .collect();
    named.sort_unstable();
    assert_eq!(
        named,
        [
            ("a_empty.json", "it is empty"),
            ("b_cut.json", "it is cut off at line 1, column 20"),
            (
                "c_nul.json",
                "it is filled with NUL bytes, as a file is whose content was lost in a crash"
            ),
            ("d_foreign.json", "it is another program's record: it has no `id`"),
            ("e_fifo.json", "it is no plain file"),
            ("f_folder.json", "it is a folder"),
            ("g_link.json", "it is a symbolic link"),
            ("h_socket.json", "it is no plain file"),
            ("i_huge.json", "it is larger than 64 MiB"),
            ("j no id.json", "its name is no task id"),
        ]
    );

    for name in ["a_empty", "c_nul", "e_fifo", "f_folder", "g_link", "h_socket", "i_huge"] {
        let id = parse(name);
        for answer in [
            wait(store.load(&id)).map(drop),
            wait(store.apply(&id, completed("x"), at(9))).map(drop),
            wait(store.remove(&id)),
        ] {
            assert!(matches!(answer, Err(StoreError::Unreadable { .. })), "{name}: {answer:?}");
        }
        let exists = Task::ordered(id.clone(), testing::order(), None, at(9));
        assert_eq!(wait(store.create(&exists)), Err(StoreError::Exists { id }));
    }
    wait(store.sweep()).expect("swept");
    assert_eq!(fs::read(place("c_nul.json")).expect("there"), [0; 4096]);
    assert_eq!(fs::read(place("a_empty.json")).expect("there"), b"");
    assert!(place("g_link.json").is_symlink());
    assert_eq!(wait(store.load(task.id())), Ok(task));
}

#[test]
fn a_store_whose_folder_is_a_file_fails_with_its_name() {
    let Scratch { store, dir, .. } = scratch();
    fs::create_dir_all(dir.root().parent().expect("a parent")).expect("made");
    fs::write(dir.root(), "x").expect("written");
    for answer in [
        wait(store.create(&task_at(1))),
        wait(store.load(&parse("bg_1"))).map(drop),
        wait(store.list(&Query::default())).map(drop),
        wait(store.apply(&parse("bg_1"), started(), at(1))).map(drop),
    ] {
        let Err(StoreError::Failed { folder, .. }) = answer else { panic!("{answer:?}") };
        assert_eq!(folder, dir.root().display().to_string());
    }
}

#[test]
fn a_record_that_something_else_replaced_meanwhile_is_read_anew() {
    let Scratch { store, dir, .. } = scratch();
    let task = task_at(1);
    wait(store.create(&task)).expect("created");
    let text = fs::read_to_string(dir.record(task.id())).expect("read");
    let text = text.replace("\"Find auth patterns\"", "\"by hand\"");
    fs::write(dir.record(task.id()), text).expect("written");
    let ended = wait(store.apply(task.id(), completed("x"), at(2))).expect("ended");
    assert_eq!(ended.order().description, "by hand");
}
