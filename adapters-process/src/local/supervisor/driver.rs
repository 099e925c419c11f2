//! The loop that drives the machine of one task.
//!
//! The [`Driver`] tells the machine what happens to the agent and to the record, and does what the machine
//! answers. The machine has every rule; the driver only knows how to carry out each output. It blocks in one
//! `poll`. It is not in the data path: the agent writes into its files whether or not anybody drives.

mod adoption;
mod bounding;
mod displacement;
mod heartbeat;
mod last_words;
mod missing;
mod pacing;
mod staying;
mod whereabouts;

use std::fs::File;
use std::time::{Duration, Instant};

use domain::port::{Fault, LogPart, LogText, StoreError, Stream, Whereabouts};
use domain::run::ending::QUOTED_LINES;
use domain::run::machine::{Charge, Exited, Input, Machine, Moment, Output, Recorded, Sight};
use domain::task::text::screen::settled;
use domain::task::{CancelIntent, Event, Exit, LeftBehind, ProcessId, TaskId};
use domain::usecase::custody::Held;

use super::Post;
use super::agent::Agent;
use super::lookout::Lookout;
use super::readable_log::ReadableLog;
use super::signals::Signals;
use crate::agents::event_stream::EventStream;
use crate::local::identity;
use crate::local::termination::Termination;
pub(super) use bounding::Bounding;
use heartbeat::Heartbeat;
use pacing::Pace;

/// How soon an active event stream is looked at again, and how late an idle one.
const LOOKS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// How old a task is before its driver watches the name of its life lock: one that is over at once pays nothing
/// for that.
const GROWN: Duration = Duration::from_millis(250);
/// How many tasks may run for its driver to do so.
const FEW: usize = 32;

/// The loop over one machine, with what it needs to carry out outputs.
pub(super) struct Driver<'a> {
    post: &'a Post<'a>,
    agent: Agent<'a>,
    signals: Signals,
    /// The task.
    pub(super) held: Held,
    machine: Machine,
    stream: Option<Following<'a>>,
    readable: ReadableLog<&'a File>,
    /// How many bytes the readable log had when the agent was gone.
    printed: u64,
    /// How many bytes of the readable log are gone with its name.
    nameless: u64,
    termination: Option<Termination>,
    /// Whether the agent's end was seen.
    reaped: bool,
    /// The wish of another host that was carried out.
    wished: Option<CancelIntent>,
    /// Whether its processes were to be stopped.
    stop_was_asked: bool,
    heartbeat: Heartbeat,
    bounding: Option<Bounding>,
    pace: Pace,
    /// Who looks at the logs until the loop does, and while its processes are ended, which takes this process its time.
    lookout: Option<Lookout>,
    /// When to begin to watch the name of the life lock; `None` once it is watched.
    grown: Option<Instant>,
    /// When to see again whether the name of the life lock, which is gone, is to be made anew.
    renewal: Option<Instant>,
    /// This process, as long as it is not recorded that it took the task over, and when that is tried next.
    adopted: Option<(ProcessId, Instant)>,
    /// When the machine wants to be told that time passed, by the clock that never goes back.
    wake_at: Option<Duration>,
    done: bool,
}

/// An event stream, and how long it may stay unread.
struct Following<'a> {
    stream: EventStream<'a>,
    pause: Duration,
}

impl<'a> Driver<'a> {
    /// Begins to drive a task whose agent was just started, and whose life lock is held. Not in place: whoever waits for a driver
    /// would have room for a second one, which it was made in, on the stack all the time.
    #[inline(never)]
    pub(super) fn over(
        post: &'a Post<'a>,
        (agent, bounding): (Agent<'a>, Option<Bounding>),
        signals: Signals,
        held: Held,
    ) -> Box<Self> {
        let stream = agent.decoder.and_then(|adapter| {
            let file = post.files.events_reader.try_clone().ok()?;
            Some(Following { stream: EventStream::from(file, 0, adapter), pause: LOOKS.0 })
        });
        let next = Instant::now() + heartbeat::pause(post);
        let machine = Machine::new(Charge::of(held.task.order()), moment(post));
        Box::new(Self {
            post,
            agent,
            signals,
            held,
            machine,
            stream,
            readable: ReadableLog::over(&post.files.output),
            printed: 0,
            nameless: 0,
            termination: None,
            reaped: false,
            wished: None,
            stop_was_asked: false,
            heartbeat: Heartbeat { next, ticks: 0, written: 0 },
            bounding,
            pace: Pace::default(),
            lookout: None,
            grown: Some(Instant::now() + GROWN),
            renewal: None,
            adopted: None,
            wake_at: None,
            done: false,
        })
    }

    /// Puts the agent into its group, unless it is over by now. Its logs may have somebody who looks at them.
    pub(super) fn gather(&mut self, lookout: Option<Lookout>) {
        // This takes its time, as did the record of the start.
        self.keep_bound_early();
        self.lookout = lookout.or_else(|| self.look_out());
        self.hurry_before_rests();
        self.agent.gather(self.held.task.id());
    }

    /// Drives the task until its agent is gone and the ending is recorded. In place: a driver is large, and who waits for
    /// one that was handed over keeps several copies on the stack as long as the task runs.
    pub(super) async fn run(&mut self) {
        self.tell(Input::Started(Sight::of(&self.held.task))).await;
        let exit = self.watch().await;
        drop(self.lookout.take());
        if self.stop_was_asked {
            self.free_pace();
        }
        self.hear_what_ended_it().await;
        let left = self.left_behind_unless_stopped().await;
        self.keep_bound_at_last();
        self.put_logs_back();
        let exited = self.exited(exit, left).await;
        self.tell(Input::AgentExited(exited)).await;
        self.wait_for_the_record().await;
        self.finish_log().await;
        self.look_out_while_putting_away();
        self.free_pace();
        self.forget_group_of_unrecorded().await;
    }

    /// Watches until the agent is gone, and returns its exit status if this process saw it.
    async fn watch(&mut self) -> Option<Exit> {
        let mut gone = None;
        loop {
            self.begin_rest();
            let seen = self.agent.gone();
            gone = gone.or(seen);
            self.reaped = gone.is_some();
            let stopped = self.go_on_stopping();
            match (gone, &self.termination, stopped) {
                (Some(gone), None, _) => return gone.exit,
                // Whether more is left nobody can see who has no descriptor left.
                (Some(gone), Some(_), _) if identity::is_blind() => return gone.exit,
                // What could not be ended is not waited for.
                (None, _, true) => {
                    return self.agent.kill_unseen().or_else(|| self.agent.reap_at_last());
                }
                (Some(_), Some(_), _) | (None, _, false) => {}
            }
            if self.signals.take_stop() {
                self.asked().await;
            }
            if self.signals.take_look() {
                self.look().await;
            }
            self.follow().await;
            self.keep_bound().await;
            self.lookout.take_if(|_| self.termination.is_none());
            self.beat().await;
            self.record_adoption().await;
            self.watch_life().await;
            self.tell(Input::Tick).await;
            self.end_rest();
            let wait = if self.termination.is_some() {
                Some(Termination::LOOK)
            } else {
                self.until_next_look()
            };
            self.signals.wait(wait, self.agent.descriptor().filter(|_| gone.is_none()));
        }
    }

    /// Tells the machine what happened, and does what it answers.
    async fn tell(&mut self, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            self.wake_at = None;
            for output in self.machine.step(moment(self.post), input) {
                match output {
                    Output::Apply(event) => {
                        self.record_what_is_missing(&event).await;
                        let recorded = Box::pin(self.apply(event)).await;
                        next = Some(Input::Recorded(recorded));
                    }
                    Output::Stop { grace } => self.stop(grace),
                    Output::Show(text) => self.readable.add(&text),
                    Output::SleepUntil(moment) => self.wake_at = Some(moment),
                    Output::Done => self.done = true,
                }
            }
        }
    }

    fn id(&self) -> &TaskId {
        self.held.task.id()
    }

    async fn try_to_apply(&mut self, event: Event) -> Recorded {
        let world = self.post.world;
        match self.held.record(world, event).await {
            Ok(task) => {
                let sight = Sight::of(&task);
                self.held.task = task;
                Recorded::Done(sight)
            }
            Err(StoreError::Refused { .. }) => {
                // Somebody else changed it: what it is now decides what becomes of its lock.
                if let Ok(task) = world.store.load(self.held.task.id()).await {
                    self.held.task = task;
                }
                Recorded::Refused
            }
            Err(StoreError::Failed { .. }) => Recorded::Failed,
            // Somebody removed or broke the record; there is nothing left to be recorded.
            Err(
                StoreError::NotFound { .. }
                | StoreError::Unreadable { .. }
                | StoreError::Exists { .. },
            ) => Recorded::Gone,
        }
    }

    fn stop(&mut self, grace: Duration) {
        self.stop_was_asked = true;
        if self.lookout.is_none() {
            self.lookout = self.look_out_while_stopping();
        }
        // A polite signal is for whoever can hear it.
        self.free_pace();
        if let Some(termination) = &mut self.termination {
            termination.hurry(grace);
            return;
        }
        if identity::is_blind() {
            self.agent.ask_unseen();
        }
        let doomed = self.agent.doomed(self.id());
        self.termination = Some(Termination::begin(vec![doomed], self.agent.reaper(), grace));
    }

    /// Takes the next step of ending the processes, if they are being ended; returns whether that was the
    /// last one.
    fn go_on_stopping(&mut self) -> bool {
        let over = self.termination.as_mut().is_some_and(|it| it.step().is_some());
        if over {
            self.termination = None;
        }
        over
    }

    /// Begins to watch the name of the life lock, once the task has grown old enough for that, and where few run: a
    /// user may have 128 watches of this kind, and needs them for editors.
    async fn watch_life(&mut self) {
        if self.grown.is_some_and(|grown| Instant::now() >= grown) {
            self.grown = None;
            if self.post.world.locks.has_more_than(FEW).await == Ok(false) {
                self.signals.watch_life();
            }
            // Somebody may have removed it before.
            self.renew_life();
        }
        if self.renewal.take_if(|next| *next <= Instant::now()).is_some() {
            self.renew_life();
        }
    }

    /// Tells the machine what the agent said since the last look, or the next of it where it is much. Returns
    /// whether it said anything.
    async fn follow(&mut self) -> bool {
        if self.lookout.is_some() {
            self.skip_hole();
        }
        let Some(Following { stream, pause }) = &mut self.stream else { return false };
        let mut events = Vec::new();
        let advanced = stream.advance(&mut |event| events.push(event));
        let news = advanced.unwrap_or(false);
        *pause = match (news, stream.is_behind()) {
            (_, true) => Duration::ZERO,
            (true, false) => LOOKS.0,
            (false, false) => (*pause * 2).clamp(LOOKS.0, LOOKS.1),
        };
        for event in events {
            self.tell(Input::Said(event)).await;
        }
        news
    }

    /// Reads the rest of what the agent said, also a last line without its end. What it left behind may go on writing
    /// and is not waited for.
    async fn finish_stream(&mut self) {
        let end = self.post.files.events_reader.metadata().map_or(0, |file| file.len());
        let is_read =
            |of: &Option<Following<'_>>| of.as_ref().is_none_or(|it| it.stream.has_read(end));
        while self.follow().await && !is_read(&self.stream) {}
        let Some(Following { stream, .. }) = &mut self.stream else { return };
        let mut events = Vec::new();
        stream.finish(&mut |event| events.push(event));
        for event in events {
            self.tell(Input::Said(event)).await;
        }
    }

    async fn exited(&mut self, exit: Option<Exit>, left: LeftBehind) -> Exited {
        let world = self.post.world;
        let adapter = world.agents.of(&self.held.task.order().runner);
        self.finish_stream().await;
        let tail = LogPart::LastLines { lines: QUOTED_LINES };
        let mut log = world.logs.read(self.id(), Stream::Readable, tail).await;
        let is_elsewhere = self.printed > 0 && log.as_ref().is_ok_and(|log| log.total_bytes == 0);
        if is_elsewhere && (self.post.follow_store)() == Whereabouts::Moved {
            log = world.logs.read(self.id(), Stream::Readable, tail).await;
        }
        let is_known = log.is_ok();
        let log_tail = tail_or_why_not(log);
        let log_complaint =
            adapter.filter(|_| is_known).and_then(|adapter| adapter.complaint(&log_tail));
        let [a, b, c, ..] = world.entropy.bytes();
        let text_only = adapter.is_some_and(|adapter| !adapter.abilities().streams);
        Exited { exit, log_tail, log_complaint, text_only, left, random: [a, b, c] }
    }

    fn until_woken(&self) -> Option<Duration> {
        let now = self.post.world.clock.elapsed();
        self.wake_at.map(|moment| moment.saturating_sub(now))
    }

    fn until_next_look(&self) -> Option<Duration> {
        let stream = self.stream.as_ref().map(|following| following.pause);
        let beat = self.heartbeat.next.saturating_duration_since(Instant::now());
        let grown = self.grown.map(|grown| grown.saturating_duration_since(Instant::now()));
        let adopted = self.adopted.as_ref();
        let adopted = adopted.map(|(_, next)| next.saturating_duration_since(Instant::now()));
        let bounding = self.until_next_look_at_logs();
        let renewal = self.renewal.map(|next| next.saturating_duration_since(Instant::now()));
        [self.until_woken(), stream, Some(beat), grown, renewal, adopted, bounding]
            .into_iter()
            .flatten()
            .min()
    }
}

/// The last lines of a log, as a terminal would show them, or in their place why they are not known.
fn tail_or_why_not(read: Result<LogText, Fault>) -> String {
    match read {
        Ok(log) => settled(&log.text),
        Err(fault) => format!("[what it printed is not known: {fault}]"),
    }
}

fn moment(post: &Post<'_>) -> Moment {
    let clock = post.world.clock;
    Moment { wall: clock.now(), elapsed: clock.elapsed(), awake: clock.awake() }
}
