//! Agents: how an order becomes a command line, and what an agent's words mean.
//!
//! [`Agent`] is all that the program knows of one kind of agent, and [`Agents`] finds the one that an
//! order is for. An implementation is pure: it starts no process, and reads no file, environment
//! variable or clock.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::run::AgentEvent;
use crate::task::{Autonomy, Order, Reason, Runner};

/// One kind of agent: everything that differs from one kind to another.
pub trait Agent: Send + Sync {
    /// The name by which orders and records know the agent.
    ///
    /// MUST be an [`AgentName`](crate::task::AgentName), except for the adapter of plain commands.
    fn name(&self) -> &str;

    /// The command line that carries out `order`; `None` where the order is not for this agent.
    ///
    /// MUST NOT put the prompt, or anything else that may be secret, where other users of the machine
    /// can read it: neither into the arguments nor into the program. MUST make the agent run to its
    /// end without asking anybody, with no more autonomy than the order gives it.
    fn command(&self, order: &Order, told: &Told<'_>) -> Option<CommandLine>;

    /// Hands what one line of the agent's event stream says to `take`, in the agent's order; the line
    /// has no line break.
    ///
    /// MUST pass over a line that is broken or unknown, and MUST NOT panic whatever the line is: nothing
    /// that an agent prints may stop its supervisor. MUST NOT make words of the agent, or a final text,
    /// of what a model's service says of its own failure.
    fn decode(&self, line: &[u8], take: &mut dyn FnMut(AgentEvent));

    /// What kind of failure a log ends with that the agent leaves where it fails before its event stream
    /// begins; `None` where its words do not tell.
    ///
    /// MUST judge by words that the agent is known to end with, and by the end of the log alone: what stands
    /// before may be anybody's.
    fn complaint(&self, log: &str) -> Option<Reason> {
        let _ = log;
        None
    }

    /// What the agent can do.
    fn abilities(&self) -> Abilities;

    /// The program that the agent is started with; `None` where each order names its own.
    fn program(&self) -> Option<Program<'_>>;

    /// Why the agent could not be held to this autonomy where it is started like this; `None` where it can.
    fn objection(&self, autonomy: Autonomy, around: &Circumstances<'_>) -> Option<Objection> {
        let _ = (autonomy, around);
        None
    }

    /// Whether a session can here only be continued in a copy.
    fn only_forks(&self, around: &Circumstances<'_>) -> bool {
        let _ = around;
        false
    }

    /// What of the order and of the definition of its droid this agent cannot apply, each in a few words.
    fn unapplied(&self, order: &Order) -> Vec<String> {
        let _ = order;
        Vec::new()
    }

    /// The file that the agent of this order has to find besides its instructions; [`Told`] says where it
    /// is. MUST NOT hold what may be secret.
    fn attachment(&self, order: &Order) -> Option<Attachment> {
        let _ = order;
        None
    }

    /// What can be done where a command of this agent can write no store because the agent confines it; `None`
    /// where this is not started by a command of such an agent.
    fn way_out(&self, around: &Circumstances<'_>) -> Option<String> {
        let _ = around;
        None
    }

    /// Whether whatever is started here ends with this command, because this is a command of the agent, which
    /// confines it.
    fn ends_what_is_started(&self, around: &Circumstances<'_>) -> bool {
        let _ = around;
        false
    }

    /// What whoever gives the agent an order should know before, if anything.
    fn warning(&self) -> Option<String> {
        None
    }

    /// What can be done where its program is there but does not start, for this reason in the system's words; `None`
    /// where that is nothing of this agent's.
    fn remedy(&self, reason: &str) -> Option<String> {
        let _ = reason;
        None
    }

    /// The variables by which the agent tells whatever it starts which session it is in, the one that
    /// counts first.
    fn session_variables(&self) -> &[&str] {
        &[]
    }
}

/// The agents that this version knows.
pub trait Agents: Send + Sync {
    /// The agent that carries out the orders of `runner`, plain commands included; `None` for an agent
    /// that this version does not know, and for an order that something else carries out.
    fn of(&self, runner: &Runner) -> Option<&dyn Agent>;

    /// Every agent that an order can name, in the order in which they are shown. What runs plain
    /// commands has no name and is not among them.
    fn all(&self) -> Vec<&dyn Agent>;
}

/// What an agent can do, as far as it matters before an agent is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an ability of its own")]
pub struct Abilities {
    /// The agent can go on in a session that it left.
    pub resumes: bool,
    /// The agent can go on in a copy of a session that it left.
    pub forks: bool,
    /// A new session of the agent can be given a name; otherwise the agent chooses one.
    pub takes_session_name: bool,
    /// The agent says what it does while it works, and not only text for people.
    pub streams: bool,
    /// The models that definitions of droids name are models of this agent.
    pub models_of_droids: bool,
    /// The levels of autonomy that the agent can be held to, lowest first.
    pub levels: &'static [Autonomy],
}

/// The program of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program<'a> {
    /// Its name or path.
    pub name: &'a OsText,
    /// How it is installed, as a sentence without its end.
    pub install: &'a str,
}

/// Where an agent is about to be started.
pub struct Circumstances<'a> {
    /// Whether it would run as the user who may do everything.
    pub is_root: bool,
    /// What a variable of its environment says.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The command line of the process that has the number 1 there, each word ended by NUL; empty where it cannot be
    /// seen.
    pub first_process: fn() -> Vec<u8>,
}

/// Why an agent cannot be held to what an order gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// Why.
    pub words: String,
    /// What can be done about it.
    pub hint: String,
}

/// A file that an agent has to find, the same for every order that is alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// What its name begins with: letters and dashes.
    pub stem: &'static str,
    /// What its name ends with, without the dot.
    pub extension: &'static str,
    /// What is in it.
    pub content: String,
}

/// What an agent is told besides its prompt.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told<'a> {
    /// The id of the task.
    pub task: &'a str,
    /// The prompt, with what earlier tasks found in its places; absent where it is the order's as it is.
    pub prompt: Option<&'a str>,
    /// The path of the file with the instructions of the named droid; absent where there are none.
    pub instructions: Option<&'a OsText>,
    /// The path of the file that [`Agent::attachment`] gave.
    pub attachment: Option<&'a OsText>,
    /// What a variable of the environment that it starts in says; absent where nobody knows.
    pub variable: Option<fn(&str) -> Option<String>>,
}

/// How an agent is started: a program and its arguments, never through a shell.
///
/// Debug output leaves out all that may be secret: the arguments and the values of variables.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The program, by name or path.
    pub program: OsText,
    /// Its arguments.
    pub arguments: Vec<OsText>,
    /// The environment variables to set (to a value) and to unset (`None`); all others are passed on.
    pub environment: Vec<(String, Option<OsText>)>,
    /// The environment variables to set where nobody has set them.
    pub defaults: Vec<(&'static str, &'static str)>,
    /// What the agent finds on its standard input.
    pub input: Input,
    /// What the agent writes to its standard output.
    pub speech: Speech,
}

impl fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.environment.iter().map(|(name, _)| name).collect();
        f.debug_struct("CommandLine")
            .field("program", &String::from_utf8_lossy(self.program.as_bytes()))
            .field("arguments", &self.arguments.len())
            .field("environment", &names)
            .field("defaults", &self.defaults)
            .field("input", &self.input)
            .field("speech", &self.speech)
            .finish()
    }
}

/// What an agent finds on its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The prompt of the order, and then the end of the input.
    Prompt,
    /// Nothing.
    Nothing,
}

/// What an agent writes to its standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Its event stream, one event a line, which [`Agent::decode`] reads.
    Events,
    /// Text for people.
    Text,
}

/// A text as the operating system takes it: bytes without a NUL, which as a rule are UTF-8.
///
/// Paths and programs need not be UTF-8. Debug output shows only the length, since an argument or the
/// value of a variable may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct OsText(Vec<u8>);

impl OsText {
    /// The bytes of the text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl OsText {
    /// The same text with `part` in place of each `place`.
    #[must_use]
    pub fn with(&self, place: &str, part: &Self) -> Self {
        let (mut left, mut text) = (self.0.as_slice(), Vec::new());
        let found = |left: &[u8]| left.windows(place.len()).position(|it| it == place.as_bytes());
        while let Some(at) = found(left) {
            text.extend_from_slice(&left[..at]);
            text.extend_from_slice(&part.0);
            left = &left[at + place.len()..];
        }
        text.extend_from_slice(left);
        Self(text)
    }
}

impl From<Vec<u8>> for OsText {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<String> for OsText {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&str> for OsText {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl PartialEq<&str> for OsText {
    fn eq(&self, text: &&str) -> bool {
        self.0 == text.as_bytes()
    }
}

impl fmt::Debug for OsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OsText({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{format, vec};

    #[test]
    fn a_command_line_shows_no_argument_and_no_value_in_debug_output() {
        let line = CommandLine {
            program: "curl".into(),
            arguments: vec!["token-1".into()],
            environment: vec![("KEY".into(), Some("token-2".into())), ("OLD".into(), None)],
            defaults: Vec::new(),
            input: Input::Nothing,
            speech: Speech::Text,
        };
        let shown = format!("{line:?} {:?}", line.arguments);
        assert!(
            shown.contains("curl") && shown.contains("KEY") && shown.contains("OLD"),
            "{shown}"
        );
        assert!(!shown.contains("token"), "{shown}");
    }
}
