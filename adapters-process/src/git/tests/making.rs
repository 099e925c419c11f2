//! Making worktrees: many at once, in time, and never where there can be none.

use std::fs;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::thread;
use std::time::{Duration, Instant};

use domain::port::worktrees::WorktreeError;

use super::Scene;
use crate::git::GitWorktrees;

#[test]
fn eight_launchers_at_once_all_get_their_worktree_in_one_repository() {
    let scene = Scene::new();
    for round in 0..5 {
        thread::scope(|scope| {
            let make = |one: u32| scene.create(&scene.wanted(&format!("{round}-{one}")));
            let makers: Vec<_> = (0..8).map(|one| scope.spawn(move || make(one))).collect();
            for maker in makers {
                maker.join().expect("no panic").expect("a worktree");
            }
        });
    }
    assert_eq!(scene.git("worktree list").lines().count(), 41);
    assert_eq!(scene.branches().lines().count(), 41);
}

#[test]
fn of_eight_that_want_one_name_exactly_one_gets_it_and_the_others_are_told_so() {
    let scene = Scene::new();
    let results: Vec<_> = thread::scope(|scope| {
        let make = |one: u32| {
            let mut wanted = scene.wanted(&one.to_string());
            wanted.branch = "task-bg/name".to_owned();
            scene.create(&wanted)
        };
        let makers: Vec<_> = (0..8).map(|one| scope.spawn(move || make(one))).collect();
        makers.into_iter().map(|maker| maker.join().expect("no panic")).collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let taken = |error: &WorktreeError| matches!(error, WorktreeError::Taken { .. });
    assert_eq!(
        results.iter().filter_map(|result| result.as_ref().err().filter(|e| taken(e))).count(),
        7
    );
}

#[test]
fn a_repository_that_others_keep_locked_is_named_after_the_deadline() {
    let mut scene = Scene::new();
    scene.worktrees.patience = Duration::from_millis(50);
    let common = File::open(scene.repository().join(".git")).expect("a folder");
    common.lock().expect("the lock");
    let wanted = scene.wanted("1");
    let repository = wanted.folder.clone();
    let refused = scene.create(&wanted).expect_err("it is locked");
    assert_eq!(refused, WorktreeError::Busy { repository: repository.clone(), seconds: 0 });
    assert!(refused.to_string().contains(&repository), "{refused}");
    assert!(refused.to_string().contains("try again"), "{refused}");
    assert_eq!(scene.check(&wanted), Ok(()), "a check waits for nobody");
    scene.assert_untouched();
    common.unlock().expect("unlocked");
    scene.create(&wanted).expect("a worktree");
}

#[test]
fn a_git_that_takes_too_long_to_make_a_worktree_is_stopped_with_what_it_started() {
    let mut scene = Scene::new().with_git(
        r#"case "$*" in *"worktree add"*) sleep 1000 & echo $! > "$HOME/pid"; wait;; esac; exec "$GIT" "$@""#,
    );
    scene.worktrees.git.change = Duration::from_millis(300);
    let refused = scene.create(&scene.wanted("1")).expect_err("it takes too long");
    assert!(refused.to_string().contains("did not end within 0.3 seconds"), "{refused}");
    let pid = fs::read_to_string(scene.path("pid")).expect("a number");
    let began = Instant::now();
    let state = || fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // It was killed, but a process takes a moment to die.
    while !state().is_empty() && !state().contains(") Z ") {
        assert!(began.elapsed() < Duration::from_secs(10), "what git started still runs");
        thread::sleep(Duration::from_millis(1));
    }
    scene.assert_untouched();
}

#[test]
fn git_leads_a_process_group_of_its_own_and_has_no_input_to_wait_for() {
    let scene = Scene::new().with_git(
        r#"case "$*" in *"worktree add"*) cut -d' ' -f1,5 /proc/$$/stat > "$HOME/group"; cat > "$HOME/read" 2>/dev/null;; esac; exec "$GIT" "$@""#,
    );
    scene.create(&scene.wanted("1")).expect("a worktree");
    let group = fs::read_to_string(scene.path("group")).expect("two numbers");
    let numbers: Vec<&str> = group.split_whitespace().collect();
    assert_eq!(numbers[0], numbers[1], "{group}");
    assert_eq!(fs::read(scene.path("read")).expect("a file"), b"");
}

#[test]
fn a_git_that_outlives_its_caller_keeps_the_repository_locked() {
    let scene = Scene::new();
    let common = scene.repository().join(".git");
    let locked = crate::git::lock::take(&common, Duration::ZERO).expect("a folder");
    let locked = locked.expect("it is free");
    let mut command = std::process::Command::new("sleep");
    command.arg("1000").process_group(0);
    command.stdin(locked.file().try_clone().expect("a copy"));
    let mut outliving = command.spawn().expect("a process");
    drop((locked, command));
    let again = || crate::git::lock::take(&common, Duration::ZERO).expect("a folder");
    assert!(again().is_none(), "the process still has the lock");
    outliving.kill().expect("killed");
    outliving.wait().expect("its end");
    assert!(again().is_some(), "the lock ends with the last process that has it");
}

/// What is refused, as its own words for the reader of a failing test.
fn refusal(scene: &Scene, branch: &str) -> WorktreeError {
    let mut wanted = scene.wanted("1");
    wanted.branch = branch.to_owned();
    let checked = scene.check(&wanted).expect_err(branch);
    assert_eq!(scene.create(&wanted).expect_err(branch), checked, "check and create agree");
    checked
}

#[test]
fn names_that_no_new_branch_can_have_are_refused_before_anything_changes() {
    let scene = Scene::new();
    scene.git("branch task-bg/a && git branch deep/er/est");
    let long = format!("task-bg/{}", "x".repeat(300));
    let deep = format!("task-bg/{}", "x/".repeat(2100) + "x");
    for branch in ["a..b", "-x", "", "a.lock", "@{-1}", "a b", "a/"] {
        assert_eq!(refusal(&scene, branch), WorktreeError::BadName { branch: branch.into() });
    }
    for branch in [&long, &deep] {
        assert_eq!(refusal(&scene, branch), WorktreeError::TooLong { branch: branch.clone() });
    }
    for branch in ["main", "task-bg/a"] {
        assert_eq!(refusal(&scene, branch), WorktreeError::Taken { branch: branch.into() });
    }
    for (branch, other) in [
        ("main/x", "main"),
        ("task-bg/a/b/c", "task-bg/a"),
        ("deep", "deep/er/est"),
        ("deep/er", "deep/er/est"),
    ] {
        let expected = WorktreeError::InTheWay { branch: branch.into(), other: other.into() };
        assert_eq!(refusal(&scene, branch), expected);
    }
    assert_eq!(scene.git("worktree list").lines().count(), 1);
    assert_eq!(scene.branches().lines().count(), 3);
}

#[test]
fn the_longest_name_that_is_not_refused_can_be_made() {
    let scene = Scene::new();
    let mut wanted = scene.wanted("1");
    wanted.branch = "x".repeat(250);
    scene.check(&wanted).expect("room for it");
    scene.create(&wanted).expect("a worktree");
}

#[test]
fn folders_that_no_worktree_can_be_made_from_are_refused() {
    let scene = Scene::new();
    scene.git("init -q ../unborn && git clone -q --bare . ../bare && mkdir ../plain");
    let said = |folder: &str| {
        let mut wanted = scene.wanted("1");
        wanted.folder = super::text(&scene.path(folder));
        let checked = scene.check(&wanted).expect_err(folder);
        assert_eq!(scene.create(&wanted).expect_err(folder), checked);
        checked
    };
    assert!(matches!(said("unborn"), WorktreeError::NoCommit { .. }));
    assert!(matches!(said("bare"), WorktreeError::Bare { .. }));
    assert!(matches!(said("repository/.git"), WorktreeError::Bare { .. }));
    assert!(matches!(said("plain"), WorktreeError::NoRepository { .. }));
    assert!(matches!(said("missing"), WorktreeError::NoRepository { .. }));
    scene.assert_untouched();
}

#[test]
fn without_git_nothing_is_made_and_git_is_named() {
    let mut scene = Scene::new();
    scene.worktrees = GitWorktrees::new([("PATH".into(), "/there/is/none".into())].into_iter());
    assert_eq!(scene.check(&scene.wanted("1")), Err(WorktreeError::NoGit));
    assert_eq!(scene.create(&scene.wanted("1")), Err(WorktreeError::NoGit));
}

#[test]
fn what_stands_at_the_path_is_refused_and_left_alone() {
    let scene = Scene::new();
    let wanted = scene.wanted("1");
    fs::write(&wanted.path, "mine").expect("a file");
    let expected = WorktreeError::Occupied { path: wanted.path.clone() };
    assert_eq!(scene.check(&wanted), Err(expected.clone()));
    assert_eq!(scene.create(&wanted), Err(expected));
    assert_eq!(fs::read_to_string(&wanted.path).expect("a file"), "mine");
    assert_eq!(scene.branches(), "main");
}
