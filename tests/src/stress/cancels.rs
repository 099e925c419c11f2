//! Cancels at random moments: of tasks that hide what they start, whose supervisor and agent were killed or not.
//!
//! `cargo xtask stress --cancels N --seed S --groups on|off` does N of them, one after another. A round starts a task that forks
//! itself on, or leaves processes with empty environments in sessions of their own, kills its supervisor, its agent, both
//! together or nobody at a moment that the seed says, and cancels it at another. Then nothing of it may live that the answer does
//! not name, by its number or as not proved, and nothing at all that a whole control group held; and once what lives is gone, so
//! has the group to be.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Chance;
use crate::process::{alive, everybody, kill};
use crate::sandbox::{Sandbox, pid_at, task_id};

/// How long after its cancel a task is looked for.
const LOOKS: Duration = Duration::from_millis(30);
/// The longest time between two things, in microseconds.
const BETWEEN: usize = 60_000;

/// What came of all rounds.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// After how many nothing was left.
    pub(super) clean: usize,
    /// After how many something lived that the answer named.
    pub(super) named: usize,
    /// After how many nothing lived and the answer said that this is not proved.
    pub(super) unproved: usize,
    /// What did not hold.
    pub(super) violations: Vec<String>,
}

/// What a task does before it sleeps.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A process starts a copy of itself and exits, for ever, with an empty environment and in a session of its own.
    Chain,
    /// A process forks twice, the same way.
    Forked,
    /// Both, and the agent ends at once.
    Leaving,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Chain, Self::Forked, Self::Leaving];

    fn script(self, sandbox: &Sandbox, round: usize) -> String {
        let file = |name: &str| sandbox.path(&format!("{name}-{round}")).display().to_string();
        let (chain, sleeper, stop) = (file("chain"), file("sleeper"), file("stop"));
        let write = |name: &str, text: String| fs::write(name, text).expect("a script");
        write(&chain, format!("[ -e {stop} ] || {{ sh {chain} & }}\n"));
        write(&sleeper, format!("until [ -e {stop} ]; do sleep 0.1; done\n"));
        let aside = "</dev/null >/dev/null 2>&1 &";
        let chain = format!("env -i setsid sh {chain} {aside}");
        let forked = format!("env -i setsid sh -c '( sh {sleeper} & ) &' {aside}");
        match self {
            Self::Chain => format!("{chain} exec sleep 300"),
            Self::Forked => format!("{forked} exec sleep 300"),
            Self::Leaving => format!("{chain} {forked} sleep 0.02"),
        }
    }
}

/// Does so many rounds.
pub(super) fn rounds(sandbox: &Sandbox, number: usize, seed: u64) -> Tally {
    let (mut tally, mut chance) = (Tally::default(), Chance::of(seed));
    for round in 0..number {
        one(sandbox, round, &mut chance, &mut tally);
    }
    tally
}

fn pause(chance: &mut Chance) {
    let micros = u64::try_from(chance.below(BETWEEN)).unwrap_or(0);
    std::thread::sleep(Duration::from_micros(micros));
}

fn one(sandbox: &Sandbox, round: usize, chance: &mut Chance, tally: &mut Tally) {
    let kind = Kind::ALL[chance.below(Kind::ALL.len())];
    let victims: &[&str] =
        [&[][..], &["supervisor"], &["agentProcess"], &["supervisor", "agentProcess"]]
            [chance.below(4)];
    let script = kind.script(sandbox, round);
    let id = task_id(&sandbox.task_bg(["run", "x", "--", "sh", "-c", &script]).ok().json());
    let record = sandbox.record(&id);
    let group = record["progress"]["cgroup"].as_str().map(PathBuf::from);
    pause(chance);
    let was_whole = group.as_ref().is_some_and(|group| is_whole(group));
    for victim in victims {
        kill_if_alive(&record, victim);
    }
    pause(chance);
    let grace = ["0", "200ms"][chance.below(2)];
    let answer = sandbox.task_bg(["cancel", "--grace", grace, &id]).run();
    let said = serde_json::from_str(&answer.stdout).unwrap_or(Value::Null);
    let left = living(sandbox, round);
    let status = sandbox.task_bg(["status", &id]).run();
    let is_unproved =
        said["unproved"].as_array().is_some_and(|ids| ids.contains(&id.clone().into()));
    let is_named = is_unproved
        || said["survivors"].as_array().is_some_and(|them| !them.is_empty())
        || status.stdout.contains("\"survivors\"");
    match (left.is_empty(), is_named) {
        (true, false) => tally.clean += 1,
        (true, true) => tally.unproved += 1,
        (false, true) if was_whole => tally.violations.push(format!(
            "round {round}, {kind:?}, killed {victims:?}: {left:?} live, which their group held: {answer}"
        )),
        (false, true) => tally.named += 1,
        (false, false) => tally.violations.push(format!(
            "round {round}, {kind:?}, killed {victims:?}: {left:?} live and nobody names them: {answer}"
        )),
    }
    end_what_is_left(sandbox, round);
    sandbox.task_bg(["list"]).ok().done();
    if group.as_ref().is_some_and(|group| group.exists()) {
        tally.violations.push(format!("round {round}, {kind:?}: {group:?} is left"));
    }
}

/// Whether a group holds all of its task, as the sticky bit says.
fn is_whole(group: &Path) -> bool {
    fs::metadata(group).is_ok_and(|it| it.permissions().mode() & 0o1000 != 0)
}

fn kill_if_alive(record: &Value, key: &str) {
    // One that has ended is not recorded any more, or its number is another's by now: nobody else runs here.
    if record["progress"][key].is_object() && alive(pid_at(record, key)) {
        kill(pid_at(record, key));
    }
}

/// What lives of a round, by the files that it runs: what replaces itself all the time is missed by a single look.
fn living(sandbox: &Sandbox, round: usize) -> Vec<String> {
    let files =
        ["chain", "sleeper"].map(|name| format!("{}-{round}", sandbox.path(name).display()));
    let began = Instant::now();
    loop {
        let seen = everybody().into_iter().map(|seen| seen.command_line);
        let ours =
            |line: &String| line.split(' ').any(|word| files.iter().any(|file| word == file));
        let found: Vec<String> = seen.filter(ours).collect();
        if !found.is_empty() || began.elapsed() > LOOKS {
            return found;
        }
    }
}

fn end_what_is_left(sandbox: &Sandbox, round: usize) {
    sandbox.open_gate(&format!("stop-{round}"));
    let _ = crate::process::comes_true(|| living(sandbox, round).is_empty());
}
