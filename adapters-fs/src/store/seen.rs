//! Which records the store has seen, and which of these had not ended: so that the hook finds a record that others
//! wrote by its session, and `wait`, `cancel` and `list` find what is unfinished, without looking through the store.
//!
//! Our own tasks are in indexes ([`super::index`], and the life locks), which somebody may remove; a record that the
//! original or a person wrote is in nobody's. So whoever asks looks at the time of the store's folder. If that is the
//! one at which the names were listed last, nothing is new. Otherwise it lists the names and reads the records that it
//! has not seen. What it finds is kept in one derived file, [`DataDir::seen`](crate::DataDir::seen), whose own time is
//! that of the folder: a list of what has not ended, with those sessions that the index does not name, and eight bytes
//! for each record that was seen. Without the file, or with one that makes no sense, each record is read once more. The
//! first one to see an unfinished record of others notes it for its parent, as a launch of ours does. Nothing that
//! fails here is an error but a folder that cannot be listed, and nothing changes a record.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::{Duration, SystemTime};

use domain::port::{StoreError, Unended};
use domain::task::{SessionId, TaskId};

use super::derived::{self, date, fnv, number};
use super::shares::{RECORDS, in_shares};
use super::{FileStore, index, read};
use crate::data_dir::Entry;
use crate::notices;
use crate::record::{self, Record};

/// How coarse the times of a file system may be: two seconds on FAT, one on many a network.
const COARSE: Duration = Duration::from_secs(2);
/// How coarse they are where they tell the parts of a hundredth of a second: a tick of the kernel is ten
/// milliseconds at the most.
const FINE: Duration = Duration::from_millis(20);
/// The first line of the file.
const HEADING: &str = "task-bg seen 5";
/// Before the id of a record that could not be read.
const UNREAD: &str = "? ";

/// What was seen of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Records that had not ended when they were read, with sessions of theirs that the index does not
    /// name, if there are any.
    unended: Vec<(TaskId, Option<SessionId>)>,
    /// Records of which it is not known whether they have ended: they could not be read, or were ended once and are
    /// not any more. Whoever asks reads them.
    unread: Vec<TaskId>,
    /// A number for each record that was read, of eight bytes each, as in the file: few who ask need them.
    records: Vec<u8>,
}

/// Numbers that are as good as random already.
type Numbers = HashSet<u64, BuildHasherDefault<Same>>;

/// Takes a number for its own hash.
#[derive(Clone, Copy, Debug, Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = fnv(bytes.iter().copied());
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// What one record is to whoever looks for a session: its task has not ended, and the index does not name it for these
/// sessions; if there is nothing here, the record is of no use. `None` if it cannot be read: it may be half-written, as
/// the original writes in place, or be mended one day.
type Look = Option<Vec<Option<SessionId>>>;

impl FileStore {
    /// The records that the index does not name, name `session`, and had not ended when they were read.
    pub(super) fn not_indexed_in(&self, session: &SessionId) -> Result<Vec<TaskId>, StoreError> {
        let Some((seen, _)) = self.seen_by_now()? else { return Ok(Vec::new()) };
        let is_theirs = |theirs: &Option<SessionId>| theirs.as_ref() == Some(session);
        let theirs = seen.unended.into_iter().filter(|(_, theirs)| is_theirs(theirs));
        Ok(theirs.map(|(id, _)| id).chain(seen.unread).collect())
    }

    /// The tasks that have not ended, oldest first. One that cannot be read now may be one of them.
    pub(super) fn unended_records(&self) -> Result<Vec<Unended>, StoreError> {
        let Some((mut seen, folder)) = self.seen_by_now()? else { return Ok(Vec::new()) };
        let noted = seen.unended.iter().map(|(id, _)| id);
        let mut ids: Vec<TaskId> = noted.chain(&seen.unread).cloned().collect();
        ids.sort_unstable();
        ids.dedup();
        let (mut unended, mut useless) = (Vec::new(), HashSet::new());
        for id in ids {
            match self.task(&id) {
                Ok(task) if task.status().is_ended() => drop(useless.insert(id)),
                Err(StoreError::NotFound { .. }) => {}
                read => unended.push((id, read)),
            }
        }
        if !useless.is_empty() {
            // So that nobody reads them again.
            seen.unended.retain(|(id, _)| !useless.contains(id));
            seen.unread.retain(|id| !useless.contains(id));
            self.keep(&seen, true, folder);
        }
        Ok(unended)
    }

    /// What was seen of the store, after a look at what is new, and the time of the folder then; `None` if there is
    /// no folder.
    fn seen_by_now(&self) -> Result<Option<(Seen, SystemTime)>, StoreError> {
        let root = self.dir.root();
        let Ok(folder) = fs::metadata(root).and_then(|folder| folder.modified()) else {
            return Ok(None);
        };
        let path = self.dir.seen();
        let is_current = |file: Metadata| file.modified().is_ok_and(|seen| seen == folder);
        let current = fs::symlink_metadata(&path).is_ok_and(is_current);
        let kept = self.derived(&path).and_then(|content| Seen::parse(&content));
        let current = current && kept.is_some();
        let mut seen = kept.unwrap_or_default();
        if !current {
            let changed = self.look_at_what_is_new(&mut seen)?;
            self.keep(&seen, changed, folder);
        }
        Ok(Some((seen, folder)))
    }

    /// Reads what was not seen, forgets what is gone, and says whether there was any of either.
    fn look_at_what_is_new(&self, seen: &mut Seen) -> Result<bool, StoreError> {
        let mut known = seen.numbers();
        let mut there =
            Numbers::with_capacity_and_hasher(known.len(), BuildHasherDefault::default());
        let mut new = Vec::new();
        self.names(&mut |name| {
            // Nothing is copied of a name that is known.
            let bytes = name.as_encoded_bytes();
            let number = bytes.strip_suffix(b".json").map(|stem| fnv(stem.iter().copied()));
            if number.is_some_and(|number| known.contains(&number)) {
                there.extend(number);
            } else if let Entry::Record(id) = Entry::of(name) {
                there.extend(number);
                new.push(id);
            }
            true
        })?;
        let before = known.len();
        known.retain(|number| there.contains(number));
        let mut changed = known.len() < before;
        seen.unended.retain(|(id, _)| there.contains(&number(id)));
        let unread = std::mem::take(&mut seen.unread);
        // Of those that are known, somebody made an unfinished one again.
        seen.unread.extend(unread.iter().filter(|id| known.contains(&number(id))).cloned());
        for (id, look) in self.look_at(&new) {
            let Some(sessions) = look else {
                seen.unread.push(id);
                continue;
            };
            seen.unended.extend(sessions.into_iter().map(|session| (id.clone(), session)));
            known.insert(number(&id));
            changed = true;
        }
        changed |= seen.unread != unread;
        seen.records = known.iter().flat_map(|number| number.to_le_bytes()).collect();
        if changed {
            // While it is written anyway: of what has ended meanwhile nothing need be known.
            seen.unended
                .retain(|(id, _)| !self.task(id).is_ok_and(|task| task.status().is_ended()));
        }
        Ok(changed)
    }

    fn look_at(&self, ids: &[TaskId]) -> Vec<(TaskId, Look)> {
        let one = |id: &TaskId| (id.clone(), self.look_at_one(id));
        let looks = in_shares(ids, RECORDS, |share| share.iter().map(one).collect::<Vec<_>>());
        looks.into_iter().flatten().collect()
    }

    fn look_at_one(&self, id: &TaskId) -> Look {
        let content = self.content(id).ok()?;
        if record::sketch(&content, id).is_some_and(|sketch| sketch.status().is_ended()) {
            return Some(Vec::new());
        }
        let Record { task, .. } = read(&content, id).ok()?;
        let indexed = |session: &SessionId| {
            self.dir.session(session).is_some_and(|path| index::read(&path).contains(id))
        };
        if task.status().is_ended() {
            return Some(Vec::new());
        }
        let sessions = Self::sessions_of(&task).filter(|session| !indexed(session));
        let mut sessions: Vec<_> = sessions.cloned().map(Some).collect();
        if task.progress().host.is_none() {
            notices::seen(&self.dir, &*self.disk, &task);
        }
        if sessions.is_empty() {
            sessions.push(None);
        }
        Some(sessions)
    }

    /// Notes those of these records that have not ended although they are known as ended: somebody wrote them anew.
    pub(super) fn unended_again(&self, unended: &[TaskId]) {
        let path = self.dir.seen();
        let kept = self.derived(&path).filter(|_| !unended.is_empty());
        let Some(mut seen) = kept.and_then(|content| Seen::parse(&content)) else { return };
        let known = seen.numbers();
        let is_noted = |id: &TaskId| {
            seen.unread.contains(id) || seen.unended.iter().any(|(noted, _)| noted == id)
        };
        let again = unended.iter().filter(|id| known.contains(&number(id)) && !is_noted(id));
        let again: Vec<TaskId> = again.cloned().collect();
        if !again.is_empty() {
            seen.unread.extend(again);
            let at = fs::symlink_metadata(&path).and_then(|file| file.modified()).ok();
            self.derive(&path, &seen.text(), at);
        }
    }

    /// Keeps what was seen of the folder as it was at the time `folder`. Best effort.
    fn keep(&self, seen: &Seen, changed: bool, folder: SystemTime) {
        let path = self.dir.seen();
        // A folder that changed just now may change again at what its clock takes for the same time.
        let is_sure = folder.elapsed().is_ok_and(|age| age > grain(folder));
        if !changed {
            if is_sure {
                date(&path, folder);
            }
            return;
        }
        let at = if is_sure { folder } else { SystemTime::UNIX_EPOCH };
        self.derive(&path, &seen.text(), Some(at));
    }
}

/// How long after `time` a file system that says so may still say the same.
fn grain(time: SystemTime) -> Duration {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    if since.subsec_nanos().is_multiple_of(10_000_000) { COARSE } else { FINE }
}

impl Seen {
    /// The content of the file: a heading, a line for each record that has not ended, an empty line, and
    /// eight bytes for each that was seen.
    fn text(&self) -> Vec<u8> {
        let words = |session: &Option<SessionId>| {
            session.as_ref().map_or_else(String::new, |session| format!(" {}", session.as_str()))
        };
        let lines = self.unended.iter().map(|(id, session)| format!("{id}{}\n", words(session)));
        let unread = self.unread.iter().map(|id| format!("{UNREAD}{id}\n"));
        derived::joined(HEADING, &lines.chain(unread).collect::<String>(), &self.records)
    }

    fn parse(content: &[u8]) -> Option<Self> {
        let (lines, table) = derived::parts(content, HEADING)?;
        let mut seen = Self { records: table.to_vec(), ..Self::default() };
        for line in lines {
            if let Some(id) = line.strip_prefix(UNREAD) {
                seen.unread.push(TaskId::parse(id).ok()?);
                continue;
            }
            let (id, session) =
                line.split_once(' ').map_or((line, None), |(id, it)| (id, Some(it)));
            let session = session.map(SessionId::parse).transpose().ok()?;
            seen.unended.push((TaskId::parse(id).ok()?, session));
        }
        Some(seen)
    }

    fn numbers(&self) -> Numbers {
        let (numbers, _) = self.records.as_chunks();
        numbers.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_read_back_and_what_makes_no_sense_counts_as_nothing() {
        let id = TaskId::parse("bg_1").expect("an id");
        let session = SessionId::parse("a session").expect("a session");
        let numbers = (0..100_u64).map(|number| number.wrapping_mul(0x0a0a_0a0a_0a0a_0a0a));
        let records = numbers.flat_map(u64::to_le_bytes).collect();
        let other = TaskId::parse("bg_2").expect("an id");
        let unread = vec![TaskId::parse("bg_3").expect("an id")];
        let seen = Seen { unended: vec![(id, Some(session)), (other, None)], unread, records };
        assert_eq!(Seen::parse(&seen.text()), Some(seen));
        assert_eq!(Seen::parse(&Seen::default().text()), Some(Seen::default()));
        let nonsense = derived::joined(HEADING, "../x y\n", b"");
        for content in [&b""[..], b"\n\n", b"task-bg seen 4\n\n", &nonsense] {
            assert_eq!(Seen::parse(content), None, "{}", String::from_utf8_lossy(content));
        }
    }
}
