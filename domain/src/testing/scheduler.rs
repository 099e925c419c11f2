//! A scheduler for tests: it interleaves several verbs over one world in memory, in an order that a
//! seed decides.
//!
//! Every `.await` of a port is a scheduling point ([`turn`], [`idle`]); between two of them no other
//! actor runs. An actor may be killed at any of them, as a process may be at any moment. Nothing here
//! uses a thread or a clock, so a seed always gives the same run. Main type: [`Scheduler`].

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

std::thread_local! {
    /// Whether the actor that was polled last cannot go on before another actor has.
    static IDLES: Cell<bool> = const { Cell::new(false) };
    /// What happened, if a log is kept.
    static LOG: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Lets other actors go on.
pub async fn turn() {
    Turn { idles: false, taken: false }.await;
}

/// Lets other actors go on until one of them has, or time has passed.
pub async fn idle() {
    Turn { idles: true, taken: false }.await;
}

struct Turn {
    idles: bool,
    taken: bool,
}

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        if self.taken {
            return Poll::Ready(());
        }
        self.taken = true;
        IDLES.set(self.idles);
        Poll::Pending
    }
}

/// Starts or stops the log.
pub fn keep_log(kept: bool) {
    LOG.set(kept.then(Vec::new));
}

/// Logs what happened, if a log is kept.
pub fn note(what: impl FnOnce() -> String) {
    LOG.with_borrow_mut(|log| {
        if let Some(log) = log {
            log.push(what());
        }
    });
}

/// Words for the log, made before their subject is moved; empty if no log is kept.
pub fn worded(what: impl FnOnce() -> String) -> String {
    if LOG.with_borrow(Option::is_some) { what() } else { String::new() }
}

/// What happened since the log was begun.
pub fn log() -> Vec<String> {
    LOG.take().unwrap_or_default()
}

/// Decides by a seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The dice of this seed.
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// New dice, which go on independently of these.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self(self.next())
    }

    /// A number below `bound`, or 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    /// Whether something happens now that happens once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn one_of<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }
}

/// A future that the scheduler polls step by step.
struct Actor<'w> {
    name: String,
    future: Pin<Box<dyn Future<Output = ()> + 'w>>,
    idles: bool,
}

/// Polls actors, one at a time.
#[derive(Default)]
pub struct Scheduler<'w> {
    actors: Vec<Actor<'w>>,
}

/// What came of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Some actor went on.
    Went,
    /// Every actor idles.
    Stuck,
    /// There is no actor left.
    Over,
}

impl<'w> Scheduler<'w> {
    /// Adds an actor.
    pub fn add(&mut self, name: String, future: impl Future<Output = ()> + 'w) {
        self.actors.push(Actor { name, future: Box::pin(future), idles: false });
    }

    /// How many actors have not finished.
    pub fn len(&self) -> usize {
        self.actors.len()
    }

    /// Whether all actors have finished.
    pub fn is_empty(&self) -> bool {
        self.actors.is_empty()
    }

    /// Polls one actor that does not idle.
    pub fn step(&mut self, dice: &mut Dice) -> Progress {
        let able = self.actors.iter().filter(|actor| !actor.idles).count();
        if able == 0 {
            return if self.actors.is_empty() { Progress::Over } else { Progress::Stuck };
        }
        let chosen = dice.below(able);
        let position = self.actors.iter().enumerate().filter(|(_, actor)| !actor.idles).nth(chosen);
        let Some((position, _)) = position else { return Progress::Over };
        let actor = &mut self.actors[position];
        note(|| actor.name.clone());
        IDLES.set(false);
        match actor.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(()) => {
                drop(self.actors.remove(position));
                self.wake();
            }
            Poll::Pending if IDLES.get() => actor.idles = true,
            Poll::Pending => self.wake(),
        }
        Progress::Went
    }

    /// Lets idle actors go on, as something has changed.
    pub fn wake(&mut self) {
        self.actors.iter_mut().for_each(|actor| actor.idles = false);
    }

    /// Takes out one actor, with its name. Dropping the future is the death of the actor.
    pub fn take_one(&mut self, dice: &mut Dice) -> Option<(String, impl Sized + use<'w>)> {
        if self.actors.is_empty() {
            return None;
        }
        let Actor { name, future, .. } = self.actors.swap_remove(dice.below(self.actors.len()));
        self.wake();
        Some((name, future))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    /// The order in which three actors are polled.
    fn order(seed: u64) -> Vec<u8> {
        let (turns, mut dice) = (RefCell::new(Vec::new()), Dice::of(seed));
        let mut scheduler = Scheduler::default();
        for number in 0..3 {
            let turns = &turns;
            scheduler.add(format!("{number}"), async move {
                for _ in 0..4 {
                    turns.borrow_mut().push(number);
                    turn().await;
                }
            });
        }
        while scheduler.step(&mut dice) == Progress::Went {}
        drop(scheduler);
        turns.into_inner()
    }

    #[test]
    fn a_seed_always_gives_the_same_order_and_another_one_another() {
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }

    #[test]
    fn who_can_do_nothing_is_not_asked_until_something_has_changed() {
        let mut scheduler = Scheduler::default();
        scheduler.add("waits".into(), idle());
        let mut dice = Dice::of(1);
        assert_eq!(scheduler.step(&mut dice), Progress::Went);
        assert_eq!(scheduler.step(&mut dice), Progress::Stuck);
        scheduler.wake();
        assert_eq!(scheduler.step(&mut dice), Progress::Went);
        assert_eq!(scheduler.step(&mut dice), Progress::Over);
    }
}
