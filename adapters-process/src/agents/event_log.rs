//! Drawing up an agent's account again from the event stream it left, without reading all of it.
//!
//! [`AgentEventLog`] reads only the beginning, which names the session, and the end, which says how
//! it went. It never writes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::port::{Agent, Agents, Cause, EventLog, Fault};
use domain::run::readable::Readable;
use domain::run::{Account, AgentEvent};
use domain::task::{Runner, TaskId};
use rustix::fs::SeekFrom;

use crate::agents::event_stream::EventStream;

/// How much of the beginning is read, in bytes.
const HEAD: u64 = 64 << 10;
/// How much of the end is read, in bytes.
const TAIL: u64 = 8 << 20;

/// Opens the event stream of a task; `None` if it has none.
pub type OpenEvents = dyn Fn(&TaskId) -> io::Result<Option<File>> + Send + Sync;
/// What kind of failure an error of the system is: whoever opens the streams knows.
pub type CauseOf = fn(&io::Error) -> Cause;

/// The event streams that agents left.
pub struct AgentEventLog {
    agents: Arc<dyn Agents>,
    open: Box<OpenEvents>,
    cause: CauseOf,
}

impl AgentEventLog {
    /// Reads the streams that `open` opens, each as the agent among `agents` that wrote it says. `cause` says of what fails
    /// whether it passes by itself.
    pub fn new(
        agents: Arc<dyn Agents>,
        open: impl Fn(&TaskId) -> io::Result<Option<File>> + Send + Sync + 'static,
        cause: CauseOf,
    ) -> Self {
        Self { agents, open: Box::new(open), cause }
    }

    fn fault(&self, id: &TaskId, error: &io::Error) -> Fault {
        let step = format!("reading the event stream of {id}");
        Fault { cause: (self.cause)(error), ..Fault::of(step, error.to_string()) }
    }
}

#[async_trait]
impl EventLog for AgentEventLog {
    async fn account(&self, id: &TaskId, runner: &Runner) -> Result<Account, Fault> {
        let fault = |error: io::Error| self.fault(id, &error);
        let Some(agent) = self.agents.of(runner) else { return Ok(Account::default()) };
        match (self.open)(id).map_err(fault)? {
            None => Ok(Account::default()),
            Some(file) => account(file, agent).map_err(fault),
        }
    }

    async fn paragraphs(&self, id: &TaskId, runner: &Runner) -> Result<Vec<String>, Fault> {
        let fault = |error: io::Error| self.fault(id, &error);
        let Some(agent) = self.agents.of(runner) else { return Ok(Vec::new()) };
        let Some(file) = (self.open)(id).map_err(fault)? else { return Ok(Vec::new()) };
        let (mut readable, mut paragraphs) = (Readable::default(), Vec::new());
        let mut note = |event: AgentEvent| paragraphs.extend(readable.paragraph(&event));
        hear(file, agent, &mut note).map_err(fault)?;
        paragraphs.extend(readable.rest());
        Ok(paragraphs)
    }
}

fn account(file: File, agent: &dyn Agent) -> io::Result<Account> {
    let mut account = Account::default();
    hear(file, agent, &mut |event| account.note(event))?;
    Ok(account)
}

/// Hands on every event of the stream, or of its beginning and its end where it is long.
fn hear(file: File, agent: &dyn Agent, note: &mut dyn FnMut(AgentEvent)) -> io::Result<()> {
    let mut events = so_far(file, agent, note)?;
    events.finish(note);
    Ok(())
}

/// The same for a stream that goes on: returns the place from which to follow it.
///
/// # Errors
/// The file's, if it cannot be read.
pub(crate) fn so_far<'a>(
    file: File,
    agent: &'a dyn Agent,
    note: &mut dyn FnMut(AgentEvent),
) -> io::Result<EventStream<'a>> {
    let length = file.metadata()?.len();
    let hole = last_hole(&file, length);
    let after = hole.map(|(_, end)| end);
    let start = match length.checked_sub(TAIL).max(after) {
        None | Some(0) => 0,
        Some(start) => {
            let most = hole.map_or(HEAD, |(begins, _)| begins.min(HEAD));
            let mut head = vec![0; usize::try_from(most).map_err(io::Error::other)?];
            let read = file.read_at(&mut head, 0)?;
            head.truncate(read);
            let whole = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            for line in head[..whole].split(|byte| *byte == b'\n') {
                agent.decode(line, note);
            }
            next_line(&file, start)?
        }
    };
    let mut events = EventStream::from(file, start, agent);
    while events.advance(note)? {}
    Ok(events)
}

/// Where the part of the file that was given back to the disk begins, and where it ends; `None` if there is none.
fn last_hole(file: &File, length: u64) -> Option<(u64, u64)> {
    let begins = rustix::fs::seek(file, SeekFrom::Hole(0)).ok().filter(|hole| *hole < length)?;
    let (mut hole, mut end) = (begins, begins);
    while hole < length {
        end = rustix::fs::seek(file, SeekFrom::Data(hole)).ok()?;
        hole = rustix::fs::seek(file, SeekFrom::Hole(end)).ok()?;
    }
    Some((begins, end))
}

/// The beginning of the first line that begins at or after `offset`.
fn next_line(file: &File, mut offset: u64) -> io::Result<u64> {
    offset = offset.saturating_sub(1);
    let mut block = vec![0; 64 << 10];
    loop {
        let count = file.read_at(&mut block, offset)?;
        if count == 0 {
            return Ok(offset);
        }
        match block[..count].iter().position(|byte| *byte == b'\n') {
            Some(found) => return Ok(offset + found as u64 + 1),
            None => offset += count as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::tests::Lines;
    use std::io::{Seek, Write};

    #[test]
    fn the_session_and_the_final_text_are_found_in_a_stream_too_long_to_read() {
        let mut file = tempfile::tempfile().expect("a file");
        writeln!(file, "SESSION s-1").expect("written");
        let filler = format!("{}\n", "x".repeat(1 << 20));
        for _ in 0..12 {
            file.write_all(filler.as_bytes()).expect("written");
        }
        writeln!(file, "DONE found").expect("written");
        file.rewind().expect("rewound");
        let account = account(file, &Lines).expect("it can be read");
        assert_eq!(account.answer(), Some("found"));
        let session = account.activity().session.as_ref().map(ToString::to_string);
        assert_eq!(session.as_deref(), Some("s-1"));
    }
}
