//! Everything that reads what others wrote, as functions of bytes, for fuzzers.
//!
//! It is there only with the feature `fuzzing`, which the folder `fuzz` and the tests of the whole program ask for. Each
//! entry has a target and a corpus of its name in `fuzz`; the tests run all of them over their corpora, and over what
//! chance makes of these. Main item: [`ENTRIES`].

use adapters_process::agents::registry::SHIPPED;

use crate::cli::command::batch_line;
use crate::kit::settings;

/// An entry: its name, and what reads the bytes.
pub type Entry = (&'static str, fn(&[u8]));

/// What is fuzzed, by name.
pub const ENTRIES: &[Entry] = &[
    ("record", adapters_fs::fuzzing::record),
    ("transcript", adapters_fs::fuzzing::transcript),
    ("front_matter", adapters_fs::fuzzing::front_matter),
    ("events_droid", |bytes| adapters_process::fuzzing::events(SHIPPED[0], bytes)),
    ("events_claude", |bytes| adapters_process::fuzzing::events(SHIPPED[1], bytes)),
    ("events_codex", |bytes| adapters_process::fuzzing::events(SHIPPED[2], bytes)),
    ("events_gemini", |bytes| adapters_process::fuzzing::events(SHIPPED[3], bytes)),
    ("events_opencode", |bytes| adapters_process::fuzzing::events(SHIPPED[4], bytes)),
    ("hook_input", app_hook::fuzzing::input),
    ("batch_line", |bytes| batch_line(&String::from_utf8_lossy(bytes))),
    ("settings", |bytes| settings::fuzzed(&String::from_utf8_lossy(bytes))),
];

/// Runs the entry of this name.
///
/// # Panics
/// When a reader breaks a promise, or there is no such entry.
pub fn run(name: &str, bytes: &[u8]) {
    let entry = ENTRIES.iter().find(|entry| entry.0 == name);
    entry.expect("an entry of this name").1(bytes);
}
