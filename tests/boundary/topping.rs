//! `top` on a terminal of its own, and that it gives the terminal back however it ends.

mod elsewhere;
mod pasting;
mod reading;
mod stuck;
mod typing;

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;

use tests::process::wait_for;
use tests::run::{Ran, Started};
use tests::sandbox::{Sandbox, text};

use crate::sandbox;

/// What gives the terminal back: the cursor, and the screen as it was.
const LEFT: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// A screen that is looked at, and the keys of its terminal.
struct Looked<'a> {
    sandbox: &'a Sandbox,
    started: Started,
    keys: File,
}

impl<'a> Looked<'a> {
    /// Starts `top` at so many columns and rows, once these words are on it.
    fn at(sandbox: &'a Sandbox, size: (usize, usize), words: &str) -> Self {
        Self::shown_to(sandbox, size, words, "/dev/null")
    }

    /// The same on a terminal that copies what it shows into this file, and takes no more than that does.
    fn shown_to(
        sandbox: &'a Sandbox,
        (columns, rows): (usize, usize),
        words: &str,
        reader: &str,
    ) -> Self {
        let (keys, seen) = (text(&sandbox.path("keys")), text(&sandbox.path("seen")));
        let command = format!(
            "stty cols {columns} rows {rows}; echo $$ > {}; TERM=xterm exec task-bg top",
            sandbox.path("pid").display()
        );
        let script = format!(
            "mkfifo {keys}; script -qefc 'sh -c \"{}\"; code=$?; stty -a > {}; exit $code' {seen} \
             < {keys} > {reader}",
            command.replace('$', "\\$"),
            sandbox.path("modes").display(),
        );
        let started = sandbox.shell(&script).start();
        wait_for("the pipe of the keys", || sandbox.path("keys").exists().then_some(()));
        let keys = OpenOptions::new().write(true).open(&keys).expect("the script reads it");
        let looked = Self { sandbox, started, keys };
        looked.shows(words);
        looked
    }

    fn seen(&self) -> String {
        let seen = fs::read(self.sandbox.path("seen")).unwrap_or_default();
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// Waits until these words are on the screen.
    fn shows(&self, words: &str) {
        wait_for(words, || screen(&self.seen()).contains(words).then_some(()));
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("somebody reads them");
    }

    fn pid(&self) -> String {
        fs::read_to_string(self.sandbox.path("pid")).expect("a number").trim().to_owned()
    }

    fn ends(self) -> (Ran, String) {
        let ran = self.started.finish();
        let seen = fs::read(self.sandbox.path("seen")).expect("what was seen");
        (ran, String::from_utf8_lossy(&seen).into_owned())
    }
}

/// What a terminal shows after these bytes: of all sequences, it knows where the next letter goes and what clears it.
fn screen(bytes: &str) -> String {
    screen_of(bytes, |_| 1)
}

/// The same on one that gives letters these widths; what has none stands in the cell before it.
fn screen_of(bytes: &str, width: fn(char) -> usize) -> String {
    let (mut rows, mut row, mut column) = (vec![vec![" ".to_owned(); 200]; 60], 0, 0_usize);
    let mut rest = bytes;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if let Some(sequence) = rest.strip_prefix('[').filter(|_| c == '\u{1b}') {
            let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(sequence.len());
            let mut numbers =
                sequence[..end].split(';').map(|word| word.parse::<usize>().unwrap_or(1));
            match sequence[end..].chars().next() {
                Some('H') => {
                    row = numbers.next().unwrap_or(1) - 1;
                    column = numbers.next().unwrap_or(1) - 1;
                }
                Some('J') => rows.iter_mut().for_each(|row| row.fill(" ".to_owned())),
                Some(_) | None => {}
            }
            rest = sequence.get(end + 1..).unwrap_or_default();
        } else if let Some(cells) = rows.get_mut(row) {
            let columns = width(c);
            if let Some(cell) = cells.get_mut(column.saturating_sub(usize::from(columns == 0))) {
                if columns == 0 { cell.push(c) } else { *cell = c.to_string() }
            }
            for more in 1..columns {
                cells.get_mut(column + more).map(String::clear);
            }
            column += columns;
        }
    }
    rows.into_iter().map(|row| row.concat() + "\n").collect()
}

#[test]
fn a_screen_follows_the_store_and_the_log_of_the_selected_task_and_q_ends_it() {
    let sandbox = sandbox();
    let script = format!("echo begun; {}; echo done", sandbox.until("gate"));
    let id = sandbox.run_script(&["--name", "worker"], &script);
    let mut looked = Looked::at(&sandbox, (80, 24), "begun");
    looked.shows("running");
    looked.shows("worker");
    sandbox.open_gate("gate");
    sandbox.ended(&id);
    looked.shows("done");
    looked.shows("completed");
    looked.press("q");
    let (ran, seen) = looked.ends();
    drop(ran.code_is(0));
    assert!(seen.contains(LEFT), "{seen}");
}

#[test]
fn keys_show_a_log_filter_and_cancel_the_selected_task() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&["--name", "victim"], "echo begun; exec sleep 600");
    let mut looked = Looked::at(&sandbox, (60, 20), "begun");
    looked.press("o");
    looked.shows("log of ");
    // Escape is a key of its own once nothing follows it.
    looked.press("\u{1b}");
    looked.shows("q quit");
    looked.press("/nobody\r");
    looked.shows("no task fits");
    looked.press("\u{1b}");
    looked.shows("victim");
    looked.press("?");
    looked.shows("any key: back");
    looked.press(" c");
    looked.shows("? y: yes");
    looked.press("y");
    sandbox.ended(&id);
    looked.shows("cancelled");
    assert_eq!(sandbox.status(&id), "cancelled");
    // Ctrl-C.
    looked.press("\u{3}");
    let (ran, seen) = looked.ends();
    drop(ran.code_is(0));
    assert!(seen.contains(LEFT), "{seen}");
}

#[test]
fn while_nothing_happens_not_a_byte_is_written() {
    let sandbox = sandbox();
    drop(sandbox.run_script(&["--hold", "--name", "waiting"], "true"));
    let mut looked = Looked::at(&sandbox, (80, 24), "q quit");
    let written = |looked: &Looked<'_>| {
        let io = fs::read_to_string(format!("/proc/{}/io", looked.pid())).expect("it lives");
        io.lines().find(|line| line.starts_with("wchar")).expect("a count").to_owned()
    };
    // A key that changes nothing was read: all before it is drawn.
    looked.press("?");
    looked.shows("any key: back");
    let before = (looked.seen().len(), written(&looked));
    // There is no event to wait for: nothing is to happen.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!((looked.seen().len(), written(&looked)), before);
    looked.press("\u{3}");
    drop(looked.ends().0.code_is(0));
}

#[test]
fn every_signal_and_a_store_that_is_gone_give_the_terminal_back() {
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130), ("QUIT", 131), ("USR1", 138)]
    {
        let sandbox = sandbox();
        let looked = Looked::at(&sandbox, (80, 24), "no tasks yet");
        drop(sandbox.shell(&format!("kill -{signal} {}", looked.pid())).ok());
        let (ran, seen) = looked.ends();
        assert!(seen.contains(LEFT), "{signal}: {seen}");
        drop(ran.code_is(code));
    }
    let sandbox = sandbox();
    let looked = Looked::at(&sandbox, (80, 24), "no tasks yet");
    fs::rename(sandbox.store(), sandbox.path("elsewhere")).expect("renamed");
    let (ran, seen) = looked.ends();
    let (_, after) = seen.split_once(LEFT).expect("the terminal is given back");
    assert!(after.contains("is not there any more") && after.contains("hint"), "{seen}");
    let words = after.split_whitespace().collect::<Vec<_>>().join(" ");
    let now = sandbox.path("elsewhere");
    assert!(words.contains("was moved to") && words.contains(&*now.to_string_lossy()), "{seen}");
    drop(ran.code_is(8));
}

// Once, only the signal that came last counted, and the kernel sends another one behind that of a terminal that goes.
#[test]
fn a_signal_that_ends_it_counts_also_if_others_come_behind_it() {
    for (signal, code) in [("TERM", 143), ("HUP", 129)] {
        let sandbox = sandbox();
        let looked = Looked::at(&sandbox, (80, 24), "no tasks yet");
        let pid = looked.pid();
        let script = format!("kill -{signal} {pid}; kill -CONT {pid}; kill -WINCH {pid}");
        drop(sandbox.shell(&script).ok());
        let (ran, seen) = looked.ends();
        assert!(seen.contains(LEFT), "{signal}: {seen}");
        drop(ran.code_is(code));
    }
}

// Once, the supervisor of what ran in it made the folder anew, and the screen went on as if nothing had ever been there.
#[test]
fn a_store_that_is_emptied_while_a_task_runs_ends_top_and_is_named() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&["--name", "victim"], "exec sleep 600");
    let supervisor = tests::sandbox::pid_at(&sandbox.record(&id), "supervisor");
    let looked = Looked::at(&sandbox, (80, 24), "victim");
    // The folder stays, as where `rm -rf` finds something in it that is new.
    for entry in fs::read_dir(sandbox.store()).expect("a store").flatten() {
        let path = entry.path();
        let removed =
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.expect("removed");
    }
    let (ran, seen) = looked.ends();
    let (_, after) = seen.split_once(LEFT).expect("the terminal is given back");
    assert!(after.contains("was emptied, and 1 task had not ended"), "{after}");
    drop(ran.code_is(8));
    tests::process::terminate(supervisor);
    wait_for("that it ends", || (!tests::process::alive(supervisor)).then_some(()));
}

#[test]
fn no_escape_sequence_of_a_task_reaches_the_terminal() {
    let sandbox = sandbox();
    let hostile = "printf '\\033]0;owned\\007\\033[31mHOSTILE\\033[2J\\233?5h\\rEND\\n'";
    let id = sandbox.run_script(&[], hostile);
    sandbox.ended(&id);
    let label = "bad\u{1b}]2;owned\u{7}\u{9b}31m label";
    drop(sandbox.task_bg(["run", label, "--hold", "--", "true"]).ok());
    let mut looked = Looked::at(&sandbox, (80, 24), "END");
    looked.press("o");
    looked.shows("log of ");
    looked.press("\u{3}");
    let (ran, seen) = looked.ends();
    drop(ran.code_is(0));
    for bytes in ["\u{1b}]", "\u{7}", "\u{9b}", "\u{1b}[31mHOSTILE", "\u{1b}[?5h"] {
        assert!(!seen.contains(bytes), "{bytes:?}: {seen:?}");
    }
}

// Once, it said that standard input and output were no terminals, whatever was in the way.
#[test]
fn what_keeps_top_from_drawing_is_named() {
    let sandbox = sandbox();
    for (command, why) in [
        ("TERM=dumb task-bg top", "`TERM=dumb` says that"),
        ("TERM= task-bg top", "no variable `TERM`"),
        ("TERM=xterm task-bg top < /dev/null", "standard input is none"),
        ("TERM=xterm task-bg top | cat; exit 2", "standard output is none"),
        ("TERM=dumb task-bg list --watch", "`TERM=dumb` says that"),
        ("TERM=xterm task-bg list --watch | cat; exit 2", "standard output is none"),
        ("TERM=xterm TASK_BG_FORMAT=json task-bg list --watch", "the settings ask for JSON"),
        ("TERM=xterm TASK_BG_FORMAT=markdown task-bg ls --watch", "settings ask for Markdown"),
    ] {
        let ran = sandbox.shell(&format!("script -qefc '{command}' /dev/null")).code(2);
        assert!(ran.stdout.contains(why), "{command}: {ran}");
    }
}

#[test]
fn without_a_terminal_top_says_so_and_names_what_works_there() {
    let sandbox = sandbox();
    let answer = sandbox.task_bg(["top"]).run().failure(2);
    assert!(answer["hint"].as_str().is_some_and(|hint| hint.contains("list --watch")), "{answer}");
    assert!(!sandbox.store().exists(), "nothing was made");
}
