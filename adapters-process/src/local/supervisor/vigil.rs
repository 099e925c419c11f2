//! The watch over one agent, until the task is over and that is recorded.
//!
//! The wall clock only dates what happens; every limit runs on the monotonic clock, so that neither
//! a stepped clock nor a suspended machine ends a task.

use std::time::{Duration, Instant};

use domain::port::{LogPart, StoreError, Stream};
use domain::run::ending::{self, Evidence};
use domain::run::{Account, AgentEvent};
use domain::task::{Activity, CancelIntent, Event, Exit, Refusal, Running, State, Task};

use super::Post;
use super::agent::Agent;
use super::readable::Readable;
use super::signals::Signals;
use crate::agents::event_stream::EventStream;
use crate::local::tree;

/// How long an agent has between the polite signal and the last one, unless somebody says otherwise.
const GRACE: Duration = Duration::from_secs(10);
/// The least time between two records of progress.
const PROGRESS: Duration = Duration::from_secs(1);
/// How soon an active event stream is looked at again, and how late an idle one.
const LOOKS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// How often processor time is looked at as a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// How long to wait before a record that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The watch over one agent.
pub(super) struct Vigil<'a> {
    post: &'a Post<'a>,
    agent: Agent<'a>,
    signals: Signals,
    began: Instant,
    time_limit: Option<Duration>,
    cancelled: bool,
    timed_out: bool,
    ended_elsewhere: bool,
    follower: Option<Follower<'a>>,
    account: Account,
    recorded: Activity,
    last_record: Option<Instant>,
    heartbeat: Heartbeat,
}

struct Follower<'a> {
    stream: EventStream<'a>,
    readable: Readable<'a>,
    pause: Duration,
}

struct Heartbeat {
    next: Instant,
    ticks: u64,
    written: u64,
}

impl<'a> Vigil<'a> {
    /// Begins the watch over an agent that has just been started.
    pub(super) fn over(post: &'a Post<'a>, agent: Agent<'a>, signals: Signals) -> Self {
        let began = Instant::now();
        let follower = agent.decoder.and_then(|adapter| {
            let file = post.files.events_reader.try_clone().ok()?;
            Some((adapter, file))
        });
        let follower = follower.map(|(adapter, file)| Follower {
            stream: EventStream::from(file, 0, adapter),
            readable: Readable::to(&post.files.output),
            pause: LOOKS.0,
        });
        Self {
            post,
            agent,
            signals,
            began,
            time_limit: None,
            cancelled: false,
            timed_out: false,
            ended_elsewhere: false,
            follower,
            account: Account::default(),
            recorded: Activity::default(),
            last_record: None,
            heartbeat: Heartbeat { next: began + HEARTBEAT, ticks: 0, written: 0 },
        }
    }

    /// Watches until the agent is gone and the ending is recorded.
    pub(super) async fn keep(mut self) {
        let task = self.load().await;
        self.time_limit = task.and_then(|task| task.order().time_limit);
        let exit = loop {
            if let Some(exit) = self.agent.reap() {
                break Some(exit);
            }
            let told = self.signals.take_look() && self.record_says_stop().await;
            if self.signals.take_stop() || told {
                self.cancel().await;
                break self.agent.reap();
            }
            if self.time_limit.is_some_and(|limit| self.began.elapsed() >= limit) {
                self.timed_out = true;
                self.agent.stop(&self.post.id, GRACE);
                break self.agent.reap();
            }
            self.follow();
            self.record_progress().await;
            self.beat().await;
            self.signals.wait(Some(self.until_next_look()));
        };
        self.follow();
        self.finish_stream();
        self.record_end(exit).await;
        // The name goes first; the exit of this process then frees the lock and wakes who waits.
        drop((self.post.retire)());
    }

    async fn load(&self) -> Option<Task> {
        self.post.store.load(&self.post.id).await.ok()
    }

    /// Whether the task is to be cancelled, or has ended without its agent.
    async fn record_says_stop(&self) -> bool {
        self.load().await.is_some_and(|task| match task.state() {
            State::Running(Running { cancel }) => cancel.is_some(),
            State::Queued(_) => false,
            State::Completed(_) | State::Error(_) | State::Cancelled(_) => true,
        })
    }

    /// Stops the agent; the intent is recorded before any signal is sent.
    async fn cancel(&mut self) {
        let at = self.post.clock.now();
        let intent = CancelIntent { at, grace: GRACE };
        let recorded =
            self.post.store.apply(&self.post.id, Event::CancelRequested(intent), at).await;
        let grace = match recorded {
            Ok(_) => GRACE,
            Err(_) => self.load().await.map_or(GRACE, |task| match task.state() {
                State::Running(Running { cancel: Some(intent) }) => intent.grace,
                State::Running(Running { cancel: None })
                | State::Queued(_)
                | State::Completed(_)
                | State::Error(_)
                | State::Cancelled(_) => GRACE,
            }),
        };
        self.cancelled = true;
        self.agent.stop(&self.post.id, grace);
    }

    /// Takes in what the agent has said since the last look.
    fn follow(&mut self) {
        let Some(Follower { stream, readable, pause }) = &mut self.follower else { return };
        let account = &mut self.account;
        let news = stream.advance(&mut |event: AgentEvent| {
            readable.write(&event);
            account.note(event);
        });
        *pause = if news.unwrap_or(false) { LOOKS.0 } else { (*pause * 2).min(LOOKS.1) };
    }

    fn finish_stream(&mut self) {
        if let Some(Follower { stream, readable, .. }) = &mut self.follower {
            let account = &mut self.account;
            stream.finish(&mut |event| {
                readable.write(&event);
                account.note(event);
            });
        }
    }

    async fn record_progress(&mut self) {
        let due = self.last_record.is_none_or(|last| last.elapsed() >= PROGRESS);
        if due && self.recorded != *self.account.activity() {
            self.record_activity().await;
        }
    }

    /// Tells the record that the agent is alive, with all that is known of what it does.
    async fn record_activity(&mut self) {
        if self.ended_elsewhere {
            return;
        }
        self.last_record = Some(Instant::now());
        let activity = self.account.activity().clone();
        let seen = Activity { awake: Some(self.post.clock.awake()), ..activity.clone() };
        let event = Event::Progressed(seen);
        match self.post.store.apply(&self.post.id, event, self.post.clock.now()).await {
            Ok(_) => self.recorded = activity,
            Err(StoreError::Refused { refusal: Refusal::AlreadyEnded { .. }, .. }) => {
                self.ended_elsewhere = true;
            }
            // The next one says the same and more.
            Err(_) => {}
        }
    }

    /// Takes output and processor time spent by the agent or below it for a sign of life.
    async fn beat(&mut self) {
        if Instant::now() < self.heartbeat.next {
            return;
        }
        let ticks = tree::cpu_ticks_below(std::process::id());
        let written = self.post.files.output.metadata().map_or(0, |file| file.len());
        self.heartbeat.next = Instant::now() + HEARTBEAT;
        if (ticks, written) != (self.heartbeat.ticks, self.heartbeat.written) {
            self.heartbeat.ticks = ticks;
            self.heartbeat.written = written;
            self.record_activity().await;
        }
    }

    fn until_next_look(&self) -> Duration {
        let limit = self.time_limit.map(|limit| limit.saturating_sub(self.began.elapsed()));
        let stream = self.follower.as_ref().map(|follower| follower.pause);
        let beat = self.heartbeat.next.saturating_duration_since(Instant::now());
        [limit, stream].into_iter().flatten().fold(beat, Duration::min)
    }

    /// Records how it ended, as soon as that is possible: a full disk delays it and no more.
    async fn record_end(&mut self, exit: Option<Exit>) {
        let Some(task) = self.task_for_the_end().await else { return };
        let tail = LogPart::LastLines { lines: ending::QUOTED_LINES };
        let log = self.post.logs.read(&self.post.id, Stream::Readable, tail).await;
        let log_tail = log.map(|log| log.text).unwrap_or_default();
        let agent = self.post.agents.of(&task.order().runner);
        let ending = ending::decide(&Evidence {
            runner: &task.order().runner,
            cancel_requested: self.cancelled,
            time_limit_passed: self.time_limit.filter(|_| self.timed_out),
            account: &self.account,
            exit,
            log_tail: &log_tail,
            log_complaint: agent.and_then(|agent| agent.complaint(&log_tail)),
        });
        if self.recorded != *self.account.activity() {
            self.record_activity().await;
        }
        self.post.sequel.prepare(&task, &ending).await;
        let ended = self.insist(Event::Ended { ending, exit }).await;
        if let (Err(StoreError::Refused { .. }), Some(exit)) = (ended, exit) {
            drop(self.insist(Event::AgentExited(exit)).await);
        }
    }

    async fn task_for_the_end(&self) -> Option<Task> {
        loop {
            match self.post.store.load(&self.post.id).await {
                Ok(task) => return Some(task),
                Err(StoreError::Failed { .. }) => self.signals.wait(Some(RETRY)),
                // Somebody removed or broke the record; there is nothing left to end.
                Err(_) => return None,
            }
        }
    }

    async fn insist(&self, event: Event) -> Result<Task, StoreError> {
        loop {
            let now = self.post.clock.now();
            match self.post.store.apply(&self.post.id, event.clone(), now).await {
                Err(StoreError::Failed { .. }) => self.signals.wait(Some(RETRY)),
                decided => return decided,
            }
        }
    }
}
