//! Going before others: a supervisor has hardly anything to do, and what it does late a writer makes use of.
//!
//! Only root's may. What it starts later is as nice as it was itself.

use domain::task::ProcessId;

use crate::local::{identity, proc_file};

/// The niceness of whoever is in haste.
const HURRY: i32 = -10;
/// Where the kernel says, and is told, how nice a whole session is: processors are shared among sessions first, and then
/// within each.
const SESSION: &str = "/proc/self/autogroup";

/// Whether the thread that drives a task goes before others.
#[derive(Debug, Default)]
pub(super) struct Haste {
    /// How nice it was before.
    usual: Option<i32>,
    /// Whether its session goes before others.
    session: bool,
}

impl Haste {
    /// Has the calling thread go before others.
    pub(super) fn begin(&mut self) {
        if self.usual.is_none() {
            self.usual = rustix::process::getpriority_process(None).ok();
            go_first();
        }
    }

    /// Has its session go before others, too, as what is in it rests most of the time.
    pub(super) fn begin_in_rests(&mut self) {
        self.begin();
        if !self.session {
            self.session = true;
            tell_session(HURRY);
        }
    }

    /// Has its session be like others again.
    pub(super) fn end_rests(&mut self) {
        if std::mem::take(&mut self.session) {
            tell_session(0);
        }
    }
}

impl Drop for Haste {
    fn drop(&mut self) {
        self.end_rests();
        if let Some(usual) = self.usual {
            rustix::process::setpriority_process(None, usual).unwrap_or_default();
        }
    }
}

/// Has the calling thread, and no other of this process, go before others for the rest of its life.
pub(super) fn go_first() {
    rustix::process::setpriority_process(None, HURRY).unwrap_or_default();
}

/// Has the session of an agent be like others again whose supervisor was killed while that had it go before others.
pub(in crate::local) fn calm(agent: &ProcessId) {
    if !identity::lives(agent) {
        return;
    }
    let session = format!("/proc/{}/autogroup", agent.pid);
    let nice = format!(" nice {HURRY}");
    if proc_file::text(&session).is_ok_and(|text| text.trim_end().ends_with(&nice)) {
        std::fs::write(session, "0").unwrap_or_default();
    }
}

/// Says how nice the session is that this process began. Where the kernel knows no such thing, nothing is said.
fn tell_session(nice: i32) {
    std::fs::write(SESSION, nice.to_string()).unwrap_or_default();
}
