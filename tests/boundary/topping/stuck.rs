//! A terminal that takes no bytes, as of a connection that hangs: `top` ends all the same, and leaves it usable.

use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::time::{Duration, Instant};

use tests::process::{alive, wait_for, wait_until};
use tests::sandbox::{Sandbox, text};

use super::{LEFT, Looked};
use crate::sandbox;

/// How long a screen takes to be drawn at most, before the terminal counts as one that takes nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// A terminal that shows `top`, and whose reader has stopped; the pipe to that reader.
fn stuck(sandbox: &Sandbox) -> (Looked<'_>, File) {
    let reader = sandbox.path("reader");
    drop(sandbox.shell(&format!("mkfifo {}", text(&reader))).ok());
    // Open for both, so that nobody waits for the other one.
    let pipe = OpenOptions::new().read(true).write(true).open(&reader).expect("a pipe");
    drop(sandbox.run_script(&["--hold", "--name", "waiting"], "true"));
    let mut looked = Looked::shown_to(sandbox, (160, 50), "waiting", &text(&reader));
    let written = |looked: &Looked<'_>| {
        let io = fs::read_to_string(format!("/proc/{}/io", looked.pid())).expect("it lives");
        io.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok()).unwrap_or(0_u64)
    };
    // Each draws the whole screen, of 8,000 bytes at least: the pipe and the terminal hold some twenty.
    let draws = |looked: &mut Looked<'_>| {
        let before = written(looked);
        looked.press("\u{c}");
        let began = Instant::now();
        while written(looked) == before {
            if began.elapsed() > PATIENCE {
                return false;
            }
            std::thread::yield_now();
        }
        true
    };
    wait_until("that the terminal takes no more", || !draws(&mut looked));
    (looked, pipe)
}

/// What the reader of the terminal gets once it reads on, up to what gives the terminal back and these words.
fn read_on(mut pipe: File, words: &str) -> String {
    let mut seen = Vec::new();
    wait_for("that the terminal is given back", || {
        let mut bytes = [0; 4096];
        let count = pipe.read(&mut bytes).expect("bytes");
        seen.extend_from_slice(&bytes[..count]);
        let seen = String::from_utf8_lossy(&seen);
        seen.split_once(LEFT).filter(|(_, after)| after.contains(words)).map(|_| seen.to_string())
    })
}

// Once, it hung in a write as long as the terminal did, and only SIGKILL ended it.
#[test]
fn every_signal_ends_top_while_its_terminal_takes_nothing_and_the_terminal_is_given_back() {
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        let sandbox = sandbox();
        let (looked, pipe) = stuck(&sandbox);
        let pid = looked.pid();
        drop(sandbox.shell(&format!("kill -{signal} {pid}")).ok());
        let pid = pid.parse().expect("a number");
        wait_until(&format!("that {signal} ends it"), || !alive(pid));
        read_on(pipe, "");
        let modes = wait_for("the modes of the terminal", || {
            fs::read_to_string(sandbox.path("modes")).ok().filter(|it| it.contains("echoe"))
        });
        assert!(modes.contains(" icanon") && modes.contains(" echo "), "{modes}");
    }
}

#[test]
fn a_vanished_store_ends_top_while_its_terminal_takes_nothing() {
    let sandbox = sandbox();
    let (looked, pipe) = stuck(&sandbox);
    let pid = looked.pid().parse().expect("a number");
    fs::rename(sandbox.store(), sandbox.path("elsewhere")).expect("renamed");
    wait_until("that it ends", || !alive(pid));
    read_on(pipe, "is not there any more");
    drop(looked.ends().0.code_is(8));
}
