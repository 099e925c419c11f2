//! What keys do to a task: the verbs themselves, each in a thread of its own, so that the screen goes on meanwhile.
//!
//! What comes of one is a sentence; the screen hears of it by a bell. Main type: [`Actions`].

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Scope;
use std::time::Duration;

use domain::task::TaskId;

use super::board::Wish;
use crate::Outcome;
use crate::cli::args::{Cancel, Quiet, Resume, Retry};
use crate::cli::command::{again, cancel};
use crate::kit::context::Context;
use crate::kit::failure::Failure;

/// How long a task has between the polite signal and the last one, as for `cancel`.
const GRACE: Duration = Duration::from_secs(10);

/// What came of an action.
#[derive(Debug)]
pub(super) struct Done {
    /// What is said of it.
    pub(super) words: String,
    /// The task that was made by it.
    pub(super) made: Option<TaskId>,
}

/// The actions that were begun.
pub(super) struct Actions<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    context: &'env Context,
    bell: UnixStream,
    sender: Sender<Done>,
    /// What came of them.
    pub(super) done: Receiver<Done>,
}

impl<'scope, 'env> Actions<'scope, 'env> {
    /// Nothing begun yet; what is done rings the bell.
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'env>,
        context: &'env Context,
        bell: UnixStream,
    ) -> Self {
        let (sender, done) = channel();
        Self { scope, context, bell, sender, done }
    }

    /// Begins what is wished for, and returns what is said meanwhile.
    pub(super) fn begin(&self, wish: Wish) -> String {
        let words = match &wish {
            Wish::Cancel(id) => format!("cancelling {id} …"),
            Wish::Retry(id) => format!("trying {id} once more …"),
            Wish::Resume(id, _) => format!("going on in the session of {id} …"),
            Wish::Quit | Wish::Suspend | Wish::Redraw => return String::new(),
        };
        let (context, sender, bell) = (self.context, self.sender.clone(), self.bell.try_clone());
        self.scope.spawn(move || {
            let done = told(&wish, pollster::block_on(Box::pin(act(context, &wish))));
            // Whoever looked may have gone.
            drop(sender.send(done));
            drop(bell.and_then(|mut bell| bell.write_all(b"\n")));
        });
        words
    }
}

async fn act(context: &Context, wish: &Wish) -> Outcome {
    let quiet = || Quiet { is_quiet: false };
    match wish {
        Wish::Cancel(id) => {
            let ids = vec![id.to_string()];
            let args = Cancel { ids, parent: Vec::new(), all: false, grace: GRACE, quiet: quiet() };
            Box::pin(cancel::cancel(context, args)).await
        }
        Wish::Retry(id) => {
            let args = Retry {
                ids: vec![id.to_string()],
                failed: false,
                parent: Vec::new(),
                autonomy: None,
                on: None,
                slurm: Vec::new(),
                env: Vec::new(),
                key: None,
                wait: None,
                quiet: quiet(),
            };
            Box::pin(again::retry(context, args)).await
        }
        Wish::Resume(id, words) => {
            let args = Resume {
                id: id.to_string(),
                prompt: Some(words.clone()),
                prompt_file: None,
                fork: false,
                autonomy: None,
                env: Vec::new(),
                key: None,
                wait: None,
                quiet: quiet(),
            };
            Box::pin(again::resume(context, args)).await
        }
        Wish::Quit | Wish::Suspend | Wish::Redraw => Ok(crate::kit::answer::Answer::nothing()),
    }
}

/// What is said of what came of it.
fn told(wish: &Wish, outcome: Outcome) -> Done {
    let failed = |failure: &Failure| {
        let hint = failure.hints.first().map(|hint| format!("; {hint}"));
        Done { words: failure.sentence() + &hint.unwrap_or_default(), made: None }
    };
    let answer = match outcome {
        Ok(answer) => answer,
        Err(failure) => return failed(&failure),
    };
    if let Some(failure) = answer.failures().first() {
        return failed(failure);
    }
    let made = answer.ids().lines().next().and_then(|id| TaskId::parse(id).ok());
    match wish {
        Wish::Cancel(id) => Done { words: format!("cancelled {id}"), made: None },
        Wish::Retry(_) | Wish::Resume(..) | Wish::Quit | Wish::Suspend | Wish::Redraw => {
            let words = made.as_ref().map(|id| format!("{id} follows")).unwrap_or_default();
            Done { words, made }
        }
    }
}
