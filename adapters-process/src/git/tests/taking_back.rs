//! Taking back what a killed launcher left, wherever it was killed, and nothing else.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use domain::port::worktrees::Wanted;

use super::{Scene, environment};
use crate::git::making::note;

/// A repository in which git dies while it checks out a worktree, having written a part of it.
fn deadly() -> Scene {
    let scene = Scene::new();
    scene.git("config filter.dies.smudge 'kill -9 0' && echo '*.big filter=dies' > .gitattributes");
    fs::write(scene.repository().join("z.big"), "large\n").expect("a file");
    scene.git("-c filter.dies.smudge=cat add . && git commit -qm large");
    scene
}

/// Makes the branch as a launcher does.
fn begin(scene: &Scene, wanted: &Wanted) {
    let name = format!("refs/heads/{}", wanted.branch);
    let note = note(&wanted.path);
    scene.git(&format!("update-ref --create-reflog -m '{note}' {name} HEAD ''"));
}

/// Leaves what a launcher leaves whose git was killed; returns git's folder about it.
fn half_made(scene: &Scene, wanted: &Wanted) -> PathBuf {
    begin(scene, wanted);
    let path = std::env::var_os("PATH").expect("a path");
    let mut git = Command::new("git");
    git.args(["worktree", "add", "-q", &wanted.path, &wanted.branch]);
    git.current_dir(scene.repository()).env_clear();
    git.envs(environment(scene.folder.path(), path)).process_group(0);
    let ended = git.status().expect("git");
    assert!(!ended.success(), "git was not killed");
    let name = Path::new(&wanted.path).file_name().expect("a name");
    let folder = scene.repository().join(".git/worktrees").join(name);
    let locked = fs::read_to_string(folder.join("locked")).expect("a lock");
    assert_eq!(locked.trim_end(), "initializing");
    assert!(Path::new(&wanted.path).join("src/it").is_file(), "git wrote nothing");
    folder
}

#[test]
fn a_git_that_is_killed_while_it_makes_a_worktree_leaves_nothing_behind() {
    let scene = deadly();
    scene.create(&scene.wanted("1")).expect_err("git was killed");
    scene.assert_untouched();
}

#[test]
fn a_worktree_that_git_did_not_finish_is_taken_back_however_often_it_is_asked() {
    let scene = deadly();
    let wanted = scene.wanted("1");
    half_made(&scene, &wanted);
    for _ in 0..2 {
        assert_eq!(scene.take_back(&wanted), None);
        scene.assert_untouched();
    }
}

#[test]
fn a_file_that_git_was_cut_off_in_does_not_keep_a_worktree() {
    let scene = deadly();
    let wanted = scene.wanted("1");
    half_made(&scene, &wanted);
    fs::write(Path::new(&wanted.path).join("src/it"), "on").expect("a file");
    assert_eq!(scene.take_back(&wanted), None);
    scene.assert_untouched();
}

#[test]
fn a_list_of_worktrees_that_git_cannot_read_is_mended() {
    let scene = deadly();
    let wanted = scene.wanted("1");
    let folder = half_made(&scene, &wanted);
    for file in ["commondir", "HEAD", "gitdir"] {
        fs::remove_file(folder.join(file)).expect("removed");
    }
    fs::write(Path::new(&wanted.path).join(".git"), "").expect("a file");
    assert_eq!(scene.take_back(&wanted), None);
    scene.assert_untouched();
}

#[test]
fn what_somebody_put_into_a_half_made_worktree_is_kept() {
    for (file, content) in [("new", "mine"), ("ignored", "mine"), ("src/it", "mine\n")] {
        let scene = deadly();
        let wanted = scene.wanted("1");
        half_made(&scene, &wanted);
        let file = Path::new(&wanted.path).join(file);
        fs::write(&file, content).expect("a file");
        assert!(scene.take_back(&wanted).is_some(), "{}", file.display());
        assert_eq!(fs::read_to_string(&file).expect("a file"), content);
        assert_eq!(scene.branches(), "main\ntask-bg/1");
    }
}

#[test]
fn taking_back_that_was_cut_off_is_finished_by_the_next() {
    let cuts: [fn(&Wanted, &Path); 3] = [
        |wanted, _| {
            let path = Path::new(&wanted.path);
            fs::remove_file(path.join(".git")).expect("removed");
            fs::remove_dir_all(path.join("src")).expect("removed");
        },
        |wanted, _| fs::remove_dir_all(&wanted.path).expect("removed"),
        |wanted, folder| {
            fs::remove_dir_all(&wanted.path).expect("removed");
            fs::remove_dir_all(folder).expect("removed");
        },
    ];
    for cut in cuts {
        let scene = deadly();
        let wanted = scene.wanted("1");
        cut(&wanted, &half_made(&scene, &wanted));
        assert_eq!(scene.take_back(&wanted), None);
        scene.assert_untouched();
    }
}

#[test]
fn a_branch_without_its_worktree_is_taken_back() {
    let scene = Scene::new();
    let wanted = scene.wanted("1");
    assert_eq!(scene.take_back(&wanted), None, "there is nothing yet");
    begin(&scene, &wanted);
    scene.git("commit -q --allow-empty -m second");
    assert_eq!(scene.take_back(&wanted), None);
    scene.assert_untouched();
}

#[test]
fn a_finished_worktree_that_no_task_has_got_is_taken_back() {
    let scene = Scene::new();
    let wanted = scene.wanted("1  with\tspaces");
    let wanted = Wanted { branch: "task-bg/1".to_owned(), ..wanted };
    scene.create(&wanted).expect("a worktree");
    assert_eq!(scene.take_back(&wanted), None);
    scene.assert_untouched();
}

#[test]
fn work_in_a_finished_worktree_is_kept_with_its_branch() {
    let scene = Scene::new();
    let wanted = scene.wanted("1");
    let worktree = scene.made("1");
    let at = Path::new(&worktree.path);
    fs::write(at.join("src/it"), "two\n").expect("a file");
    assert!(scene.take_back(&wanted).is_some_and(|why| why.contains("not committed")));
    scene.git_in(at, "commit -qam second");
    assert!(scene.take_back(&wanted).is_some_and(|why| why.contains("1 commit of it")));
    assert!(at.is_dir());
    assert_eq!(scene.branches(), "main\ntask-bg/1");
}

#[test]
fn a_branch_that_was_not_made_for_the_path_is_left_alone() {
    let scene = Scene::new();
    scene.git("branch task-bg/1");
    let mut other = scene.wanted("2");
    begin(&scene, &other);
    assert_eq!(scene.take_back(&scene.wanted("1")), None);
    other.path = scene.wanted("3").path;
    assert_eq!(scene.take_back(&other), None);
    assert_eq!(scene.branches(), "main\ntask-bg/1\ntask-bg/2");
}

#[test]
fn a_branch_that_has_moved_or_is_checked_out_elsewhere_is_kept() {
    let scene = Scene::new();
    let (moved, used) = (scene.wanted("1"), scene.wanted("2"));
    begin(&scene, &moved);
    begin(&scene, &used);
    scene.git("worktree add -q ../mine task-bg/2");
    scene.git("commit -q --allow-empty -m second && git branch -qf task-bg/1 main");
    assert!(scene.take_back(&moved).is_some_and(|why| why.contains("has moved")));
    assert!(scene.take_back(&used).is_some_and(|why| why.contains("checked out")));
    assert_eq!(scene.branches(), "main\ntask-bg/1\ntask-bg/2");
}

#[test]
fn what_is_not_a_worktree_at_the_path_is_kept() {
    let scene = Scene::new();
    let wanted = scene.wanted("1");
    begin(&scene, &wanted);
    let path = Path::new(&wanted.path);
    fs::create_dir(path).expect("a folder");
    fs::write(path.join("file"), "mine").expect("a file");
    assert!(scene.take_back(&wanted).is_some());
    fs::rename(path, scene.path("aside")).expect("moved");
    symlink(scene.path("aside"), path).expect("a link");
    assert!(scene.take_back(&wanted).is_some());
    assert_eq!(fs::read_to_string(scene.path("aside/file")).expect("a file"), "mine");
}
