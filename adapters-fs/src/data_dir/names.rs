//! What the names in the store's folders stand for, and how a text becomes a file name.
//!
//! This file reads and makes names, never a path and never a file. Main types: [`Entry`],
//! [`ActiveEntry`] and [`NoticeSign`].

use std::ffi::OsStr;
use std::fmt::Write as _;

use domain::task::TaskId;

/// The longest file name that Linux file systems take, in bytes.
pub(super) const MAX_FILE_NAME: usize = 255;
/// What the name of a record ends with, after the task's id.
pub(crate) const RECORD: &str = ".json";
/// What the name of a half-written file ends with. Never `.json`, so that nobody takes it for a record.
pub(super) const TEMP: &str = ".tmp";
/// What the names of a readable log end with.
pub(super) const LOG: &str = ".out";
/// What the names of a raw event stream end with.
pub(super) const EVENTS: &str = ".events.jsonl";
/// What the name of an agent's instructions ends with, after the task's id. No id has a dot.
pub(super) const INSTRUCTIONS: &str = ".system.md";
/// What the name of the environment of a task that waits ends with.
pub(super) const ENVIRONMENT: &str = ".env";
/// What the name of an environment that is kept for a next attempt ends with.
pub(super) const AGAIN: &str = ".again.env";
/// What the name of a file ends with that says what an agent does, where the record is too long for
/// that.
pub(super) const PROGRESS: &str = ".progress";
/// What the name of the room that is set aside for an ending ends with.
pub(super) const RESERVE: &str = ".reserve";
/// What the name of a file ends with that a cluster writes its own words about a job to. Where there is one, a cluster
/// runs the task.
pub(super) const JOB: &str = ".slurm";
/// What the name of the mark ends with that says that the start of a task was claimed on some host.
pub(super) const STARTED: &str = ".started";
/// What the name of a wish ends with that another host left for a supervisor.
pub(super) const INTENT: &str = ".cancel";
/// What the name of the note ends with that the host keeps something for an ended task.
pub(super) const REMAINS: &str = ".group";
/// How the name of a report ends that could not be recorded when it came.
pub(super) const REPORT: &str = ".report";
/// What the name of a kept standard input ends with.
pub(super) const INPUT: &str = ".stdin";
/// What the name of a key's lock ends with.
pub(super) const KEY_LOCK: &str = ".lock";

/// What an entry of the store's folder stands for, by its name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The record of this task.
    Record(TaskId),
    /// Named like a record, but no task can have that name.
    Misnamed,
    /// A file that was being written when somebody looked, or died.
    Temp,
    /// Logs, folders of ours, and whatever else lies there.
    Other,
}

/// The same as [`Entry`] for whoever looks at many: nothing is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named<'a> {
    /// The record of the task with this id, which is in ASCII.
    Record(&'a [u8]),
    /// Named like a record, but no task can have that name.
    Misnamed,
    /// A file that was being written when somebody looked, or died.
    Temp,
    /// Logs, folders of ours, and whatever else lies there.
    Other,
}

/// What an entry of the folder of the life locks stands for, by its name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ActiveEntry {
    /// The life lock of this task.
    Lock(TaskId),
    /// The environment of this task, which waits.
    Environment(TaskId),
    /// The environment that is kept for the attempt after this task.
    Again(TaskId),
    /// What the agent of this task is told besides its prompt.
    Instructions(TaskId),
    /// The room for the ending of this task.
    Reserve(TaskId),
    /// The second name of a log of this task.
    Log(TaskId),
    /// What a cluster says of the job of this task.
    Job(TaskId),
    /// The note that the host keeps something for this task, which has ended.
    Remains(TaskId),
}

/// What an empty file in a parent's folder of notices says of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoticeSign {
    /// There is something to tell. Without this one the others mean nothing.
    Untold,
    /// It has ended, or is about to.
    Ended,
    /// It was named as being at work.
    Named,
    /// Its ending was told, but not all there is to read.
    Told,
}

impl<'a> Named<'a> {
    /// What the entry called `name` stands for.
    pub(crate) fn of(name: &'a OsStr) -> Self {
        let bytes = name.as_encoded_bytes();
        if bytes.starts_with(b".") {
            return if bytes.ends_with(TEMP.as_bytes()) { Self::Temp } else { Self::Other };
        }
        let Some(stem) = bytes.strip_suffix(RECORD.as_bytes()) else { return Self::Other };
        if TaskId::is_one(stem) { Self::Record(stem) } else { Self::Misnamed }
    }
}

impl Entry {
    /// What the entry called `name` stands for.
    pub(crate) fn of(name: &OsStr) -> Self {
        match Named::of(name) {
            Named::Record(id) => {
                let id = str::from_utf8(id).ok().and_then(|id| TaskId::parse(id).ok());
                id.map_or(Self::Misnamed, Self::Record)
            }
            Named::Misnamed => Self::Misnamed,
            Named::Temp => Self::Temp,
            Named::Other => Self::Other,
        }
    }
}

/// The task whose kept standard input the entry called `name` is.
pub(crate) fn of_input(name: &OsStr) -> Option<TaskId> {
    TaskId::parse(name.to_str()?.strip_suffix(INPUT)?).ok()
}

impl ActiveEntry {
    /// What the entry called `name` stands for; `None` for whatever is not ours.
    pub(crate) fn of(name: &OsStr) -> Option<Self> {
        let name = name.to_str()?;
        let (id, ending) = name.split_at(name.find('.').unwrap_or(name.len()));
        let id = TaskId::parse(id).ok()?;
        match ending {
            "" => Some(Self::Lock(id)),
            ENVIRONMENT => Some(Self::Environment(id)),
            AGAIN => Some(Self::Again(id)),
            INSTRUCTIONS => Some(Self::Instructions(id)),
            RESERVE => Some(Self::Reserve(id)),
            LOG | EVENTS => Some(Self::Log(id)),
            JOB => Some(Self::Job(id)),
            REMAINS => Some(Self::Remains(id)),
            _ => None,
        }
    }

    /// The task it belongs to.
    pub(crate) fn owner(&self) -> &TaskId {
        match self {
            Self::Lock(id)
            | Self::Environment(id)
            | Self::Again(id)
            | Self::Instructions(id)
            | Self::Reserve(id)
            | Self::Log(id)
            | Self::Job(id)
            | Self::Remains(id) => id,
        }
    }
}

impl NoticeSign {
    /// Every sign; first the one without which the others mean nothing.
    pub(crate) const ALL: [Self; 4] = [Self::Untold, Self::Ended, Self::Named, Self::Told];

    /// What the file called `name` notes, and of which task.
    pub(crate) fn of(name: &OsStr) -> Option<(TaskId, Self)> {
        let name = name.to_str()?;
        let (id, ending) = name.split_at(name.find('.').unwrap_or(name.len()));
        let sign = Self::ALL.into_iter().find(|sign| sign.ending() == ending)?;
        Some((TaskId::parse(id).ok()?, sign))
    }

    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Untold => "",
            Self::Ended => ".ended",
            Self::Named => ".named",
            Self::Told => ".told",
        }
    }
}

/// Whether an entry of the folder of the keys is the lock of one.
pub(crate) fn is_key_lock(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") && name.ends_with(KEY_LOCK.as_bytes())
}

/// FNV-1a, 32 bits: stable across builds and machines, which std's hashers are not.
pub(crate) fn fnv(text: &str) -> u32 {
    text.bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// `text` as a file name: letters, digits, `_` and `-` stay, every other byte becomes `%XX`.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            name.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            write!(name, "%{byte:02X}").unwrap_or_default();
        }
    }
    name
}

/// The same in at most `most` bytes, of which there are at least 20. A text that is too long is
/// shortened and told apart by a hash; no other name has a `~`.
pub(super) fn percent_encoded_within(text: &str, most: usize) -> String {
    let mut name = percent_encoded(text);
    if name.len() > most {
        name.truncate(most / 2);
        write!(name, "~{:08x}", fnv(text)).unwrap_or_default();
    }
    name
}
