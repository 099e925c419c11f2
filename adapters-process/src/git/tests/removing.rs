//! Removing worktrees: only what was made for the task, and only if nothing is lost.

use std::fs;
use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use super::Scene;
use crate::git::removing::NOT_OURS;

#[test]
fn a_link_to_another_worktree_is_kept_and_the_other_one_with_its_ignored_files() {
    let scene = Scene::new();
    let worktree = scene.made("1");
    scene.git("worktree add -q -b mine ../mine");
    fs::write(scene.path("mine/ignored"), "secret").expect("a file");
    scene.git(&format!("worktree remove {}", worktree.path));
    symlink(scene.path("mine"), &worktree.path).expect("a link");
    assert_eq!(scene.remove(&worktree).as_deref(), Some(NOT_OURS));
    assert_eq!(fs::read_to_string(scene.path("mine/ignored")).expect("a file"), "secret");
    assert_eq!(scene.branches(), "main\nmine\ntask-bg/1");
}

#[test]
fn a_folder_whose_git_file_belongs_to_another_worktree_is_kept() {
    let scene = Scene::new();
    let (worktree, other) = (scene.made("1"), scene.made("2"));
    let link = |at: &str| Path::new(at).join(".git");
    fs::copy(link(&other.path), link(&worktree.path)).expect("a copy");
    assert_eq!(scene.remove(&worktree).as_deref(), Some(NOT_OURS));
    assert!(Path::new(&worktree.path).is_dir() && Path::new(&other.path).is_dir());
}

#[test]
fn a_worktree_of_another_repository_at_the_same_path_is_kept() {
    let scene = Scene::new();
    let worktree = scene.made("1");
    scene.git(&format!("worktree remove {}", worktree.path));
    scene.git("clone -q . ../clone");
    scene.git_in(&scene.path("clone"), &format!("worktree add -q -b mine {}", worktree.path));
    assert_eq!(scene.remove(&worktree).as_deref(), Some(NOT_OURS));
    assert!(Path::new(&worktree.path).is_dir());
}

#[test]
fn a_repository_further_up_does_not_answer_for_a_git_file_that_is_gone() {
    let scene = Scene::new();
    let worktree = scene.made("1");
    fs::remove_file(Path::new(&worktree.path).join(".git")).expect("removed");
    scene.git_in(&scene.path(""), "init -q . && echo '*' > .gitignore");
    assert!(scene.remove(&worktree).is_some());
    assert!(Path::new(&worktree.path).join("src/it").is_file());
}

#[test]
fn a_branch_that_is_checked_out_elsewhere_keeps_its_worktree() {
    let scene = Scene::new();
    let worktree = scene.made("1");
    scene.git_in(Path::new(&worktree.path), "checkout -q --detach");
    scene.git("worktree add -q ../mine task-bg/1");
    let why = scene.remove(&worktree).expect("kept");
    assert!(why.contains("checked out at") && why.contains("mine"), "{why}");
    assert!(Path::new(&worktree.path).is_dir() && scene.path("mine").is_dir());
}

#[test]
fn commits_are_not_said_to_be_on_a_branch_that_is_gone() {
    let scene = Scene::new();
    let worktree = scene.made("1");
    let at = Path::new(&worktree.path);
    scene.git_in(at, "checkout -q --detach && git commit -q --allow-empty -m second");
    scene.git("branch -D -q task-bg/1");
    let why = scene.remove(&worktree);
    assert_eq!(why.as_deref(), Some("1 commit of it is on no branch"));
}

#[test]
fn a_worktree_in_a_locked_repository_is_kept_for_the_next_time() {
    let mut scene = Scene::new();
    let worktree = scene.made("1");
    scene.worktrees.patience = Duration::from_millis(20);
    let common = File::open(scene.repository().join(".git")).expect("a folder");
    common.lock().expect("the lock");
    assert!(scene.remove(&worktree).is_some_and(|why| why.contains("try again")));
    common.unlock().expect("unlocked");
    assert_eq!(scene.remove(&worktree), None);
    assert_eq!(scene.remove(&worktree), None, "what is gone counts as removed");
    scene.assert_untouched();
}

#[test]
fn a_worktree_whose_repository_is_gone_is_kept_even_inside_another_repository() {
    let scene = Scene::new();
    let worktree = scene.made("1");
    fs::remove_dir_all(scene.repository().join(".git")).expect("removed");
    scene.git_in(&scene.path(""), "init -q -b main .");
    assert!(scene.remove(&worktree).is_some_and(|why| why.contains("is gone")));
    assert!(Path::new(&worktree.path).is_dir());
}

#[test]
fn an_empty_folder_in_the_place_of_a_worktree_counts_as_nothing() {
    let scene = Scene::new();
    let (one, two) = (scene.made("1"), scene.made("2"));
    for worktree in [&one, &two] {
        fs::remove_dir_all(&worktree.path).expect("removed");
        fs::create_dir(&worktree.path).expect("a folder");
    }
    assert_eq!(scene.remove(&one), None);
    assert_eq!(scene.take_back(&scene.wanted("2")), None);
    scene.assert_untouched();
}
