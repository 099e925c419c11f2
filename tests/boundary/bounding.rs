//! Answers that never flood: whatever a store or a log holds, an answer has below 30,000 characters as it is printed,
//! and what is not in it is counted and named with the command that shows it.
//!
//! Once, a list of 200 tasks had 376,000 characters, the last lines of a log five million, and the bound was counted
//! before quotes, line feeds and colours were written as JSON.

use std::fs;

use serde_json::{Value, json};
use tests::run::Ran;
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// Holds that an answer is within its bounds, and gives it.
#[track_caller]
fn bounded(ran: &Ran) -> Value {
    let (characters, bytes) = (ran.stdout.chars().count(), ran.stdout.len());
    let beginning: String = ran.stdout.chars().take(500).collect();
    assert!(characters <= 30_000, "{characters} characters\n{beginning}");
    assert!(bytes <= 60_000, "{bytes} bytes\n{beginning}");
    ran.json()
}

/// Records so many tasks like this one, and gives their ids.
fn multiply(
    sandbox: &Sandbox,
    id: &str,
    count: usize,
    status: impl Fn(usize) -> &'static str,
) -> Vec<String> {
    let record = sandbox.record(id);
    let ids = (0..count).map(|number| {
        let copy = format!("bg_1900000000{number:07x}");
        let mut record = record.clone();
        record["id"] = json!(copy);
        record["status"] = json!(status(number));
        if status(number) == "error" {
            record["error"] = json!(format!("exited with code 1: {}", "a cause\n".repeat(100)));
            record["progress"]["reason"] = json!("exit");
        }
        let file = sandbox.store().join(format!("{copy}.json"));
        fs::write(file, record.to_string()).expect("a record");
        copy
    });
    ids.collect()
}

fn agents_task(sandbox: &Sandbox) -> String {
    let words = "words with \"quotes\" and \\ and 漢字 in them ".repeat(30);
    let id = sandbox.launch_with(["--parent", "parent"], &format!("SAY {words}"));
    sandbox.ended(&id);
    id
}

fn count(rows: &Value) -> usize {
    rows.as_array().map_or(0, Vec::len)
}

#[test]
fn lists_waits_and_reports_of_many_tasks_are_bounded_and_count_the_rest() {
    let sandbox = sandbox();
    let id = agents_task(&sandbox);
    let status = |number: usize| if number.is_multiple_of(20) { "error" } else { "completed" };
    multiply(&sandbox, &id, 399, status);
    let list = bounded(&sandbox.task_bg(["list"]).ok());
    assert_eq!(
        (count(&list["tasks"]), &list["omitted"], &list["total"]),
        (200, &json!(200), &json!(400))
    );
    let more = list["more"].as_str().expect("the command for the rest");
    let rest = bounded(&sandbox.shell(more).ok());
    assert_eq!((count(&rest["tasks"]), &rest["omitted"]), (200, &json!(0)), "{more}");
    let row = &list["tasks"][199];
    assert!(row["id"].is_string() && row["status"].is_string(), "{row}");
    let ndjson = sandbox.task_bg(["list", "--format", "ndjson"]).ok().stdout;
    assert!(ndjson.chars().count() <= 30_000 && ndjson.lines().count() == 201, "{ndjson}");
    let wait = bounded(&sandbox.task_bg(["wait", "--parent", "parent"]).code(5));
    let left_out = wait["endedOmitted"].as_u64().unwrap_or_default();
    assert_eq!(count(&wait["ended"]) as u64 + left_out, 400);
    let failed =
        wait["ended"].as_array().expect("rows").iter().filter(|row| row["status"] == "error");
    assert_eq!(failed.count(), 20, "no failure is left out");
    let report = sandbox.task_bg(["report"]).ok().stdout;
    assert!(report.chars().count() <= 30_000 && report.len() <= 60_000);
    assert!(report.contains("are not in the table; `task-bg report --all` shows them"), "{report}");
    let report = bounded(&sandbox.task_bg(["report", "--json"]).ok());
    assert_eq!((count(&report["tasks"]), &report["total"]), (200, &json!(400)));
    let all = sandbox.task_bg(["list", "--all"]).ok();
    assert_eq!(count(&all.json()["tasks"]), 400);
    let unknown: Vec<String> = (0..1_000).map(|number| format!("bg_f{number}")).collect();
    let cancel = bounded(&sandbox.task_bg([vec!["cancel".to_owned()], unknown].concat()).code(3));
    let left_out = cancel["refusedOmitted"].as_u64().unwrap_or_default();
    assert_eq!(count(&cancel["refused"]) as u64 + left_out, 1_000);
    let removed = bounded(&sandbox.task_bg(["cleanup", "--delete"]).ok());
    assert_eq!(removed["cleaned"], true);
}

#[test]
fn a_batch_of_a_thousand_lines_is_bounded_in_all_its_answers() {
    let sandbox = sandbox();
    let line = |number: usize, key: &str| {
        format!("{{\"description\":\"n{number}\",\"{key}\":[\"true\"],\"hold\":true}}\n")
    };
    let wrong: String = (0..1_000).map(|number| line(number, "comand")).collect();
    let answer = bounded(&sandbox.task_bg(["batch", "-"]).stdin(wrong).code(2));
    let left_out = answer["rejectedOmitted"].as_u64().unwrap_or_default();
    assert_eq!(count(&answer["rejected"]) as u64 + left_out, 1_000);
    let right: String = (0..1_000).map(|number| line(number, "command")).collect();
    let answer = bounded(&sandbox.task_bg(["batch", "-", "--wait=1ms"]).stdin(right).code(6));
    for (list, counted) in [("launched", "launchedOmitted"), ("pending", "pendingOmitted")] {
        let left_out = answer[counted].as_u64().unwrap_or_default();
        assert_eq!(count(&answer[list]) as u64 + left_out, 1_000, "{list}");
    }
    assert_eq!(answer["next"], "task-bg wait");
    for words in [&["queue"][..], &["wait", "--timeout", "1ms"], &["cancel", "--all"]] {
        bounded(&sandbox.task_bg(words).run());
    }
}

#[test]
fn the_status_of_a_task_with_a_long_prompt_is_bounded_and_says_what_was_cut() {
    let sandbox = sandbox();
    let prompt = format!("SAY {}", "\"long\" \\ prompt\u{1} 漢".repeat(10_000));
    let id = sandbox.launch(&prompt);
    sandbox.ended(&id);
    let status = bounded(&sandbox.task_bg(["status", &id]).ok());
    assert_eq!(status["cut"]["prompt"]["characters"], json!(prompt.chars().count()), "{status}");
    assert!(status["prompt"].as_str().is_some_and(|cut| cut.starts_with("SAY \"long\"")));
    let more = status["more"].as_str().expect("the command for the rest");
    assert_eq!(sandbox.shell(more).ok().json()["prompt"], json!(prompt));
}

// All texts were cut to 20 characters: ids, times and the command for the rest in their middle.
#[test]
fn the_status_of_a_task_with_a_thousand_arguments_keeps_its_ids_times_and_ending_whole() {
    let sandbox = sandbox();
    let session = format!("a-session-{}", "x".repeat(60));
    let arguments = (0..1_500).map(|number| format!("--an-argument-with-words={number:060}"));
    let command =
        ["run", "many words", "--parent", &session, "--", "sh", "-c", "exit 3"].map(str::to_owned);
    let words: Vec<String> = command.into_iter().chain(arguments).collect();
    let id = task_id(&sandbox.task_bg(words).ok().json());
    let waiting = sandbox.run_script(&["--hold"], "true");
    let record = sandbox.ended(&id);
    let status = bounded(&sandbox.task_bg(["status", &id]).ok());
    for key in
        ["id", "parent_session_id", "queued_at", "started_at", "completed_at", "status", "error"]
    {
        assert_eq!(status[key], record[key], "{status:#}");
    }
    for key in ["exitCode", "reason", "outputFile", "lastUpdate", "host", "cwd"] {
        assert_eq!(status["progress"][key], record["progress"][key], "{status:#}");
    }
    let (shown, all) = (count(&status["progress"]["argv"]), count(&record["progress"]["argv"]));
    assert_eq!(status["cut"]["argv"], json!({"shown": shown, "rows": all}), "{status:#}");
    assert!(shown > 3 && shown < all, "{status:#}");
    let more = status["more"].as_str().expect("the command for the rest");
    assert_eq!(more, format!("task-bg status --full {id}"));
    assert_eq!(count(&sandbox.shell(more).ok().json()["progress"]["argv"]), all);
    // One that waits for more tasks than an answer names.
    let mut record = sandbox.record(&waiting);
    let after = (0..3_000).map(|number| format!("bg_1900000000{number:07x}"));
    record["progress"]["after"] = after.collect();
    let file = sandbox.store().join(format!("{waiting}.json"));
    fs::write(file, record.to_string()).expect("a record");
    let status = bounded(&sandbox.task_bg(["status", &waiting]).ok());
    assert_eq!(status["progress"]["after"][0], record["progress"]["after"][0], "{status:#}");
    assert_eq!(status["cut"]["after"]["rows"], 3_000, "{status:#}");
    assert_eq!(status["queued_at"], record["queued_at"], "{status:#}");
}

#[test]
fn every_form_of_output_is_bounded_and_names_what_it_leaves_out() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&[], "yes 'a line with \"quotes\" and \\ in it' | head -n 100000");
    sandbox.ended(&id);
    for part in [
        &[][..],
        &["--tail", "90000"],
        &["--since", "0"],
        &["--raw"],
        &["--raw", "--tail", "90000"],
    ] {
        let answer = bounded(&sandbox.task_bg([&["output", &id], part].concat()).ok());
        assert_eq!(answer["truncated"], true, "{part:?}");
        let gap = &answer["gap"];
        assert!(gap["bytes"].as_u64().is_some_and(|bytes| bytes > 3_000_000), "{part:?} {gap}");
        let command = gap["command"].as_str().expect("the command for the rest");
        let next = bounded(&sandbox.shell(command).ok());
        assert!(next["output"].as_str().is_some_and(|it| it.contains("a line with")), "{command}");
        assert!(next["nextOffset"].as_u64() > gap["offset"].as_u64(), "{command}");
    }
}

#[test]
fn a_log_is_read_page_by_page_without_loss() {
    let sandbox = sandbox();
    let script = "i=0; while [ $i -lt 9000 ]; do printf '{\"number\":\"%d\",\"text\":\"漢字 \\\\ ä\"}\\n' $i; i=$((i+1)); done";
    let id = sandbox.run_script(&[], script);
    sandbox.ended(&id);
    let written = fs::read_to_string(sandbox.store().join(format!("{id}.out"))).expect("a log");
    let (mut read, mut offset, mut pages) = (String::new(), 0, 0);
    while offset < written.len() as u64 {
        let words = ["output", &id, "--since", &offset.to_string()];
        let page = bounded(&sandbox.task_bg(words).ok());
        read.push_str(page["output"].as_str().expect("text"));
        offset = page["nextOffset"].as_u64().expect("an offset");
        pages += 1;
    }
    assert!(read == written, "{} of {} bytes in {pages} pages", read.len(), written.len());
    assert!((2..60).contains(&pages), "{pages} pages");
}

#[test]
fn a_long_answer_is_shown_in_part_and_read_page_by_page() {
    let sandbox = sandbox();
    let answer = "found \"it\" 漢 ".repeat(8_000);
    let id = sandbox.launch(&format!("SAY {answer}"));
    sandbox.ended(&id);
    let mut read = String::new();
    let mut command = format!("task-bg output --result {id}");
    while !command.is_empty() {
        let page = bounded(&sandbox.shell(&command).ok());
        read.push_str(page["output"].as_str().expect("text"));
        command = page["gap"]["command"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!(read.trim(), answer.trim());
    let whole = sandbox.task_bg(["output", "--result", "--full", &id]).ok().json();
    assert_eq!(whole["output"].as_str().map(str::trim), Some(answer.trim()));
}

// Progress bars, colours and zero bytes cost an agent thousands of characters that no terminal would show.
#[test]
fn output_is_what_a_terminal_would_show_in_the_end() {
    let sandbox = sandbox();
    let script = r"for i in $(seq 1 5000); do printf '\rstep %d\033[K' $i; done; echo;
        printf '\033[1;31mred\033[0m\033]0;title\007 text\r\n'; head -c 300000 /dev/zero";
    let id = sandbox.run_script(&[], script);
    let record = sandbox.ended(&id);
    assert_eq!(record["result"], "step 5000\nred text", "{record:#}");
    for part in [&[][..], &["--tail", "9"], &["--since", "0"]] {
        let answer = bounded(&sandbox.task_bg([&["output", &id], part].concat()).ok());
        assert_eq!(answer["output"], "step 5000\nred text\n", "{part:?}");
        assert_eq!(
            (&answer["nextOffset"], &answer["truncated"]),
            (&answer["totalBytes"], &json!(false))
        );
    }
    let followed = sandbox.task_bg(["output", "--follow", &id]).ok().stdout;
    assert_eq!(followed, "step 5000\nred text\n");
    let raw = bounded(&sandbox.task_bg(["output", "--raw", "--since", "0", &id]).ok());
    assert!(
        raw["output"].as_str().is_some_and(|it| it.starts_with("\rstep 1\u{1b}[K\rstep 2")),
        "{raw}"
    );
    let log = fs::read(sandbox.store().join(format!("{id}.out"))).expect("a log");
    assert!(log.starts_with(b"\rstep 1\x1b[K"), "the file is as it was written");
}

// Once, each character took one column: what was written over half of a wide one stood beside the other half.
#[test]
fn wide_characters_marks_and_tabs_are_shown_as_a_terminal_would_show_them() {
    let sandbox = sandbox();
    let script = r"printf '漢字\rab\n'; printf '漢字\rx\n'; printf 'e\314\201te\rxy\n'; printf 'a\tb\rc\n'; printf '漢字\n'";
    let id = sandbox.run_script(&[], script);
    sandbox.ended(&id);
    let shown = sandbox.task_bg(["output", &id]).ok().json();
    assert_eq!(shown["output"], "ab字\nx 字\nxye\nc\tb\n漢字\n");
    let result = sandbox.task_bg(["output", "--result", &id]).ok().json();
    assert_eq!(result["output"].as_str().map(str::trim_end), Some("ab字\nx 字\nxye\nc\tb\n漢字"));
    let raw = sandbox.task_bg(["output", "--raw", &id]).ok().json();
    assert!(raw["output"].as_str().is_some_and(|it| it.starts_with("漢字\rab\n")), "{raw}");
}

// Once, nothing said that the last lines of a command were not all that it had printed.
#[test]
fn the_result_of_a_command_says_where_it_is_the_end_of_its_log_alone() {
    let sandbox = sandbox();
    for (lines, is_all) in [("51", false), ("50", true)] {
        let id = sandbox.run_command(["seq", lines]);
        sandbox.ended(&id);
        let answer = sandbox.task_bg(["output", "--result", &id]).ok().json();
        let note = answer["note"].as_str().unwrap_or_default();
        assert_eq!(note.contains(&format!("`task-bg output {id}`")), !is_all, "{answer}");
        assert_eq!(note.contains(" 144 bytes"), !is_all, "{answer}");
    }
}
