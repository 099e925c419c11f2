//! The crash-point matrix: every verb dies at every point at which others can see what it did, and the laws are held.
//!
//! A point is before or after one effect of the process that dies: a write, a sync, a rename, a lock, a start, a signal
//! (`__TASK_BG_CRASH_AT`, in `app-hook/src/crash_points.rs`). Each trial has a sandbox of its own: a scene is prepared,
//! its command is killed at the point, or one of its steps fails there, somebody looks, and then the laws have to hold.
//! `cargo xtask crashpoints` prints the table. Main types: [`Scene`] and [`Row`].

pub mod laws;
pub mod report;
pub mod scene;

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::process::{alive, comes_true};
use crate::sandbox::{Programs, Sandbox};
use laws::{Before, violated};
use scene::Scene;

/// The variable that arms a point.
pub(crate) const VARIABLE: &str = "__TASK_BG_CRASH_AT";
/// More points than any process passes: a scene that reaches it goes on for ever.
const MOST: usize = 2_000;

/// How long the disk stays full where it does.
const FULL_FOR: Duration = Duration::from_millis(300);

/// What came of one scene.
#[derive(Debug)]
pub struct Row {
    /// The scene.
    pub scene: &'static str,
    /// What happened at each point: `kill`, or the name of a failure.
    pub how: &'static str,
    /// The points that were tried.
    pub points: usize,
    /// Each point at which a law was violated, and how.
    pub violations: Vec<String>,
}

/// Tries `scene` at one point after another, until its process comes to its end before the next; of `stride` points
/// one, for whoever has no time for all of them.
///
/// # Panics
///
/// When the trials themselves do.
pub fn row(programs: Programs, scene: &Scene, how: &'static str, stride: usize) -> Row {
    let (next, end) = (AtomicUsize::new(0), AtomicUsize::new(MOST));
    let (points, violations) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let at = next.fetch_add(stride, Ordering::SeqCst);
            if at >= end.load(Ordering::SeqCst) {
                return;
            }
            match trial(programs, scene, how, at) {
                Trial::NotReached => drop(end.fetch_min(at, Ordering::SeqCst)),
                Trial::Held => drop(points.fetch_add(1, Ordering::SeqCst)),
                Trial::Violated(what) => {
                    points.fetch_add(1, Ordering::SeqCst);
                    violations.lock().expect("nobody panics with it").push(what);
                }
            }
        }
    };
    // Most of a trial is waiting for processes.
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(work);
        }
    });
    let violations = violations.into_inner().expect("nobody panicked with it");
    Row { scene: scene.name, how, points: points.into_inner(), violations }
}

/// Tries one point so many times; each violated law, in words.
pub fn again(programs: Programs, scene: &Scene, how: &str, at: usize, times: usize) -> Vec<String> {
    let tried = (0..times).map(|_| trial(programs, scene, how, at));
    let violated = |trial| match trial {
        Trial::Violated(words) => Some(words),
        Trial::NotReached | Trial::Held => None,
    };
    tried.filter_map(violated).collect()
}

/// What came of one point.
enum Trial {
    /// The process came to its end before it.
    NotReached,
    /// Every law held.
    Held,
    /// Where it was, and what did not hold.
    Violated(String),
}

/// The process that died, by the token that it left.
fn victim(token: &Path) -> Option<u32> {
    let text = fs::read_to_string(token).ok()?;
    text.trim().rsplit(' ').next()?.parse().ok()
}

/// Lets nothing fail any more, some moments after the first step did.
fn make_room(sandbox: &Sandbox, token: &Path) {
    let over = sandbox.path("over");
    comes_true(|| token.exists() || over.exists());
    std::thread::sleep(FULL_FOR);
    sandbox.open_gate("token.room");
}

fn trial(programs: Programs, scene: &Scene, how: &str, at: usize) -> Trial {
    let sandbox = Sandbox::new(programs);
    let token = sandbox.path("token");
    let armed = format!("{}:{at}:{how}:{}", scene.role, token.display());
    let tried = panic::catch_unwind(AssertUnwindSafe(|| {
        let staged = (scene.stage)(&sandbox);
        let before = Before::of(&sandbox);
        let ran = std::thread::scope(|scope| {
            if how.ends_with('+') {
                scope.spawn(|| make_room(&sandbox, &token));
            }
            let ran = staged.run.env(VARIABLE, armed).run();
            sandbox.open_gate("over");
            ran
        });
        if scene.role == "__supervise" {
            // It dies when it comes by the point, or has ended without.
            comes_true(|| token.exists() || laws::supervisors(&sandbox).is_empty());
        }
        let is_hit = token.exists();
        if how == "kill" && is_hit {
            // A process that was killed holds its locks until it is wholly gone.
            comes_true(|| !victim(&token).is_some_and(alive));
        }
        sandbox.open_gate("gate");
        let found = if is_hit { violated(&sandbox, &before, &ran, &staged.orders) } else { vec![] };
        (is_hit, found, ran)
    }));
    let point = || {
        let text = fs::read_to_string(&token).unwrap_or_default();
        format!("{} {how} {at} ({})", scene.name, text.trim())
    };
    match tried {
        Ok((false, ..)) => Trial::NotReached,
        Ok((true, found, _)) if found.is_empty() => Trial::Held,
        Ok((true, found, ran)) => {
            Trial::Violated(format!("{}: {}\n{ran}", point(), found.join("; ")))
        }
        Err(payload) => {
            let words = payload.downcast_ref::<String>().cloned();
            let words = words.or_else(|| payload.downcast_ref::<&str>().map(|it| (*it).to_owned()));
            Trial::Violated(format!("{}: {}", point(), words.unwrap_or_default()))
        }
    }
}
