//! Plays a script: one directive after the other, and then the end it asked for.
//!
//! Whatever waits here looks every few milliseconds whether a signal arrived, because the real one
//! leaves at once too. The main type is [`Player`].

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;

use super::arguments::Exec;
use super::death::{Ending, Signals};
use super::kind::Kind;
use super::offspring;
use super::others;
use super::script::{Directive, End, Fact, Level, OnTerm};
use super::stream::{Stream, uuid};

const LOOK: Duration = Duration::from_millis(5);

/// Why a script is not played any further.
enum Stop {
    Ending(Ending),
    Terminated,
    Defect(String),
}

impl From<String> for Stop {
    fn from(defect: String) -> Self {
        Self::Defect(defect)
    }
}

/// One run.
pub(super) struct Player {
    kind: Kind,
    prompt: Vec<u8>,
    instructions: Option<Vec<u8>>,
    signals: Signals,
    stream: Stream,
    last_words: Option<String>,
    end: End,
    on_term: OnTerm,
}

impl Player {
    /// A run that has printed its `init` line and nothing else.
    pub(super) fn new(
        kind: Kind,
        exec: &Exec,
        prompt: Vec<u8>,
        signals: Signals,
    ) -> Result<Self, String> {
        let session = exec.session.clone().unwrap_or_else(uuid);
        let stream = Stream::new(kind, exec.format, session);
        let cwd = std::env::current_dir().map_err(|error| error.to_string())?;
        stream.init(exec, &cwd.to_string_lossy());
        let (end, on_term) = (End::Completed(0), OnTerm::Leave);
        // Like the real one, it reads them once and never looks again.
        let instructions = exec.instructions.as_ref().and_then(|file| std::fs::read(file).ok());
        Ok(Self { kind, prompt, instructions, signals, stream, last_words: None, end, on_term })
    }

    /// Plays the whole script.
    pub(super) fn play(mut self, script: &[Directive]) -> Result<Ending, String> {
        // Without a login droid does not even repeat what it was asked.
        if !script.iter().any(|directive| matches!(directive, Directive::Auth)) {
            self.stream.message("user", &String::from_utf8_lossy(&self.prompt));
        }
        match self.play_through(script) {
            Ok(ending) | Err(Stop::Ending(ending)) => Ok(ending),
            Err(Stop::Terminated) => Ok(self.terminated()),
            Err(Stop::Defect(defect)) => Err(defect),
        }
    }

    fn play_through(&mut self, script: &[Directive]) -> Result<Ending, Stop> {
        for directive in script {
            self.look()?;
            self.step(directive)?;
        }
        self.look()?;
        if self.last_words.is_none() {
            self.say("done");
        }
        Ok(match self.end {
            End::Silent => Ending::Exit(0),
            End::Completed(code) => {
                self.complete();
                Ending::Exit(code)
            }
            End::CompletedThenKilled(signal) => {
                self.complete();
                Ending::Signal(signal)
            }
        })
    }

    fn step(&mut self, directive: &Directive) -> Result<(), Stop> {
        match directive {
            Directive::Say(text) => self.say(text),
            Directive::Tool { name, parameters } => self.stream.tool_call(name, parameters),
            Directive::Result { text, failed } => self.stream.tool_result(text, *failed),
            Directive::Shell(command) => self.shell(command)?,
            Directive::Sleep(duration) => {
                let until = Instant::now() + *duration;
                self.wait_for(|| Instant::now() >= until)?;
            }
            Directive::Wait(path) => self.wait_for(|| path.exists())?,
            Directive::Write(fact, path) => self.write(fact, path)?,
            Directive::Stderr(text) => super::complain(text),
            Directive::Raw { text, newline } => Stream::raw(text, *newline),
            Directive::Flood(bytes) => {
                self.flood(*bytes, |player, line| player.stream.message("assistant", line))?;
            }
            Directive::FloodStderr(bytes) => self.flood(*bytes, |_, line| super::complain(line))?,
            Directive::Error(text) => self.stream.error("agent_loop", text),
            Directive::Exit(code) => return Err(Stop::Ending(Ending::Exit(*code))),
            Directive::Die(signal) => return Err(Stop::Ending(Ending::Signal(*signal))),
            Directive::EndWith(end) => self.end = *end,
            Directive::OnTerm(on_term) => self.on_term = *on_term,
            Directive::Offspring(kind, path) => {
                offspring::start(*kind, path)?;
                self.wait_for(|| path.exists())?;
            }
            Directive::Permission(level) => return Err(self.refused(*level)),
            Directive::Auth => {
                return Err(self.fail(
                    "Authentication failed. Please log in using /login or set a valid \
                     FACTORY_API_KEY environment variable.",
                ));
            }
            Directive::Refuse(name) => self.stream.refused(name),
            Directive::Reject => {
                self.stream.rejected();
                return Err(Stop::Ending(Ending::Exit(0)));
            }
            Directive::Fail(status) => {
                return Err(Stop::Ending(Ending::Exit(self.stream.failure(*status))));
            }
            Directive::Unauthorized => {
                self.stream.error(
                    "agent_loop",
                    r#"401 {"type":"error","error":{"type":"mock_error","message":"mock error 401"}}"#,
                );
                return Err(self.fail("Exec failed"));
            }
        }
        Ok(())
    }

    fn say(&mut self, text: &str) {
        self.stream.message("assistant", text);
        self.last_words = Some(text.to_owned());
    }

    fn complete(&self) {
        self.stream.completion(self.last_words.as_deref().unwrap_or_default());
    }

    fn fail(&self, message: &str) -> Stop {
        self.stream.error("cli", message);
        Stop::Ending(Ending::Exit(1))
    }

    fn refused(&mut self, level: Level) -> Stop {
        let again = match level {
            Level::Medium => {
                "--auto medium or --auto high. For destructive commands, use \
                 --skip-permissions-unsafe."
            }
            Level::High => "--auto high.",
            Level::Unsafe => "--skip-permissions-unsafe.",
        };
        let call = json!({ "command": "rm -rf build", "summary": "Remove the build", "riskLevel": "high" });
        self.stream.tool_call("Execute", &call);
        let refusal = format!("insufficient permission to proceed. Re-run with {again}");
        self.stream.tool_result(&format!("Error: {refusal}"), true);
        self.say("I am not allowed to do that.");
        self.fail(&format!("Exec ended early: {refusal}"))
    }

    fn write(&self, fact: &Fact, path: &Path) -> Result<(), String> {
        use std::os::unix::ffi::OsStrExt as _;
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let content = match fact {
            Fact::Nothing => Vec::new(),
            Fact::Pid => std::process::id().to_string().into_bytes(),
            Fact::Cwd => std::env::current_dir()
                .map(|cwd| cwd.as_os_str().as_bytes().to_vec())
                .map_err(|error| error.to_string())?,
            Fact::Variable(name) => match std::env::var_os(name) {
                Some(value) => value.as_bytes().to_vec(),
                None => return Ok(()),
            },
            Fact::Environment => {
                let all: serde_json::Map<_, _> = std::env::vars_os()
                    .map(|(name, value)| (lossy(name), json!(lossy(value))))
                    .collect();
                json!(all).to_string().into_bytes()
            }
            Fact::Arguments => {
                json!(std::env::args_os().map(lossy).collect::<Vec<_>>()).to_string().into_bytes()
            }
            Fact::Prompt => self.prompt.clone(),
            Fact::Instructions => match &self.instructions {
                Some(instructions) => instructions.clone(),
                None => return Ok(()),
            },
            Fact::RestOfStdin => {
                let mut rest = Vec::new();
                std::io::Read::read_to_end(&mut std::io::stdin(), &mut rest)
                    .map_err(|error| error.to_string())?;
                rest
            }
        };
        super::publish(path, &content)
    }

    /// Writes numbered lines of about a kilobyte until there are enough.
    fn flood(&self, bytes: u64, write: impl Fn(&Self, &str)) -> Result<(), Stop> {
        let padding = "flood ".repeat(160);
        let mut written = 0;
        let mut number = 0_u64;
        while written < bytes {
            self.look()?;
            number += 1;
            let line = format!("flood {number:08} {padding}");
            write(self, &line);
            written += line.len() as u64;
        }
        Ok(())
    }

    /// One Execute call, with droid's own last line under what the command printed.
    fn shell(&mut self, command: &str) -> Result<(), Stop> {
        self.stream.tool_call("Execute", &json!({ "command": command, "riskLevel": "low" }));
        let child = offspring::shell(command)?.spawn().map_err(|error| error.to_string())?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let reader = std::thread::spawn(move || child.wait_with_output());
        let waited = self.wait_for(|| reader.is_finished());
        if waited.is_err() {
            // The real one ends the tool's own group before it leaves.
            if others::takes_its_tools_along(self.kind) {
                let _ = group.map(|group| kill_process_group(group, Signal::TERM));
            } else {
                // It leaves at once, and the tool goes on.
                return waited;
            }
        }
        let output = reader.join().map_err(|_| "the shell's reader died".to_owned())?;
        let output = output.map_err(|error| error.to_string())?;
        let printed = [output.stdout, output.stderr].concat();
        let last_line = match output.status.code() {
            Some(code) => format!("\n\n[Process exited with code {code}]"),
            None => "Command terminated by signal: SIGTERM".to_owned(),
        };
        let text = format!("{}{last_line}", String::from_utf8_lossy(&printed));
        self.stream.tool_result(&text, output.status.code().is_none());
        waited
    }

    fn wait_for(&self, mut happened: impl FnMut() -> bool) -> Result<(), Stop> {
        while !happened() {
            self.look()?;
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn look(&self) -> Result<(), Stop> {
        if self.signals.ask_for_the_end() && !matches!(self.on_term, OnTerm::Ignore) {
            return Err(Stop::Terminated);
        }
        Ok(())
    }

    fn terminated(&self) -> Ending {
        match self.on_term {
            OnTerm::Leave | OnTerm::Ignore => others::terminated(self.kind),
            OnTerm::Complete => {
                self.complete();
                Ending::Exit(0)
            }
            OnTerm::Exit(code) => Ending::Exit(code),
        }
    }
}
