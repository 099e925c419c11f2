//! What a caller pays: calls and characters of five works, done as the skill teaches them.
//!
//! An agent pays for each call with a turn and for each character with its context. The page `docs/answers.md` says what
//! each work costs; these tests do the works and hold the page to it.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::sandbox::{Sandbox, task_id, text};

use crate::sandbox;

/// A caller that counts what it calls and what it reads.
struct Caller<'a> {
    sandbox: &'a Sandbox,
    calls: Cell<usize>,
    characters: Cell<usize>,
}

impl<'a> Caller<'a> {
    fn of(sandbox: &'a Sandbox) -> Self {
        Self { sandbox, calls: Cell::new(0), characters: Cell::new(0) }
    }

    /// The answer to one command, whatever its exit code.
    fn asks(&self, words: &[&str], input: &str) -> Value {
        let ran = self.sandbox.task_bg(words).stdin(input).run();
        self.calls.set(self.calls.get() + 1);
        self.characters.set(self.characters.get() + ran.stdout.trim_end().chars().count());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"))
    }

    /// Holds the page to what was counted.
    #[track_caller]
    fn paid(&self, work: &str) {
        let (calls, most) = promised(work);
        let (called, read) = (self.calls.get(), self.characters.get());
        assert_eq!(called, calls, "calls of `{work}`");
        assert!(read <= most, "`{work}`: {read} characters, and the page says at most {most}");
        // A page that promises much more than is needed would hold nothing.
        assert!(read * 3 > most, "`{work}`: {read} characters, and the page says {most}");
    }
}

/// The calls and the most characters that the page names for this work, in the last two columns of its row.
fn promised(work: &str) -> (usize, usize) {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/answers.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let row = page.lines().find(|line| line.starts_with(&format!("| {work} |")));
    let row = row.unwrap_or_else(|| panic!("the page has no row `{work}`"));
    let number = |cell: &str| cell.trim().replace(',', "").parse().expect("a number");
    let mut cells = row.trim_end_matches('|').rsplit('|').map(number);
    let most = cells.next().expect("the last column");
    (cells.next().expect("the one before"), most)
}

#[test]
fn five_parallel_droids_cost_what_the_page_says() {
    let sandbox = sandbox();
    let caller = Caller::of(&sandbox);
    let finding = |number: usize| format!("It is in src/auth.rs, line {number}. ").repeat(16);
    let line = |number| {
        let prompt = format!("SAY looking\nSAY {}", finding(number));
        json!({"description": format!("Find part {number}"), "prompt": prompt, "droid": "explorer"})
    };
    let batch: String = (1..=5).map(|number| format!("{}\n", line(number))).collect();
    let answer = caller.asks(&["batch", "-", "--wait=45s"], &batch);
    let ids: Vec<String> =
        answer["ended"].as_array().expect("endings").iter().map(task_id).collect();
    let words: Vec<&str> =
        ["output", "--result"].into_iter().chain(ids.iter().map(String::as_str)).collect();
    let whole = caller.asks(&words, "");
    for number in 1..=5 {
        assert!(whole.to_string().contains(finding(number).trim_end()), "{whole:#}");
    }
    caller.paid("five parallel droids, whole results");
}

#[test]
fn a_task_of_ten_minutes_costs_what_the_page_says() {
    let sandbox = sandbox();
    let caller = Caller::of(&sandbox);
    let gate = sandbox.path("gate");
    let prompt = format!(
        "SAY reading\nTOOL Execute {{\"command\":\"make all\"}}\nWAIT {}\nSAY all is built",
        gate.display()
    );
    let file = sandbox.path("prompt");
    fs::write(&file, prompt).expect("a file in the sandbox");
    // Thirteen times 45 s are ten minutes; here each is shorter, and says the same.
    let launch = ["launch", "Long work", "--prompt-file", &text(&file), "--wait=100ms"];
    let mut answer = caller.asks(&launch, "");
    for _ in 1..13 {
        assert_eq!(answer["timedOut"], true, "{answer:#}");
        let next = answer["next"].as_str().expect("the command to go on with");
        let id = next.strip_prefix("task-bg wait ").expect("a wait").to_owned();
        answer = caller.asks(&["wait", "--timeout", "100ms", &id], "");
    }
    sandbox.open_gate("gate");
    let id = task_id(&answer["pending"][0]);
    let answer = caller.asks(&["wait", &id], "");
    assert_eq!(answer["ended"][0]["result"], "all is built", "{answer:#}");
    caller.paid("a task of ten minutes, 45 s a call");
}

#[test]
fn a_failed_test_suite_costs_what_the_page_says() {
    let sandbox = sandbox();
    let caller = Caller::of(&sandbox);
    let suite = "for n in $(seq 600); do echo \"test $n of the whole suite ............ ok\"; done
        echo 'FATAL: disk is missing'; exit 1";
    let answer = caller.asks(&["run", "Test suite", "--wait=45s", "--", "sh", "-c", suite], "");
    // The cause is in the first answer.
    let result = answer["ended"][0]["result"].as_str().expect("an excerpt");
    assert!(result.ends_with("FATAL: disk is missing"), "{answer:#}");
    let id = task_id(&answer["ended"][0]);
    let log = caller.asks(&["output", "--tail", "30", &id], "");
    assert!(log["output"].as_str().is_some_and(|log| log.contains("test 572")), "{log:#}");
    caller.paid("a test suite that fails");
}

#[test]
fn a_refused_permission_costs_what_the_page_says() {
    let sandbox = sandbox();
    let caller = Caller::of(&sandbox);
    let prompt = sandbox.path("prompt");
    fs::write(&prompt, "SAY trying\nPERMISSION high").expect("a file in the sandbox");
    let launch = ["launch", "Push it", "--prompt-file", &text(&prompt), "--wait=45s"];
    let answer = caller.asks(&launch, "");
    let refused = &answer["ended"][0];
    assert_eq!(refused["reason"], "permission", "{answer:#}");
    assert!(refused["result"].as_str().is_some_and(|words| words.contains("high")), "{answer:#}");
    let id = task_id(refused);
    caller.asks(&["retry", "--autonomy", "high", "--wait=45s", &id], "");
    caller.paid("a refused permission, and the retry");
}

#[test]
fn one_more_task_among_two_hundred_costs_what_the_page_says() {
    let sandbox = sandbox();
    let long = "It is in src/part.rs. ".repeat(20);
    let record = |number: u64| {
        let id = format!("bg_{:x}{number:06x}", 1_700_000_000_000_u64 + number);
        let times = "2026-01-02T03:04:05.000006+00:00";
        let record = json!({"id": id, "session_id": format!("s{number}"),
            "parent_session_id": "a-session", "description": format!("Old work {number}"),
            "prompt": long, "agent": "explorer", "status": "completed", "queued_at": times,
            "started_at": times, "completed_at": times, "result": long, "error": null,
            "progress": {"toolCalls": 3, "lastUpdate": times, "runner": "droid"},
            "concurrency_key": "explorer", "parent_model": null});
        (id, record.to_string())
    };
    // The program makes its store.
    sandbox.run_command(["true"]);
    for number in 0..200 {
        let (id, record) = record(number);
        fs::write(sandbox.store().join(format!("{id}.json")), record).expect("a record");
    }
    let caller = Caller::of(&sandbox);
    let prompt = sandbox.path("prompt");
    fs::write(&prompt, "SAY found it").expect("a file in the sandbox");
    let launch = ["launch", "One more", "--prompt-file", &text(&prompt), "--wait=45s"];
    let answer = caller.asks(&launch, "");
    assert_eq!(answer["ended"][0]["result"], "found it", "{answer:#}");
    caller.asks(&["list", "--limit", "10"], "");
    caller.paid("one more task among 200 old ones, with a look at the newest");
}
