//! What to believe of a task that a cluster runs, whose record does not say that it has ended.
//!
//! The record comes first, the cluster's own words in the job's output second, and the cluster's answer third, each only
//! if it is about this task. A cluster that does not answer decides nothing, and a word that nobody here knows means that
//! the job is still there. Nothing here asks anybody. Main types: [`Facts`] and [`Outlook`].

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use crate::task::{Ending, Reason, Status, Task, Timestamp};

/// For how long a supervisor may be silent before the cluster is asked: twice the pause between two signs of life, and
/// what they may take to be seen.
pub const FRESH: Duration = Duration::from_secs(75);
/// For how long a job may be unknown to the cluster before it counts as lost.
pub const FORGOTTEN: Duration = Duration::from_secs(10 * 60);
/// What becomes of a task without a number for its job after so long: somebody who handed it over was killed.
pub const HANDING_OVER: Duration = Duration::from_secs(60);

/// A job as the cluster shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobSeen {
    /// Its number.
    pub id: String,
    /// The cluster's word for its state.
    pub state: String,
    /// The cluster's word for why.
    pub reason: String,
    /// Its partition.
    pub partition: String,
    /// The node it is on; empty while it waits.
    pub node: String,
    /// What it takes of what the cluster counts; empty for nothing.
    pub licences: String,
    /// When it was over, by the cluster's clock, or by when it has to be.
    pub end: Option<Timestamp>,
}

/// What is known of such a task besides its record.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Its job by the cluster's answer; `None` if the cluster does not know one of that name.
    pub seen: Option<&'a JobSeen>,
    /// What the cluster wrote into the job's own output.
    pub last_words: &'a str,
    /// How long its supervisor has given no sign of life; `None` if it never gave one.
    pub silence: Option<Duration>,
    /// Whether somebody wants it cancelled.
    pub to_be_cancelled: bool,
    /// Whether the node of the job answers the cluster, where that was asked.
    pub node_answers: Option<bool>,
    /// How long what one host wrote may take to be seen on another.
    pub lag: Duration,
    /// The moment it is now.
    pub now: Timestamp,
}

/// What to believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// It waits for the cluster.
    Waits,
    /// Its job is there.
    There,
    /// Its node does not answer the cluster; whether it works on, nobody can know.
    NotAnswering,
    /// Its job is over, and its own ending may still be on the way.
    Settling,
    /// It was handed over, and the cluster's answer never recorded: nobody knows a job of its name.
    NotTaken,
    /// It is over.
    Over(Ending),
}

/// Whether a state, by the cluster's word for it, is one in which nothing of a job is left.
fn is_over(state: &str) -> bool {
    const OVER: [&str; 9] = [
        "COMPLETED",
        "FAILED",
        "CANCELLED",
        "TIMEOUT",
        "NODE_FAIL",
        "PREEMPTED",
        "BOOT_FAIL",
        "DEADLINE",
        "OUT_OF_MEMORY",
    ];
    OVER.contains(&state)
}

/// The state of a job that the cluster put back to wait, which is not run twice.
pub const REQUEUED: &str = "REQUEUED";
/// The cluster's word for a job whose first process could not be started on its node.
const NOT_LAUNCHED: &str = "JobLaunchFailure";

/// Whether the cluster would be asked about the node of a job in this state.
pub fn is_of_node(state: &str) -> bool {
    state == "NODE_FAIL"
}

/// Judges a task that has not ended by its record.
pub fn outlook(task: &Task, facts: &Facts<'_>) -> Outlook {
    let job = task.progress().slurm.as_deref();
    let Some(seen) = facts.seen else {
        let handed_over = job.and_then(|job| job.submitted_at).or(task.queued_at());
        let waited = handed_over.map_or(Duration::MAX, |then| facts.now.since(then));
        if task.status() == Status::Queued && job.is_none_or(|job| job.id.is_none()) {
            return if waited >= HANDING_OVER { Outlook::NotTaken } else { Outlook::Waits };
        }
        let silent = facts.silence.unwrap_or(Duration::MAX).min(waited);
        if silent < FORGOTTEN {
            return if task.status() == Status::Queued { Outlook::Waits } else { Outlook::There };
        }
        return Outlook::Over(ending(task, "UNKNOWN", "", facts));
    };
    if seen.state == "PENDING" && task.status() == Status::Queued {
        return Outlook::Waits;
    }
    let long_silent = facts.silence.is_none_or(|silence| silence >= FRESH + facts.lag);
    if seen.state == "PENDING" && long_silent {
        return Outlook::Over(ending(task, &seen.state, "", facts));
    }
    if !is_over(&seen.state) {
        return Outlook::There;
    }
    if is_of_node(&seen.state)
        && task.status() == Status::Running
        && facts.node_answers != Some(true)
    {
        return Outlook::NotAnswering;
    }
    let never_began = seen.node.is_empty() || seen.reason == NOT_LAUNCHED;
    if never_began && task.status() == Status::Queued {
        // Nothing of it ever ran from which an ending could be on the way.
        return Outlook::Over(ending(task, &seen.state, &seen.reason, facts));
    }
    let over_for = seen.end.map_or(Duration::MAX, |end| facts.now.since(end));
    if over_for < facts.lag || facts.silence.is_some_and(|silence| silence < facts.lag) {
        return Outlook::Settling;
    }
    Outlook::Over(ending(task, &seen.state, &seen.reason, facts))
}

/// How a task ended whose job is over, and whose supervisor recorded nothing.
fn ending(task: &Task, state: &str, reason: &str, facts: &Facts<'_>) -> Ending {
    let started = task.status() == Status::Running;
    if facts.to_be_cancelled || task.cancel_requested().is_some() {
        return Ending::CANCELLED;
    }
    let told = told(facts.last_words);
    let because =
        if ["", "None", state].contains(&reason) { String::new() } else { format!(" ({reason})") };
    match (told.unwrap_or(state), started) {
        ("CANCELLED", _) => Ending::CANCELLED,
        ("TIMEOUT", true) => {
            Ending::failed(Reason::Timeout, "Slurm ended it at its time limit (TIMEOUT)")
        }
        (REQUEUED | "PENDING", true) => Ending::failed(
            Reason::Lost,
            "Slurm put its job back to wait (requeued): its first run is gone, and it is not run twice",
        ),
        ("UNKNOWN", true) => Ending::failed(
            Reason::Lost,
            "Slurm does not know its job any more, and its supervisor has given no sign of life for long",
        ),
        ("UNKNOWN", false) => {
            let message = "Slurm does not know its job any more, and it was never started";
            Ending::failed(Reason::Lost, message)
        }
        (state, true) => {
            let message = format!(
                "its job is over by Slurm's account, {state}{because}, and its supervisor recorded no ending"
            );
            Ending::failed(Reason::Lost, message)
        }
        (state, false) if reason == NOT_LAUNCHED => {
            let message = format!(
                "Slurm could not start its job on its node, {state}{because}: the folder of the task, or that of the \
                 store, may not be there or not be writable"
            );
            Ending::failed(Reason::LaunchFailed, message)
        }
        (state, false) => {
            let message = format!(
                "its job was over by Slurm's account, {state}{because}, before its agent was started"
            );
            Ending::failed(Reason::LaunchFailed, message)
        }
    }
}

/// The state that the cluster's own last words in a job's output stand for, if there are any.
pub fn told(last_words: &str) -> Option<&'static str> {
    let line = last_words.lines().rev().find(|line| {
        (line.contains("*** JOB ") || line.contains("*** STEP ")) && line.contains(" CANCELLED AT ")
    })?;
    let why = line.split_once(" DUE TO ").map(|(_, why)| why);
    Some(match why {
        Some(why) if why.starts_with("TIME LIMIT") => "TIMEOUT",
        Some(why) if why.starts_with("PREEMPTION") => "PREEMPTED",
        Some(why) if why.starts_with("NODE FAILURE") => "NODE_FAIL",
        Some(why) if why.starts_with("JOB REQUEUE") => REQUEUED,
        Some(_) | None => "CANCELLED",
    })
}

/// Why a job is in the state that the cluster shows, for people; the cluster's own word stands behind.
pub fn in_words(seen: &JobSeen) -> Option<String> {
    let reason = seen.reason.trim();
    if seen.state != "PENDING" {
        return (!["", "None"].contains(&reason)).then(|| String::from(reason));
    }
    let words = match reason {
        "" | "None" => return Some("Slurm has not looked at it yet".into()),
        "Resources" => "waits for a free node".into(),
        "Priority" => "waits for jobs that go before it".into(),
        "Licenses" if seen.licences.is_empty() => "waits for a licence".into(),
        "Licenses" => {
            let named = seen.licences.split(',').map(|one| one.split(':').next().unwrap_or(one));
            format!("waits for a licence {}", named.collect::<alloc::vec::Vec<_>>().join(", "))
        }
        "Dependency" => "waits for another job".into(),
        "DependencyNeverSatisfied" => {
            "waits for a job that will never be over as it has to be".into()
        }
        "BeginTime" => "waits for its time".into(),
        "JobHeldUser" => "held: `task-bg release` lets it start".into(),
        "JobHeldAdmin" => "held by an administrator".into(),
        "PartitionDown" | "PartitionInactive" => "its partition is down".into(),
        "PartitionTimeLimit" => "asks for more time than its partition gives".into(),
        "PartitionNodeLimit" => "asks for more nodes than its partition has".into(),
        other if other.starts_with("ReqNodeNotAvail") => {
            "the node it asks for is not available".into()
        }
        other if other.starts_with("Nodes required for job are") => {
            "the nodes it needs are down or set aside".into()
        }
        other if other.starts_with("Assoc") || other.starts_with("QOS") => {
            "waits for room within a limit of this site".into()
        }
        other => return Some(format!("waits: {other}")),
    };
    let words: String = words;
    Some(format!("{words} ({reason})"))
}

#[cfg(test)]
mod tests;
