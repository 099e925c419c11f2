//! Which folder is the store, which names it gives, and who may look into it.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn located(variables: &[(&str, &str)]) -> Result<PathBuf, NoHome> {
    let variables: Vec<(String, OsString)> =
        variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let env = move |name: &str| {
        variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    DataDir::locate(&env).map(|dir| dir.root().to_path_buf())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn the_own_variable_wins_over_droids_and_home() {
    let all = [("TASK_BG_DIR", "/own"), ("FACTORY_HOME_OVERRIDE", "/over"), ("HOME", "/home/u")];
    assert_eq!(located(&all), Ok("/own".into()));
    assert_eq!(located(&all[1..]), Ok("/over/.factory/.omd/background-tasks".into()));
    assert_eq!(located(&all[2..]), Ok("/home/u/.factory/.omd/background-tasks".into()));
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let empty = [("TASK_BG_DIR", ""), ("FACTORY_HOME_OVERRIDE", ""), ("HOME", "/h")];
    assert_eq!(located(&empty), Ok("/h/.factory/.omd/background-tasks".into()));
}

#[test]
fn without_a_home_there_is_no_store_and_never_the_current_folder() {
    assert_eq!(located(&[]), Err(NoHome::Unset));
    assert_eq!(located(&[("HOME", "")]), Err(NoHome::Unset));
    let relative = located(&[("TASK_BG_DIR", "here"), ("HOME", "/h")]);
    assert_eq!(relative, Err(NoHome::Relative { variable: "TASK_BG_DIR", path: "here".into() }));
    assert_eq!(
        relative.map_err(|error| error.to_string()),
        Err("`TASK_BG_DIR` is `here`, which is no absolute path".into())
    );
}

#[test]
fn a_session_cannot_leave_its_folder_or_hide_in_it() {
    let dir = DataDir::at("/s".into());
    let path = |name: &str| dir.session(&SessionId::parse(name).expect("a session"));
    assert_eq!(path("../../x y"), Some("/s/.sessions/%2E%2E%2F%2E%2E%2Fx%20y".into()));
    assert_eq!(path(".."), Some("/s/.sessions/%2E%2E".into()));
    assert_eq!(path("0d9f2a70-9f"), Some("/s/.sessions/0d9f2a70-9f".into()));
    assert_eq!(path(&"é".repeat(100)), None, "600 bytes are no file name");
}

#[test]
fn what_a_parent_was_not_told_has_a_place_whatever_its_name() {
    let dir = DataDir::at("/s".into());
    let parent = |name: &str| SessionId::parse(name).expect("a session");
    assert_eq!(dir.notices_of(&parent("../p")), Path::new("/s/.notices/%2E%2E%2Fp"));
    let long = ["é".repeat(128), "é".repeat(127) + "e"].map(|name| dir.notices_of(&parent(&name)));
    assert_ne!(long[0], long[1]);
    let name = long[0].file_name().expect("a name");
    assert!(name.len() <= MAX_FILE_NAME && long[0].parent() == Some(Path::new("/s/.notices")));
    let (id, folder) = (TaskId::parse("bg_1").expect("an id"), Path::new("/f"));
    for sign in NoticeSign::ALL {
        let path = DataDir::notice(folder, &id, sign);
        assert_eq!(NoticeSign::of(path.file_name().expect("a name")), Some((id.clone(), sign)));
    }
    for other in [".x", "bg_1.x", "a b", "bg_1.ended.told"] {
        assert_eq!(NoticeSign::of(OsStr::new(other)), None, "{other}");
    }
}

#[test]
fn names_that_are_no_ids_are_told_apart_from_records_and_the_rest() {
    let id = TaskId::parse("bg_1").expect("an id");
    assert_eq!(Entry::of(OsStr::new("bg_1.json")), Entry::Record(id));
    for misnamed in ["a b.json", "a..json", "é.json", "-x.json"] {
        assert_eq!(Entry::of(OsStr::new(misnamed)), Entry::Misnamed, "{misnamed}");
    }
    for other in [".active", ".json", ".x.json", "bg_1.out", "bg_1.events.jsonl", "notes.txt"] {
        assert_eq!(Entry::of(OsStr::new(other)), Entry::Other, "{other}");
    }
    assert_eq!(Entry::of(OsStr::new(".12-0.tmp")), Entry::Temp);
}

#[test]
fn a_temp_name_is_never_a_record_and_never_given_twice() {
    let dir = DataDir::at("/s".into());
    let target = dir.record(&TaskId::parse("bg_1").expect("an id"));
    let (one, two) = (dir.temp(&target), dir.temp(&target));
    assert_ne!(one, two);
    assert_eq!(one.parent(), target.parent());
    assert_eq!(Entry::of(one.file_name().expect("a name")), Entry::Temp);
}

#[test]
fn shards_are_few_and_stay_the_same() {
    let dir = DataDir::at("/s".into());
    let shard = |id: &str| dir.shard(&TaskId::parse(id).expect("an id"));
    // Programs of different versions meet in one store: these values must never change.
    assert_eq!(shard("bg_1"), Path::new("/s/.locks/14"));
    assert_eq!(shard("bg_19c0ffee123abcdef"), Path::new("/s/.locks/07"));
}

#[test]
fn folders_are_private_and_an_open_one_is_closed() {
    let scratch = tempfile::tempdir().expect("a folder");
    let dir = DataDir::at(scratch.path().join("a/b/tasks"));
    dir.prepare().expect("made");
    for folder in [dir.root().to_path_buf(), dir.active(), dir.locks(), dir.sessions()] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
    }
    fs::set_permissions(dir.root(), fs::Permissions::from_mode(0o755)).expect("opened");
    dir.prepare().expect("still there");
    assert_eq!(mode(dir.root()), 0o700);
}

#[test]
fn a_file_in_the_place_of_the_folder_is_an_error() {
    let scratch = tempfile::tempdir().expect("a folder");
    let file = scratch.path().join("file");
    fs::write(&file, "x").expect("written");
    let error = DataDir::at(file).prepare().expect_err("no folder");
    assert_eq!(error.kind(), std::io::ErrorKind::NotADirectory);
}

#[test]
fn a_folder_of_the_store_that_somebody_removed_is_made_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = DataDir::at(folder.path().join("store"));
    for part in [dir.keys(), dir.active(), dir.queue()] {
        dir.prepare().expect("made");
        std::fs::remove_dir(&part).expect("removed");
        dir.prepare().expect("made");
        assert!(part.is_dir());
    }
}
