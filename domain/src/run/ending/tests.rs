//! The ending table, line by line. No process is run.

use super::super::account::AgentEvent;
use super::*;
use std::prelude::v1::*;

/// An agent with the autonomy `low`.
fn agent() -> Runner {
    Runner::Agent { name: AgentName::droid(), autonomy: Autonomy::Low }
}

fn account(events: impl IntoIterator<Item = AgentEvent>) -> Account {
    let mut account = Account::default();
    events.into_iter().for_each(|event| account.note(event));
    account
}

fn finished(text: &str) -> AgentEvent {
    AgentEvent::Finished { text: text.into(), usage: None }
}

fn fatal(message: &str) -> AgentEvent {
    AgentEvent::Failed { message: message.into(), fatal: true, reason: None }
}

fn known(reason: Reason, message: &str) -> AgentEvent {
    AgentEvent::Failed { message: message.into(), fatal: true, reason: Some(reason) }
}

fn seen<'a>(runner: &'a Runner, account: &'a Account, exit: Option<Exit>) -> Evidence<'a> {
    Evidence {
        runner,
        cancel_requested: false,
        time_limit_passed: None,
        output_limit_passed: None,
        account,
        exit,
        log_tail: "",
        log_complaint: None,
        text_only: false,
    }
}

fn reason(ending: &Ending) -> Option<Reason> {
    match ending {
        Ending::Failed { reason, .. } => Some(*reason),
        Ending::Completed { .. } | Ending::Cancelled { .. } => None,
    }
}

#[test]
fn a_requested_cancel_decides_whatever_the_exit_status_and_the_final_line() {
    let done = account([finished("all done")]);
    for exit in [Some(Exit::Code(0)), Some(Exit::Code(1)), Some(Exit::Signal(15)), None] {
        let ending = decide(&Evidence { cancel_requested: true, ..seen(&agent(), &done, exit) });
        assert_eq!(ending, Ending::Cancelled { result: Some("all done".into()) });
    }
}

#[test]
fn a_passed_time_limit_is_a_timeout_even_if_the_agent_then_said_it_was_done() {
    let done = account([finished("hasty")]);
    let limit = Some(Duration::from_secs(2));
    let ending = decide(&Evidence {
        time_limit_passed: limit,
        output_limit_passed: None,
        ..seen(&agent(), &done, Some(Exit::Code(0)))
    });
    assert_eq!(
        ending,
        Ending::Failed {
            reason: Reason::Timeout,
            message: "timed out after 2 s (`--timeout`)".into(),
            result: Some("hasty".into()),
        }
    );
}

#[test]
fn a_final_line_and_exit_0_complete_a_droid_with_its_text() {
    let done = account([finished("the answer")]);
    let ending = decide(&seen(&agent(), &done, Some(Exit::Code(0))));
    assert_eq!(ending, Ending::Completed { result: "the answer".into() });
}

#[test]
fn a_final_line_completes_a_droid_whose_exit_nobody_saw() {
    let done = account([finished("the answer")]);
    assert_eq!(
        decide(&seen(&agent(), &done, None)),
        Ending::Completed { result: "the answer".into() }
    );
}

#[test]
fn a_refused_permission_names_the_level_to_retry_with() {
    let words = "Exec ended early: insufficient permission to proceed. Re-run with --auto medium or --auto high.";
    let refused = account([known(Reason::Permission, words)]);
    let ending = decide(&seen(&agent(), &refused, Some(Exit::Code(1))));
    assert_eq!(ending, Ending::failed(Reason::Permission, words));
    assert_eq!(retry_autonomy(words, Autonomy::Low), Some(Autonomy::Medium));
    assert_eq!(retry_autonomy(words, Autonomy::Medium), Some(Autonomy::High));

    let terse = account([known(Reason::Permission, "insufficient permission")]);
    let Ending::Failed { message, .. } = decide(&seen(&agent(), &terse, Some(Exit::Code(1))))
    else {
        panic!("a refusal is no success");
    };
    assert_eq!(message, "insufficient permission (retry with --autonomy medium)");
}

#[test]
fn a_level_is_named_by_any_option_of_an_agent_and_by_no_other_word() {
    for (words, level) in [
        ("run it with `--sandbox-level high`", Autonomy::High),
        ("use --auto medium or --auto high.", Autonomy::Medium),
        ("the high road is closed", Autonomy::Low),
        ("", Autonomy::Low),
    ] {
        assert_eq!(retry_autonomy(words, Autonomy::None), Some(level), "{words}");
    }
}

#[test]
fn words_of_the_model_about_permission_are_no_refusal() {
    let chatty = account([
        AgentEvent::Said { text: "I saw: insufficient permission".into(), at: None },
        finished("insufficient permission was in the log"),
    ]);
    let ending = decide(&seen(&agent(), &chatty, Some(Exit::Code(0))));
    assert!(matches!(ending, Ending::Completed { .. }));
}

#[test]
fn a_missing_login_is_an_auth_error() {
    let droid_says = "Authentication failed. Please log in using /login or set a valid FACTORY_API_KEY environment variable.";
    let login = account([known(Reason::Auth, droid_says)]);
    assert_eq!(
        decide(&seen(&agent(), &login, Some(Exit::Code(1)))),
        Ending::failed(Reason::Auth, droid_says)
    );
    let model = account([
        AgentEvent::Failed {
            message: "401 {\"type\":\"error\"}".into(),
            fatal: false,
            reason: Some(Reason::Auth),
        },
        fatal("Exec failed"),
    ]);
    assert_eq!(reason(&decide(&seen(&agent(), &model, Some(Exit::Code(1))))), Some(Reason::Auth));
}

#[test]
fn exit_0_without_a_final_line_is_no_result() {
    let silent = account([AgentEvent::Said { text: "half way".into(), at: None }]);
    let Ending::Failed { reason, result, .. } =
        decide(&seen(&agent(), &silent, Some(Exit::Code(0))))
    else {
        panic!("an exit code of 0 alone is no success");
    };
    assert_eq!((reason, result.as_deref()), (Reason::NoResult, Some("half way")));
}

#[test]
fn an_error_in_place_of_an_answer_is_no_success_and_stands_in_the_message() {
    let overloaded = |reason| AgentEvent::Failed {
        message: "429 rate_limit_error".into(),
        fatal: false,
        reason,
    };
    for exit in [Some(Exit::Code(0)), None] {
        let hollow = account([overloaded(None), finished("API Error: 429 rate_limit_error")]);
        let ending = decide(&seen(&agent(), &hollow, exit));
        let message = "droid gave an error for its answer: 429 rate_limit_error";
        assert_eq!(ending, Ending::failed(Reason::NoResult, message));
        let known = account([overloaded(Some(Reason::Auth)), finished("429 rate_limit_error")]);
        assert_eq!(reason(&decide(&seen(&agent(), &known, exit))), Some(Reason::Auth));
    }
}

#[test]
fn exit_0_without_a_final_line_names_the_agent_and_the_last_error_it_reported() {
    let message = |events: &[AgentEvent]| {
        let ending = decide(&seen(&agent(), &account(events.to_vec()), Some(Exit::Code(0))));
        let Ending::Failed { reason: Reason::NoResult, message, .. } = ending else {
            panic!("{ending:?}");
        };
        message
    };
    let silent =
        "droid exited with 0 but never said that it was done (it does so when it is told to stop)";
    assert_eq!(message(&[]), silent);
    let failed =
        |message: &str| AgentEvent::Failed { message: message.into(), fatal: false, reason: None };
    let overloaded = message(&[failed("500 first"), failed("429 too many requests")]);
    assert_eq!(overloaded, format!("{silent}: 429 too many requests"));
}

#[test]
fn what_the_log_says_counts_only_where_the_event_stream_never_began() {
    let ending = |account: &Account| {
        decide(&Evidence {
            log_tail: "no login\n",
            log_complaint: Some(Reason::Auth),
            ..seen(&agent(), account, Some(Exit::Code(1)))
        })
    };
    assert_eq!(ending(&account([])), Ending::failed(Reason::Auth, "no login"));
    let spoke = account([AgentEvent::Said { text: "hello".into(), at: None }]);
    assert_eq!(reason(&ending(&spoke)), Some(Reason::Exit));
    let began = account([AgentEvent::Began { session: crate::task::SessionId::parse("s").ok() }]);
    assert_eq!(reason(&ending(&began)), Some(Reason::Exit));
}

#[test]
fn a_signal_that_ended_it_counts_before_all_that_it_had_reported() {
    for kind in [Reason::Auth, Reason::RateLimit, Reason::Permission] {
        let failed = account([known(kind, "its words")]);
        let ending = decide(&seen(&agent(), &failed, Some(Exit::Signal(15))));
        let message = "ended by SIGTERM: its words";
        assert_eq!(ending, Ending::failed(Reason::Signal, message));
    }
}

#[test]
fn an_error_that_it_got_over_no_longer_says_why_it_failed() {
    let limited =
        AgentEvent::Failed { message: "429".into(), fatal: false, reason: Some(Reason::RateLimit) };
    let ending = |events: &[AgentEvent]| {
        let account = account([limited.clone()].into_iter().chain(events.iter().cloned()));
        reason(&decide(&seen(&agent(), &account, Some(Exit::Code(1)))))
    };
    assert_eq!(ending(&[]), Some(Reason::RateLimit));
    assert_eq!(ending(&[AgentEvent::ToolReturned]), Some(Reason::RateLimit));
    assert_eq!(ending(&[AgentEvent::ToolCalled { tool: "t".into() }]), Some(Reason::Exit));
    let said = AgentEvent::Said { text: "I go on".into(), at: None };
    assert_eq!(ending(&[said]), Some(Reason::Exit));
}

#[test]
fn a_failure_reported_before_an_exit_with_0_is_named_as_one() {
    let ending = decide(&seen(&agent(), &account([fatal("no")]), Some(Exit::Code(0))));
    let message = "droid reported a failure, although it exited with 0: no";
    assert_eq!(ending, Ending::failed(Reason::NoResult, message));
}

#[test]
fn a_final_line_before_a_bad_exit_is_kept_as_the_findings_of_a_failure() {
    let done = account([finished("the answer")]);
    for (exit, expected) in [(Exit::Code(1), Reason::Exit), (Exit::Signal(9), Reason::Signal)] {
        let Ending::Failed { reason, result, .. } = decide(&seen(&agent(), &done, Some(exit)))
        else {
            panic!("a bad exit is no success");
        };
        assert_eq!((reason, result.as_deref()), (expected, Some("the answer")));
    }
}

#[test]
fn a_command_completes_on_exit_0_with_the_last_lines_of_its_log() {
    let (runner, none) = (Runner::Command(vec!["make".into()]), Account::default());
    let ending = decide(&Evidence {
        log_tail: "built\nall green\n",
        ..seen(&runner, &none, Some(Exit::Code(0)))
    });
    assert_eq!(ending, Ending::Completed { result: "built\nall green".into() });
}

#[test]
fn a_bad_exit_of_a_command_quotes_the_last_lines_of_its_log() {
    let (runner, none) = (Runner::Command(vec!["make".into()]), Account::default());
    let failed =
        |exit| decide(&Evidence { log_tail: "no rule\n", ..seen(&runner, &none, Some(exit)) });
    assert_eq!(
        failed(Exit::Code(2)),
        Ending::Failed {
            reason: Reason::Exit,
            message: "exited with code 2: no rule".into(),
            result: Some("no rule".into())
        }
    );
    let Ending::Failed { reason, message, .. } = failed(Exit::Signal(9)) else { panic!() };
    assert_eq!((reason, message.as_str()), (Reason::Signal, "ended by SIGKILL: no rule"));
}

#[test]
fn a_run_whose_exit_nobody_saw_and_that_said_nothing_is_lost() {
    let none = Account::default();
    for runner in [agent(), Runner::Command(vec!["make".into()])] {
        assert_eq!(reason(&decide(&seen(&runner, &none, None))), Some(Reason::Lost));
    }
}
