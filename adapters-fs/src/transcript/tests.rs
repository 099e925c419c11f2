//! Transcripts read from the end, beside a naive reader that reads all of it.

use super::*;
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use tempfile::TempDir;

fn scratch(content: &[u8]) -> (PathBuf, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("session.jsonl");
    fs::write(&path, content).expect("written");
    (path, folder)
}

fn at(path: &Path) -> Result<LastWords, TranscriptError> {
    pollster::block_on(FileTranscripts.last_words(path.to_str().expect("text")))
}

fn assistant(text: &str) -> String {
    format!(r#"{{"type":"message","message":{{"role":"assistant","content":"{text}"}}}}"#)
}

fn said(text: &str) -> LastWords {
    LastWords::Said(text.to_owned())
}

/// As droid 0.225 writes it, cut to the lines that matter here.
const DROIDS: &str = r#"{"type":"session_start","id":"sample-session","title":"x","owner":"unknown","version":2,"cwd":"/w"}
{"type":"message","id":"1","message":{"role":"user","content":[],"visibility":"user_only","hookEventName":"SessionStart"}}
{"type":"message","id":"2","message":{"role":"assistant","content":[{"type":"text","text":"let me see"},{"type":"tool_use","id":"t","name":"Execute","input":{}}]}}
{"type":"message","id":"3","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","is_error":false,"content":"hi"}]}}
{"type":"message","id":"4","message":{"role":"assistant","content":[{"type":"text","text":"all done"}],"modelId":"custom:Mock-A-0"}}
{"type":"message","id":"5","message":{"role":"user","content":[],"visibility":"user_only","hookEventName":"Stop"}}
{"type":"agent_turn_outcome","turnId":"1","reason":"completed","resultKind":"text"}
"#;

#[test]
fn the_last_words_of_a_real_session_are_its_final_text() {
    let (path, _folder) = scratch(DROIDS.as_bytes());
    assert_eq!(at(&path), Ok(said("all done")));
}

#[test]
fn a_transcript_in_which_no_assistant_speaks_has_no_last_words() {
    for content in ["", "\n\n", r#"{"role":"user","content":"hi"}"#, "no json at all"] {
        let (path, _folder) = scratch(content.as_bytes());
        assert_eq!(at(&path), Ok(LastWords::Nothing), "{content}");
    }
}

#[test]
fn a_line_that_is_being_written_is_passed_over() {
    let next = assistant("not yet");
    for cut in 1..next.len() {
        let (path, _folder) =
            scratch(format!("{}\n{}", assistant("said"), &next[..cut]).as_bytes());
        assert_eq!(at(&path), Ok(said("said")), "{cut}");
    }
    let (path, _folder) = scratch(next.as_bytes());
    assert_eq!(at(&path), Ok(said("not yet")), "a last line may lack its line feed");
}

#[test]
fn what_is_no_plain_file_is_said_to_be_none_at_once() {
    let (path, folder) = scratch(assistant("hi").as_bytes());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).expect("made");
    assert_eq!(at(&link), Ok(said("hi")), "a link to a plain file will do");
    let pipe = folder.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).expect("made");
    for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
        let shown = path.display().to_string();
        assert_eq!(at(path), Err(TranscriptError::NotAFile { path: shown }));
    }
    let missing = folder.path().join("missing");
    let shown = missing.display().to_string();
    assert_eq!(at(&missing), Err(TranscriptError::Missing { path: shown }));
}

// An answer that was too long to be held was passed over, and older words, or none, were taken for it.
#[test]
fn of_an_answer_that_is_too_long_the_beginning_is_taken_and_the_rest_is_counted() {
    let length = 3 << 20;
    let long = assistant(&format!("found: {}", "x".repeat(length)));
    let content = format!("{}\n{long}\n{{}}\n", assistant("before"));
    let (path, _folder) = scratch(content.as_bytes());
    let Ok(LastWords::Said(words)) = at(&path) else { panic!("it was said") };
    assert!(words.starts_with("found: xxx") && words.ends_with("more bytes, in the transcript]"));
    assert!((RESULT_LIMIT..RESULT_LIMIT + 100).contains(&words.len()), "{}", words.len());
    let bearable = assistant(&"x".repeat(1 << 20));
    let (path, _folder) = scratch(format!("{}\n{bearable}\n", assistant("before")).as_bytes());
    assert_eq!(at(&path), Ok(said(&"x".repeat(1 << 20))));
}

#[test]
fn long_lines_of_others_are_passed_over() {
    let long = format!(
        r#"{{"type":"message","message":{{"role":"user","content":"{}"}}}}"#,
        "x".repeat(20 << 20)
    );
    let content = format!("{}\n{long}\n{}\n", assistant("the answer"), "y".repeat(3 << 20));
    let (path, _folder) = scratch(content.as_bytes());
    assert_eq!(at(&path), Ok(said("the answer")));
}

#[test]
fn older_words_are_never_taken_for_later_ones_that_could_not_be_read() {
    let thoughts = "x".repeat(3 << 20);
    let later = format!(
        r#"{{"role":"assistant","content":[{{"type":"thinking","text":"{thoughts}"}},{{"type":"text","text":"new"}}]}}"#
    );
    let (path, _folder) = scratch(format!("{}\n{later}\n", assistant("old")).as_bytes());
    assert_eq!(at(&path), Ok(LastWords::OutOfReach));
}

#[test]
fn the_size_of_a_transcript_does_not_matter() {
    let (path, _folder) = scratch(b"");
    let file = fs::OpenOptions::new().write(true).open(&path).expect("opened");
    let end = format!("\n{}\n{{\"type\":\"agent_turn_outcome\"}}\n", assistant("the end"));
    file.write_all_at(end.as_bytes(), 1 << 40).expect("a terabyte, most of it a hole");
    let began = std::time::Instant::now();
    assert_eq!(at(&path), Ok(said("the end")));
    assert!(began.elapsed() < std::time::Duration::from_secs(1));
}

#[test]
fn a_transcript_without_words_near_its_end_is_given_up() {
    let (path, _folder) = scratch(format!("{}\n", assistant("long ago")).as_bytes());
    let file = fs::OpenOptions::new().read(true).write(true).open(&path).expect("opened");
    let limits = Limits { look: 1 << 20, ..LIMITS };
    file.write_all_at(b"\n{}\n", limits.look / 2).expect("written");
    assert_eq!(last_words(&file, limits).expect("read"), said("long ago"));
    file.write_all_at(b"\n{}\n", limits.look).expect("written");
    assert_eq!(last_words(&file, limits).expect("read"), LastWords::OutOfReach);
}

/// A line of any kind, and what an assistant says in it.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ]{0,40}".prop_map(|text| assistant(&text)),
        "[a-z ]{0,20}".prop_map(|text| format!(r#"{{"role":"user","content":"{text}"}}"#)),
        "\\PC{0,30}",
        Just(String::new()),
        "[a-z]{60,90}".prop_map(|text| assistant(&text)),
    ]
}

proptest! {
    #[test]
    fn invariant_reading_backwards_finds_what_reading_all_of_it_finds(
        lines in proptest::collection::vec(line(), 0..12),
        ends in any::<bool>(),
        block in 1u64..70,
        longest in 20u64..200,
    ) {
        let content = lines.join("\n") + if ends { "\n" } else { "" };
        let (path, _folder) = scratch(content.as_bytes());
        let mut naive = LastWords::Nothing;
        for line in content.split('\n').rev().map(str::as_bytes) {
            let length = usize::try_from(longest).expect("short");
            let words = match line.get(..length).filter(|_| line.len() > length) {
                None => line::assistant_words(line),
                Some(held) => match line::begun(held) {
                    Begun::Saying(words) => Some(cut(&words, line.len() as u64)),
                    Begun::Otherwise => None,
                    Begun::Unknown => {
                        naive = LastWords::OutOfReach;
                        break;
                    }
                },
            };
            if let Some(words) = words {
                naive = LastWords::Said(words);
                break;
            }
        }
        let limits = Limits { block, line: longest, look: u64::MAX };
        let file = File::open(&path).expect("opened");
        prop_assert_eq!(last_words(&file, limits).expect("read"), naive);
    }
}
