//! What of a task lives on when its agent is gone.
//!
//! Processes that are just about to end, such as a `tee` behind the agent, have a moment for that and for their last words.
//! That moment is over once they have been quiet for a while: none of them wrote, computed, was about to compute, came or
//! went. On a busy machine one that was only kept waiting for a processor is not quiet. Its logs keep their bound until the ending is
//! recorded. Stops nothing but what a cancel asks for.

use std::time::{Duration, Instant};

use domain::task::{LeftBehind, ProcessId};

use super::Driver;
use crate::local::freezing;
use crate::local::identity::{self, Stat};
use crate::local::termination::Termination;
use crate::local::tree::Snapshot;

/// How long what lives on must be quiet before it counts as left behind.
const QUIET: Duration = Duration::from_millis(200);
/// How long it is waited for at most.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What would be another if anything of a task stirred.
#[derive(Clone, PartialEq, Eq)]
struct Trace {
    written: u64,
    /// The number of each process, when it was started and what it has computed.
    processes: Vec<(u32, u64, u64)>,
}

impl Trace {
    fn of(written: u64, left: &[Stat]) -> Self {
        let process = |stat: &Stat| (stat.pid, stat.start_time, stat.cpu_ticks + stat.reaped_ticks);
        Self { written, processes: left.iter().map(process).collect() }
    }

    /// Whether a process of this look was there in the other.
    fn shares_any_with(&self, other: &Self) -> bool {
        let is_there =
            |one: &(u32, u64, u64)| other.processes.iter().any(|it| (it.0, it.1) == (one.0, one.1));
        self.processes.iter().any(is_there)
    }
}

impl Driver<'_> {
    /// What of the task lives on now that its agent is gone. Whoever cancelled it meanwhile meant that as well, and nobody finds it as
    /// surely as this process: it is ended then.
    pub(super) async fn left_behind_unless_stopped(&mut self) -> LeftBehind {
        let left = self.left_behind();
        if left.count == 0 || self.stop_was_asked {
            return left;
        }
        self.look().await;
        if !self.stop_was_asked {
            return left;
        }
        while !self.go_on_stopping() {
            self.wait_in_bounds(Some(Termination::LOOK), None);
            self.agent.may_have_more();
        }
        self.left_behind()
    }

    /// What of the task lives on now that its agent is gone, once it is quiet.
    fn left_behind(&mut self) -> LeftBehind {
        let own = self.agent.reaper();
        let doomed = self.agent.doomed(self.id());
        let began = Instant::now();
        let mut quiet: Option<(Trace, Instant)> = None;
        let mut first: Option<Trace> = None;
        while self.agent.may_have_more() {
            if self.agent.has_none() {
                break;
            }
            // To look for it takes its time, and so does the record of the ending.
            self.lookout = self.lookout.take().or_else(|| self.look_out());
            let look = Snapshot::take();
            let left = look.belonging_to(&doomed, own);
            // A task that the agent launched has a supervisor of its own, which is a child, too. What replaces
            // itself all the time is not seen, but the kernel says that there is a child.
            if left.is_empty() && own.is_none_or(|own| freezing::none_below(&doomed, own)) {
                break;
            }
            let (trace, now) = (Trace::of(self.written(), &left), Instant::now());
            // What rests only seems to be quiet.
            let is_busy = self.is_paced() || left.iter().any(Stat::is_busy);
            let since = match &quiet {
                Some((before, since)) if *before == trace && !is_busy => *since,
                Some(_) | None => now,
            };
            // By the end of a moment without quiet, a chain whose links start each other has none of those that were seen first.
            let is_replaced = now >= began + LAST_WORDS
                && now < since + QUIET
                && first.as_ref().is_some_and(|first| !first.shares_any_with(&trace));
            first.get_or_insert_with(|| trace.clone());
            quiet = Some((trace, since));
            let due = (since + QUIET).min(began + LAST_WORDS);
            if now >= due || self.stop_was_asked {
                if is_replaced && !self.agent.is_whole() {
                    // Whoever looks for those that were seen finds none of them, and would take that for the end of all.
                    return LeftBehind { count: left.len().max(1), ..LeftBehind::default() };
                }
                let unseen = self.agent_in_doubt().filter(|_| look.is_blind());
                let named =
                    LeftBehind::of(identity::named(&left).into_iter().chain(unseen).collect());
                return LeftBehind { count: named.count.max(1), ..named }
                    .held(self.agent.is_whole());
            }
            self.wait_in_bounds(Some(due.saturating_duration_since(now)), None);
        }
        LeftBehind::default()
    }

    /// The agent, if it was not reaped.
    fn agent_in_doubt(&self) -> Option<ProcessId> {
        (!self.reaped).then(|| self.agent.process.clone())
    }
}
