//! The words that people's hands know from other programs, and what does the same here.
//!
//! A table, and nothing that decides anything.

/// What may have been meant by a verb that is none of ours, as a sentence.
pub(super) fn meant(word: &str) -> Option<&'static str> {
    let row = TABLE.iter().find(|(words, _)| words.contains(&word));
    row.map(|(_, hint)| *hint)
}

const TABLE: [(&[&str], &str); 15] = [
    (
        &["remove", "delete", "del", "purge"],
        "`task-bg rm ID` removes a task that has ended, `task-bg cleanup --delete` all that have",
    ),
    (&["jobs", "tasks", "info"], "`task-bg list` lists the tasks"),
    (
        &["log", "cat", "print", "result", "results"],
        "`task-bg output ID` shows what a task wrote, `task-bg output --result ID` its answer alone",
    ),
    (
        &["tail", "follow", "attach", "watch"],
        "`task-bg output --follow ID` shows what a task writes as it comes, `--tail 20` its last lines",
    ),
    (
        &["show", "get", "inspect", "describe", "stat"],
        "`task-bg status ID` shows all that is known of a task",
    ),
    (
        &["stop", "abort", "terminate", "end", "killall"],
        "`task-bg cancel ID` stops a task with all that it started; `--all` stops every one",
    ),
    (
        &["start", "exec", "spawn", "submit", "add", "new", "create", "bg"],
        "`task-bg launch` starts an agent, `task-bg run \"Test suite\" -- cargo test` a command",
    ),
    (&["restart", "rerun", "again", "redo"], "`task-bg retry ID` tries the same once more"),
    (&["continue", "reply", "send"], "`task-bg resume ID PROMPT` goes on in a task's session"),
    (&["join", "fg", "block"], "`task-bg wait ID` waits until a task has ended"),
    (&["pause", "hold"], "`task-bg queue pause` starts nothing new"),
    (&["unpause", "unhold"], "`task-bg queue resume` goes on starting what waits"),
    (&["limit", "parallel"], "`task-bg queue limit N` sets how many run at once"),
    (&["clean", "gc"], "`task-bg cleanup` forgets what is only derived; `--delete` removes tasks"),
    (
        &["check", "health", "diagnose", "settings", "env"],
        "`task-bg doctor` looks for what is wrong, `task-bg config` prints the settings",
    ),
];
