//! Runs one program of a sandbox to its end and shows what it did.
//!
//! The main types are [`Run`], a command being put together, and [`Ran`], what came of it. A command
//! that does not end, or whose output stays open after it ended, fails the test: no command of
//! task-bg may hang, and none may keep its caller's pipes.

use std::ffi::OsString;
use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a command may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long its output may stay open once it has ended.
const PIPES_CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// A command being put together; it starts with [`Run::run`], [`Run::ok`], [`Run::code`] or
/// [`Run::start`].
#[must_use = "nothing runs before `run`, `ok`, `code` or `start`"]
pub struct Run {
    command: Command,
    stdin: Vec<u8>,
}

impl Run {
    /// A command with exactly the given environment.
    pub(crate) fn new<A: Into<OsString>>(
        program: PathBuf,
        arguments: impl IntoIterator<Item = A>,
        environment: &[(&str, OsString)],
        cwd: PathBuf,
    ) -> Self {
        let mut command = Command::new(program);
        command.args(arguments.into_iter().map(Into::into)).env_clear().current_dir(cwd);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Self { command, stdin: Vec::new() }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.command.arg(argument.into());
        self
    }

    /// Gives it bytes on standard input, which is empty otherwise.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// Takes an environment variable away.
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Sets the folder it runs in.
    pub fn cwd(mut self, folder: impl Into<PathBuf>) -> Self {
        self.command.current_dir(folder.into());
        self
    }

    /// Puts it into a process group of its own, whose number is its process id.
    pub fn in_own_group(mut self) -> Self {
        self.command.process_group(0);
        self
    }

    /// The command itself, for whoever talks with it while it runs.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    /// Starts it and comes back while it runs.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(mut self) -> Started {
        let shown = shown(&self.command);
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            self.command.spawn().unwrap_or_else(|error| panic!("starting {shown}: {error}"));
        let stdout = child.stdout.take().map(read_to_the_end).expect("standard output is piped");
        let stderr = child.stderr.take().map(read_to_the_end).expect("standard error is piped");
        let mut pipe = child.stdin.take().expect("standard input is piped");
        let bytes = self.stdin;
        // A command that does not read its input closes the pipe; that is its own affair.
        std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        Started { shown, child, stdout, stderr }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    ///
    /// When it hangs, or keeps its output open.
    pub fn run(self) -> Ran {
        self.start().finish()
    }

    /// Runs it to its end, which has to be success.
    ///
    /// # Panics
    ///
    /// When it fails; the message shows all it printed.
    pub fn ok(self) -> Ran {
        self.run().ok()
    }

    /// Runs it to its end, which has to be this exit code.
    ///
    /// # Panics
    ///
    /// When it ends otherwise; the message shows all it printed.
    pub fn code(self, expected: i32) -> Ran {
        self.run().code_is(expected)
    }
}

/// A command that runs.
#[must_use = "a command that was started has to be finished"]
pub struct Started {
    shown: String,
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
}

impl Started {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells whether it still runs.
    ///
    /// # Panics
    ///
    /// When the system cannot say.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it hangs, or keeps its output open.
    pub fn finish(mut self) -> Ran {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                break status;
            }
            if began.elapsed() > PATIENCE {
                drop(self.child.kill());
                drop(self.child.wait());
                let stdout = self.stdout.recv_timeout(PIPES_CLOSE_WITHIN).unwrap_or_default();
                let stderr = self.stderr.recv_timeout(PIPES_CLOSE_WITHIN).unwrap_or_default();
                panic!(
                    "hangs: {}\nstdout: {}\nstderr: {}",
                    self.shown,
                    String::from_utf8_lossy(&stdout),
                    String::from_utf8_lossy(&stderr)
                );
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let everything = |name: &str, pipe: &Receiver<Vec<u8>>| {
            let bytes = pipe.recv_timeout(PIPES_CLOSE_WITHIN).unwrap_or_else(|_| {
                panic!("ended, but its {name} is still held open by somebody: {}", self.shown)
            });
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Ran {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()),
            stdout: everything("standard output", &self.stdout),
            stderr: everything("standard error", &self.stderr),
            command: self.shown.clone(),
        }
    }
}

/// What came of a command.
#[derive(Debug)]
#[must_use = "look at what came of it"]
pub struct Ran {
    /// Its exit code, or 128 plus the signal that killed it.
    pub code: i32,
    /// All it wrote to standard output.
    pub stdout: String,
    /// All it wrote to standard error.
    pub stderr: String,
    command: String,
}

impl Ran {
    /// Holds that it succeeded.
    ///
    /// # Panics
    ///
    /// When it did not.
    pub fn ok(self) -> Self {
        self.code_is(0)
    }

    /// Holds that it ended with this exit code.
    ///
    /// # Panics
    ///
    /// When it did not.
    pub fn code_is(self, expected: i32) -> Self {
        assert!(self.code == expected, "expected exit code {expected}\n{self}");
        self
    }

    /// Its standard output as JSON.
    ///
    /// # Panics
    ///
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("standard output is no JSON: {error}\n{self}"))
    }

    /// Holds that it failed as failures are told to a program: `error`, `code` and `hint`, with the
    /// given exit code.
    ///
    /// # Panics
    ///
    /// When it did not.
    pub fn failure(self, expected: i32) -> Value {
        let ran = self.code_is(expected);
        let answer = ran.json();
        let text = |key: &str| answer[key].as_str().unwrap_or_default();
        assert!(!text("error").is_empty() && !text("code").is_empty(), "says nothing\n{ran}");
        answer
    }

    /// Ends the chain where nothing but the exit code mattered.
    pub fn done(self) {}
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, stdout, stderr, command } = self;
        writeln!(f, "$ {command}")?;
        writeln!(f, "--- stdout ---\n{}", bounded(stdout))?;
        writeln!(f, "--- stderr ---\n{}", bounded(stderr))?;
        write!(f, "--- exit code {code} ---")
    }
}

fn read_to_the_end(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(pipe.read_to_end(&mut bytes));
        drop(sender.send(bytes));
    });
    receiver
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| bounded(&word.to_string_lossy()).to_owned());
    words.collect::<Vec<_>>().join(" ")
}

/// The first part of a text, so that a failure message stays readable.
fn bounded(text: &str) -> &str {
    let end = (0..=text.len().min(8_000)).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}
