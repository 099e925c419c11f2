//! Removing the groups of tasks of which nothing is left: at the end of one, and of those that were forsaken.
//!
//! The kernel removes no group in which a process runs, whoever asks for it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use domain::task::{TaskId, Timestamp};

use super::{DEPTH, Group, PREFIX, Place, each_below};
use crate::effect::effect;
use crate::local::identity::Stat;
use crate::local::proc_file;

/// How often the removal of a group is tried whose last processes are about to be gone, and the pause before each try.
const TRIES: (u32, Duration) = (25, Duration::from_millis(2));
/// How old a group is that no supervisor is about to put its agent into.
const OLD: Duration = Duration::from_secs(60);

impl Group {
    /// Removes it with what is below it, unless any process is there. Lets what is left go on, and waits a moment for what is about
    /// to be gone. Returns whether it is gone.
    pub(in crate::local) fn remove(&self) -> bool {
        let removed = effect("remove a control group", || fs::remove_dir(&self.folder));
        if removed.is_ok() || !self.folder.exists() {
            return true;
        }
        // What lives on may rest since its supervisor was killed.
        self.go_on();
        for _ in 0..TRIES.0 {
            if self.clear() {
                return true;
            }
            // One that was killed is counted for a moment more.
            let lives = |pid: &u32| Stat::of(*pid).is_some_and(|stat| stat.lives());
            if self.members().iter().any(lives) {
                return false;
            }
            std::thread::sleep(TRIES.1);
        }
        false
    }

    /// The same in one try, which touches no process.
    pub(in crate::local) fn clear(&self) -> bool {
        match fs::remove_dir(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            Ok(()) | Err(_) => return true,
        }
        let mut folders = Vec::new();
        if !self.is_populated_by_any() {
            each_below(&self.folder, DEPTH, &mut |folder| folders.push(folder.to_owned()));
        }
        for folder in folders.iter().rev() {
            // One that is populated stays, and those above it.
            fs::remove_dir(folder).unwrap_or_default();
        }
        !self.folder.exists()
    }

    /// Whether any process, of this task or not, is in it or below it, as far as that can be told.
    fn is_populated_by_any(&self) -> bool {
        let events = proc_file::text(self.folder.join("cgroup.events"));
        events.is_ok_and(|text| text.lines().any(|line| line == "populated 1"))
    }
}

/// Removes the groups, beside that of this process, of tasks whose supervisors were killed or lost their stores before they
/// could: those that are empty and not new.
pub fn remove_forsaken(now: Timestamp) {
    let Ok(place) = Place::own() else { return };
    for entry in fs::read_dir(&place.base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| TaskId::parse(name.strip_prefix(PREFIX)?).ok());
        let Ok(found) = entry.metadata() else { continue };
        let made = Timestamp::from_micros(found.mtime().saturating_mul(1_000_000));
        if let (Some(id), true) = (id, now.since(made) >= OLD) {
            let group = place.of(&id);
            if group.members().is_empty() {
                group.clear();
            }
        }
    }
}
