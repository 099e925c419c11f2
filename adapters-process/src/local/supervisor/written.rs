//! The files that an agent writes, as whoever takes its task over finds them: also where they lost their names.
//!
//! A log that was removed, or in whose place something else was put while its supervisor was dead, is still open in the
//! agent. Whoever took over what has the name would read, and keep, a file to which nobody writes. Where the log is found
//! nowhere, the task is taken over without it: no log is worth a task that works.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use domain::task::ProcessId;
use rustix::fs::{Mode, OFlags};

use super::AgentFiles;
use crate::local::identity;
use crate::local::open_logs::is_shown_as;

/// What stands for a log that nobody finds.
const NOTHING: &str = "/dev/null";

impl AgentFiles {
    /// The files that this agent writes: those that it has open under a name that was removed or moved away, and else what
    /// was opened by their names, each given with its name. `events` comes with what was opened to read it.
    ///
    /// # Errors
    /// The system's, where not even nothing can be opened.
    pub fn written_by(
        agent: &ProcessId,
        output: (&Path, io::Result<File>),
        events: (&Path, io::Result<File>, io::Result<Option<File>>),
    ) -> io::Result<Self> {
        let lost = |name, flags| lost_file(agent, name, flags);
        let append = OFlags::WRONLY | OFlags::APPEND;
        let (name, by_name) = output;
        let output = lost(name, append).or(by_name.ok());
        let (name, by_name, reader) = events;
        let lost_events = lost(name, append).zip(lost(name, OFlags::RDONLY));
        let events = lost_events.or_else(|| by_name.ok().zip(reader.ok().flatten()));
        let (events, events_reader) = match events {
            Some(both) => both,
            None => (nothing(append)?, nothing(OFlags::RDONLY)?),
        };
        let output = output.map_or_else(|| nothing(append), Ok)?;
        Ok(Self { events: Arc::new(events), events_reader, output: Arc::new(output) })
    }
}

/// The file that an agent has as its standard output or error, if that had this name, which was removed or is elsewhere.
fn lost_file(agent: &ProcessId, name: &Path, flags: OFlags) -> Option<File> {
    let own = name.file_name()?;
    let links = [1, 2].map(|number| format!("/proc/{}/fd/{number}", agent.pid));
    let is_it = |link: &&String| {
        fs::read_link(link).is_ok_and(|target| target != name && is_shown_as(&target, own))
    };
    let link = links.iter().find(is_it)?;
    let file = rustix::fs::open(link, flags | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
    let file = File::from(file.ok()?);
    // The number may be another's by now.
    (identity::lives(agent) && file.metadata().is_ok_and(|it| it.is_file())).then_some(file)
}

fn nothing(flags: OFlags) -> io::Result<File> {
    Ok(File::from(rustix::fs::open(NOTHING, flags | OFlags::CLOEXEC, Mode::empty())?))
}
