//! What `doctor --on ssh:HOST` says: whether that machine lets us in without a question, what its own program says of it,
//! whether a task there outlives the connection that launched it, and how far the clocks are apart.
//!
//! Two calls look, and two more end and remove the small task that was launched there.

use std::time::{Duration, Instant};

use adapters_process::remote::ssh::{Call, Ssh};
use domain::port::remotes::{Silence, Unheard};
use domain::port::{Clock as _, Remotes as _};
use domain::task::{TaskId, text};
use serde_json::Value;

use super::{fail, warn, well};
use crate::cli::command::hosts::{Age, age};
use crate::cli::view::doctor::{Finding, Health};
use crate::kit::context::Context;
use crate::kit::failure::Failure;

/// How long an answer may take; that machine looks at its agents meanwhile.
const ANSWER: Duration = Duration::from_secs(60);
/// How long it is looked whether the small task outlives its connection.
const WATCHED: Duration = Duration::from_secs(2);
/// How far the clocks of two machines may be apart, in seconds.
const APART: i64 = 5;
/// What matters where a session launches tasks, which is here.
const OF_PARENTS: [&str; 2] = ["hooks", "plugin"];
/// What a machine says of itself, a line each. It has no single quote in it, so that it is one word for any shell.
const SCRIPT: &str = r#"PATH="$PATH:$HOME/.local/bin"
say() { echo "doctor $1=$2"; }
say host "$(uname -n)"
say now "$(date +%s)"
say version "$(task-bg --version 2> /dev/null | head -n 1)"
if [ -d /run/systemd/system ]; then
    login=org.freedesktop.login1
    say kills "$(busctl get-property $login /org/freedesktop/login1 $login.Manager KillUserProcesses 2> /dev/null)"
fi
say checks "$(task-bg doctor --json 2> /dev/null)""#;

/// Everything about tasks on this machine.
pub(super) fn target(context: &Context, host: &str) -> Vec<Finding> {
    let (began, before) = (Instant::now(), context.wiring.clock.now());
    let words = ["sh", "-c", SCRIPT].map(ToOwned::to_owned);
    let said = Ssh::default().run(host, words.into_iter(), &Call::of(Vec::new(), ANSWER));
    let said = match said {
        Ok(said) => said,
        Err(why) => return vec![unheard(host, why)],
    };
    let spent = began.elapsed();
    let words = String::from_utf8_lossy(&said.stdout).into_owned();
    let value = |name: &str| {
        let line = |line: &str| {
            let value = line.strip_prefix("doctor ")?.strip_prefix(name)?.strip_prefix('=')?;
            Some(value.trim().to_owned())
        };
        words.lines().find_map(line).unwrap_or_default()
    };
    let named = text::one_line(&value("host"), 80);
    if named.is_empty() {
        let why = Silence::Garbled(format!("it runs no shell script: {}", said.complaint));
        return vec![unheard(host, why)];
    }
    let mut findings = vec![well("ssh", format!("{named} lets us in without a question"))];
    findings.push(program(host, &value("version")));
    if findings.iter().any(|finding| finding.health == Health::Fail) {
        return findings;
    }
    findings.extend(its_own(&value("checks")));
    findings.push(survival(context, host, &value("kills")));
    findings.push(clocks(before.as_micros() / 1_000_000, spent, &value("now")));
    findings
}

fn unheard(host: &str, why: Silence) -> Finding {
    let failure = Failure::of_silence(&Unheard { host: host.to_owned(), why });
    fail("ssh", failure.sentence(), failure.hints.join("; "))
}

/// Which program is there.
fn program(host: &str, version: &str) -> Finding {
    let check = "program there";
    let own = env!("CARGO_PKG_VERSION");
    let there = version.strip_prefix("task-bg ").and_then(|rest| rest.split(' ').next());
    let Some(there) = there else {
        let fix = format!("run `task-bg hosts add {host}` to copy this one there");
        return fail(check, "there is no task-bg on its PATH and in ~/.local/bin", fix);
    };
    let there = text::one_line(there, 40);
    match age(&there) {
        Age::Same => well(check, format!("task-bg {there}, as here")),
        Age::Older => {
            let fix = format!("run `task-bg hosts add {host}` to copy this one there");
            warn(check, format!("task-bg {there}, which is older than this one, {own}"), fix)
        }
        Age::Newer => {
            let words = format!("task-bg {there}, which is newer than this one, {own}");
            warn(check, words, "bring the one here up to date")
        }
    }
}

/// What the program there found of its store and of whatever does not work.
fn its_own(checks: &str) -> Vec<Finding> {
    let answer: Value = serde_json::from_str(checks).unwrap_or_default();
    let Some(rows) = answer.get("findings").and_then(Value::as_array) else {
        let fix = "run `task-bg doctor` there to see what is wrong";
        return vec![warn("store there", "its `doctor` gives no answer", fix)];
    };
    let finding = |row: &Value| {
        let word = |key: &str| {
            text::one_line(row.get(key).and_then(Value::as_str).unwrap_or_default(), 500)
        };
        let (name, check) = (word("check"), format!("{} there", word("check")));
        let fix = match word("fix") {
            fix if fix.is_empty() => "run `task-bg doctor` there to see more".to_owned(),
            fix => format!("there: {fix}"),
        };
        if OF_PARENTS.contains(&name.as_str()) {
            return None;
        }
        match Health::named(&word("status"))? {
            Health::Ok => (name == "store").then(|| well(check, word("detail"))),
            Health::Warn => Some(warn(check, word("detail"), fix)),
            Health::Fail => Some(fail(check, word("detail"), fix)),
        }
    };
    rows.iter().filter_map(finding).collect()
}

/// Whether a task outlives the connection that launched it, which is tried over a connection of its own.
fn survival(context: &Context, host: &str, kills: &str) -> Finding {
    let check = "survival";
    let remotes = &context.wiring.remotes;
    let ask = |words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        remotes.object(host, &Call { is_alone: true, ..Call::of(words, ANSWER) })
    };
    let description = "doctor: whether a task outlives its connection";
    let fix = "look at `task-bg list` there";
    let launched = ask(&[
        "run",
        "--json",
        "--on",
        "local",
        "--timeout",
        "60s",
        description,
        "--",
        "sleep",
        "50",
    ]);
    let id = match launched {
        Ok(answer) => answer.get("taskId").and_then(Value::as_str).map(TaskId::parse),
        Err(unheard) => return warn(check, unheard.to_string(), fix),
    };
    let Some(Ok(id)) = id else { return warn(check, "no task could be launched there", fix) };
    let waited = remotes.wait(host, std::slice::from_ref(&id), false, WATCHED);
    let status = ask(&["status", "--json", id.as_str()]);
    // What stays is one small record of a task that is over.
    drop(ask(&["cancel", "--json", "--grace", "0", id.as_str()]));
    drop(ask(&["rm", "--json", id.as_str()]));
    let lives = status.is_ok_and(|answer| {
        let word = answer.get("status").and_then(Value::as_str).unwrap_or_default();
        domain::task::Status::from_word(word).is_some_and(|status| !status.is_ended())
    });
    if let Err(unheard) = waited {
        return warn(check, unheard.to_string(), fix);
    }
    if lives {
        return well(check, "a task outlives the connection that launched it");
    }
    let (why, fix) = if kills.ends_with("true") {
        (
            " (`KillUserProcesses=yes`)",
            "have `KillUserProcesses=no` set in /etc/systemd/logind.conf there, and systemd-logind restarted",
        )
    } else {
        ("", "find out what ends the processes of a user who logs out there")
    };
    fail(check, format!("a task ended with the connection that launched it{why}"), fix)
}

fn clocks(before: i64, spent: Duration, now: &str) -> Finding {
    let Ok(now) = now.parse() else {
        return well("clocks", "that machine does not say its time");
    };
    let after = before.saturating_add(i64::try_from(spent.as_secs()).unwrap_or(i64::MAX));
    super::clocks(now, (before, after), APART, "both machines")
}
