//! What a person at a terminal sees: tables that fit it, and what happens while a command waits.

use std::fs;

use tests::process::wait_for;
use tests::run::Ran;
use tests::sandbox::{Sandbox, text};

use crate::sandbox;

/// What a command shows on a terminal of so many columns and rows, with the words before it that set variables.
fn on_terminal(sandbox: &Sandbox, size: (usize, usize), command: &str) -> Ran {
    sandbox.shell(&scripted(size, command, "/dev/null")).run()
}

/// The words that run a command on a terminal of its own, and copy what that shows into a file.
fn scripted((columns, rows): (usize, usize), command: &str, file: &str) -> String {
    let quoted = format!("stty cols {columns} rows {rows}; TERM=xterm {command}");
    format!("script -qefc '{quoted}' {file}")
}

/// How wide a text is on a terminal: East Asian characters have two columns.
fn width(text: &str) -> usize {
    text.chars().map(|c| if ('\u{2e80}'..'\u{a000}').contains(&c) { 2 } else { 1 }).sum()
}

/// What is seen of what was written: without colours and movements.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
        rest = &after[(end + 1).min(after.len())..];
    }
    (plain + rest).replace('\r', "")
}

/// Many tasks with wide names that wait and will not start.
fn many(sandbox: &Sandbox, count: usize) {
    let line = |number: usize| {
        format!(
            "{{\"description\":\"{number} 日本語のとても長い名前のタスクです, really\",\
             \"command\":[\"true\"],\"hold\":true}}\n"
        )
    };
    let lines: String = (0..count).map(line).collect();
    drop(sandbox.task_bg(["batch", "-"]).stdin(lines).ok());
}

// Once, at 80 columns every id was broken over two lines, and thirty tasks showed only the oldest.
#[test]
fn a_list_is_a_line_a_task_that_fits_the_terminal_and_counts_what_the_screen_has_no_room_for() {
    let sandbox = sandbox();
    many(&sandbox, 40);
    let red = "printf '\\033[31mred\\033[0m\\n'; exit 3";
    let id = sandbox.run_script(&["--name", "broken"], red);
    sandbox.ended(&id);
    for (columns, rows) in [(60, 20), (80, 24), (160, 50)] {
        let shown = plain(&on_terminal(&sandbox, (columns, rows), "task-bg list").ok().stdout);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines.iter().all(|line| width(line) < columns), "{columns}: {shown}");
        assert!(lines.len() < rows, "{rows}: {shown}");
        let failed = lines.iter().filter(|line| line.contains("broken")).count();
        assert!(
            failed == 1 && lines[1].contains("error") && lines[1].contains("code 3"),
            "{shown}"
        );
        assert!(!shown.contains("[31m"), "{shown}");
        // A part of its id that stands there means it.
        let short = lines[1].split(' ').next().expect("an id");
        assert!(id.ends_with(short) && short.len() < 10, "{shown}");
        assert_eq!(sandbox.task_bg(["status", short]).ok().json()["id"], *id);
        if rows < 40 {
            assert!(
                shown.contains(" not shown:") && shown.contains("`task-bg list --offset"),
                "{shown}"
            );
        }
        assert!(shown.contains("41 tasks: 40 queued") && shown.contains("queued #40"), "{shown}");
    }
    let all = plain(&on_terminal(&sandbox, (80, 24), "task-bg list --all").ok().stdout);
    assert_eq!(all.lines().count(), 43, "{all}");
}

// Once, of a failed build the first words of its last lines were shown, never the last, which say what failed; the colours
// of the total line counted as its words, so that it was broken far too early.
#[test]
fn of_a_log_the_last_words_are_shown_and_the_total_line_is_one() {
    let sandbox = sandbox();
    sandbox.ended(&sandbox.run_script(&[], "seq 1 60; echo FAILED here; exit 1"));
    sandbox.ended(&sandbox.run_script(&[], "seq 1 60; echo all is well"));
    for other in ["--hold", "--start-in=2h"] {
        drop(sandbox.run_script(&[other], "true"));
    }
    let shown = plain(&on_terminal(&sandbox, (80, 24), "task-bg list").ok().stdout);
    let line = |words: &str| shown.lines().any(|line| line.ends_with(words));
    assert!(line("FAILED here") && shown.contains("exited with code 1: …"), "{shown}");
    assert!(line("all is well"), "{shown}");
    assert!(line("4 tasks: 2 queued, 1 completed, 1 error"), "{shown}");
    assert!(shown.contains("held; `task-bg release ") && shown.contains("starts in "), "{shown}");
}

#[test]
fn colours_are_left_out_where_none_are_wanted_and_nothing_is_told_by_them_alone() {
    let sandbox = sandbox();
    sandbox.ended(&sandbox.run_script(&[], "exit 3"));
    let coloured = on_terminal(&sandbox, (80, 24), "task-bg list").ok().stdout;
    assert!(coloured.contains("\u{1b}[31merror"), "{coloured}");
    let none = on_terminal(&sandbox, (80, 24), "NO_COLOR=1 task-bg list").ok().stdout;
    assert!(!none.contains('\u{1b}'), "{none}");
    let without_ages = |text: &str| plain(text).replace(|c: char| c.is_ascii_digit(), "");
    assert_eq!(without_ages(&coloured), without_ages(&none));
}

// Once, `status` did not say what had been run, nor when, nor how it exited.
#[test]
fn a_status_for_people_names_the_command_the_start_the_end_and_the_exit_code() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&[], "exit 3");
    sandbox.ended(&id);
    let shown = sandbox.task_bg(["status", "--format", "table", &id]).ok().stdout;
    for words in
        ["command  sh -c", "started  20", "ended  20", "exit  code 3", "status  error (exit)"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let shown =
        plain(&on_terminal(&sandbox, (60, 20), &format!("task-bg status {id}")).ok().stdout);
    assert!(shown.lines().all(|line| width(line) < 60), "{shown}");
}

/// What a terminal has shown so far, once it shows these words.
fn once_it_shows(sandbox: &Sandbox, file: &str, words: &str) -> String {
    let path = sandbox.path(file);
    wait_for(words, || {
        let shown = fs::read(&path).ok()?;
        let shown = String::from_utf8_lossy(&shown).into_owned();
        shown.contains(words).then_some(shown)
    })
}

#[test]
fn whoever_waits_at_a_terminal_sees_how_far_things_are_and_what_came_of_them() {
    for command in ["task-bg wait @1 @2 @3", "task-bg wait @1 @2 @3 --json >/dev/null"] {
        let sandbox = sandbox();
        let script = format!("{}; exit 3", sandbox.until("gate"));
        let ids = [0, 1].map(|_| sandbox.run_script(&[], &script));
        drop(sandbox.run_script(&["--wait"], "true"));
        let file = text(&sandbox.path("seen"));
        let waits = sandbox.shell(&scripted((60, 20), command, &file)).start();
        let seen = plain(&once_it_shows(&sandbox, "seen", "1 of 3 ended"));
        assert_eq!(seen.matches("running").count(), 2, "{seen}");
        assert!(seen.lines().skip(1).all(|line| width(line) < 60), "{seen}");
        sandbox.open_gate("gate");
        let seen = plain(&waits.finish().code_is(5).stdout);
        assert!(seen.contains("3 of 3 ended after"), "{seen}");
        assert!(seen.contains("1 completed, 2 error"), "{seen}");
        // The answer for programs goes where it was sent; a table has a line a task.
        let table = seen.lines().filter(|line| line.contains("error      0s ago")).count();
        assert_eq!(table, if command.ends_with("null") { 0 } else { 2 }, "{seen}");
        drop(ids.map(|id| sandbox.ended(&id)));
    }
}

// Once, Ctrl-C left a person with a prompt, and no word about what became of the task.
#[test]
fn ctrl_c_ends_the_wait_and_says_that_the_task_lives_on() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["sleep", "60"]);
    for (command, first) in
        [("task-bg wait", "running"), ("task-bg output --follow @1", "here it is")]
    {
        let log = sandbox.store().join(format!("{id}.out"));
        fs::write(log, "here it is\n").expect("written");
        let file = text(&sandbox.path("seen"));
        drop(fs::remove_file(&file));
        let typed = format!(
            "({}; printf '\\003') | {}",
            sandbox.until("typed"),
            scripted((80, 24), command, &file)
        );
        let waits = sandbox.shell(&typed).start();
        once_it_shows(&sandbox, "seen", first);
        sandbox.open_gate("typed");
        let shown = waits.finish().stdout;
        assert!(shown.contains(&format!("{} goes on", &id[id.len() - 4..])), "{shown}");
        assert!(shown.contains("`task-bg cancel"), "{shown}");
        assert_eq!(sandbox.status(&id), "running");
        fs::remove_file(sandbox.path("typed")).expect("a gate");
    }
}

#[test]
fn nothing_of_that_is_shown_where_standard_error_is_no_terminal() {
    let sandbox = sandbox();
    let ran = sandbox.task_bg(["run", "--wait", "--", "sleep", "1"]).ok();
    assert_eq!(ran.stderr, "");
    let id = sandbox.run_command(["sleep", "60"]);
    let ran = sandbox.task_bg(["wait", &id, "--timeout", "1s"]).code(6);
    assert_eq!(ran.stderr, "");
    let refused = sandbox.task_bg(["list", "--watch"]).code(2);
    assert!(refused.stderr.contains("draws on a terminal"), "{refused}");
}

#[test]
fn a_list_that_is_watched_shows_what_changes() {
    let sandbox = sandbox();
    drop(sandbox.run_script(&[], &sandbox.until("gate")));
    let file = text(&sandbox.path("seen"));
    let typed = format!(
        "({}; printf '\\003') | {}",
        sandbox.until("typed"),
        scripted((80, 24), "task-bg ls --watch", &file)
    );
    let watches = sandbox.shell(&typed).start();
    once_it_shows(&sandbox, "seen", "running");
    sandbox.open_gate("gate");
    once_it_shows(&sandbox, "seen", "completed");
    sandbox.open_gate("typed");
    drop(watches.finish());
}

// Once, the seconds that a task had run were written anew each second, also of a task that did nothing.
#[test]
fn while_nothing_happens_who_waits_and_who_watches_the_list_write_nothing() {
    let sandbox = sandbox();
    drop(sandbox.run_script(&["--name", "sleeper"], &sandbox.until("gate")));
    for (command, draws) in
        [("timeout --foreground 4 task-bg ls --watch", 1), ("task-bg wait --timeout 4s", 2)]
    {
        let seen = on_terminal(&sandbox, (80, 24), command).stdout;
        // The wait shows it once more when it is over.
        assert_eq!(seen.matches("sleeper").count(), draws, "{command}: {seen:?}");
        assert!(seen.contains("<1m"), "{seen:?}");
    }
    sandbox.open_gate("gate");
}

#[test]
fn who_follows_waits_for_a_queued_task_survives_a_truncated_log_and_ends_with_the_task() {
    let sandbox = sandbox();
    let script = format!("echo a long first line; {}; echo two", sandbox.until("gate"));
    let id = sandbox.run_script(&["--hold"], &script);
    let seen = text(&sandbox.path("seen"));
    let follows = sandbox.shell(&format!("task-bg output --follow {id} > {seen}")).start();
    drop(sandbox.task_bg(["release", &id]).ok());
    once_it_shows(&sandbox, "seen", "a long first line\n");
    let log = fs::OpenOptions::new().write(true).open(sandbox.store().join(format!("{id}.out")));
    log.and_then(|log| log.set_len(0)).expect("truncated");
    sandbox.open_gate("gate");
    drop(follows.finish().ok());
    assert_eq!(fs::read_to_string(seen).expect("what it showed"), "a long first line\ntwo\n");
}

// Once, the lines of a wait in the background were drawn over what the shell and others wrote meanwhile.
#[test]
fn who_waits_in_the_background_of_a_terminal_draws_nothing_over_what_others_write() {
    let sandbox = sandbox();
    drop(sandbox.run_script(&[], &sandbox.until("gate")));
    let wait = "task-bg wait --timeout 2s";
    let seen = on_terminal(&sandbox, (80, 24), &format!("bash -mc \"{wait} & wait\"")).stdout;
    assert!(!seen.contains("\u{1b}[K") && seen.contains("the time ran out"), "{seen}");
    let seen = on_terminal(&sandbox, (80, 24), wait).stdout;
    assert!(seen.contains("\u{1b}[K"), "{seen}");
    sandbox.open_gate("gate");
}

#[test]
fn who_follows_may_begin_with_the_last_lines_or_at_an_offset() {
    let sandbox = sandbox();
    let script = format!("seq 1 9; {}; echo two", sandbox.until("gate"));
    let id = sandbox.run_script(&[], &script);
    let log = sandbox.store().join(format!("{id}.out"));
    let is_written = || fs::read_to_string(&log).is_ok_and(|log| log.ends_with("9\n"));
    wait_for("nine lines in the log", || is_written().then_some(()));
    let seen = text(&sandbox.path("seen"));
    let follows = sandbox.shell(&format!("task-bg logs -f --tail 2 {id} > {seen}")).start();
    once_it_shows(&sandbox, "seen", "9\n");
    sandbox.open_gate("gate");
    drop(follows.finish().ok());
    assert_eq!(fs::read_to_string(seen).expect("what it showed"), "8\n9\ntwo\n");
    let from = sandbox.task_bg(["output", "--follow", "--since", "16", &id]).ok();
    assert_eq!(from.stdout, "9\ntwo\n");
    drop(sandbox.task_bg(["output", "--follow", "--full", &id]).code(2));
}

// Once, the sentence came of a second look at the store, and counted as ended what the table below it showed running.
#[test]
fn what_is_said_of_a_wait_that_ran_out_of_time_counts_what_its_table_shows() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "60");
    let line = |number: usize| {
        let (seconds, rest) = (number * 3 / 100, number * 3 % 100);
        let script = format!("{}; sleep {seconds}.{rest:02}", sandbox.until("gate"));
        serde_json::json!({"description": "x", "command": ["sh", "-c", script]}).to_string() + "\n"
    };
    let lines: String = (0..40).map(line).collect();
    drop(sandbox.task_bg(["batch", "-"]).stdin(lines).ok());
    let file = text(&sandbox.path("seen"));
    let waits = sandbox.shell(&scripted((160, 60), "task-bg wait --timeout 1s", &file)).start();
    once_it_shows(&sandbox, "seen", "0 of 40 ended");
    sandbox.open_gate("gate");
    let seen = plain(&waits.finish().code_is(6).stdout);
    // Below the tasks: of many, what stands above them has left the screen.
    let (_, answer) = seen.rsplit_once("DESCRIPTION").expect("a table");
    let (table, sentence) = answer.rsplit_once(" of 40 ended after").expect("a sentence");
    let sentence = sentence.lines().next().unwrap_or_default();
    for status in ["running", "completed"] {
        let count = table.lines().filter(|line| line.contains(&format!("  {status}  "))).count();
        let said = if count > 0 { format!("{count} {status}") } else { String::new() };
        assert!(sentence.contains(&said), "{said}: {seen}");
    }
    drop(sandbox.task_bg(["wait"]).ok());
}
