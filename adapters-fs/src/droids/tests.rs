//! Which files define which droids, what is refused, and that ours are all there.

use super::*;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

struct Place {
    scratch: TempDir,
}

impl Place {
    fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(scratch.path().join("home/.factory")).expect("a folder");
        fs::create_dir_all(scratch.path().join("project/below")).expect("a folder");
        Self { scratch }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.scratch.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn catalog(&self, cwd: &str) -> Catalog {
        let droids = FileDroids::new(Some(self.path("home")));
        pollster::block_on(droids.found(&self.path(cwd).display().to_string()))
    }

    fn droid(&self, cwd: &str, name: &str) -> Droid {
        let name = DroidName::parse(name).expect("a name");
        self.catalog(cwd).choose(&name).expect("there is one").clone()
    }

    fn install(&self, id: &str, enabled: &str) {
        let folder = self.path(&format!("plugins/{id}"));
        let text = format!(
            r#"{{"schemaVersion":1,"pluginId":"{id}","entry":{{"scope":"user","installPath":"{}"}}}}"#,
            folder.display()
        );
        self.write(&format!("home/.factory/plugins/installed_plugins/{id}.json"), &text);
        self.write("home/.factory/settings.json", enabled);
        self.write(&format!("plugins/{id}/droids/x.md"), "from the plugin");
    }
}

fn reason(catalog: &Catalog, ending: &str) -> String {
    let found = catalog.unreadable().find(|found| found.path.ends_with(ending));
    found.unwrap_or_else(|| panic!("{ending} is not named")).reason.clone()
}

#[test]
fn all_eleven_of_ours_parse_have_a_purpose_and_stay_short() {
    let catalog = Place::new().catalog("project");
    let ours: Vec<&Droid> = catalog.visible().iter().map(|visible| visible.droid).collect();
    assert_eq!(ours.len(), 11);
    assert_eq!(catalog.unreadable().count(), 0);
    for droid in ours {
        let name = &droid.name;
        assert!(droid.description.as_ref().is_some_and(|purpose| purpose.len() > 40), "{name}");
        assert_eq!(droid.model, None, "{name}");
        let body = droid.instructions.as_str();
        assert!(body.lines().count() < 60, "{name}");
        assert!(body.contains("Your answer:"), "{name} does not say what its answer looks like");
        assert_eq!((&droid.source, &droid.path), (&DroidSource::Builtin, &None));
    }
}

#[test]
fn ours_that_only_read_have_no_tool_that_edits() {
    let place = Place::new();
    for name in ["basic-searcher", "explorer", "librarian", "oracle", "code-reviewer"] {
        let tools = place.droid("project", name).tools.expect("a list");
        assert!(!tools.iter().any(|tool| tool == "Edit" || tool == "ApplyPatch"), "{name}");
    }
    assert_eq!(place.droid("project", "executor-med").tools, None);
}

#[test]
fn a_file_is_named_by_itself_unless_it_says_otherwise() {
    let place = Place::new();
    place.write("home/.factory/droids/one.md", "---\ndescription: d\nmodel: inherit\n---\nBe one.");
    place.write("home/.factory/droids/two.md", "---\nname: other\nmodel: m\n---\nBe other.");
    place.write("home/.factory/droids/three.txt", "no definition");
    let one = place.droid("project", "one");
    assert_eq!((one.model, one.instructions.as_str()), (None, "Be one."));
    assert_eq!(place.droid("project", "other").model.as_deref(), Some("m"));
    assert_eq!(place.catalog("project").visible().len(), 13);
}

#[test]
fn a_repository_counts_up_to_its_root_and_the_nearest_folder_first() {
    let place = Place::new();
    place.write(".factory/droids/above.md", "above the repository");
    place.write("project/.factory/droids/x.md", "at the root");
    place.write("project/.factory/droids/y.md", "at the root");
    place.write("project/below/.factory/droids/x.md", "below");
    let names = |cwd: &str| -> Vec<String> {
        let catalog = place.catalog(cwd);
        let theirs = catalog.visible().into_iter().map(|visible| visible.droid.clone());
        let theirs = theirs.filter(|droid| droid.source == DroidSource::Project);
        theirs.map(|droid| format!("{} {}", droid.name, droid.instructions.as_str())).collect()
    };
    assert_eq!(names("project/below"), ["x below"], "without a repository the folder alone");
    fs::create_dir(place.path("project/.git")).expect("made");
    assert_eq!(names("project/below"), ["x below", "y at the root"]);
    assert_eq!(names("project"), ["x at the root", "y at the root"]);
}

#[test]
fn the_home_folder_as_a_project_is_the_users_and_not_a_project() {
    let place = Place::new();
    place.write("home/.factory/droids/x.md", "the user's");
    assert_eq!(place.droid("home", "x").source, DroidSource::User);
    assert_eq!(place.catalog("home").visible().len(), 12);
}

#[test]
fn a_plugin_counts_while_it_is_enabled() {
    let place = Place::new();
    let x = DroidName::parse("x").expect("a name");
    for (enabled, counts) in [
        ("{}", false),
        ("broken", false),
        (r#"{"enabledPlugins": {"p@m": false}}"#, false),
        ("// mine\n{\"enabledPlugins\": {\"p@m\": true}}", true),
    ] {
        place.install("p@m", enabled);
        assert_eq!(place.catalog("project").choose(&x).is_ok(), counts, "{enabled}");
    }
    assert_eq!(place.droid("project", "x").source, DroidSource::Plugin { id: "p@m".into() });
    let project = r#"{"enabledPlugins": {"p@m": false}}"#;
    place.write("project/.factory/settings.json", project);
    assert!(place.catalog("project").choose(&x).is_err(), "the project says no");
}

#[test]
fn an_installation_that_cannot_be_understood_is_named() {
    let place = Place::new();
    place.write("home/.factory/plugins/installed_plugins/a.json", "{}");
    let text = r#"{"pluginId":"b@m","entry":{"installPath":"../there"}}"#;
    place.write("home/.factory/plugins/installed_plugins/b.json", text);
    let catalog = place.catalog("project");
    assert!(reason(&catalog, "a.json").contains("pluginId"));
    assert!(reason(&catalog, "b.json").contains("absolute"));
    assert_eq!(catalog.visible().len(), 11);
}

#[test]
fn what_cannot_be_used_is_named_with_the_reason_and_nothing_hangs() {
    let place = Place::new();
    let file = |name: &str| format!("home/.factory/droids/{name}");
    place.write(&file("big.md"), &"x".repeat(usize::try_from(MAX_DEFINITION).expect("fits") + 1));
    place.write(&file("blank.md"), "---\nname: blank\n---\n \n");
    place.write(&file("open.md"), "---\nname: open\nBe one.");
    place.write(&file("model.md"), "---\nmodel: --help me\n---\nBe one.");
    place.write(&file("tools.md"), "---\ntools: []\n---\nBe one.");
    place.write(&file("spaced.md"), "---\nname: My Droid\n---\nBe one.");
    place.write(&file("a b.md"), "Be one.");
    fs::write(place.path(&file("bytes.md")), b"\xff\xfe").expect("written");
    fs::create_dir(place.path(&file("folder.md"))).expect("made");
    symlink("loop.md", place.path(&file("loop.md"))).expect("linked");
    symlink("/nowhere/at/all.md", place.path(&file("dangling.md"))).expect("linked");
    let fifo = place.path(&file("fifo.md"));
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .expect("made");
    let catalog = place.catalog("project");
    for (ending, words) in [
        ("big.md", "1 MiB"),
        ("blank.md", "nothing"),
        ("open.md", "no end"),
        ("model.md", "no single word"),
        ("tools.md", "no tool"),
        ("spaced.md", "My Droid"),
        ("a b.md", "no droid name"),
        ("bytes.md", "UTF-8"),
        ("folder.md", "no plain file"),
        ("loop.md", "symbolic links"),
        ("dangling.md", "No such file"),
        ("fifo.md", "no plain file"),
    ] {
        let reason = reason(&catalog, ending);
        assert!(reason.contains(words), "{ending}: {reason}");
    }
    assert_eq!(catalog.unreadable().count(), 12);
    assert_eq!(catalog.visible().len(), 11);
}

#[test]
fn a_link_to_a_definition_elsewhere_is_followed_as_droid_follows_it() {
    let place = Place::new();
    place.write("dotfiles/mine.md", "Be mine.");
    fs::create_dir(place.path("home/.factory/droids")).expect("made");
    symlink(place.path("dotfiles/mine.md"), place.path("home/.factory/droids/mine.md"))
        .expect("linked");
    assert_eq!(place.droid("project", "mine").instructions.as_str(), "Be mine.");
}

#[test]
fn without_a_home_the_projects_and_ours_are_left() {
    let catalog = pollster::block_on(FileDroids::new(None).found("/nowhere"));
    assert_eq!(catalog.visible().len(), 11);
    assert_eq!(FileDroids::new(Some("relative".into())).home, None);
}
