//! What has to hold with the real `droid`: one function a scenario, whose name is the sentence it proves.
//!
//! `cargo xtask e2e` sets the stage - a network of loopback only, a scripted model, the programs - and runs this.
//! Words on the command line choose the scenarios whose names contain one of them. A scenario fails by a panic; then all
//! it did is shown: every command with what it printed, every record, log and event stream. Nothing here replaces a
//! boundary test: those play every ending with a stand-in, these show that the stand-in is right about the real one.
//!
//! Main type: `stage::Stage`, the home of one scenario.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that reports to whoever runs it"
)]

mod briefing;
mod calling;
mod cancelling;
mod collecting;
mod delegating;
mod ending;
mod hearing;
mod losing;
mod plugging;
mod resuming;
mod stage;
mod steering;
mod telling;

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};

use stage::{Arena, Stage};

/// How many scenarios run at once: an agent costs about 225 MB and most of a core while it starts.
const AT_ONCE: usize = 2;

/// The exit code of a run that cannot begin.
const NO_STAGE: u8 = 2;

/// One scenario.
struct Scenario {
    name: &'static str,
    play: fn(&Stage),
}

/// The scenarios, by the names of their functions.
macro_rules! scenarios {
    ($($module:ident::$name:ident),+ $(,)?) => {
        &[$(Scenario { name: stringify!($name), play: $module::$name }),+]
    };
}

const SCENARIOS: &[Scenario] = scenarios![
    // Those that take longest come first.
    collecting::six_agents_at_once_all_complete_each_with_its_own_text,
    delegating::a_subagent_that_stops_does_not_end_the_task_that_started_it,
    briefing::a_named_droid_of_each_source_tells_the_model_its_words_and_has_its_tools,
    hearing::a_session_that_launches_is_the_parent_and_hears_of_each_ending_once,
    hearing::tasks_that_a_subagent_leaves_behind_are_told_to_the_session_that_called_it,
    plugging::the_hooks_of_the_plugin_of_this_checkout_tell_a_session_of_each_ending_once,
    telling::a_prompt_of_a_megabyte_reaches_the_model_unchanged,
    telling::a_prompt_full_of_shell_syntax_reaches_the_model_unchanged,
    telling::the_model_of_the_order_is_the_one_that_is_asked,
    collecting::launch_answers_while_the_model_still_thinks_and_status_names_the_session,
    collecting::status_names_the_tool_that_an_agent_is_using,
    collecting::a_blocked_wait_wakes_when_the_task_ends,
    collecting::output_shows_every_message_and_the_result_is_the_last,
    calling::a_session_launches_waits_reads_and_cancels_with_the_tools_of_the_server,
    cancelling::cancel_during_a_tool_call_leaves_no_process_though_droid_exits_with_0,
    cancelling::cancel_while_waiting_for_the_model_leaves_no_process,
    ending::a_refused_permission_names_the_level_with_which_a_retry_passes,
    ending::credentials_that_the_model_refuses_end_as_auth,
    ending::an_agent_killed_by_a_signal_ends_as_signal,
    ending::an_agent_that_somebody_else_terminates_has_no_result_though_it_exits_with_0,
    resuming::a_resume_answers_in_the_same_session_and_the_model_sees_the_earlier_turn,
    resuming::a_resume_of_a_resume_still_knows_the_first_turn,
    resuming::a_refused_task_completes_when_it_is_retried_with_more_autonomy,
    losing::a_task_whose_supervisor_was_killed_completes_with_its_final_text,
    losing::a_task_whose_supervisor_was_killed_twice_in_a_tool_call_is_waited_for_and_completes,
];

thread_local! {
    /// What the last panic of this thread said, and where.
    static LAST_WORDS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs the scenarios that the command line chooses.
#[must_use]
pub fn main() -> ExitCode {
    let filters: Vec<String> = env::args().skip(1).collect();
    let arena = match Arena::of_environment() {
        Ok(arena) => arena,
        Err(why) => {
            eprintln!("real-droid-scenarios is started by `cargo xtask e2e`: {why}");
            return ExitCode::from(NO_STAGE);
        }
    };
    let chosen: Vec<&Scenario> =
        SCENARIOS.iter().filter(|scenario| is_chosen(scenario.name, &filters)).collect();
    if chosen.is_empty() {
        eprintln!("no scenario has `{}` in its name; there are:", filters.join("` or `"));
        for scenario in SCENARIOS {
            eprintln!("  {}", scenario.name);
        }
        return ExitCode::from(NO_STAGE);
    }
    panic::set_hook(Box::new(remember));
    let failed = play_all(&arena, &chosen);
    println!("{} passed, {failed} failed", chosen.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A name is chosen by any word that is part of it; a space stands for an underscore.
fn is_chosen(name: &str, filters: &[String]) -> bool {
    filters.is_empty() || filters.iter().any(|filter| name.contains(&filter.replace(' ', "_")))
}

/// Plays them, a few at once, and returns how many failed.
fn play_all(arena: &Arena, scenarios: &[&Scenario]) -> usize {
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
            let began = Instant::now();
            let played = play(arena, scenario);
            // One call prints all of it, so that nothing of another thread comes in between.
            println!("{}", verdict(scenario.name, began.elapsed(), played.as_ref().err()));
            failed.fetch_add(usize::from(played.is_err()), Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    failed.into_inner()
}

fn verdict(name: &str, took: Duration, failure: Option<&String>) -> String {
    let seconds = took.as_secs_f64();
    match failure {
        None => format!("ok      {name} ({seconds:.1} s)"),
        Some(report) => {
            let report = report.trim_end().replace('\n', "\n  | ");
            format!("FAILED  {name} ({seconds:.1} s)\n  | {report}\n")
        }
    }
}

/// Plays one in a home of its own; the error says what went wrong and all that was done.
fn play(arena: &Arena, scenario: &Scenario) -> Result<(), String> {
    let stage = caught(|| Stage::new(arena))?;
    let played = caught(|| {
        (scenario.play)(&stage);
        stage.assert_nothing_is_left();
    });
    played.map_err(|words| {
        let report = caught(|| stage.report()).unwrap_or_else(|words| words);
        format!("{words}\n\n{report}")
    })
}

/// What a panic said takes the place of the value.
fn caught<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(act)).map_err(|payload: Box<dyn Any + Send>| {
        drop(payload);
        LAST_WORDS.take().unwrap_or_else(|| "a panic without words".to_owned())
    })
}

/// The panic hook: keeps for the report what would go to standard error.
fn remember(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let words = payload.downcast_ref::<&str>().copied();
    let words = words.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let words = words.unwrap_or("a panic without words");
    let place = panic.location().map(|at| format!("\nat {}:{}", at.file(), at.line()));
    LAST_WORDS.set(Some(format!("{words}{}", place.unwrap_or_default())));
}

#[cfg(test)]
mod tests {
    use super::{SCENARIOS, is_chosen, verdict};
    use std::time::Duration;

    #[test]
    fn any_word_chooses_and_no_word_chooses_all() {
        let words =
            |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert!(is_chosen("a_blocked_wait_wakes", &[]));
        assert!(is_chosen("a_blocked_wait_wakes", &words(&["cancel", "blocked wait"])));
        assert!(!is_chosen("a_blocked_wait_wakes", &words(&["cancel"])));
    }

    #[test]
    fn no_scenario_is_named_twice() {
        let mut names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SCENARIOS.len());
    }

    #[test]
    fn a_failure_shows_its_report_indented() {
        let report = "one\ntwo\n".to_owned();
        let shown = verdict("it_fails", Duration::from_millis(1_250), Some(&report));
        assert_eq!(shown, "FAILED  it_fails (1.2 s)\n  | one\n  | two\n");
    }
}
