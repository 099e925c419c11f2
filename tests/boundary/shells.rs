//! What shells and `man` are told of the program: completion in the shells themselves, pages, the version.

use std::process::Command;

use crate::sandbox;
use tests::machines::Machines;
use tests::sandbox::Sandbox;

/// A shell and the words that print what it offers after some words, of which the last one is begun.
fn offered(sandbox: &Sandbox, shell: &str, words: &[&str]) -> Vec<String> {
    let (begun, line) = (words.last().copied().unwrap_or_default(), words.join(" "));
    let script = match shell {
        "bash" => format!(
            "source <(task-bg completions bash); COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             COMP_TYPE=9; _clap_complete_task_bg task-bg \"{begun}\" x; printf \"%s\\n\" \"${{COMPREPLY[@]}}\""
        ),
        _ => format!("task-bg completions fish | source; complete -C \"{line}\""),
    };
    let shown = sandbox.shell(&format!("{shell} -c '{script}'")).ok().stdout;
    shown
        .lines()
        .map(|line| line.split('\t').next().unwrap_or_default().trim().to_owned())
        .collect()
}

fn is_there(shell: &str) -> bool {
    Command::new(shell).arg("--version").output().is_ok_and(|said| said.status.success())
}

/// What bash puts in the place of the last part of a line, which it has taken apart at colons and the like.
/// `last` is that part, which begins with an @ where there is one, and is empty behind a colon.
fn offered_for_parts(sandbox: &Sandbox, line: &str, parts: &[&str], last: &str) -> Vec<String> {
    let script = format!(
        "source <(task-bg completions bash); COMP_WORDS=({}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_TYPE=9; \
         COMP_LINE=\"{line}\"; COMP_POINT=${{#COMP_LINE}}; \
         _clap_complete_task_bg task-bg \"{}\" x; printf \"%s\\n\" \"${{COMPREPLY[@]}}\"",
        parts.join(" "),
        last,
    );
    let shown = sandbox.shell(&format!("bash -c '{script}'")).ok().stdout;
    shown.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn tab_completes_other_machines_and_kinds_of_targets_in_real_shells() {
    let sandbox = sandbox();
    let _machines = Machines::beside(&sandbox);
    for target in ["ssh:builder", "ssh:me@other"] {
        sandbox.task_bg(["run", "--on", target, "--", "true"]).ok().done();
    }
    if is_there("bash") {
        for (line, parts, last, offers) in [
            ("task-bg run --on ssh:bu", "task-bg run --on ssh : bu", "bu", &["builder"][..]),
            ("task-bg run --on ssh:", "task-bg run --on ssh :", "", &["builder", "me@other"]),
            ("task-bg run --on ssh:me@o", "task-bg run --on ssh : me @ o", "@o", &["@other"]),
            ("task-bg run --on=ssh:bu", "task-bg run --on = ssh : bu", "bu", &["builder"]),
            ("task-bg run --on lo", "task-bg run --on lo", "lo", &["local"]),
            ("task-bg hosts remove bu", "task-bg hosts remove bu", "bu", &["builder"]),
            ("task-bg hosts remove me@", "task-bg hosts remove me @", "@", &["@other"]),
        ] {
            let parts: Vec<&str> = parts.split(' ').collect();
            assert_eq!(offered_for_parts(&sandbox, line, &parts, last), offers, "{line}");
        }
    }
    if is_there("fish") {
        let is = |words: &[&str], word: &str| {
            let offered = offered(&sandbox, "fish", words);
            assert!(offered.iter().any(|it| it == word), "{words:?}: {offered:?}");
        };
        is(&["task-bg", "run", "--on", "ssh:bu"], "ssh:builder");
        is(&["task-bg", "hosts", "remove", "me"], "me@other");
        is(&["task-bg", "doctor", "--on", "sl"], "slurm");
    }
}

#[test]
fn tab_completes_ids_names_places_droids_and_verbs_in_real_shells() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&["--name", "mybuild", "--wait"], "true");
    let is = |shell: &str, words: &[&str], word: &str| {
        let offered = offered(&sandbox, shell, words);
        assert!(offered.iter().any(|it| it == word), "{shell} {words:?}: {offered:?}");
    };
    for shell in ["bash", "fish"].into_iter().filter(|shell| is_there(shell)) {
        is(shell, &["task-bg", "sta"], "status");
        is(shell, &["task-bg", "status", &id[..6]], &id);
        is(shell, &["task-bg", "status", "myb"], "mybuild");
        is(shell, &["task-bg", "status", "@"], "@1");
        is(shell, &["task-bg", "logs", &id[id.len() - 4..]], &id[id.len() - 4..]);
        is(shell, &["task-bg", "launch", "a", "b", "--droid", "basic"], "basic-searcher");
        is(shell, &["task-bg", "run", "--after", "mybuild,myb"], "mybuild,mybuild");
        is(shell, &["task-bg", "launch", "--runner", "co"], "codex");
        is(shell, &["task-bg", "help", "ag"], "agents");
        is(shell, &["task-bg", "help", "ru"], "run");
        is(shell, &["task-bg", "man", "la"], "launch");
        is(shell, &["task-bg", "run", "x", "--", "/usr/bi"], "/usr/bin/");
    }
    // Zsh completes only at a terminal; its script is read by it without a word.
    if is_there("zsh") {
        drop(sandbox.shell("task-bg completions zsh > script; zsh -n script").ok());
    }
    let zsh = sandbox.task_bg(["completions", "zsh"]).ok().stdout;
    assert!(zsh.starts_with("#compdef task-bg\n"), "{zsh}");
    drop(sandbox.task_bg(["completions", "csh"]).code(2));
}

// Once, a second Tab behind `status` typed `--format`, where an id was meant.
#[test]
fn options_are_offered_where_a_word_begins_as_one_or_there_is_nothing_else() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&["--wait"], "true");
    let offered = |words: &str| {
        let asked = "__TASK_BG_COMPLETE=zsh _CLAP_COMPLETE_INDEX=2 task-bg -- task-bg";
        sandbox.shell(&format!("{asked} {words}")).ok().stdout
    };
    let ids = offered("status ''");
    assert!(ids.contains(&id) && !ids.contains("--"), "{ids}");
    // What has ended is not to be cancelled.
    assert!(!offered("cancel ''").contains(&id));
    assert!(offered("status --f").contains("--format"));
    assert!(offered("list ''").contains("--status"));
}

#[test]
fn who_asks_for_completion_changes_nothing_and_needs_no_store() {
    let sandbox = sandbox();
    let asked = "__TASK_BG_COMPLETE=bash _CLAP_COMPLETE_INDEX=2 task-bg -- task-bg status ''";
    drop(sandbox.shell(asked).ok());
    assert!(!sandbox.store().exists(), "a store was made");
    let without_home = format!("env -u HOME -u TASK_BG_DIR {asked}");
    drop(sandbox.shell(&without_home).ok());
}

#[test]
fn every_verb_has_a_page_and_the_pages_are_the_same_each_time() {
    let sandbox = sandbox();
    let launch = sandbox.task_bg(["man", "launch"]).ok().stdout;
    for words in [".TH task", "Starts a droid in the background", "prompt", ".SH EXAMPLES\n.nf\n"] {
        assert!(launch.contains(words), "{words}: {launch}");
    }
    // Once, the example was filled and hyphenated, so that nobody could copy it, and the tables were broken.
    let example =
        "task\\-bg launch \"Fix API errors\" \"Fix the validation in src/api/\" executor\\-med";
    assert!(launch.lines().any(|line| line.trim() == example), "{launch}");
    for section in ["EXIT STATUS", "FILES", "ENVIRONMENT"] {
        assert!(launch.contains(&format!(".fi\n.SH {section}\n.nf\n")), "{section}: {launch}");
    }
    drop(sandbox.task_bg(["man", "--to", "one"]).ok());
    drop(sandbox.task_bg(["man", "--to", "two"]).ok());
    drop(sandbox.shell("diff -r one two").ok());
    let pages = sandbox.shell("cd one; ls").ok().stdout;
    for page in ["task-bg.1", "task-bg-launch.1", "task-bg-list.1", "task-bg-rm.1"] {
        assert!(pages.lines().any(|line| line == page), "{pages}");
    }
    assert!(!pages.contains("__"), "{pages}");
    drop(sandbox.task_bg(["man", "nothing"]).code(2));
}

#[test]
fn the_version_names_the_commit_and_the_target() {
    let sandbox = sandbox();
    let said = sandbox.task_bg(["--version"]).ok().stdout;
    let words: Vec<&str> = said.trim().split(' ').collect();
    let [name, number, commit, digits, target] = words.as_slice() else { panic!("{said}") };
    assert_eq!((*name, *commit), ("task-bg", "(commit"), "{said}");
    assert!(number.split('.').count() == 3 && digits.ends_with(','), "{said}");
    assert!(target.contains("-linux-") && target.ends_with(')'), "{said}");
}
