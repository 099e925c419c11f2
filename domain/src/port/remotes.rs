//! The stores of other machines, in which a program like this one keeps tasks: each question is one call of a machine.
//!
//! A remote keeps nothing here, and decides nothing about a record of this store. Main types: [`Remotes`], and
//! [`Unheard`], why a machine gave no answer.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::task::{Autonomy, Order, Prompt, Task, TaskId};

/// The stores of other machines.
pub trait Remotes: Send + Sync {
    /// Orders tasks on a machine, in one call, each under its id here as its key. Returns, for each, the task there or
    /// why it was declined.
    ///
    /// MUST be repeatable: an order that a machine has taken before is given back and never taken twice. MUST repeat
    /// the call by itself when the connection is cut, for as long as a caller may be kept waiting. MUST NOT let a prompt
    /// or a variable be seen in a list of processes.
    ///
    /// # Errors
    /// [`Unheard`] if no answer came; [`Unheard::is_certain`] says whether the machine may have taken them.
    fn order(
        &self,
        host: &str,
        parcels: &[Parcel],
    ) -> Result<Vec<Result<Accepted, Declined>>, Unheard>;

    /// Has a machine go on with a task that it has, under a key, and returns the new task there or why it was declined.
    ///
    /// MUST hold to the same as [`Remotes::order`].
    ///
    /// # Errors
    /// [`Unheard`], as there.
    fn again(&self, host: &str, again: &Again) -> Result<Result<Accepted, Declined>, Unheard>;

    /// Asks several machines about tasks, all machines side by side, each in one call. Returns the answers in the order
    /// of the questions.
    ///
    /// MUST return within a bounded time, whatever becomes of a machine.
    fn look(&self, questions: &[Question]) -> Vec<Result<Vec<Found>, Unheard>>;

    /// Cancels tasks on several machines, side by side, each in one call.
    ///
    /// MUST return within the grace and a bounded time besides.
    fn cancel(&self, orders: &[Stop], grace: Duration) -> Vec<Result<Stopped, Unheard>>;

    /// Waits until these tasks of a machine have ended, or one of them if `any`, for at most so long. That they have
    /// ended has to be looked up.
    ///
    /// # Errors
    /// [`Unheard`] if the connection was cut or never made.
    fn wait(&self, host: &str, ids: &[TaskId], any: bool, at_most: Duration)
    -> Result<(), Unheard>;
}

/// A task as it is ordered on another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Its id here, which is its key there.
    pub id: TaskId,
    /// What is asked for, with the prompt as the machine is to read it.
    pub order: Order,
    /// Whether the order names its agent's autonomy, and does not leave it to the definition of the droid.
    pub level_is_said: bool,
    /// How hard to think, where the order says so.
    pub effort: Option<String>,
    /// The worktree that is to be made for it there; empty names it after the task.
    pub worktree: Option<String>,
    /// The tasks that it comes after: ids of that machine, or ids of parcels of the same call.
    pub after: Vec<TaskId>,
    /// How long until it may start.
    pub start_in: Option<Duration>,
    /// The variables added to its environment.
    pub variables: Variables,
}

/// Variables with their values, which may be secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(pub Vec<(String, String)>);

impl core::fmt::Debug for Variables {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} variables", self.0.len())
    }
}

/// How a machine goes on with a task that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    /// The task there.
    pub id: TaskId,
    /// The id of the new task here, which is its key there.
    pub key: TaskId,
    /// How much it may do, where that is to be another than before.
    pub autonomy: Option<Autonomy>,
    /// What its agent is told next, in the same session; `None` tries the same again.
    pub follow_up: Option<FollowUp>,
}

/// What an agent is told next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowUp {
    /// The words.
    pub prompt: Prompt,
    /// Whether it goes on in a copy of the session.
    pub forks: bool,
}

/// That a machine took an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The task there.
    pub id: TaskId,
    /// Whether its agent runs, and it does not wait for its turn.
    pub runs: bool,
}

/// Why a machine did not take an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// What is wrong, in its words.
    pub error: String,
    /// What can be done, in its words.
    pub hint: Option<String>,
}

/// What a machine is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The machine, as ssh knows it.
    pub host: String,
    /// The tasks.
    pub sought: Vec<Sought>,
}

/// A task of another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    /// By its id there.
    Id(TaskId),
    /// By the key under which it was ordered, its id here.
    Key(TaskId),
}

/// What a machine says of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The task as recorded there.
    Task(Box<Task>),
    /// There is no such task.
    Nothing,
    /// It cannot be said now, with why.
    Unclear(String),
}

/// Tasks of a machine that are to be cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The machine, as ssh knows it.
    pub host: String,
    /// The tasks, by their ids there.
    pub ids: Vec<TaskId>,
}

/// What became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Those that had ended before and had processes left, which were stopped.
    pub stopped: Vec<TaskId>,
    /// Those that were not cancelled, with why.
    pub refused: Vec<(TaskId, String)>,
    /// The numbers of the processes that are left there.
    pub survivors: Vec<u32>,
}

/// Why a machine gave no answer, or none that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{host}` does not answer: {why}")]
pub struct Unheard {
    /// The machine, as ssh knows it.
    pub host: String,
    /// Why.
    pub why: Silence,
}

/// What kept an answer back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// There is no ssh here.
    #[error("`{program}` cannot be run: {reason}")]
    NoSsh {
        /// The program.
        program: String,
        /// Why not.
        reason: String,
    },
    /// No connection was made.
    #[error("{0}")]
    Unreachable(String),
    /// A connection was made, or may have been, and was lost.
    #[error("the connection was cut: {0}")]
    Cut(String),
    /// Nothing came in time.
    #[error("nothing came within {0} s")]
    TooSlow(u64),
    /// There is no task-bg there.
    #[error("there is no `task-bg` on its PATH")]
    NoProgram,
    /// What came is no answer of task-bg's, or none of one that this one understands.
    #[error("{0}")]
    Garbled(String),
    /// Another version is there, which does not know what it was asked.
    #[error("it has another version of task-bg, which does not understand this one: {0}")]
    OtherVersion(String),
    /// The program there failed, in its words.
    #[error("{0}")]
    Failed(String),
}

impl Unheard {
    /// Whether the machine has certainly not taken what it was asked to do.
    pub const fn is_certain(&self) -> bool {
        match self.why {
            Silence::NoSsh { .. }
            | Silence::Unreachable(_)
            | Silence::NoProgram
            | Silence::OtherVersion(_)
            | Silence::Failed(_) => true,
            Silence::Cut(_) | Silence::TooSlow(_) | Silence::Garbled(_) => false,
        }
    }
}
