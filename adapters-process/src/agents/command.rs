//! A plain command: the words of the order are the command line, as they are and never through a shell.
//!
//! A command has no event stream, no session and no autonomy. It gets no instructions and no prompt,
//! and what it prints is text for people.

use domain::port::{Abilities, Agent, CommandLine, Input, Program, Speech, Told};
use domain::run::AgentEvent;
use domain::task::agent_name::COMMAND_WORD;
use domain::task::{Order, Runner};

/// The adapter of plain commands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Command;

impl Agent for Command {
    fn name(&self) -> &str {
        COMMAND_WORD
    }

    fn command(&self, order: &Order, _told: &Told<'_>) -> Option<CommandLine> {
        let Runner::Command(words) = &order.runner else { return None };
        let (program, arguments) = words.split_first()?;
        Some(CommandLine {
            program: program.as_str().into(),
            arguments: arguments.iter().map(|word| word.as_str().into()).collect(),
            environment: Vec::new(),
            defaults: Vec::new(),
            input: Input::Nothing,
            speech: Speech::Text,
        })
    }

    fn decode(&self, _line: &[u8], _take: &mut dyn FnMut(AgentEvent)) {}

    fn abilities(&self) -> Abilities {
        Abilities {
            resumes: false,
            forks: false,
            takes_session_name: false,
            streams: false,
            models_of_droids: false,
            levels: &[],
        }
    }

    fn program(&self) -> Option<Program<'_>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::testing;

    #[test]
    fn a_commands_words_are_passed_on_as_they_are() {
        let argv = ["printf", "%s", "$(id) `id` 'a b'\n"].map(String::from).to_vec();
        let order = Order { runner: Runner::Command(argv), ..testing::order() };
        let line = Command.command(&order, &Told::default()).expect("it is ours");
        assert_eq!(line.program, "printf");
        assert_eq!(line.arguments, ["%s", "$(id) `id` 'a b'\n"]);
        assert_eq!((line.input, line.speech), (Input::Nothing, Speech::Text));
    }

    #[test]
    fn an_order_for_an_agent_is_none_of_a_commands() {
        assert_eq!(Command.command(&testing::order(), &Told::default()), None);
    }
}
