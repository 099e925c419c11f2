//! Droid: `droid exec`, which reads its prompt from standard input and writes `-o stream-json` to
//! standard output.
//!
//! The command line passes on what the order says and nothing else; `stream` reads the lines of the
//! stream. Droid exits with 0 when it is told to stop, so only its completion line says that it is
//! done.

mod stream;

use std::ffi::OsString;

use domain::port::{Abilities, Agent, Circumstances, CommandLine, OsText, Program, Told};
use domain::run::AgentEvent;
use domain::task::{Autonomy, Continuation, Order, Reason, Runner};

use super::start::Start;
use super::{api_failure, tools};

/// The name by which orders and records know droid.
pub const NAME: &str = "droid";
/// The variable that says whether droid is kept from its service.
pub const AIRGAP: &str = "FACTORY_AIRGAP_ENABLED";
/// Its tools that write, or order somebody to.
const WRITING: [&str; 5] = ["Edit", "MultiEdit", "Create", "ApplyPatch", "Task"];
/// Its tool that reads a file.
const READ: &str = "Read";
/// How droid is installed.
const INSTALL: &str = "install droid, Factory's command line, put the folder of `droid` \
    on PATH, or set `TASK_BG_DROID` to the program";

/// The adapter of droid.
#[derive(Clone, Debug)]
pub struct Droid {
    start: Start,
}

impl Droid {
    /// The adapter that starts droid with these words; with none, as usual.
    pub fn new(words: &[OsString]) -> Self {
        Self { start: Start::new(words, NAME, INSTALL) }
    }
}

impl Agent for Droid {
    fn name(&self) -> &str {
        NAME
    }

    fn command(&self, order: &Order, told: &Told<'_>) -> Option<CommandLine> {
        let autonomy = self.start.autonomy(order)?;
        Some(self.start.with(arguments(autonomy, order, told.instructions)))
    }

    fn decode(&self, line: &[u8], take: &mut dyn FnMut(AgentEvent)) {
        decode(line, take);
    }

    fn complaint(&self, log: &str) -> Option<Reason> {
        complaint(api_failure::last_lines(log, 1))
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            resumes: true,
            forks: true,
            takes_session_name: false,
            streams: true,
            models_of_droids: true,
            levels: &Autonomy::ALL,
        }
    }

    fn program(&self) -> Option<Program<'_>> {
        Some(self.start.program())
    }

    fn unapplied(&self, order: &Order) -> Vec<String> {
        let Runner::Agent { autonomy, .. } = order.runner else { return Vec::new() };
        let tools = order.briefing.as_ref().and_then(|given| given.tools.as_deref());
        let (_, dropped) = at(autonomy, tools.unwrap_or_default());
        tools::unapplied(&dropped).into_iter().collect()
    }

    fn only_forks(&self, around: &Circumstances<'_>) -> bool {
        // Droid asks its service for a session before it goes on in it, and ends without a word where
        // it cannot.
        (around.variable)(AIRGAP).is_some_and(|value| value != "0" && value != "false")
    }
}

fn arguments(autonomy: Autonomy, order: &Order, instructions: Option<&OsText>) -> Vec<OsText> {
    let mut words = vec!["exec", "-o", "stream-json"];
    if autonomy != Autonomy::None {
        words.extend(["--auto", autonomy.word()]);
    }
    if let Some(model) = &order.model {
        words.extend(["--model", model]);
    }
    match &order.lineage.continues {
        Some(Continuation::Same(session)) => words.extend(["--session-id", session.as_str()]),
        Some(Continuation::Fork(session)) => words.extend(["--fork", session.as_str()]),
        None => {}
    }
    let briefing = order.briefing.as_ref();
    if let Some(effort) = briefing.and_then(|given| given.reasoning_effort.as_deref()) {
        words.extend(["--reasoning-effort", effort]);
    }
    let mut arguments: Vec<OsText> = words.into_iter().map(OsText::from).collect();
    if let Some(tools) = briefing.and_then(|given| given.tools.as_deref()) {
        let (mut given, _) = at(autonomy, tools);
        // An empty list would give it all tools of the level, shell commands among them.
        if given.is_empty() && !tools.is_empty() {
            given.push(READ);
        }
        arguments.extend(["--only-tools".into(), given.join(",").into()]);
    }
    if let Some(instructions) = instructions {
        arguments.extend(["--append-system-prompt-file".into(), instructions.clone()]);
    }
    arguments
}

/// The tools of a definition that hold at this level, and those that do not.
///
/// Droid gives an agent without `--auto` no tool that writes, but a list of tools on its command line counts before that.
fn at(autonomy: Autonomy, tools: &[String]) -> (Vec<&str>, Vec<&str>) {
    let writes = |tool: &&str| WRITING.iter().any(|name| name.eq_ignore_ascii_case(tool));
    let tools = tools.iter().map(String::as_str);
    tools.partition(|tool| autonomy != Autonomy::None || !writes(tool))
}

/// Hands on what one line of its stream says.
pub(super) fn decode(line: &[u8], take: &mut dyn FnMut(AgentEvent)) {
    stream::decode(line, take);
}

/// What kind of failure droid's words are, where it reports them as an error. The check for a refused permission
/// comes first, since its words may quote anything.
fn complaint(words: &str) -> Option<Reason> {
    if words.contains("insufficient permission to proceed") {
        return Some(Reason::Permission);
    }
    let status = words.trim_start();
    let refused = status.starts_with("401")
        || status.starts_with("403")
        || words.contains("Authentication failed")
        || words.contains("authentication_error")
        || words.contains("FACTORY_API_KEY");
    if refused {
        return Some(Reason::Auth);
    }
    let limited = status.starts_with("429") || words.contains("rate_limit_error");
    limited.then_some(Reason::RateLimit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::port::Input;
    use domain::task::{AgentName, Briefing, DroidSource};
    use domain::testing;

    fn line(order: &Order, told: Told<'_>) -> CommandLine {
        Droid::new(&[]).command(order, &told).expect("it is ours")
    }

    fn with(autonomy: Autonomy, model: Option<&str>) -> Order {
        let runner = Runner::Agent { name: AgentName::droid(), autonomy };
        Order { runner, model: model.map(Into::into), ..testing::order() }
    }

    #[test]
    fn the_prompt_is_never_on_the_command_line() {
        for autonomy in Autonomy::ALL {
            let line = line(&with(autonomy, None), Told::default());
            let prompt = testing::order().prompt;
            assert!(!line.arguments.iter().any(|argument| *argument == prompt.as_str()));
            assert_eq!(line.input, Input::Prompt);
        }
    }

    #[test]
    fn the_recorded_autonomy_and_model_are_really_passed_on() {
        assert_eq!(
            line(&with(Autonomy::High, Some("opus")), Told::default()).arguments,
            ["exec", "-o", "stream-json", "--auto", "high", "--model", "opus"]
        );
        assert_eq!(
            line(&with(Autonomy::None, None), Told::default()).arguments,
            ["exec", "-o", "stream-json"]
        );
    }

    #[test]
    fn what_its_definition_gives_a_droid_becomes_options() {
        let briefing = Briefing {
            source: DroidSource::User,
            path: None,
            reasoning_effort: Some("high".into()),
            tools: Some(vec!["Read".into(), "LS".into()]),
            unapplied: Vec::new(),
            is_named: true,
        };
        let order = Order { briefing: Some(briefing), ..with(Autonomy::None, None) };
        let file = OsText::from("/s/.active/bg_1.system.md");
        let line = line(&order, Told { instructions: Some(&file), ..Told::default() });
        assert_eq!(
            line.arguments[3..],
            [
                "--reasoning-effort",
                "high",
                "--only-tools",
                "Read,LS",
                "--append-system-prompt-file",
                "/s/.active/bg_1.system.md"
            ]
        );
    }

    #[test]
    fn a_definition_gives_no_tool_that_writes_to_a_droid_that_only_reads() {
        let check = |autonomy, tools: &[&str], given: &str, dropped: &[&str]| {
            let briefing = Briefing {
                source: DroidSource::User,
                path: None,
                reasoning_effort: None,
                tools: Some(tools.iter().map(|tool| (*tool).to_owned()).collect()),
                unapplied: Vec::new(),
                is_named: true,
            };
            let order = Order { briefing: Some(briefing), ..with(autonomy, None) };
            let arguments = line(&order, Told::default()).arguments;
            assert_eq!(arguments[arguments.len() - 2..], ["--only-tools", given]);
            assert_eq!(Droid::new(&[]).unapplied(&order), dropped);
        };
        check(Autonomy::Low, &["Read", "Create", "Task"], "Read,Create,Task", &[]);
        check(Autonomy::None, &["Read"], "Read", &[]);
        check(
            Autonomy::None,
            &["Grep", "Create", "Execute"],
            "Grep,Execute",
            &["the tools Create"],
        );
        check(Autonomy::None, &["Edit", "Task"], "Read", &["the tools Edit, Task"]);
    }

    #[test]
    fn an_order_for_another_agent_is_none_of_droids() {
        let name = AgentName::parse("another").expect("a name");
        let runner = Runner::Agent { name, autonomy: Autonomy::Low };
        let order = Order { runner, ..testing::order() };
        assert_eq!(Droid::new(&[]).command(&order, &Told::default()), None);
    }

    #[test]
    fn droids_words_for_a_refusal_and_for_a_missing_login_are_known() {
        for (words, reason) in [
            ("Exec ended early: insufficient permission to proceed.", Some(Reason::Permission)),
            ("Authentication failed. Please log in using /login", Some(Reason::Auth)),
            (" 401 {\"type\":\"error\"}", Some(Reason::Auth)),
            ("set a valid FACTORY_API_KEY environment variable", Some(Reason::Auth)),
            ("429 {\"type\":\"error\"}", Some(Reason::RateLimit)),
            ("", None),
        ] {
            assert_eq!(complaint(words), reason, "{words}");
        }
    }
}
