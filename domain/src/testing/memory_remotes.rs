//! Other machines in memory: a store of tasks each, and a connection that can be cut before or after an order is heard.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::port::remotes::{
    Accepted, Again, Declined, Found, Parcel, Question, Remotes, Silence, Sought, Stop, Stopped,
    Unheard,
};
use crate::task::{Ending, Event, Order, Target, Task, TaskId, Timestamp};

/// Machines that are forgotten when this is dropped.
#[derive(Debug, Default)]
pub struct MemoryRemotes(Mutex<Machines>);

#[derive(Debug, Default)]
struct Machines {
    tasks: BTreeMap<(String, TaskId), Task>,
    /// Which task was ordered under which key.
    keys: BTreeMap<(String, TaskId), TaskId>,
    down: Vec<String>,
    /// Whether the next order is heard, and its answer lost.
    loses_answer: bool,
    calls: usize,
}

impl MemoryRemotes {
    fn machines(&self) -> MutexGuard<'_, Machines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts the machine off, or connects it again.
    pub fn cut_off(&self, host: &str, is_down: bool) {
        let mut machines = self.machines();
        machines.down.retain(|known| known != host);
        machines.down.extend(is_down.then(|| host.to_string()));
    }

    /// Loses the answer to the next order, which is carried out.
    pub fn lose_the_next_answer(&self) {
        self.machines().loses_answer = true;
    }

    /// How often a machine was called.
    pub fn calls(&self) -> usize {
        self.machines().calls
    }

    /// The tasks of a machine.
    pub fn tasks(&self, host: &str) -> Vec<Task> {
        let machines = self.machines();
        machines.tasks.iter().filter(|((of, _), _)| of == host).map(|(_, it)| it.clone()).collect()
    }

    /// Lets this happen to a task of a machine.
    ///
    /// # Panics
    /// If there is no such task, or the task refuses the event.
    pub fn happen(&self, host: &str, id: &TaskId, event: Event, at: Timestamp) {
        let mut machines = self.machines();
        let key = (host.to_string(), id.clone());
        let task = machines.tasks.remove(&key).expect("it is there");
        machines.tasks.insert(key, task.apply(event, at).expect("it can happen").task);
    }

    /// Removes a task of a machine.
    pub fn forget(&self, host: &str, id: &TaskId) {
        self.machines().tasks.remove(&(host.to_string(), id.clone()));
    }
}

impl Machines {
    fn call(&mut self, host: &str) -> Result<(), Unheard> {
        self.calls += 1;
        if self.down.iter().any(|down| down == host) {
            return Err(unheard(host, Silence::Unreachable("connection refused".to_string())));
        }
        Ok(())
    }

    fn take(&mut self, host: &str, key: &TaskId, order: &Order) -> Accepted {
        let known = self.keys.get(&(host.to_string(), key.clone())).cloned();
        let id = known.unwrap_or_else(|| {
            let number = u8::try_from(self.keys.len()).unwrap_or(u8::MAX);
            let id = TaskId::mint(super::ORDERED, [9, 9, number]);
            let order = Order { target: Target::Local, ..order.clone() };
            let task = Task::ordered(id.clone(), order, None, super::ORDERED);
            self.tasks.insert((host.to_string(), id.clone()), task);
            self.keys.insert((host.to_string(), key.clone()), id.clone());
            id
        });
        Accepted { id, runs: false }
    }

    fn answer<T>(&mut self, host: &str, answer: T) -> Result<T, Unheard> {
        if core::mem::take(&mut self.loses_answer) {
            return Err(unheard(host, Silence::Cut("closed by remote host".to_string())));
        }
        Ok(answer)
    }
}

fn unheard(host: &str, why: Silence) -> Unheard {
    Unheard { host: host.to_string(), why }
}

impl Remotes for MemoryRemotes {
    fn order(
        &self,
        host: &str,
        parcels: &[Parcel],
    ) -> Result<Vec<Result<Accepted, Declined>>, Unheard> {
        let mut machines = self.machines();
        machines.call(host)?;
        let taken = parcels.iter().map(|it| Ok(machines.take(host, &it.id, &it.order))).collect();
        machines.answer(host, taken)
    }

    fn again(&self, host: &str, again: &Again) -> Result<Result<Accepted, Declined>, Unheard> {
        let mut machines = self.machines();
        machines.call(host)?;
        let known = machines.tasks.get(&(host.to_string(), again.id.clone())).cloned();
        let taken = match known {
            Some(task) => Ok(machines.take(host, &again.key, task.order())),
            None => Err(Declined { error: "no such task".to_string(), hint: None }),
        };
        machines.answer(host, taken)
    }

    fn look(&self, questions: &[Question]) -> Vec<Result<Vec<Found>, Unheard>> {
        let mut machines = self.machines();
        let mut look = |question: &Question| {
            machines.call(&question.host)?;
            let find = |sought: &Sought| {
                let id = match sought {
                    Sought::Id(id) => Some(id.clone()),
                    Sought::Key(key) => {
                        machines.keys.get(&(question.host.clone(), key.clone())).cloned()
                    }
                };
                let task = id.and_then(|id| machines.tasks.get(&(question.host.clone(), id)));
                task.map_or(Found::Nothing, |task| Found::Task(Box::new(task.clone())))
            };
            Ok(question.sought.iter().map(find).collect())
        };
        questions.iter().map(&mut look).collect()
    }

    fn cancel(&self, orders: &[Stop], _grace: Duration) -> Vec<Result<Stopped, Unheard>> {
        let cancel = |order: &Stop| {
            self.machines().call(&order.host)?;
            for id in &order.ids {
                let ending = Ending::Cancelled { result: None };
                let event = Event::Ended { ending, exit: None, next: None };
                self.happen(&order.host, id, event, super::ORDERED);
            }
            Ok(Stopped::default())
        };
        orders.iter().map(cancel).collect()
    }

    fn wait(&self, host: &str, _: &[TaskId], _: bool, _: Duration) -> Result<(), Unheard> {
        self.machines().call(host)
    }
}
