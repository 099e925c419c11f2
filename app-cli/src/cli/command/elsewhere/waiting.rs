//! Waiting for tasks of other machines: while a command waits here, a thread a machine waits there, and records what it
//! hears. The wait itself knows nothing of this: it is woken by the records.
//!
//! A connection that is cut is made anew, for as long as the command waits.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use adapters_process::remote::SshRemotes;
use domain::port::Remotes as _;
use domain::task::{Task, TaskId};
use domain::usecase::mirror::mirror;
use domain::usecase::wait::Until;

use super::unended;
use crate::kit::console;
use crate::kit::context::Context;
use crate::kit::failure::Failure;
use crate::kit::wiring::Wiring;

/// How long one call waits: after that its machine is asked anew, so that a connection which has died unnoticed costs
/// no more than that.
const SLICE: Duration = Duration::from_secs(25);
/// How long after a call without an answer the next one is made; each later one twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest time between two calls.
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// What the threads share with the command.
struct Line<'a> {
    context: &'a Context,
    remotes: SshRemotes,
    until: Until,
    is_over: Mutex<bool>,
    over: Condvar,
    /// What each machine that does not answer now said last.
    silent: Mutex<BTreeMap<String, String>>,
}

/// Waits with `wait`, and meanwhile hears how those of these tasks fare that are kept elsewhere. Returns as well what is
/// to be said of machines that did not answer in the end.
pub(crate) async fn while_heard<T>(
    context: &Context,
    ids: &[TaskId],
    until: Until,
    wait: impl FnOnce() -> T,
) -> (T, Vec<String>) {
    if !context.wiring.hosts.has_any() {
        return (wait(), Vec::new());
    }
    let mut by_host: BTreeMap<String, Vec<TaskId>> = BTreeMap::new();
    for task in context.tasks(ids).await {
        if let Some(host) = task.unended_on() {
            by_host.entry(host.to_owned()).or_default().push(task.id().clone());
        }
    }
    if by_host.is_empty() {
        return (wait(), Vec::new());
    }
    let line = Line {
        context,
        remotes: Wiring::remotes(),
        until,
        is_over: Mutex::new(false),
        over: Condvar::new(),
        silent: Mutex::default(),
    };
    let outcome = thread::scope(|scope| {
        for (host, ids) in &by_host {
            scope.spawn(|| line.follow(host, ids));
        }
        // However the wait ends, those who listen end with it.
        let hung_up = HungUp(&line);
        let outcome = wait();
        drop(hung_up);
        outcome
    });
    let silent = line.silent.into_inner().unwrap_or_else(PoisonError::into_inner);
    (outcome, silent.into_values().collect())
}

/// Ends every call when it is dropped.
struct HungUp<'a, 'b>(&'a Line<'b>);

impl Drop for HungUp<'_, '_> {
    fn drop(&mut self) {
        *lock(&self.0.is_over) = true;
        self.0.over.notify_all();
        self.0.remotes.hang_up();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line<'_> {
    /// Hears how these tasks of a machine fare until they have ended or the wait is over.
    fn follow(&self, host: &str, ids: &[TaskId]) {
        let mut pause = FIRST_PAUSE;
        loop {
            let unended = self.unended(ids);
            let world = self.context.wiring.world();
            let heard = pollster::block_on(Box::pin(mirror(world, &self.remotes, &unended)));
            let unended =
                self.unended(&unended.iter().map(|it| it.id().clone()).collect::<Vec<_>>());
            if unended.is_empty() {
                lock(&self.silent).remove(host);
                return;
            }
            if self.is_over() {
                return;
            }
            let there: Vec<TaskId> =
                unended.iter().filter_map(|task| task.progress().remote_id.clone()).collect();
            let failed = match heard.silent.into_iter().next() {
                Some(unheard) => Some(unheard),
                // Somebody is about to place it.
                None if there.is_empty() => None,
                None => {
                    let any = self.until == Until::Any;
                    match self.remotes.wait(host, &there, any, SLICE) {
                        Ok(()) => {
                            lock(&self.silent).remove(host);
                            pause = FIRST_PAUSE;
                            continue;
                        }
                        Err(unheard) => Some(unheard),
                    }
                }
            };
            if self.is_over() {
                return;
            }
            if let Some(unheard) = failed {
                let words = Failure::of_silence(&unheard).with_hint();
                if lock(&self.silent).insert(host.to_owned(), words.clone()).is_none() {
                    console::remark(&format!("{words}; it is asked again"));
                }
            }
            self.rest(pause);
            pause = pause.saturating_mul(2).min(LAST_PAUSE);
        }
    }

    fn unended(&self, ids: &[TaskId]) -> Vec<Task> {
        let tasks = pollster::block_on(self.context.tasks(ids));
        tasks.into_iter().filter(|task| task.unended_on().is_some()).collect()
    }

    fn is_over(&self) -> bool {
        *lock(&self.is_over)
    }

    /// Sleeps for so long, or until the wait is over.
    fn rest(&self, pause: Duration) {
        let waited = self.over.wait_timeout_while(lock(&self.is_over), pause, |over| !*over);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// How often a screen asks other machines.
const ASKED: Duration = Duration::from_secs(10);

/// Works with `work`, and asks other machines meanwhile how their tasks fare, now and then. What changes is seen by the
/// records; a machine that does not answer is asked again.
pub(crate) fn while_asked<T>(context: &Context, work: impl FnOnce() -> T) -> T {
    let line = Line {
        context,
        remotes: Wiring::remotes(),
        until: Until::All,
        is_over: Mutex::new(false),
        over: Condvar::new(),
        silent: Mutex::default(),
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !line.is_over() {
                if context.wiring.hosts.has_any() {
                    let tasks = pollster::block_on(unended(context));
                    let world = context.wiring.world();
                    drop(pollster::block_on(Box::pin(mirror(world, &line.remotes, &tasks))));
                }
                line.rest(ASKED);
            }
        });
        let hung_up = HungUp(&line);
        let done = work();
        drop(hung_up);
        done
    })
}
