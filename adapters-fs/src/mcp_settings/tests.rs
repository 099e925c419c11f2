//! What comes back byte for byte, and what is refused; every test writes into a folder of its own.

use std::fs;

use super::*;

const DIALECTS: [Dialect; 3] = [Dialect::Servers, Dialect::Words, Dialect::Tables];
const PATH: &str = "/opt/a \"b\"/task-bg";
const VARIABLES: [&str; 2] = ["ONE", "TWO"];

/// Settings that somebody wrote, of each dialect.
fn written(dialect: Dialect) -> Vec<&'static str> {
    match dialect {
        Dialect::Servers => vec![
            "{}",
            "{ // why\n  \"mcpServers\": {\"other\": {\"command\": \"x\", \"args\": [1.50]}},\n\t\"n\": 1e3 }\n",
            "{\n  \"theme\": \"dark\", /* so */\n  \"list\": [ 1,2,\n 3 ]\n}",
        ],
        Dialect::Words => vec![
            "{\"$schema\": \"https://opencode.ai/config.json\", \"mcp\": {}}\n",
            "{\n  \"model\": \"a/b\",\n  \"mcp\": {\n    \"x\": {\"type\": \"remote\", \"url\": \"u\"}, // last\n  },\n}\n",
        ],
        Dialect::Tables => vec![
            "model = \"x\"",
            "# mine\nmodel = 'x' # why\n\n[mcp_servers.other]\ncommand = \"y\"\n\n[projects.\"/a b\"]\ntrust_level = \"trusted\"\n",
            "[mcp_servers]\n[mcp_servers.a]\ncommand = \"\"\"\n[mcp_servers.task-bg]\n\"\"\"\n",
        ],
    }
}

fn file(dialect: Dialect, text: Option<&str>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("inner").join(format!("{dialect:?}"));
    if let Some(text) = text {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, text).expect("written");
    }
    (folder, path)
}

#[test]
fn everything_else_comes_back_byte_for_byte() {
    for dialect in DIALECTS {
        for text in written(dialect) {
            let (_folder, path) = file(dialect, Some(text));
            let read = || ServerFile::read(path.clone(), dialect).expect("it is understood");
            assert!(!read().is_ours());
            let added = read().install(PATH, &VARIABLES).expect("added").expect("a change");
            assert_eq!(added.deed, Deed::Added);
            assert_eq!(
                read().registered(),
                Some(&[PATH.to_owned(), "mcp".to_owned()][..]),
                "{text}"
            );
            let with = fs::read_to_string(&path).expect("it is there");
            assert_eq!(read().install("/elsewhere/task-bg", &VARIABLES).expect("fine"), None);
            assert_eq!(fs::read_to_string(&path).expect("it is there"), with);
            let removed = read().uninstall(&VARIABLES).expect("removed").expect("a change");
            assert_eq!(removed.deed, Deed::Restored, "{text}");
            assert_eq!(fs::read_to_string(&path).expect("it is there"), text);
            assert_eq!(read().uninstall(&VARIABLES).expect("fine"), None);
            let names = fs::read_dir(path.parent().expect("a folder")).expect("read");
            assert_eq!(names.count(), 1, "no backup is left");
        }
    }
}

#[test]
fn what_was_changed_since_stays_and_ours_alone_goes() {
    for dialect in DIALECTS {
        for text in written(dialect) {
            let (_folder, path) = file(dialect, Some(text));
            let read = || ServerFile::read(path.clone(), dialect).expect("it is understood");
            read().install(PATH, &VARIABLES).expect("added");
            let grown = match dialect {
                Dialect::Tables => {
                    format!("{}\n[later]\nx = 1 # y\n", fs::read_to_string(&path).expect("read"))
                }
                Dialect::Servers | Dialect::Words => fs::read_to_string(&path)
                    .expect("read")
                    .replacen('{', "{\n  \"later\": 1.0,", 1),
            };
            fs::write(&path, &grown).expect("written");
            let removed = read().uninstall(&VARIABLES).expect("removed").expect("a change");
            assert_eq!(removed.deed, Deed::Removed);
            assert_eq!(read().registered(), None);
            let left = fs::read_to_string(&path).expect("it is there");
            assert!(left.contains("later"), "{left}");
        }
    }
}

#[test]
fn a_file_that_was_not_there_is_made_and_goes_again() {
    for dialect in DIALECTS {
        let (folder, path) = file(dialect, None);
        let read = || ServerFile::read(path.clone(), dialect).expect("it is understood");
        assert_eq!(read().uninstall(&VARIABLES).expect("fine"), None);
        let added = read().install(PATH, &VARIABLES).expect("added").expect("a change");
        assert_eq!((added.deed, added.backup), (Deed::Created, None));
        let removed = read().uninstall(&VARIABLES).expect("removed").expect("a change");
        assert_eq!(removed.deed, Deed::Deleted);
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 0);
    }
}

#[test]
fn a_broken_file_and_another_server_of_our_name_are_refused_and_stay() {
    for (dialect, text) in [
        (Dialect::Servers, "{ \"mcpServers\": {"),
        (Dialect::Servers, "[]"),
        (Dialect::Tables, "model = \n"),
    ] {
        let (_folder, path) = file(dialect, Some(text));
        let refused = ServerFile::read(path, dialect);
        assert!(matches!(refused, Err(HookSettingsError::Broken { .. })), "{text}");
    }
    for (dialect, text) in [
        (
            Dialect::Servers,
            "{\"mcpServers\": {\"task-bg\": {\"command\": \"npx\", \"args\": [\"task-bg\"]}}}",
        ),
        (Dialect::Words, "{\"mcp\": {\"task-bg\": {\"type\": \"remote\", \"url\": \"u\"}}}"),
        (Dialect::Tables, "[mcp_servers.\"task-bg\"]\nurl = \"u\"\n"),
        (Dialect::Servers, "{\"mcpServers\": []}"),
        (Dialect::Tables, "mcp_servers = { other = { command = \"x\" } }\n"),
    ] {
        let (_folder, path) = file(dialect, Some(text));
        let read = ServerFile::read(path.clone(), dialect).expect("it is understood");
        assert!(matches!(read.install(PATH, &[]), Err(HookSettingsError::Odd { .. })), "{text}");
        if read.registered().is_some() {
            assert!(matches!(read.uninstall(&[]), Err(HookSettingsError::Odd { .. })), "{text}");
        }
        assert_eq!(fs::read_to_string(&path).expect("it is there"), text);
    }
}
