//! Other machines over ssh: the program of the user, with the user's configuration, calls task-bg there.
//!
//! Host keys, agent forwarding and shared connections are as that configuration says; only what a command in the
//! background cannot have is ruled out: no question is ever asked, and every call has an end. `ssh` makes the calls, `wire`
//! knows what they say and how they are answered. Main type: [`SshRemotes`].

mod complaint;
pub mod ssh;
mod wire;

use std::thread;
use std::time::{Duration, Instant};

use domain::port::remotes::{
    Accepted, Again, Declined, Found, Parcel, Question, Remotes, Silence, Sought, Stop, Stopped,
    Unheard,
};
use domain::task::{Status, Task, TaskId};
use serde_json::Value;

use ssh::{Call, Said, Ssh};

/// How long an order may take, however often the connection is cut.
const ORDER: Duration = Duration::from_secs(60);
/// How long an answer about tasks may take.
const LOOK: Duration = Duration::from_secs(20);
/// How long an answer may take besides what it is asked to wait for.
const BESIDES: Duration = Duration::from_secs(15);
/// How long after each cut the next call is made, in milliseconds; after the last of them nobody calls again.
const PAUSES: [u64; 6] = [300, 1_000, 2_000, 4_000, 8_000, 16_000];
/// The most tasks in one call: their ids are on a command line.
const MOST: usize = 2_000;

/// Reads a record of a task, or says why it cannot be read.
pub type Decode = Box<dyn Fn(&str, &TaskId) -> Result<Task, String> + Send + Sync>;

/// The stores of other machines, over ssh.
pub struct SshRemotes {
    ssh: Ssh,
    decode: Decode,
}

impl SshRemotes {
    /// Over the user's ssh; `decode` reads a record.
    pub fn new(ssh: Ssh, decode: Decode) -> Self {
        Self { ssh, decode }
    }

    /// Makes one call that answers as a program does.
    ///
    /// # Errors
    /// [`Unheard`] if no answer came that is one of task-bg's.
    pub fn ask(&self, host: &str, call: &Call) -> Result<Said, Unheard> {
        self.ssh.call(host, call).map_err(|why| unheard(host, why))
    }

    /// The same for an answer that is an object of JSON, whatever it says.
    ///
    /// # Errors
    /// [`Unheard`], as there, or if the answer is none.
    pub fn object(&self, host: &str, call: &Call) -> Result<Value, Unheard> {
        let said = self.ask(host, call)?;
        wire::object(&said).map_err(|why| unheard(host, why))
    }

    /// Ends every call that runs, and every one to come.
    pub fn hang_up(&self) {
        self.ssh.hang_up();
    }

    fn find(&self, host: &str, sought: &[Sought]) -> Result<Vec<Found>, Unheard> {
        let mut found = Vec::new();
        for some in sought.chunks(MOST) {
            let said = self.ask(host, &Call::of(wire::look(some), LOOK))?;
            let answer = wire::found(&said, some, &self.decode);
            found.extend(answer.map_err(|why| unheard(host, why))?);
        }
        Ok(found)
    }

    /// Orders once.
    fn order_once(
        &self,
        host: &str,
        parcels: &[Parcel],
        limit: Duration,
    ) -> Result<Vec<Result<Accepted, Declined>>, Unheard> {
        let words = ["batch", "--json", "-"].map(ToOwned::to_owned).into();
        let call = Call { input: wire::lines(parcels), ..Call::of(words, limit) };
        let said = self.ask(host, &call)?;
        let taken = wire::taken(&said, parcels.len()).map_err(|why| unheard(host, why))?;
        // Of a long answer the first lines are left out; their tasks are found by their keys.
        let missing = parcels.iter().zip(&taken).filter(|(_, answer)| answer.is_none());
        let missing: Vec<Sought> =
            missing.map(|(parcel, _)| Sought::Key(parcel.id.clone())).collect();
        let mut found = if missing.is_empty() {
            Vec::new().into_iter()
        } else {
            self.find(host, &missing)?.into_iter()
        };
        let answers = taken.into_iter().map(|answer| match answer {
            Some(answer) => Ok(answer),
            None => match found.next() {
                Some(Found::Task(task)) => {
                    let runs = task.status() == Status::Running;
                    Ok(Ok(Accepted { id: task.id().clone(), runs }))
                }
                Some(Found::Nothing | Found::Unclear(_)) | None => {
                    let words = "it said nothing of an order".to_owned();
                    Err(unheard(host, Silence::Garbled(words)))
                }
            },
        });
        answers.collect()
    }
}

impl Remotes for SshRemotes {
    fn order(
        &self,
        host: &str,
        parcels: &[Parcel],
    ) -> Result<Vec<Result<Accepted, Declined>>, Unheard> {
        redialled(thread::sleep, |left| self.order_once(host, parcels, left))
    }

    fn again(&self, host: &str, again: &Again) -> Result<Result<Accepted, Declined>, Unheard> {
        redialled(thread::sleep, |left| {
            let call = Call { input: wire::follow_up(again), ..Call::of(wire::again(again), left) };
            let said = self.ask(host, &call)?;
            wire::taken_again(&said).map_err(|why| unheard(host, why))
        })
    }

    fn look(&self, questions: &[Question]) -> Vec<Result<Vec<Found>, Unheard>> {
        side_by_side(questions, |question| self.find(&question.host, &question.sought))
    }

    fn cancel(&self, orders: &[Stop], grace: Duration) -> Vec<Result<Stopped, Unheard>> {
        side_by_side(orders, |order| {
            let grace_word = format!("{}s", grace.as_secs_f64());
            let mut words: Vec<String> =
                ["cancel", "--json", "--grace"].map(ToOwned::to_owned).into();
            words.push(grace_word);
            words.extend(order.ids.iter().map(ToString::to_string));
            let limit = grace.saturating_add(BESIDES).saturating_add(BESIDES);
            let said = self.ask(&order.host, &Call::of(words, limit))?;
            wire::stopped(&said).map_err(|why| unheard(&order.host, why))
        })
    }

    fn wait(
        &self,
        host: &str,
        ids: &[TaskId],
        any: bool,
        at_most: Duration,
    ) -> Result<(), Unheard> {
        let mut words: Vec<String> = ["wait", "--json", "--timeout"].map(ToOwned::to_owned).into();
        words.push(format!("{}s", at_most.as_secs_f64()));
        words.extend(any.then(|| "--any".to_owned()));
        words.extend(ids.iter().take(MOST).map(ToString::to_string));
        let call = Call { is_watched: true, ..Call::of(words, at_most.saturating_add(BESIDES)) };
        let said = self.ask(host, &call)?;
        wire::waited(&said).map_err(|why| unheard(host, why))
    }
}

/// What `order` comes to, which is repeated when the connection is cut, more and more seldom: it has a key, so the same
/// again gives back what was taken.
fn redialled<T>(
    sleep: impl Fn(Duration),
    order: impl Fn(Duration) -> Result<T, Unheard>,
) -> Result<T, Unheard> {
    let began = Instant::now();
    let mut cut: Option<Unheard> = None;
    let mut pauses = PAUSES.into_iter().map(Duration::from_millis);
    loop {
        let unheard = match order(ORDER.saturating_sub(began.elapsed())) {
            Ok(answer) => return Ok(answer),
            Err(unheard) => unheard,
        };
        let last = match cut.take() {
            // That this call was not heard says nothing of the one before.
            Some(before) if !matches!(unheard.why, Silence::Cut(_)) => before,
            None if !matches!(unheard.why, Silence::Cut(_)) => return Err(unheard),
            Some(_) | None => unheard,
        };
        match pauses.next() {
            Some(pause) if began.elapsed() + pause < ORDER => sleep(pause),
            Some(_) | None => return Err(last),
        }
        cut = Some(last);
    }
}

fn unheard(host: &str, why: Silence) -> Unheard {
    Unheard { host: host.to_owned(), why }
}

/// What `act` makes of each of these, all at the same time.
pub fn side_by_side<T: Sync, R: Send>(all: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if let [only] = all {
        return vec![act(only)];
    }
    thread::scope(|scope| {
        let act = &act;
        let running: Vec<_> = all.iter().map(|one| scope.spawn(move || act(one))).collect();
        running
            .into_iter()
            .map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// Once, such an order was repeated 64 times within a minute.
    #[test]
    fn an_order_whose_connection_is_cut_again_and_again_is_repeated_more_and_more_seldom_and_given_up()
     {
        let (calls, slept) = (Cell::new(0), RefCell::new(Vec::new()));
        let why = |call| {
            if call == 3 { Silence::Unreachable("down".into()) } else { Silence::Cut("cut".into()) }
        };
        let ordered = redialled(
            |pause| slept.borrow_mut().push(pause),
            |_| -> Result<(), Unheard> {
                calls.set(calls.get() + 1);
                Err(unheard("box", why(calls.get())))
            },
        );
        assert!(matches!(ordered, Err(Unheard { why: Silence::Cut(_), .. })));
        assert_eq!(calls.get(), PAUSES.len() + 1);
        assert!(slept.borrow().is_sorted() && slept.borrow().iter().sum::<Duration>() < ORDER);
    }
}
