//! A supervisor that is the process of a cluster's job: what it does when somebody outside wants the job to end.
//!
//! The cluster sends SIGTERM to every process of a job at once, so the agent may be gone before its supervisor hears why.
//! Whoever cancels with task-bg leaves a wish in a file first; a cluster that ends a job at its limit says so in the job's
//! own output. What neither explains was a cancel from outside. The record says which, before the ending.

use std::time::{Duration, Instant};

use domain::plan::job::{REQUEUED, told};
use domain::run::machine::{Input, Recorded, Sight};
use domain::task::{CancelIntent, Event, Job, Reason};
use domain::usecase::jobs::OUTSIDE;

use super::Driver;

/// How long a supervisor whose agent is gone waits for the signal that may have ended the agent.
const SAME_SIGNAL: Duration = Duration::from_millis(300);
/// How often it looks.
const STEP: Duration = Duration::from_millis(20);

impl Driver<'_> {
    /// Does what whoever asked this process to end wants.
    pub(super) async fn asked(&mut self) {
        let Some(most) = self.post.at_cluster else { return self.tell(Input::Asked).await };
        if self.take_wish().await {
            return;
        }
        let words = self.post.world.jobs.last_words(self.id()).await;
        let (state, reason, message) = match told(&words) {
            Some("TIMEOUT") => {
                ("TIMEOUT", Reason::Timeout, "Slurm ended it at its time limit (TIMEOUT)")
            }
            Some("PREEMPTED") => {
                ("PREEMPTED", Reason::Lost, "Slurm took its node for another job (PREEMPTED)")
            }
            Some("NODE_FAIL") => ("NODE_FAIL", Reason::Lost, "Slurm lost its node (NODE_FAIL)"),
            Some(REQUEUED) => (
                REQUEUED,
                Reason::Lost,
                "Slurm ended it to put its job back to wait (requeued), and it is not run twice",
            ),
            Some(_) | None => {
                self.place("CANCELLED", Some(OUTSIDE)).await;
                let intent = CancelIntent { at: self.post.world.clock.now(), grace: most };
                return self.stop_for(Event::CancelRequested(intent)).await;
            }
        };
        self.place(state, None).await;
        let message = message.to_owned();
        self.stop_for(Event::Displaced { reason, message, grace: most }).await;
    }

    /// Records what became of the job. What it was matters less than that it is done.
    async fn place(&mut self, state: &str, reason: Option<&str>) {
        let reason = reason.map(ToOwned::to_owned);
        let job = Job { state: Some(state.to_owned()), reason, ..Job::default() };
        let _ = self.apply(Event::Placed { job: Box::new(job), host: None }).await;
    }

    /// Carries out the wish that another host left, if there is one.
    pub(super) async fn take_wish(&mut self) -> bool {
        let Some(intent) = self.post.world.jobs.intent(self.id()).await else { return false };
        // A later one may be more urgent.
        if self.wished.replace(intent) != Some(intent) {
            self.stop_for(Event::CancelRequested(intent)).await;
        }
        true
    }

    /// Records why the task is to stop, and stops it.
    async fn stop_for(&mut self, event: Event) {
        match self.apply(event).await {
            Recorded::Done(sight) => self.tell(Input::Seen(sight)).await,
            Recorded::Refused => self.tell(Input::Seen(Sight::of(&self.held.task))).await,
            // Carried out all the same.
            Recorded::Failed | Recorded::Gone => self.tell(Input::Asked).await,
        }
    }

    /// Hears why the agent is gone, if the cluster ended it together with everything else of the job.
    pub(super) async fn hear_what_ended_it(&mut self) {
        if self.post.at_cluster.is_none() || self.stop_was_asked {
            return;
        }
        let began = Instant::now();
        while began.elapsed() < SAME_SIGNAL {
            if self.signals.take_stop() {
                return self.asked().await;
            }
            self.wait_in_bounds(Some(STEP), None);
        }
        if self.signals.take_stop() {
            self.asked().await;
        }
    }

    /// Tells other hosts that this one lives, and looks for what they want.
    pub(super) async fn beat_for_others(&mut self) {
        if self.post.at_cluster.is_some() {
            // One that is not given now is given with the next beat.
            drop(self.post.world.jobs.beat(self.id()).await);
            self.take_wish().await;
        }
    }
}
