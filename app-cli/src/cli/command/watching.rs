//! What a person at a terminal sees while a command waits for tasks: a line for each that has not ended, and what
//! Ctrl-C leaves behind.
//!
//! The lines are on standard error and go when the wait is over; one line that counts the endings stays. Where standard
//! error is no terminal, nothing of this happens. Nothing here decides anything about a task: the records are read.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use domain::port::{Clock, TaskStore};
use domain::task::{Status, Tally, Task, TaskId, Timestamp, text};
use domain::usecase::wait::Waited;
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

use crate::cli::view::task_lines::{self, TaskLine, Times, short_id};
use crate::kit::console;
use crate::kit::context::Context;
use crate::kit::live::Live;
use crate::kit::screen::Screen;
use crate::kit::terminal;

/// How long a wait lasts before it is worth lines.
const FIRST: Duration = Duration::from_millis(250);
/// How often the lines are brought up to date.
const STEP: Duration = Duration::from_secs(1);
/// So many tasks are looked at in a step, and as many more make each step as long again.
const LOOKED_AT: usize = 200;
/// The rows of a terminal that are not a task's.
const FRAME: usize = 4;
/// The most tasks that are named with the commands that go on with them.
const NAMED: usize = 4;

/// Waits with `wait`, and meanwhile shows the person at the terminal, if there is one, how these tasks fare. Returns what
/// came of it and, where somebody looks, how long it took: [`sum_up`] says what remains to be said.
pub(super) async fn while_waiting<T>(
    context: &Context,
    ids: &[TaskId],
    wait: impl FnOnce() -> T,
) -> (T, Option<Duration>) {
    if console::watched().is_none() {
        return (wait(), None);
    }
    let began = context.wiring.clock.elapsed();
    let short = context.short(ids.iter()).await;
    let named = ids.iter().map(|id| short_id(id, short)).collect();
    let stage =
        Stage { scene: Mutex::new(Scene { left: named, ..Scene::default() }), ..Stage::default() };
    let outcome = interruptible(&|| stage.leave(), || {
        thread::scope(|scope| {
            scope.spawn(|| stage.play(Board::new(context, ids, short)));
            // However the wait ends, the one who draws ends with it.
            let over = Over(&stage);
            let outcome = wait();
            drop(over);
            outcome
        })
    });
    let spent = context.wiring.clock.elapsed().saturating_sub(began);
    (outcome, Some(spent))
}

/// One line about a wait: how many tasks ended, how, and after how long. It is told from what the wait saw, as all else that
/// is said of it: a task may have ended since.
fn summary(waited: &Waited, spent: Duration) -> String {
    let pending = waited.pending.iter().map(|believed| &believed.task);
    let mut tally = Tally::default();
    waited.ended.iter().chain(pending).for_each(|task| tally.add(task.status()));
    let ended = tally.total() - tally.running - tally.queued;
    let all = tally.total() + waited.refused.len();
    let how = task_lines::counts(&tally);
    let how = if how.is_empty() { how } else { format!(": {how}") };
    let words = format!("{ended} of {all} ended after {}{how}", terminal::span(spent));
    text::beginning(&words, 400).to_owned()
}

/// Leaves that line on the terminal where the wait was seen; returns it where an answer is shown there, which it goes below: of
/// many tasks what stands above has left the screen.
pub(super) fn sum_up(context: &Context, waited: &Waited, spent: Duration) -> Option<String> {
    let words = summary(waited, spent);
    if console::screen(context.format).is_some() {
        return Some(words);
    }
    console::draw(&console::styled(format!("{words}\n")));
    None
}

/// Does `act`, and has Ctrl-C say at a terminal what `leave` says before it ends this process: it ends nothing else.
pub(super) fn interruptible<T>(leave: &(dyn Fn() -> String + Sync), act: impl FnOnce() -> T) -> T {
    let signals = console::watched().and_then(|_| Signals::new([SIGINT]).ok());
    let Some(mut signals) = signals else { return act() };
    let handle = signals.handle();
    thread::scope(|scope| {
        scope.spawn(move || {
            for signal in signals.forever() {
                console::draw(&console::styled(leave()));
                // Whoever started this process sees which signal ended it.
                drop(signal_hook::low_level::emulate_default_handler(signal));
            }
        });
        let outcome = act();
        handle.close();
        outcome
    })
}

/// What those who draw and wait share.
#[derive(Default)]
struct Stage {
    scene: Mutex<Scene>,
    changed: Condvar,
}

/// What is on the terminal.
#[derive(Default)]
struct Scene {
    live: Live,
    is_over: bool,
    /// The short names of the tasks that have not ended.
    left: Vec<String>,
}

/// Ends the drawing when it is dropped.
struct Over<'a>(&'a Stage);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.scene().is_over = true;
        self.0.changed.notify_all();
    }
}

impl Stage {
    fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws the board again and again until the wait is over, and then clears it.
    fn play(&self, mut board: Board<'_>) {
        let mut step = FIRST;
        loop {
            let waited = self.changed.wait_timeout_while(self.scene(), step, |it| !it.is_over);
            let (mut scene, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if !scene.is_over {
                drop(scene);
                board = board.seen();
                scene = self.scene();
            }
            let Some(screen) = console::watched() else { return };
            if scene.is_over {
                if console::can_draw() {
                    console::draw(&scene.live.clear(screen));
                }
                return;
            }
            scene.left = board.unended().map(|task| short_id(task.id(), board.short)).collect();
            if console::can_draw() {
                let lines = board.lines(screen).into_iter().map(console::styled).collect();
                console::draw(&scene.live.draw(lines, screen));
            }
            step = STEP * u32::try_from(scene.left.len() / LOOKED_AT + 1).unwrap_or(1);
        }
    }

    /// Clears the terminal, and says what goes on when the wait does not.
    fn leave(&self) -> String {
        let mut scene = self.scene();
        let cleared = console::watched().map(|screen| scene.live.clear(screen)).unwrap_or_default();
        let words = match scene.left.as_slice() {
            [] => "stopped waiting".to_owned(),
            [only] => format!(
                "stopped waiting; {only} goes on: `task-bg wait {only}` waits for it, \
                 `task-bg cancel {only}` stops it"
            ),
            few if few.len() <= NAMED => format!(
                "stopped waiting; {} tasks go on: `task-bg wait {}` waits for them, `task-bg cancel \
                 ID` stops one",
                few.len(),
                few.join(" ")
            ),
            many => format!(
                "stopped waiting; {} tasks go on: `task-bg list` shows them, `task-bg cancel ID` \
                 stops one",
                many.len()
            ),
        };
        let wrapped = console::watched().map(|screen| screen.wrapped(&words));
        format!("{cleared}{}", wrapped.unwrap_or(words))
    }
}

/// The tasks that are waited for, as they were seen last.
struct Board<'a> {
    context: &'a Context,
    short: usize,
    tasks: Vec<(TaskId, Option<Task>)>,
}

impl<'a> Board<'a> {
    fn new(context: &'a Context, ids: &[TaskId], short: usize) -> Self {
        Self { context, short, tasks: ids.iter().map(|id| (id.clone(), None)).collect() }
    }

    /// The same, with another look at those that had not ended; of a task that is tried again, at the next attempt.
    fn seen(mut self) -> Self {
        for (id, task) in &mut self.tasks {
            while task.as_ref().is_none_or(|task| !task.status().is_ended()) {
                let Ok(now) = pollster::block_on(self.context.wiring.store.load(id)) else { break };
                let next = now.progress().retried_as.clone();
                if let Some(next) = next.filter(|_| now.status() == Status::Error) {
                    *id = next;
                } else {
                    *task = Some(now);
                    break;
                }
            }
        }
        self
    }

    fn known(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter_map(|(_, task)| task.as_ref())
    }

    fn unended(&self) -> impl Iterator<Item = &Task> {
        self.known().filter(|task| !task.status().is_ended())
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.known().for_each(|task| tally.add(task.status()));
        tally
    }

    /// How many have ended, and a line for each that has not: those that run first.
    fn lines(&self, screen: Screen) -> Vec<String> {
        let now = self.context.wiring.clock.now();
        let mut left: Vec<&Task> = self.unended().collect();
        left.sort_by_key(|task| task.status() != Status::Running);
        let room = screen.height.saturating_sub(FRAME).max(1);
        let hidden = left.len().saturating_sub(room);
        let line = |task: &&Task| TaskLine::of(task, self.short, now, Times::Calm);
        let lines: Vec<TaskLine> = left.iter().take(room).map(line).collect();
        let mut lines = task_lines::rows(&lines, screen);
        if hidden > 0 {
            lines.push(format!("… and {hidden} more"));
        }
        if self.tasks.len() > 1 {
            lines.push(self.head(now));
        }
        lines
    }

    fn head(&self, now: Timestamp) -> String {
        let (tally, all) = (self.tally(), self.tasks.len());
        let ended = tally.total() - tally.running - tally.queued;
        let spent = now.since(self.context.began);
        let spent = if tally.running > 0 { Times::Calm.span(spent) } else { String::new() };
        format!("{ended} of {all} ended  {spent}").trim_end().to_owned()
    }
}
