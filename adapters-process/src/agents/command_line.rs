//! How an order becomes the argument list of a process. Never a shell, never the prompt.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use domain::task::{Autonomy, Continuation, Order, Runner};

/// A program and its arguments, and whether it is told something on its standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// The program, by name or path.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Whether the prompt is its standard input.
    pub takes_prompt: bool,
    /// Whether its standard output is droid's event stream.
    pub speaks_events: bool,
}

/// The command line of an order; `None` for an order that somebody else runs.
///
/// `droid` is the droid program, by name or path, and `instructions` the file with what the agent is
/// told besides its prompt.
pub fn of_order(order: &Order, droid: &OsStr, instructions: Option<&Path>) -> Option<CommandLine> {
    match &order.runner {
        Runner::Droid(autonomy) => Some(CommandLine {
            program: droid.to_owned(),
            arguments: droid_arguments(*autonomy, order, instructions),
            takes_prompt: true,
            speaks_events: true,
        }),
        Runner::Command(argv) => {
            let (program, arguments) = argv.split_first()?;
            Some(CommandLine {
                program: program.into(),
                arguments: arguments.iter().map(OsString::from).collect(),
                takes_prompt: false,
                speaks_events: false,
            })
        }
        Runner::Elsewhere => None,
    }
}

fn droid_arguments(
    autonomy: Autonomy,
    order: &Order,
    instructions: Option<&Path>,
) -> Vec<OsString> {
    let mut arguments = vec!["exec", "-o", "stream-json"];
    if autonomy != Autonomy::None {
        arguments.extend(["--auto", autonomy.word()]);
    }
    if let Some(model) = &order.model {
        arguments.extend(["--model", model]);
    }
    match &order.lineage.continues {
        Some(Continuation::Same(session)) => arguments.extend(["--session-id", session.as_str()]),
        Some(Continuation::Fork(session)) => arguments.extend(["--fork", session.as_str()]),
        None => {}
    }
    let briefing = order.briefing.as_ref();
    if let Some(effort) = briefing.and_then(|given| given.reasoning_effort.as_deref()) {
        arguments.extend(["--reasoning-effort", effort]);
    }
    let mut arguments: Vec<OsString> = arguments.into_iter().map(OsString::from).collect();
    if let Some(tools) = briefing.and_then(|given| given.tools.as_ref()) {
        arguments.extend(["--only-tools".into(), tools.join(",").into()]);
    }
    if let Some(instructions) = instructions {
        arguments.extend(["--append-system-prompt-file".into(), instructions.into()]);
    }
    arguments
}

/// Finds the program as `execvp` would: a name with a slash is a path, relative to `cwd`; any other
/// is looked for in the folders of `path`.
pub fn find_program(program: &OsStr, cwd: &Path, path: Option<&OsStr>) -> Option<PathBuf> {
    let executable = |candidate: &Path| {
        candidate
            .metadata()
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if program.as_encoded_bytes().contains(&b'/') {
        return Some(cwd.join(program)).filter(|candidate| executable(candidate));
    }
    let folders = std::env::split_paths(path?);
    folders.map(|folder| cwd.join(folder).join(program)).find(|candidate| executable(candidate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::task::{Briefing, DroidSource};
    use domain::testing;

    fn droid(runner: Runner, model: Option<&str>) -> Vec<OsString> {
        let order = Order { runner, model: model.map(Into::into), ..testing::order() };
        of_order(&order, OsStr::new("droid"), None).expect("it is ours").arguments
    }

    #[test]
    fn the_prompt_is_never_on_the_command_line() {
        for autonomy in Autonomy::ALL {
            let arguments = droid(Runner::Droid(autonomy), None);
            let prompt = testing::order().prompt;
            assert!(!arguments.iter().any(|argument| argument == prompt.as_str()));
        }
    }

    #[test]
    fn the_recorded_autonomy_and_model_are_really_passed_on() {
        assert_eq!(
            droid(Runner::Droid(Autonomy::High), Some("opus")),
            ["exec", "-o", "stream-json", "--auto", "high", "--model", "opus"]
        );
        assert_eq!(droid(Runner::Droid(Autonomy::None), None), ["exec", "-o", "stream-json"]);
    }

    #[test]
    fn what_its_definition_gives_a_droid_becomes_options() {
        let briefing = Briefing {
            source: DroidSource::User,
            path: None,
            reasoning_effort: Some("high".into()),
            tools: Some(vec!["Read".into(), "LS".into()]),
        };
        let runner = Runner::Droid(Autonomy::None);
        let order = Order { runner, briefing: Some(briefing), ..testing::order() };
        let file = Some(Path::new("/s/.active/bg_1.system.md"));
        let line = of_order(&order, OsStr::new("droid"), file).expect("it is ours");
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
    fn a_commands_words_are_passed_on_as_they_are() {
        let argv = ["printf", "%s", "$(id) `id` 'a b'\n"].map(String::from).to_vec();
        let order = Order { runner: Runner::Command(argv), ..testing::order() };
        let line = of_order(&order, OsStr::new("droid"), None).expect("it is ours");
        assert_eq!(line.program, "printf");
        assert_eq!(line.arguments, ["%s", "$(id) `id` 'a b'\n"]);
    }

    #[test]
    fn a_program_is_found_where_execvp_would_find_it() {
        let (root, path) = (Path::new("/"), Some(OsStr::new("/nowhere:/bin:/usr/bin")));
        assert_eq!(find_program(OsStr::new("sh"), root, path), Some("/bin/sh".into()));
        assert_eq!(find_program(OsStr::new("bin/sh"), root, None), Some("/bin/sh".into()));
        assert_eq!(find_program(OsStr::new("/etc/passwd"), root, path), None);
        assert_eq!(find_program(OsStr::new("no-such-program"), root, path), None);
    }
}
