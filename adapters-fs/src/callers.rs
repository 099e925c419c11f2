//! Which process is a session of an agent, for agents that do not name the session to their shell.
//!
//! Such an agent names it to its hooks alone. A hook notes the agent's process with its session, one file a process,
//! and whatever the agent's shell starts finds the note by its ancestors. A note of a process that is gone says
//! nothing, because the number may be another's by then; the next note takes it away. Main type: [`FileCallers`].

use std::io;

use domain::task::{ProcessId, SessionId};
use serde::{Deserialize, Serialize};

use crate::data_dir::DataDir;
use crate::disk::{Disk, Found, RealDisk};

/// The notes in one store.
#[derive(Clone, Debug)]
pub struct FileCallers {
    dir: DataDir,
}

/// One note.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Note {
    session: String,
    start_time: u64,
    boot_id: String,
}

impl FileCallers {
    /// The notes in the store in `dir`.
    pub const fn new(dir: DataDir) -> Self {
        Self { dir }
    }

    /// Notes that `process` is this session now, and takes away the notes of processes that do not live.
    ///
    /// # Errors
    /// The disk's, if it cannot be noted.
    pub fn note(
        &self,
        process: &ProcessId,
        session: &SessionId,
        lives: impl Fn(&ProcessId) -> bool,
    ) -> io::Result<()> {
        self.dir.prepare()?;
        self.dir.prepare_attachments()?;
        for pid in self.dir.callers() {
            let of_the_dead = self.read(pid).is_none_or(|(process, _)| !lives(&process));
            if of_the_dead && pid != process.pid {
                // At worst the next note takes it away.
                drop(RealDisk.remove(&self.dir.caller(pid)));
            }
        }
        let note = Note {
            session: session.as_str().to_owned(),
            start_time: process.start_time,
            boot_id: process.boot_id.clone(),
        };
        let path = self.dir.caller(process.pid);
        let half_written = self.dir.temp(&path);
        RealDisk.write_new(&half_written, &serde_json::to_vec(&note)?)?;
        RealDisk.rename(&half_written, &path).map(drop)
    }

    /// The session that this very process is, if that is noted.
    pub fn session_of(&self, process: &ProcessId) -> Option<SessionId> {
        let (noted, session) = self.read(process.pid)?;
        (noted == *process).then_some(session)
    }

    fn read(&self, pid: u32) -> Option<(ProcessId, SessionId)> {
        let Ok(Found::Plain(content)) = RealDisk.read(&self.dir.caller(pid)) else { return None };
        let Note { session, start_time, boot_id } = serde_json::from_slice(&content).ok()?;
        Some((ProcessId { pid, start_time, boot_id }, SessionId::parse(&session).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, start_time: u64) -> ProcessId {
        ProcessId { pid, start_time, boot_id: "boot".to_owned() }
    }

    #[test]
    fn a_session_is_found_by_its_very_process_and_what_is_gone_is_taken_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = DataDir::at(folder.path().join("store"));
        let callers = FileCallers::new(dir.clone());
        let session = |text: &str| SessionId::parse(text).expect("a session");
        assert_eq!(callers.session_of(&process(7, 1)), None);
        callers.note(&process(7, 1), &session("one"), |_| true).expect("noted");
        callers.note(&process(8, 1), &session("two"), |_| true).expect("noted");
        assert_eq!(callers.session_of(&process(7, 1)), Some(session("one")));
        assert_eq!(callers.session_of(&process(7, 2)), None, "another process with its number");
        // The same process goes on in another session.
        callers.note(&process(8, 1), &session("three"), |it| it.pid != 7).expect("noted");
        assert_eq!(callers.session_of(&process(8, 1)), Some(session("three")));
        assert_eq!(dir.callers(), [8]);
    }
}
