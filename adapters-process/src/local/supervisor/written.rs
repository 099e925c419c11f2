//! The files that an agent writes, as whoever takes its task over finds them: also where they lost their names.
//!
//! A log that was removed while its supervisor was dead is still open in the agent. Whoever took over the name alone would
//! read, and keep, a file to which nobody writes.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;

use domain::task::ProcessId;
use rustix::fs::{Mode, OFlags};

use super::AgentFiles;
use crate::local::identity;

/// What the kernel adds to the name of an open file that has none any more.
const REMOVED: &str = " (deleted)";

impl AgentFiles {
    /// The same files, but those that this agent writes under a name that was removed: `output` and `events` are the names.
    #[must_use]
    pub fn as_written_by(mut self, agent: &ProcessId, output: &Path, events: &Path) -> Self {
        let lost = |name, flags| lost_file(agent, name, flags);
        let append = OFlags::WRONLY | OFlags::APPEND;
        if let Some(file) = lost(output, append) {
            self.output = file;
        }
        if let (Some(file), Some(reader)) = (lost(events, append), lost(events, OFlags::RDONLY)) {
            (self.events, self.events_reader) = (file, reader);
        }
        self
    }
}

/// The file that an agent has as its standard output or error, if that had this name, which was removed.
fn lost_file(agent: &ProcessId, name: &Path, flags: OFlags) -> Option<File> {
    let mut removed = OsString::from(name);
    removed.push(REMOVED);
    let links = [1, 2].map(|number| format!("/proc/{}/fd/{number}", agent.pid));
    let is_it = |link: &&String| fs::read_link(link).is_ok_and(|target| target == *removed);
    let link = links.iter().find(is_it)?;
    let file = rustix::fs::open(link, flags | OFlags::CLOEXEC, Mode::empty()).ok()?;
    // The number may be another's by now.
    identity::lives(agent).then(|| File::from(file))
}
