//! Stress: many verbs at once over one store, everything of ours killed at random, and the laws held at the end.
//!
//! `cargo xtask stress --minutes N --seed S` runs it. Several hands give orders, look, wait, cancel, complete and retry as
//! the seed says; one command in four is armed to die at a point that the seed says, and besides, somebody kills a
//! process of ours every few moments, supervisors above all. Nothing is expected of a single answer but that it is one.
//! At the end everything comes to rest and the laws of the crash-point matrix have to hold. Who does what, and which
//! command dies where, follows from the seed; which process a kill from outside meets does not.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that reports to whoever runs it"
)]

mod cancels;
mod hand;

use std::env;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::crashing::{laws, report};
use crate::process::{everybody, kill};
use crate::sandbox::Sandbox;
use hand::{Hand, Shared};

/// How many give orders at once.
const HANDS: u64 = 6;

/// A sequence of numbers that follows from a seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The sequence of this seed.
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.draw() % u64::try_from(end.max(1)).unwrap_or(u64::MAX)).unwrap_or(0)
    }

    /// One of several, if there is any.
    pub fn of_these<'a, T>(&mut self, these: &'a [T]) -> Option<&'a T> {
        these.get(self.below(these.len()))
    }
}

/// What was asked for on the command line.
struct Asked {
    time: Duration,
    seed: u64,
    /// How many cancels at random moments there are to be, in place of all else.
    cancels: Option<usize>,
    /// Whether tasks get control groups: `auto` or `off`.
    groups: &'static str,
}

impl Asked {
    /// # Errors
    /// Which word makes no sense.
    fn read() -> Result<Self, String> {
        let (mut minutes, mut seed, mut groups, mut cancels) = (1.0_f64, 1_u64, "auto", None);
        let mut words = env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words.next().unwrap_or_default();
            let usage = "--minutes N (or --cancels N) --seed S --groups on|off";
            let wrong = || format!("`{word} {value}` makes no sense: {usage}");
            match word.as_str() {
                "--minutes" => minutes = value.parse().map_err(|_| wrong())?,
                "--cancels" => cancels = Some(value.parse().map_err(|_| wrong())?),
                "--seed" => seed = value.parse().map_err(|_| wrong())?,
                "--groups" if value == "on" => groups = "auto",
                "--groups" if value == "off" => groups = "off",
                _ => return Err(wrong()),
            }
        }
        let time = Duration::try_from_secs_f64(minutes * 60.0).map_err(|it| it.to_string())?;
        Ok(Self { time, seed, cancels, groups })
    }
}

/// Runs it for as long as the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let Asked { time, seed, cancels, groups } = match Asked::read() {
        Ok(asked) => asked,
        Err(words) => {
            eprintln!("{words}");
            return ExitCode::from(2);
        }
    };
    let Some(programs) = report::beside_this() else {
        eprintln!("the programs under test are not beside this one: start `cargo xtask stress`");
        return ExitCode::FAILURE;
    };
    let sandbox = Sandbox::new(programs)
        .with_env("TASK_BG_MAX_RUNNING", "12")
        .with_env("TASK_BG_CGROUPS", groups);
    if let Some(number) = cancels {
        return cancelled(&sandbox, number, seed, groups);
    }
    let (over, kills) = (AtomicBool::new(false), AtomicUsize::new(0));
    let shared = Shared::default();
    std::thread::scope(|scope| {
        for number in 0..HANDS {
            let mut hand = Hand::new(&sandbox, &shared, seed, number);
            let over = &over;
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    hand.act();
                }
            });
        }
        scope.spawn(|| {
            let mut chance = Chance::of(seed ^ u64::MAX);
            while !over.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20 + chance.draw() % 200));
                kills.fetch_add(usize::from(kill_one(&sandbox, &mut chance)), Ordering::SeqCst);
            }
        });
        let until = Instant::now() + time;
        while Instant::now() < until {
            std::thread::sleep(Duration::from_secs(1));
        }
        over.store(true, Ordering::SeqCst);
    });
    let violations = shared.violated(&sandbox);
    println!(
        "seed {seed}, groups {groups}: {} commands, {} of them died at a point, {} further processes killed, {} tasks; {} violated laws",
        shared.commands(),
        shared.died(),
        kills.into_inner(),
        shared.tasks(),
        violations.len()
    );
    outcome(&violations, "", seed, groups)
}

/// Cancels so many tasks at random moments.
fn cancelled(sandbox: &Sandbox, number: usize, seed: u64, groups: &str) -> ExitCode {
    let tally = cancels::rounds(sandbox, number, seed);
    println!(
        "seed {seed}, groups {groups}: {number} cancels, after {} of them nothing was left, after {} that was not proved, \
         after {} what was left was named; {} violated laws",
        tally.clean,
        tally.unproved,
        tally.named,
        tally.violations.len()
    );
    outcome(&tally.violations, &format!(" --cancels {number}"), seed, groups)
}

/// Says what was violated, and how to see that again.
fn outcome(violations: &[String], rest: &str, seed: u64, groups: &str) -> ExitCode {
    for words in violations {
        eprintln!("violated: {words}");
    }
    if violations.is_empty() {
        return ExitCode::SUCCESS;
    }
    let groups = if groups == "off" { groups } else { "on" };
    eprintln!("the same again: cargo xtask stress --seed {seed} --groups {groups}{rest}");
    ExitCode::FAILURE
}

/// Kills a process of ours, a supervisor more likely than a command; whether there was one.
fn kill_one(sandbox: &Sandbox, chance: &mut Chance) -> bool {
    let supervisors = laws::supervisors(sandbox);
    let means_supervisors = chance.below(4) > 0;
    if let Some(seen) = chance.of_these(&supervisors).filter(|_| means_supervisors) {
        kill(seen.pid);
        return true;
    }
    let ours = |seen: &crate::process::Seen| {
        let program = seen.command_line.split(' ').next().unwrap_or_default();
        program.starts_with(&*sandbox.path("bin/task-bg").to_string_lossy())
    };
    let commands: Vec<_> = everybody().into_iter().filter(ours).collect();
    let met = chance.of_these(&commands).map(|seen| kill(seen.pid));
    met.is_some()
}
