//! Answers that go out together: that of a request alone, or those of a batch.
//!
//! A batch is answered by one line once its last call is done. What its answers tell counts as told from then on, not
//! from the moment at which each was ready. Nothing here writes.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::call::{Meta, Wish};
use super::message::{Fault, Id, answer};
use super::tool::Said;

/// What a request is answered with.
pub(super) type Outcome = Result<Value, Fault>;

/// An answer that can go out.
pub(super) struct Ready {
    /// Whose answer it is.
    pub(super) id: Id,
    /// The answer.
    pub(super) outcome: Outcome,
    /// Of a call that has a thread of its own: whether it is still wanted.
    pub(super) wish: Option<Arc<Wish>>,
    /// Of a tool that did what it was asked: what follows once the answer was sent, and who called.
    pub(super) said: Option<(Said, Meta)>,
}

impl Ready {
    /// An answer after which nothing follows.
    pub(super) const fn new(id: Id, outcome: Outcome) -> Self {
        Self { id, outcome, wish: None, said: None }
    }

    fn is_wanted(&self) -> bool {
        !self.wish.as_ref().is_some_and(|wish| wish.is_withdrawn())
    }
}

/// Requests whose answers go out together.
pub(super) struct Group {
    is_batch: bool,
    open: Mutex<Open>,
}

struct Open {
    missing: usize,
    ready: Vec<Ready>,
}

impl Group {
    /// A request alone.
    pub(super) fn alone() -> Arc<Self> {
        Self::of(1, false)
    }

    /// A batch with so many messages that want an answer.
    pub(super) fn batch(count: usize) -> Arc<Self> {
        Self::of(count, true)
    }

    fn of(missing: usize, is_batch: bool) -> Arc<Self> {
        Arc::new(Self { is_batch, open: Mutex::new(Open { missing, ready: Vec::new() }) })
    }

    /// Whether the request came with others.
    pub(super) const fn is_batch(&self) -> bool {
        self.is_batch
    }

    /// Adds an answer; returns those that are still wanted if it was the last one.
    pub(super) fn add(&self, ready: Ready) -> Option<Vec<Ready>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.ready.push(ready);
        open.missing = open.missing.saturating_sub(1);
        if open.missing > 0 {
            return None;
        }
        let mut all = std::mem::take(&mut open.ready);
        all.retain(Ready::is_wanted);
        Some(all)
    }

    /// The line of these answers; `None` if there are none.
    pub(super) fn line(&self, answers: &[Ready]) -> Option<String> {
        let written = |ready: &Ready| answer(&ready.id, &ready.outcome);
        if self.is_batch {
            let said: Vec<String> = answers.iter().map(written).collect();
            return (!said.is_empty()).then(|| format!("[{}]\n", said.join(",")));
        }
        // It may have been withdrawn a moment ago.
        answers.iter().find(|ready| ready.is_wanted()).map(|ready| written(ready) + "\n")
    }
}
