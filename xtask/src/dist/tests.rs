//! What is shipped, tried with small stand-ins for the programs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::contents::Contents;
use super::programs::{KINDS, Programs};
use super::tree::Tree;
use super::{INSTALLER, sbom, sums};
use crate::repo::Repo;

/// A program that says only that it is there.
fn stand_in() -> Programs {
    let ours = b"#!/bin/sh\necho task-bg 9.9.9\n".to_vec();
    let kind = KINDS.iter().find(|kind| kind.arch == std::env::consts::ARCH).unwrap_or(&KINDS[0]);
    Programs { kind, hook: ours.clone(), ours, path: "/nowhere".into() }
}

fn contents() -> Contents {
    let mut papers = Tree::default();
    papers.file("README.md", "read me");
    let mut plugin = Tree::default();
    plugin.file("plugin/x", "x");
    Contents::for_tests(papers, plugin)
}

fn shell(words: &[&str], folder: &Path, home: &Path) -> Output {
    let mut sh = Command::new("sh");
    sh.args(words).current_dir(folder).env("HOME", home);
    sh.output().expect("a shell")
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut tree = Tree::default();
    tree.folder(".", folder).unwrap_or_default();
    tree.files().map(|(path, _)| path.to_owned()).collect()
}

#[test]
fn the_same_files_give_the_same_archive_whenever_and_by_whomever_they_are_packed() {
    let folder = tempfile::tempdir().expect("a folder");
    let tree = contents().archive(&stand_in());
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    tree.pack(&one, "top", 1_000).expect("packed");
    tree.pack(&two, "top", 1_000).expect("packed");
    let (one, two) = (fs::read(one).expect("read"), fs::read(two).expect("read"));
    assert!(one == two && !one.is_empty());
}

#[test]
fn the_installer_checks_the_sum_installs_updates_and_takes_everything_away_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ship, home) = (folder.path().join("ship"), folder.path().join("home"));
    fs::create_dir_all(&ship).expect("made");
    let local = home.join(".local");
    fs::create_dir_all(local.join("bin")).expect("made");
    fs::write(local.join("bin/other"), "of somebody else").expect("written");
    let programs = stand_in();
    let name = format!("task-bg-9.9.9-{}", programs.kind.target);
    let archive = ship.join(format!("{name}.tar.gz"));
    contents().archive(&programs).pack(&archive, &name, 0).expect("packed");
    fs::write(ship.join("install.sh"), INSTALLER).expect("written");
    // Without the sums nothing is installed, and neither is what has another one.
    let refused = shell(&["install.sh"], &ship, &home);
    assert!(!refused.status.success(), "{refused:?}");
    sums(&ship).expect("summed");
    let whole = fs::read(&archive).expect("read");
    fs::write(&archive, [&whole[..], b"more"].concat()).expect("written");
    let refused = shell(&["install.sh"], &ship, &home);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the sum of"), "{refused:?}");
    assert_eq!(files(&home), ["./.local/bin/other"]);
    fs::write(&archive, whole).expect("written");
    for _ in 0..2 {
        let installed = shell(&["install.sh"], &ship, &home);
        assert!(installed.status.success(), "{installed:?}");
        let said = String::from_utf8_lossy(&installed.stderr).into_owned();
        assert!(said.contains("installed task-bg 9.9.9 below") && said.contains("PATH"), "{said}");
    }
    let mode = fs::metadata(local.join("bin/task-bg")).expect("installed").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    for file in
        ["share/man/man1/task-bg.1", "share/zsh/site-functions/_task-bg", "share/task-bg/plugin/x"]
    {
        assert!(local.join(file).is_file(), "{file}");
    }
    let removed = shell(&["install.sh", "uninstall"], &ship, &home);
    assert!(removed.status.success(), "{removed:?}");
    assert_eq!(files(&home), ["./.local/bin/other"]);
    assert!(!local.join("share").exists());
    assert!(!shell(&["install.sh", "uninstall"], &ship, &home).status.success());
}

// Once, the installer that lies in the archive found nothing to install.
#[test]
fn an_unpacked_archive_installs_itself() {
    let (folder, unpacked, home) = unpacked();
    let installed = shell(&["install.sh"], &unpacked, &home);
    assert!(installed.status.success(), "{installed:?}");
    assert!(home.join(".local/share/man/man1/task-bg.1").is_file());
    assert!(unpacked.join("bin/task-bg").is_file(), "what was unpacked stays");
    let removed = shell(&["install.sh", "uninstall"], &unpacked, &home);
    assert!(removed.status.success(), "{removed:?}");
    assert_eq!(files(&home), Vec::<String>::new());
    drop(folder);
}

// Once, it said "installed" beside a folder that had the name of the program, and could not be uninstalled any more.
#[test]
fn what_is_in_the_way_of_the_installer_is_named_before_anything_is_changed() {
    let (folder, unpacked, home) = unpacked();
    fs::create_dir_all(home.join(".local/bin/task-bg")).expect("made");
    let refused = shell(&["install.sh"], &unpacked, &home);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("bin/task-bg` is a folder"), "{said}");
    assert_eq!(files(&home), Vec::<String>::new());
    drop(folder);
}

// Once, the program of somebody who had built it was overwritten, and then removed; so was a droid that was edited.
#[test]
fn the_installer_neither_overwrites_nor_removes_what_is_somebodys_own() {
    let (folder, unpacked, home) = unpacked();
    let local = home.join(".local");
    fs::create_dir_all(local.join("bin")).expect("made");
    fs::write(local.join("bin/task-bg"), "built by hand").expect("written");
    let refused = shell(&["install.sh"], &unpacked, &home);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("did not install it"), "{said}");
    assert_eq!(files(&home), ["./.local/bin/task-bg"]);
    fs::remove_file(local.join("bin/task-bg")).expect("removed");
    assert!(shell(&["install.sh"], &unpacked, &home).status.success());
    let plugin = local.join("share/task-bg/plugin/x");
    fs::write(&plugin, "edited").expect("written");
    assert!(shell(&["install.sh"], &unpacked, &home).status.success());
    assert_eq!(fs::read_to_string(plugin.with_extension("old")).expect("kept"), "edited");
    fs::write(&plugin, "edited again").expect("written");
    let removed = shell(&["install.sh", "uninstall"], &unpacked, &home);
    assert!(removed.status.success(), "{removed:?}");
    let left = ["./.local/share/task-bg/plugin/x", "./.local/share/task-bg/plugin/x.old"];
    assert_eq!(files(&home), left);
    drop(folder);
}

// Once, an update removed what a changed list named outside the prefix.
#[test]
fn no_list_of_files_leads_the_installer_outside_its_prefix() {
    let (folder, unpacked, home) = unpacked();
    let share = home.join(".local/share/task-bg");
    fs::create_dir_all(&share).expect("made");
    fs::write(home.join("mine"), "of somebody else").expect("written");
    fs::write(share.join("installed-files"), format!("{}  ../mine\n", "0".repeat(64)))
        .expect("written");
    for words in [&["install.sh"][..], &["install.sh", "uninstall"]] {
        let refused = shell(words, &unpacked, &home);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("names a file outside"), "{said}");
    }
    assert!(home.join("mine").is_file());
    drop(folder);
}

/// An unpacked archive of a stand-in, and an empty home.
fn unpacked() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let (unpacked, home) = (folder.path().join("unpacked"), folder.path().join("home"));
    fs::create_dir_all(&home).expect("made");
    contents().archive(&stand_in()).write(&unpacked).expect("written");
    (folder, unpacked, home)
}

#[test]
fn the_command_of_the_npm_package_becomes_the_program_for_this_machine() {
    let folder = tempfile::tempdir().expect("a folder");
    let npm = contents().npm(&[stand_in()], "9.9.9");
    npm.write(folder.path()).expect("written");
    let manifest = fs::read_to_string(folder.path().join("package.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!((&manifest["version"], &manifest["os"][0]), (&"9.9.9".into(), &"linux".into()));
    // As npm does it: by a link from elsewhere.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("bin/task-bg"), &link).expect("linked");
    let said = Command::new(link).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&said.stdout), "task-bg 9.9.9\n", "{said:?}");
}

#[test]
fn the_list_of_crates_names_each_once_with_version_licence_and_sum_and_the_same_each_time() {
    let repo = Repo::find().expect("the repository");
    let list = || sbom::of(&repo, "9.9.9", "x86_64-unknown-linux-gnu").expect("a list");
    let text = list();
    assert_eq!(text, list());
    let list: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let components = list["components"].as_array().expect("components");
    let named = |name: &str| components.iter().filter(|it| it["name"] == name).collect::<Vec<_>>();
    let [clap] = named("clap")[..] else { panic!("clap is there once") };
    assert_eq!(clap["licenses"][0]["expression"], "MIT OR Apache-2.0");
    assert_eq!(clap["hashes"][0]["content"].as_str().map(str::len), Some(64));
    assert!(named("proptest").is_empty() && named("domain").is_empty());
    let bare = components.iter().filter(|it| it["licenses"][0]["expression"] == "").count();
    assert_eq!(bare, 0);
}

#[test]
fn there_is_one_version() {
    let repo = Repo::find().expect("the repository");
    let version = repo.version().expect("a version");
    let plugin = repo.root.join("plugin/.factory-plugin/plugin.json");
    let plugin = fs::read_to_string(plugin).expect("the plugin's manifest");
    let plugin: serde_json::Value = serde_json::from_str(&plugin).expect("JSON");
    assert_eq!(plugin["version"], *version, "the plugin's version is that of the workspace");
}
