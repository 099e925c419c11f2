//! What every version wrote, one golden file a quirk, and what is left of it after one event.
//!
//! Each readable golden file `x.json` has an `x.after.json`: the same record after one event. What
//! the event does not concern must be there to the byte, quirks included. To write those anew after
//! a change that is meant, run the tests with `GOLDEN=write` and read the difference.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use domain::task::{
    Activity, AgentName, Autonomy, Briefing, CancelIntent, DroidSource, Ending, Event, Exit,
    Failure, Order, Reason, Report, Runner, Running, SessionId, Started, State, Status, StopIntent,
    Timestamp, Usage,
};
use domain::testing;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::*;

mod hosts;
mod laws;
mod ours;

/// 2026-11-18T11:06:40Z.
const ORDERED: Timestamp = testing::ORDERED;
/// Long after everything in the golden files, in whatever zone a local time is read.
const LATER: Timestamp = Timestamp::from_millis(1_796_000_000_000);

fn id() -> TaskId {
    TaskId::parse("bg_1").expect("an id")
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.json"))
}

fn content(name: &str) -> Vec<u8> {
    fs::read(golden(name)).expect("a golden file")
}

fn utc(text: &str) -> Timestamp {
    Timestamp::from_micros(text.parse::<jiff::Timestamp>().expect("a time").as_microsecond())
}

/// The moment a local time means on this machine.
fn local(text: &str) -> Timestamp {
    let civil: DateTime = text.parse().expect("a time");
    let at = civil.to_zoned(TimeZone::system()).expect("in range").timestamp();
    Timestamp::from_micros(at.as_microsecond())
}

fn intent() -> CancelIntent {
    CancelIntent { at: LATER, grace: Duration::from_secs(10) }
}

fn done() -> Ending {
    Ending::Completed { result: "done".into() }
}

/// Reads a golden file, and checks that `event` changes in it only what it concerns.
fn readable(name: &str, event: Event) -> Task {
    let content = content(name);
    let Record { task, raw } = read(&content, &id()).expect("readable");
    let after = task.clone().apply(event, LATER).expect("it can happen").task;
    let text = over(raw, &task, &after);
    assert_eq!(read(text.as_bytes(), &id()).expect("readable").task, after);
    let expected = golden(&format!("{name}.after"));
    if std::env::var_os("GOLDEN").is_some() {
        fs::write(&expected, &text).expect("written");
    }
    assert_eq!(text, fs::read_to_string(&expected).expect("a golden file"));
    task
}

fn unreadable(name: &str) -> String {
    match read(&content(name), &id()) {
        Ok(_) => panic!("`{name}` is readable"),
        Err(unfit) => unfit.to_string(),
    }
}

fn progressed() -> Event {
    Event::Progressed(Activity {
        tool_calls: 3,
        last_tool: Some("Read".into()),
        ..Activity::default()
    })
}

fn completed() -> Event {
    Event::Reported(Report { result: "found \"it\"\n".into(), error: None })
}

fn exited() -> Event {
    Event::AgentExited { exit: Some(Exit::Code(3)), result: None }
}

fn failure(task: &Task) -> &Failure {
    let State::Error(failure) = task.state() else { panic!("{:?}", task.state()) };
    failure
}

#[test]
fn a_local_time_is_read_in_the_zone_of_the_system_and_stays_as_it_was() {
    let task = readable("local_times", progressed());
    assert_eq!(task.started_at(), Some(local("2026-11-18T12:00:00.123456")));
    assert_eq!(task.progress().last_update, Some(local("2026-11-18T12:00:05.654321")));
    assert_eq!(task.order().runner, Runner::Elsewhere);
    assert_eq!(task.order().prompt.as_str(), "Find \"all\" of them\n$(now) `x`");
    assert!(!task.was_supervised());
}

#[test]
fn a_task_for_an_agent_that_only_a_later_version_knows_is_readable_and_keeps_its_agent() {
    let task = readable("agent_unknown", Event::CancelRequested(intent()));
    let name = AgentName::parse("later-agent").expect("a name");
    assert_eq!(task.order().runner, Runner::Agent { name, autonomy: Autonomy::Low });
}

#[test]
fn a_record_without_progress_is_readable() {
    for name in ["progress_missing", "progress_null", "progress_empty"] {
        let task = readable(name, progressed());
        assert_eq!(task.progress(), &domain::task::Progress::default(), "{name}");
    }
}

#[test]
fn a_record_whose_progress_knows_only_its_last_update_is_readable() {
    let task = readable("last_update_only", completed());
    assert_eq!(task.progress().last_update, Some(local("2026-11-18T12:00:05")));
}

#[test]
fn times_are_read_without_a_fraction_with_z_and_with_any_offset() {
    let task = readable("times_without_a_fraction", progressed());
    assert_eq!(task.started_at(), Some(utc("2026-11-18T12:00:00Z")));
    let task = readable("times_with_z", progressed());
    assert_eq!(task.started_at(), Some(utc("2026-11-18T12:00:00.5Z")));
    let task = readable("times_with_another_offset", progressed());
    assert_eq!(task.started_at(), Some(utc("2026-11-18T12:00:00.000001Z")));
}

#[test]
fn a_running_record_may_not_know_when_it_started() {
    let task = readable("started_at_null", completed());
    assert_eq!((task.status(), task.started_at()), (Status::Running, None));
}

#[test]
fn a_queued_record_of_the_original_is_readable() {
    let task = readable("queued", completed());
    assert_eq!(task.state(), &State::Queued(domain::task::Queued::default()));
    assert_eq!(task.queued_at(), Some(local("2026-11-18T11:59:00")));
}

#[test]
fn a_cancelled_record_of_the_original_is_readable() {
    let task = readable("cancelled", exited());
    assert_eq!(task.status(), Status::Cancelled);
    assert_eq!(task.state().ended_at(), Some(local("2026-11-18T12:10:00")));
}

#[test]
fn a_completed_record_of_the_original_is_readable() {
    let task = readable("completed", exited());
    assert_eq!(task.state().result(), Some("found it"));
}

#[test]
fn a_completed_record_without_a_result_has_an_empty_one() {
    assert_eq!(readable("completed_result_null", exited()).state().result(), Some(""));
}

#[test]
fn an_empty_error_text_says_nothing_and_the_status_decides() {
    let task = readable("error_text_empty", exited());
    assert_eq!((failure(&task).message.as_str(), failure(&task).reason), ("", Reason::Reported));
    let task = readable("error_text_empty_while_running", completed());
    assert_eq!(task.state(), &State::Running(Running::default()));
}

#[test]
fn an_error_without_a_reason_was_reported_from_outside() {
    let task = readable("error_without_a_reason", exited());
    let failure = failure(&task);
    assert_eq!((failure.reason, failure.message.as_str()), (Reason::Reported, "Task timed out"));
    assert_eq!(failure.result.as_deref(), Some("half"));
}

#[test]
fn a_reason_of_a_later_version_survives_and_counts_as_reported() {
    let task = readable("unknown_reason", exited());
    assert_eq!(failure(&task).reason, Reason::Reported);
}

#[test]
fn main_nothing_and_null_are_no_parent() {
    for name in ["local_times", "parent_empty", "parent_null"] {
        assert_eq!(readable(name, progressed()).order().parent, None, "{name}");
    }
    let task = readable("parent_known", progressed());
    assert_eq!(task.order().parent, SessionId::parse("parent-1").ok());
    assert_eq!(task.order().model.as_deref(), Some("opus"));
}

#[test]
fn a_record_without_a_session_has_none() {
    for name in ["session_empty", "session_missing"] {
        assert_eq!(readable(name, progressed()).order().session, None, "{name}");
    }
}

#[test]
fn what_makes_no_sense_under_progress_counts_as_absent() {
    let task = readable("progress_of_strange_types", Event::CancelRequested(intent()));
    assert_eq!(task.progress(), &domain::task::Progress::default());
    assert_eq!(task.order().runner, Runner::Elsewhere);
}

#[test]
fn what_nobody_here_understands_survives_to_the_byte() {
    let task = readable("unknown_keys", progressed());
    assert_eq!(task.progress().activity.tool_calls, 2);
    let text = fs::read_to_string(golden("unknown_keys.after")).expect("a golden file");
    for kept in [
        r#"{ "a":1e400,"b":[ 1,2 ],  "c":"\ud800" }"#,
        "123456789012345678901234567890",
        "50.0",
        r#"{"deep":[{ }]}"#,
        r#""2026-11-18T12:00:00.123456""#,
    ] {
        assert!(text.contains(kept), "{kept}");
    }
}

#[test]
fn where_a_key_stands_twice_the_last_one_counts_and_one_is_left() {
    let task = readable("keys_twice", completed());
    assert_eq!(task.status(), Status::Running);
    assert_eq!(task.progress().activity.tool_calls, 2);
}

#[test]
fn escapes_in_keys_and_texts_are_understood() {
    let task = readable("escaped_keys", completed());
    assert_eq!((task.status(), task.order().prompt.as_str()), (Status::Running, "café"));
}

#[test]
fn everything_we_write_is_read() {
    let task =
        readable("ours", Event::Ended { ending: done(), exit: Some(Exit::Code(0)), next: None });
    let order = task.order();
    let name = AgentName::droid();
    assert_eq!(order.runner, Runner::Agent { name, autonomy: Autonomy::Low });
    assert_eq!(order.time_limit, Some(Duration::from_secs(90)));
    assert_eq!(order.cwd.as_deref(), Some("/work"));
    assert_eq!(task.queued_at(), Some(ORDERED));
    let progress = task.progress();
    assert_eq!(progress.agent.as_ref().map(|agent| agent.start_time), Some(12_346));
    assert_eq!(progress.output_file.as_deref(), Some("/s/bg_1.out"));
    assert_eq!(progress.activity.tools_in_flight, 1);
    assert_eq!(progress.activity.session, SessionId::parse("chosen-by-droid").ok());
    let usage = Usage {
        input_tokens: 1,
        output_tokens: 2,
        cache_read_input_tokens: 3,
        cache_creation_input_tokens: 4,
        cost_micros: None,
    };
    assert_eq!(progress.activity.usage, Some(usage));
    let cancel = CancelIntent { at: utc("2026-11-18T11:06:42Z"), ..intent() };
    let stop = Some(StopIntent::cancel(cancel));
    assert_eq!(task.state(), &State::Running(Running { stop }));

    let task = readable("ours_command", exited());
    let argv = ["sh", "-c", "kill -9 $$"].map(String::from).to_vec();
    assert_eq!(task.order().runner, Runner::Command(argv));
    assert_eq!(task.progress().exit, Some(Exit::Signal(9)));
    assert_eq!(failure(&task).reason, Reason::Signal);
}

// Such a record was unreadable for want of half a character: its task could not be shown, ended or tried
// again.
#[test]
fn half_a_character_in_a_record_is_read_as_a_sign_and_survives_a_rewrite() {
    let task = readable("lone_surrogates", progressed());
    assert_eq!(task.order().description, "Find \u{fffd} auth patterns");
    assert!(task.order().prompt.as_str().ends_with("`x` \u{fffd}"));
    assert_eq!(task.progress().activity.last_message.as_deref(), Some("found \u{fffd}"));
    let after = fs::read_to_string(golden("lone_surrogates.after")).expect("a golden file");
    for written in
        [r"Find \ud83d auth", r"`x` \ude00", r#""half \ud83d key": ["\ud83d", {"\ude00": 1}]"#]
    {
        assert!(after.contains(written), "{written}\n{after}");
    }
}

#[test]
fn what_is_no_record_says_why() {
    for (name, reason) in [
        ("unreadable_empty", "it is empty"),
        ("unreadable_not_json", "it is no JSON: key must be a string at line 2 column 3"),
        ("unreadable_not_an_object", "it is JSON, but no object"),
        ("unreadable_missing_key", "it has no `prompt`"),
        ("unreadable_wrong_type", "its `description` is a list, not a text"),
        ("unreadable_null_status", "its `status` is null, not a text"),
        ("unreadable_unknown_status", "its `status` is `paused`, not a status we know"),
        ("unreadable_other_id", "its `id` is `bg_2`, which is not the name of its file"),
        (
            "unreadable_camel_case",
            "it is another program's record: it has `sessionId`, and no `session_id`",
        ),
        ("unreadable_no_id", "it is another program's record: it has no `id`"),
        ("unreadable_cut_off", "it is cut off at line 7, column 9"),
        (
            "unreadable_nul_filled",
            "it is filled with NUL bytes, as a file is whose content was lost in a crash",
        ),
        ("unreadable_wrong_time", "its `started_at` is a text, not a time"),
        ("unreadable_progress_list", "its `progress` is a list, not an object"),
        ("unreadable_not_utf8", "it is not UTF-8 from byte 26 on"),
    ] {
        assert_eq!(unreadable(name), reason, "{name}");
    }
}

#[test]
fn no_golden_file_is_forgotten() {
    let tests = [include_str!("tests.rs"), include_str!("tests/hosts.rs")].concat();
    for entry in fs::read_dir(golden("x").parent().expect("a folder")).expect("listed") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        let name = name.trim_end_matches(".json").trim_end_matches(".after");
        assert!(tests.contains(&format!("\"{name}\"")), "no test reads `{name}`");
    }
}
