//! What events add up to, one kind after another.

use super::*;
use std::string::ToString;

#[test]
fn tool_calls_are_counted_and_the_open_ones_known() {
    let mut account = Account::default();
    account.note(AgentEvent::ToolCalled { tool: "Read".to_string() });
    account.note(AgentEvent::ToolCalled { tool: "Execute".to_string() });
    account.note(AgentEvent::ToolReturned);
    let activity = account.activity();
    assert_eq!((activity.tool_calls, activity.tools_in_flight), (2, 1));
    assert_eq!(activity.last_tool.as_deref(), Some("Execute"));
}

fn said(text: &str) -> AgentEvent {
    AgentEvent::Said { text: text.to_string(), at: None }
}

fn failed(message: &str) -> AgentEvent {
    AgentEvent::Failed { message: message.to_string(), fatal: false, reason: None }
}

fn finished(text: &str) -> AgentEvent {
    AgentEvent::Finished { text: text.to_string(), usage: None }
}

fn of(events: &[AgentEvent]) -> Account {
    let mut account = Account::default();
    for event in events {
        account.note(event.clone());
    }
    account
}

#[test]
fn a_final_text_that_only_repeats_the_error_before_it_is_no_answer() {
    let error = failed("429 rate_limit_error");
    let echo = "API Error: 429 rate_limit_error";
    for events in [
        [said("half"), error.clone(), finished(echo)].to_vec(),
        [said("half"), error.clone(), said(echo), finished(echo)].to_vec(),
        [said("half"), said(echo), error.clone(), finished(echo)].to_vec(),
    ] {
        let account = of(&events);
        assert!(account.gave_up() && account.answer().is_none(), "{events:?}");
        assert_eq!(account.findings(), Some("half"), "{events:?}");
    }
    // An agent that worked on after the error may well speak of it, and a short answer may stand
    // in an error by chance.
    for (after, text) in [
        ([error.clone(), said("I go on")], echo),
        ([error.clone(), AgentEvent::ToolReturned], echo),
        ([failed("the token expired"), AgentEvent::Other], "ok"),
    ] {
        let account = of(&[after.to_vec(), [finished(text)].to_vec()].concat());
        assert_eq!(account.answer(), Some(text));
    }
}

#[test]
fn what_was_said_last_is_the_answer_where_the_final_text_is_empty() {
    assert_eq!(of(&[said("found"), said(" "), finished("")]).answer(), Some("found"));
    assert_eq!(of(&[finished("")]).answer(), Some(""));
    assert_eq!(of(&[said("found")]).answer(), None);
}

#[test]
fn findings_are_the_final_text_or_else_the_last_words() {
    let mut account = Account::default();
    assert_eq!(account.findings(), None);
    account.note(AgentEvent::Said { text: "half".to_string(), at: None });
    assert_eq!(account.findings(), Some("half"));
    account.note(AgentEvent::Finished { text: "whole".to_string(), usage: None });
    assert_eq!(account.findings(), Some("whole"));
}

fn piece(text: &str) -> AgentEvent {
    AgentEvent::SaidPart { text: text.to_string() }
}

#[test]
fn the_pieces_since_it_last_did_something_else_are_the_answer() {
    let mut account = Account::default();
    for event in [piece("first "), piece("thought"), AgentEvent::ToolReturned] {
        account.note(event);
    }
    assert_eq!(account.findings(), Some("first thought"));
    for event in [piece("the "), AgentEvent::Other, piece("answer\n")] {
        account.note(event);
    }
    account.note(AgentEvent::Done { usage: None });
    assert_eq!(account.answer(), Some("the answer"));
}

#[test]
fn what_it_was_done_with_before_a_failure_or_a_new_beginning_is_no_answer() {
    let finished = || AgentEvent::Finished { text: "half".to_string(), usage: None };
    let failed = |fatal| AgentEvent::Failed { message: "no".to_string(), fatal, reason: None };
    for (event, stays) in
        [(AgentEvent::Began { session: None }, false), (failed(true), false), (failed(false), true)]
    {
        let mut account = Account::default();
        account.note(finished());
        account.note(event);
        assert_eq!(account.answer().is_some(), stays);
    }
}

#[test]
fn a_refusal_is_remembered_once_and_no_more_of_them_than_are_read() {
    let mut account = Account::default();
    let refused = |tool: &str, words: &str| AgentEvent::Refused {
        tool: tool.to_string(),
        words: words.to_string(),
    };
    for event in [refused("Bash", "not now"), refused("Bash", "not now"), refused("Bash", "")] {
        account.note(event);
    }
    account.note(refused("Write", ""));
    assert_eq!(account.activity().refused, ["Bash: not now", "Write"]);
    for number in 0..2 * MOST_REFUSED {
        account.note(refused("Edit", &number.to_string()));
    }
    assert_eq!(account.activity().refused.len(), MOST_REFUSED);
}

#[test]
fn what_is_used_up_step_by_step_adds_up() {
    let mut account = Account::default();
    for output_tokens in [3, 4] {
        let usage = Usage { output_tokens, cost_micros: Some(5), ..Usage::default() };
        account.note(AgentEvent::Used { usage });
    }
    account.note(AgentEvent::Done { usage: None });
    let usage = account.activity().usage.unwrap_or_default();
    assert_eq!((usage.output_tokens, usage.cost_micros), (7, Some(10)));
}

/// Once, what an agent had started in the background and was stopped with it counted as done.
#[test]
fn what_turns_out_not_to_be_its_end_is_no_answer_and_what_it_found_is_kept() {
    let at_work = |count| AgentEvent::AtWork { count };
    for (events, reopened) in [
        ([finished("A"), AgentEvent::NotDone].to_vec(), Reopened::NotDone),
        (
            [finished("A"), AgentEvent::Unread, said("A"), AgentEvent::Other].to_vec(),
            Reopened::Unread,
        ),
        ([at_work(1), finished("A")].to_vec(), Reopened::NotDone),
    ] {
        let account = of(&events);
        assert_eq!((account.answer(), account.reopened()), (None, Some(reopened)), "{events:?}");
        assert_eq!(account.findings(), Some("A"), "{events:?}");
        let after = of(&[events, [at_work(0), finished("B")].to_vec()].concat());
        assert_eq!((after.answer(), after.reopened()), (Some("B"), None));
    }
    let began = AgentEvent::Began { session: None };
    assert_eq!(of(&[AgentEvent::NotDone, began, finished("A")]).answer(), Some("A"));
}

/// Once, a message in many pieces was held whole, and copied with each piece.
#[test]
fn of_a_message_in_pieces_as_much_is_kept_as_of_one_in_whole() {
    let (mut account, mut readable) =
        (Account::default(), super::super::readable::Readable::default());
    for _ in 0..3 {
        let part = AgentEvent::SaidPart { text: "é".repeat(RESULT_LIMIT / 4 + 1) };
        assert_eq!(readable.paragraph(&part), None);
        account.note(part);
    }
    let done = AgentEvent::Done { usage: None };
    let shown = readable.paragraph(&done).expect("it is shown");
    account.note(done);
    let whole = "é".repeat(3 * (RESULT_LIMIT / 4 + 1));
    let expected = text::at_most(whole, RESULT_LIMIT);
    assert_eq!(account.answer(), Some(expected.as_str()));
    assert_eq!(shown.trim_end(), expected);
}
