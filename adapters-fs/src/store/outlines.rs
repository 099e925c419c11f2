//! What is known of the records of ended tasks, so that a listing counts them without reading them.
//!
//! A listing counts every record and shows few, and nearly all tasks of a large store have ended for good. So
//! their outlines (status, parent, droid, when they were ordered, how large their logs are) are kept in one derived file,
//! [`DataDir::outlines`](crate::DataDir::outlines), each with a stamp of the record's file as it was when it was
//! read. An outline counts only where the file still has that stamp, so whoever changes a record, us or others,
//! has it read again. A task that has not ended is never outlined. Without the file, or with one that makes no
//! sense, the records are read. Nothing here is an error, and nothing changes a record.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

use domain::task::{Outline, Status, Task, Timestamp};
use rustix::fs::{AtFlags, Mode, OFlags, Stat};

use super::FileStore;
use super::derived::{self, number};
use super::listing::Name;

/// The fewest records for which outlines are worth a file.
const WORTH_A_FILE: usize = 512;
/// The file is written anew when so large a part of it, one in this many, would be new.
const NEW_PART: usize = 8;
/// How old a record's file must be: one that was written just now may be written again without another stamp.
const SETTLED: Duration = Duration::from_secs(2);
/// The first line of the file.
const HEADING: &str = "task-bg outlines 4";
/// The bytes of an outline.
const SIZE: usize = 41;
/// How a task may have ended; an outline has the place.
const ENDED: [Status; 3] = [Status::Completed, Status::Error, Status::Cancelled];
/// In place of a moment that is not known.
const NEVER: i64 = i64::MIN;

/// The outlines, sorted by number, and the words that they have in common.
#[derive(Debug, Default)]
pub(super) struct Outlines {
    words: Vec<String>,
    /// Of [`SIZE`] bytes each.
    table: Vec<u8>,
    /// The store's folder; without it nothing is outlined.
    folder: Option<OwnedFd>,
    /// Seconds since the epoch; a file that was written later may be written again without another stamp.
    settled: i64,
}

/// What is kept of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Of its id.
    number: u64,
    stamp: u64,
    /// When the task was ordered, in microseconds.
    began: i64,
    /// One more than the place of the word; 0 is none.
    parent: u32,
    /// The place of the word.
    agent: u32,
    status: u8,
    /// How much of the disk its logs took, in bytes.
    log_bytes: u64,
}

/// An outline that is not in the file yet.
#[derive(Debug)]
pub(super) struct Fresh {
    number: u64,
    stamp: u64,
    began: i64,
    parent: Option<String>,
    agent: String,
    status: u8,
    log_bytes: u64,
}

impl Outlines {
    /// The outlines of a store that has `records` records; none where they are few.
    pub(super) fn of(store: &FileStore, records: usize) -> Self {
        if records < WORTH_A_FILE {
            return Self::default();
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(store.dir.root(), flags, Mode::empty()).ok();
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let settled = i64::try_from(now.saturating_sub(SETTLED).as_secs()).unwrap_or(i64::MAX);
        let kept = store.derived(&store.dir.outlines());
        let kept = kept.and_then(|content| Self::parse(&content));
        Self { folder, settled, ..kept.unwrap_or_default() }
    }

    /// The stamp of a record's file, if its outline may be kept.
    pub(super) fn stamp(&self, name: Name<'_>) -> Option<u64> {
        let folder = self.folder.as_ref()?;
        let file = rustix::fs::statat(folder, name.file(), AtFlags::SYMLINK_NOFOLLOW);
        file.ok().filter(|file| file.st_mtime < self.settled).map(|file| stamp(&file))
    }

    /// The outline of the task in the record of this name, whose file has this stamp; `None` if that is not known.
    pub(super) fn outline(&self, name: Name<'_>, stamp: u64) -> Option<Outline<'_>> {
        let found = self.find(name.number()).filter(|found| found.stamp == stamp)?;
        let word = |place: u32| self.words.get(usize::try_from(place).ok()?).map(String::as_str);
        let parent = match found.parent {
            0 => None,
            place => Some(word(place - 1)?),
        };
        Some(Outline {
            status: *ENDED.get(usize::from(found.status))?,
            parent,
            agent: word(found.agent)?,
            began: (found.began != NEVER).then(|| Timestamp::from_micros(found.began)),
            log_bytes: found.log_bytes,
        })
    }

    fn find(&self, number: u64) -> Option<Entry> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.number_at(middle)?.cmp(&number) {
                std::cmp::Ordering::Equal => return self.at(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    fn len(&self) -> usize {
        self.table.len() / SIZE
    }

    fn number_at(&self, place: usize) -> Option<u64> {
        self.table.get(place * SIZE..)?.first_chunk().copied().map(u64::from_le_bytes)
    }

    fn at(&self, place: usize) -> Option<Entry> {
        Entry::parse(self.table.get(place * SIZE..)?.first_chunk()?)
    }

    /// Keeps what is new, if it is worth it, and forgets what is not among the `names` in the store. Best effort.
    pub(super) fn keep(self, store: &FileStore, fresh: Vec<Fresh>, names: &[Name<'_>]) {
        if fresh.is_empty() || fresh.len() < self.len() / NEW_PART {
            return;
        }
        let mut there: Vec<u64> = names.iter().map(|name| name.number()).collect();
        there.sort_unstable();
        store.derive(&store.dir.outlines(), &self.with(fresh, &there).text(), None);
    }

    /// These and the new ones, without those of records that are not there any more.
    fn with(self, fresh: Vec<Fresh>, there: &[u64]) -> Self {
        let mut all: BTreeMap<u64, Entry> = (0..self.len())
            .filter_map(|place| self.at(place))
            .filter(|entry| there.binary_search(&entry.number).is_ok())
            .map(|entry| (entry.number, entry))
            .collect();
        let mut words = self.words;
        let mut places: HashMap<String, u32> = HashMap::new();
        for (place, word) in (0..).zip(&words) {
            places.insert(word.clone(), place);
        }
        let mut place = |word: String| {
            let next = u32::try_from(words.len()).unwrap_or(u32::MAX);
            *places.entry(word).or_insert_with_key(|word| {
                words.push(word.clone());
                next
            })
        };
        for new in fresh {
            let Fresh { number, stamp, began, parent, agent, status, log_bytes } = new;
            let parent = parent.map_or(0, |parent| place(parent).saturating_add(1));
            let agent = place(agent);
            let entry = Entry { number, stamp, began, parent, agent, status, log_bytes };
            all.insert(number, entry);
        }
        let table = all.values().flat_map(Entry::bytes).collect();
        Self { words, table, ..Self::default() }
    }

    /// The content of the file: a heading, a line for each word, an empty line, and the table.
    fn text(&self) -> Vec<u8> {
        let words: String = self.words.iter().map(|word| format!("{word}\n")).collect();
        derived::joined(HEADING, &words, &self.table)
    }

    fn parse(content: &[u8]) -> Option<Self> {
        let (lines, table) = derived::parts(content, HEADING)?;
        let words = lines.map(str::to_owned).collect();
        let table = table.to_vec();
        table.len().is_multiple_of(SIZE).then(|| Self { words, table, ..Self::default() })
    }
}

impl Fresh {
    /// What is to be kept of `task`, whose record's file had this stamp before it was read; `None` if it has not
    /// ended, or a word of it would not fit into a line.
    pub(super) fn of(task: &Task, stamp: u64) -> Option<Self> {
        let Outline { status, parent, agent, began, log_bytes } = task.outline();
        let status = ENDED.iter().position(|ended| *ended == status)?;
        let fits = |word: &str| !word.is_empty() && !word.contains(['\n', '\r']);
        (fits(agent) && parent.is_none_or(fits)).then_some(Self {
            number: number(task.id()),
            stamp,
            began: began.map_or(NEVER, Timestamp::as_micros),
            parent: parent.map(ToOwned::to_owned),
            agent: agent.to_owned(),
            status: u8::try_from(status).ok()?,
            log_bytes,
        })
    }
}

impl Entry {
    fn bytes(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[..8].copy_from_slice(&self.number.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.stamp.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.began.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.parent.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.agent.to_le_bytes());
        bytes[32] = self.status;
        bytes[33..].copy_from_slice(&self.log_bytes.to_le_bytes());
        bytes
    }

    fn parse(bytes: &[u8; SIZE]) -> Option<Self> {
        Some(Self {
            number: u64::from_le_bytes(*bytes.first_chunk()?),
            stamp: u64::from_le_bytes(*bytes[8..].first_chunk()?),
            began: i64::from_le_bytes(*bytes[16..].first_chunk()?),
            parent: u32::from_le_bytes(*bytes[24..].first_chunk()?),
            agent: u32::from_le_bytes(*bytes[28..].first_chunk()?),
            status: bytes[32],
            log_bytes: u64::from_le_bytes(*bytes[33..].first_chunk()?),
        })
    }
}

/// A number that is another one as soon as somebody writes to the file, or puts another in its place.
fn stamp(file: &Stat) -> u64 {
    let parts = [
        file.st_ino,
        file.st_size.cast_unsigned(),
        file.st_mtime.cast_unsigned(),
        file.st_mtime_nsec,
        file.st_ctime.cast_unsigned(),
        file.st_ctime_nsec,
    ];
    parts.into_iter().fold(0, derived::step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(number: u64) -> Fresh {
        let parent = (!number.is_multiple_of(3)).then(|| format!("session {}", number % 5));
        let agent = format!("droid {}", number % 2);
        let began = if number.is_multiple_of(7) { NEVER } else { 1_000 };
        Fresh { number, stamp: number * 11, began, parent, agent, status: 1, log_bytes: number * 3 }
    }

    #[test]
    fn what_was_kept_is_found_again_and_what_is_gone_forgotten() {
        let all: Vec<u64> = (0..1_000).map(|number| number * 17).collect();
        let (first, second) = all.split_at(600);
        let kept = Outlines::default().with(first.iter().copied().map(fresh).collect(), &all);
        let kept = Outlines::parse(&kept.text()).expect("it was written whole");
        let kept = kept.with(second.iter().copied().map(fresh).collect(), &all[100..]);
        let kept = Outlines::parse(&kept.text()).expect("it was written whole");
        assert_eq!(kept.len(), 900);
        for number in all.iter().skip(100) {
            let (found, want) = (kept.find(*number).expect("it was kept"), fresh(*number));
            let word = |place: u32| kept.words[usize::try_from(place).expect("small")].clone();
            let parent = (found.parent > 0).then(|| word(found.parent - 1));
            assert_eq!((found.stamp, found.began), (want.stamp, want.began));
            assert_eq!(found.log_bytes, want.log_bytes);
            assert_eq!((parent, word(found.agent)), (want.parent, want.agent));
        }
        assert_eq!(kept.words.len(), 7, "a word is kept once");
        assert!(kept.find(17).is_none() && kept.find(18).is_none());
    }

    #[test]
    fn what_makes_no_sense_counts_as_nothing() {
        let uneven = derived::joined(HEADING, "", b"x");
        for content in [&b""[..], b"\n\n", b"task-bg outlines 1\n\n", &uneven] {
            let shown = String::from_utf8_lossy(content);
            assert!(Outlines::parse(content).is_none(), "{shown}");
        }
        let empty = Outlines::parse(&derived::joined(HEADING, "", b"")).expect("it is whole");
        assert!(empty.find(0).is_none());
    }
}
