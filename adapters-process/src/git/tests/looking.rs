//! Looking at worktrees: what is checked out there, and whether it still is one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use domain::port::worktrees::{Head, WorktreeError, Worktrees};

use super::Scene;

#[test]
fn another_branch_than_the_tasks_is_named_with_what_changed() {
    let scene = Scene::new();
    let worktree = scene.made("1");
    let at = Path::new(&worktree.path);
    assert_eq!(scene.changes(&worktree).expect("changes").elsewhere, None);
    scene.git_in(at, "commit -q --allow-empty -m second");
    scene.git_in(at, &format!("checkout -q -b other/one {}", worktree.base));
    let changes = scene.changes(&worktree).expect("changes");
    let other = |name: &str| Some(Head::Branch(name.to_owned()));
    assert_eq!((changes.ahead, &changes.elsewhere), (1, &other("other/one")));
    assert!(!changes.branch_gone);
    scene.git_in(at, "checkout -q --orphan unborn");
    let changes = scene.changes(&worktree).expect("changes");
    assert_eq!(changes.elsewhere, other("unborn"));
}

#[test]
fn a_commit_without_a_branch_is_named_by_the_beginning_of_its_id() {
    let scene = Scene::new();
    let worktree = scene.made("1");
    scene.git_in(Path::new(&worktree.path), "checkout -q --detach");
    let found = scene.changes(&worktree).expect("changes").elsewhere;
    let Some(Head::Commit(named)) = found else { panic!("{found:?} is no commit") };
    assert!(worktree.base.starts_with(&named) && named.len() >= 7, "{named}");
}

#[test]
fn a_worktree_without_its_git_file_is_one_line_of_error() {
    let scene = Scene::new();
    let worktree = scene.made("1");
    fs::remove_file(Path::new(&worktree.path).join(".git")).expect("removed");
    let error = scene.changes(&worktree).expect_err("it is none any more");
    assert_eq!(error, WorktreeError::Unlinked { path: worktree.path.clone() });
    assert_eq!(error.to_string().lines().count(), 1);
    let diff = pollster::block_on(scene.worktrees.diff(&worktree, 100));
    assert_eq!(diff, Err(error));
}

#[test]
fn a_link_in_the_place_of_a_worktree_is_not_followed_to_look() {
    let scene = Scene::new();
    let (worktree, other) = (scene.made("1"), scene.made("2"));
    fs::rename(&worktree.path, scene.path("aside")).expect("moved");
    assert_eq!(scene.changes(&worktree), Err(WorktreeError::Gone { path: worktree.path.clone() }));
    symlink(&other.path, &worktree.path).expect("a link");
    let replaced = Err(WorktreeError::Replaced { path: worktree.path.clone() });
    assert_eq!(scene.changes(&worktree), replaced);
}
