//! The Python program that had this record format first: its reader and its writer, spelled out.
//!
//! It keeps each task in `<id>.json`, with fifteen fields and no other: a file with one more is dropped by
//! its reader, without a word. It knows naive local times, writes a file in place, takes no lock, and keeps
//! nothing of what it read but what is in the file. It starts nothing here: what counts is what it leaves.
//! The main type is [`Original`].

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

/// The fields of its record, in its order; the first seven have no default.
pub const FIELDS: [&str; 15] = [
    "id",
    "session_id",
    "parent_session_id",
    "description",
    "prompt",
    "agent",
    "status",
    "started_at",
    "queued_at",
    "completed_at",
    "result",
    "error",
    "progress",
    "concurrency_key",
    "parent_model",
];
/// How many of them a record must have.
const REQUIRED: usize = 7;
/// How long it lets a task run.
const TIME_TO_LIVE: Duration = Duration::from_secs(30 * 60);
/// Half an emoji, as Python's strings can hold it and Rust's cannot: this stands for it here.
pub const HALF: char = '\u{fffc}';

/// One record, as it holds it.
pub type Record = Map<String, Value>;

/// The original at work in one folder, in a place whose clocks are behind UTC.
#[derive(Debug)]
pub struct Original {
    folder: PathBuf,
    /// By how much its local time is behind UTC.
    behind: Duration,
    minted: u32,
}

impl Original {
    /// The original in `folder`, in a time zone that is so far behind UTC.
    pub const fn new(folder: PathBuf, behind: Duration) -> Self {
        Self { folder, behind, minted: 0 }
    }

    /// Every record that it can read; it drops the others.
    ///
    /// # Panics
    /// When the folder cannot be listed.
    pub fn read_all(&self) -> BTreeMap<String, Record> {
        let entries = fs::read_dir(&self.folder).expect("a store");
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let ids = names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()));
        ids.filter_map(|id| Some((id.clone(), self.read(&id)?))).collect()
    }

    /// One record, if there is one that it can read.
    pub fn read(&self, id: &str) -> Option<Record> {
        let text = fs::read_to_string(self.folder.join(format!("{id}.json"))).ok()?;
        let record: Record = serde_json::from_str(&text.replace("\\ud83d_", "\\ufffc")).ok()?;
        let known = record.keys().all(|key| FIELDS.contains(&key.as_str()));
        let whole = FIELDS[..REQUIRED].iter().all(|field| record.contains_key(*field));
        (known && whole).then_some(record)
    }

    /// `launch`, as if it had been called `ago`; returns the id.
    ///
    /// # Panics
    /// When the record cannot be written.
    pub fn launch(
        &mut self,
        description: &str,
        prompt: &str,
        parent: &str,
        ago: Duration,
    ) -> String {
        self.minted += 1;
        let began = now().checked_sub(ago).expect("after 1970");
        let millis = began.duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let id = format!("bg_{millis:x}{:06x}", self.minted);
        let began = self.local(began);
        let record = json!({
            "id": id,
            "session_id": format!("bg-session-{}", self.minted),
            "parent_session_id": parent,
            "description": description,
            "prompt": prompt,
            "agent": "explorer",
            "status": "running",
            "started_at": began,
            "queued_at": null,
            "completed_at": null,
            "result": null,
            "error": null,
            "progress": { "toolCalls": 0, "lastUpdate": began },
            "concurrency_key": null,
            "parent_model": null,
        });
        let Value::Object(record) = record else { unreachable!("it was written as an object") };
        self.write(&record);
        id
    }

    /// `complete`: ends a task, with an error if one is given.
    ///
    /// # Panics
    /// When there is no such record, or it cannot be written.
    pub fn complete(&self, id: &str, result: &str, error: Option<&str>) {
        let mut record = self.read(id).expect("a record");
        let status = if error.is_some() { "error" } else { "completed" };
        record.insert("status".to_owned(), status.into());
        record.insert("completed_at".to_owned(), self.local(now()).into());
        record.insert("result".to_owned(), result.into());
        record.insert("error".to_owned(), error.into());
        self.write(&record);
    }

    /// `hook-complete`: ends the running task of a session; returns its id, if there is one.
    pub fn hook_complete(&self, session: &str, result: &str) -> Option<String> {
        let of_session =
            |record: &Record| record["session_id"] == session && record["status"] == "running";
        let (id, _) = self.read_all().into_iter().find(|(_, record)| of_session(record))?;
        self.complete(&id, result, None);
        Some(id)
    }

    /// What has run for too long, by its local times.
    ///
    /// # Panics
    /// When the folder cannot be listed.
    pub fn expired(&self) -> Vec<String> {
        let limit = now().checked_sub(TIME_TO_LIVE).expect("after 1970");
        let limit = self.local(limit);
        let is_old = |record: &Record| {
            let began = record["started_at"].as_str().unwrap_or_default();
            // A time with a zone cannot be compared with one without.
            record["status"] == "running" && began.len() == limit.len() && began < limit.as_str()
        };
        self.read_all().into_iter().filter(|(_, record)| is_old(record)).map(|it| it.0).collect()
    }

    /// `prune`: ends what has run for too long; returns the ids.
    ///
    /// # Panics
    /// When a record cannot be written.
    pub fn prune(&self) -> Vec<String> {
        let old = self.expired();
        for id in &old {
            self.complete(id, "", Some("Task timed out after 30 minutes"));
        }
        old
    }

    /// Writes the file in place, as `json.dump(…, indent=2)` does.
    fn write(&self, record: &Record) {
        let id = record["id"].as_str().expect("an id");
        let text = serde_json::to_string_pretty(record).expect("JSON");
        let mut ascii = String::with_capacity(text.len());
        for c in text.chars() {
            if c == HALF {
                ascii.push_str("\\ud83d_");
            } else if c.is_ascii() {
                ascii.push(c);
            } else {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    ascii.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        fs::write(self.folder.join(format!("{id}.json")), ascii).expect("a file in the store");
    }

    /// `datetime.now().isoformat()` at this moment.
    fn local(&self, at: SystemTime) -> String {
        let since = at.duration_since(UNIX_EPOCH).expect("after 1970").saturating_sub(self.behind);
        let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let micros = since.subsec_micros();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}")
    }
}

#[expect(clippy::disallowed_methods, reason = "it stamps its records as its users' clocks do")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Year, month and day of a day since 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    // The year begins in March, so that the leap day is its last.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        for (days, date) in [(0, (1970, 1, 1)), (11_016, (2000, 2, 29)), (20_454, (2026, 1, 1))] {
            assert_eq!(civil(days), date);
        }
    }

    #[test]
    fn it_reads_what_it_wrote_and_drops_what_has_one_field_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut original = Original::new(folder.path().to_owned(), Duration::from_secs(3_600));
        let id = original.launch("über \u{1f980} half \u{fffc}", "p", "main", Duration::ZERO);
        let record = original.read(&id).expect("it is its own");
        assert_eq!(record["description"], "über \u{1f980} half \u{fffc}");
        let file = folder.path().join(format!("{id}.json"));
        let text = fs::read_to_string(&file).expect("written");
        assert!(text.contains(r"\u00fcber \ud83e\udd80 half \ud83d_"), "{text}");
        fs::write(&file, text.replacen("\"id\"", "\"more\": 1, \"id\"", 1)).expect("written");
        assert_eq!(original.read(&id), None);
    }
}
