//! The laws of concurrent verbs: thousands of schedules that interleave launches, admissions, endings,
//! cancels, completions, retries, prunes and kills over one world in memory.
//!
//! Each seed gives one schedule, and a failure names its seed. The variable `TASK_BG_SCHEDULE_SEED`
//! runs that seed alone and prints each step; `TASK_BG_SCHEDULES` says how many are run. `actors` and
//! `supervisor` have the actors, `laws` what must hold.

mod actors;
mod laws;
mod supervisor;

use crate::plan::queue::Limits;
use crate::plan::reconcile::Custody;
use crate::task::{Exit, TaskId};
use crate::testing::scheduler::{Dice, Progress, Scheduler, keep_log, log, note};
use crate::testing::{MemoryWorld, Part, Yielding};
use core::cell::RefCell;
use core::time::Duration;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use laws::Laws;

/// How many schedules are run by default.
const SCHEDULES: u64 = 10_000;
/// The most steps of a schedule before all actors are left to finish.
const STEPS: usize = 1_500;
/// The most steps until all actors have finished.
const MOST_STEPS: usize = 40_000;

/// One world, and what its actors share.
struct Scene<'m> {
    memory: &'m MemoryWorld,
    ports: Yielding<'m>,
    laws: RefCell<Laws>,
    dice: RefCell<Dice>,
}

impl Scene<'_> {
    fn below(&self, bound: usize) -> usize {
        self.dice.borrow_mut().below(bound)
    }

    fn once_in(&self, times: usize) -> bool {
        self.dice.borrow_mut().once_in(times)
    }

    /// A recorded task, chosen by the dice.
    fn some_task(&self) -> Option<TaskId> {
        let all = self.memory.store.all();
        self.dice.borrow_mut().one_of(&all).map(|task| task.id().clone())
    }

    /// Ends one living agent; one without a supervisor only if `orphans`. Returns whether there was
    /// one.
    fn end_an_agent(&self, orphans: bool) -> bool {
        let mut living = self.memory.host.living(Part::Agent);
        living.retain(|(_, task)| orphans || self.memory.locks.look(task) == Custody::Held);
        let Some((agent, task)) = self.dice.borrow_mut().one_of(&living).cloned() else {
            return false;
        };
        let exit = match self.below(4) {
            0 => Exit::Code(1),
            1 => Exit::Signal(9),
            _ => {
                actors::say_done(self.memory, &task);
                Exit::Code(0)
            }
        };
        // Without the dice, so that a seed gives the same schedule with and without strays.
        if agent.pid % 3 == 0 {
            self.memory.host.spawn(&task, Part::Stray);
        }
        note(|| format!("AGENT of {task} ends: {exit:?}"));
        self.memory.host.end(&agent, Some(exit));
        true
    }

    fn pass(&self, span: Duration) {
        note(|| format!("TIME passes: {span:?}"));
        self.memory.clock.advance(span);
    }
}

/// Makes one step of a schedule, and checks what must hold after each step.
fn step<'s>(scene: &'s Scene<'_>, scheduler: &mut Scheduler<'s>) -> Progress {
    let mut dice = scene.dice.borrow_mut().split();
    let progress = scheduler.step(&mut dice);
    for start in scene.ports.starts() {
        scheduler.add(format!("supervisor of {}", start.id), supervisor::supervise(scene, start));
    }
    scene.laws.borrow_mut().hold_always(scene.memory);
    progress
}

/// Runs until all actors have finished; ends agents and lets time pass as needed.
fn run_out<'s>(scene: &'s Scene<'_>, scheduler: &mut Scheduler<'s>) {
    for _ in 0..MOST_STEPS {
        match step(scene, scheduler) {
            Progress::Went => {}
            Progress::Over => return,
            Progress::Stuck => {
                if !scene.end_an_agent(false) {
                    scene.pass(Duration::from_secs(1));
                }
                scheduler.wake();
            }
        }
    }
    panic!("law 19: {} never come to an end", scheduler.len());
}

/// Runs `look` until it changes nothing any more.
fn look_until_quiet<'s>(scene: &'s Scene<'_>, scheduler: &mut Scheduler<'s>) {
    let state = || {
        let memory = scene.memory;
        (memory.store.all(), memory.locks.names(), memory.queue.names())
    };
    for _ in 0..12 {
        let before = state();
        scheduler.add("survivor".into(), actors::look(scene));
        run_out(scene, scheduler);
        if before == state() {
            return;
        }
    }
    panic!("law 16: whoever looks finds something to do each time");
}

/// Runs the schedule of this seed; panics where it breaks a law.
fn run(seed: u64) {
    let mut dice = Dice::of(seed);
    let max_running = 1 + dice.below(3);
    let groups = [("explorer".to_string(), 1)];
    let groups = groups.into_iter().take(dice.below(2)).collect();
    let memory = MemoryWorld::default().limited(Limits { max_running, usual: max_running, groups });
    let ports = Yielding::over(&memory);
    let laws = RefCell::default();
    let (mut verbs, mut kills) = (3 + dice.below(8), dice.below(8));
    let scene = Scene { memory: &memory, ports, laws, dice: RefCell::new(dice) };
    let mut scheduler = Scheduler::default();
    let mut undisturbed = true;
    if scene.once_in(3) {
        undisturbed = false;
        let dice = scene.dice.borrow_mut().split();
        scene.ports.fail(Some((dice, 60)));
    }
    for _ in 0..STEPS {
        if verbs > 0 && (scheduler.is_empty() || scene.once_in(12)) {
            verbs -= 1;
            actors::add_one(&scene, &mut scheduler);
        }
        if kills > 0 && scene.once_in(30) {
            kills -= 1;
            let taken = scheduler.take_one(&mut scene.dice.borrow_mut());
            if let Some((name, actor)) = taken {
                undisturbed = false;
                note(|| format!("KILL {name}"));
                memory.locks.kill(actor);
            }
        }
        if scene.once_in(40) {
            scene.end_an_agent(true);
            scheduler.wake();
        }
        if scene.once_in(60) {
            scene.pass(Duration::from_millis(1 + 400 * scene.below(4) as u64));
            scheduler.wake();
        }
        match step(&scene, &mut scheduler) {
            Progress::Over if verbs == 0 => break,
            Progress::Went | Progress::Over => {}
            Progress::Stuck => {
                if !scene.once_in(3) || !scene.end_an_agent(true) {
                    scene.pass(Duration::from_millis(700));
                }
                scheduler.wake();
            }
        }
    }
    note(|| "EVERYBODY comes to an end".into());
    scene.ports.fail(None);
    run_out(&scene, &mut scheduler);
    if undisturbed && !scene.ports.gave_up() {
        // No look is needed then: whatever freed a slot or queued a task has also admitted.
        scene.laws.borrow().hold_among_orphans(&memory);
    }
    look_until_quiet(&scene, &mut scheduler);
    scene.laws.borrow().hold_among_orphans(&memory);
    note(|| "ORPHANS end".into());
    while scene.end_an_agent(true) {}
    scene.pass(Duration::from_secs(2 * 60 * 60));
    look_until_quiet(&scene, &mut scheduler);
    scene.laws.borrow().hold_at_the_end(&memory, undisturbed);
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn invariant_whoever_meets_whom_and_whoever_is_killed_the_laws_hold() {
    let only = number("TASK_BG_SCHEDULE_SEED");
    let count = number("TASK_BG_SCHEDULES").unwrap_or(SCHEDULES);
    let seeds = only.map_or(0..count, |seed| seed..seed + 1);
    for seed in seeds {
        keep_log(only.is_some());
        let outcome = std::panic::catch_unwind(|| run(seed));
        if let Err(cause) = outcome {
            let words = cause.downcast_ref::<String>().map_or("it panicked", String::as_str);
            let happened: Vec<String> = log();
            panic!("TASK_BG_SCHEDULE_SEED={seed}: {words}\n{}", happened.join("\n"));
        }
    }
}
