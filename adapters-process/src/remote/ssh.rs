//! One call of task-bg on another machine by ssh: its words, what it reads, what came back, or why nothing did.
//!
//! ssh gets no terminal and asks nothing. Each word is quoted for the shell there. What a call prints is bounded, and one
//! that takes too long is ended. Main types: [`Ssh`], [`Call`], [`Said`].

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use domain::port::remotes::Silence;

use super::complaint::{last_line, lost};
use crate::DEPTH_VARIABLE;

/// The program, where nobody names another.
pub const PROGRAM: &str = "ssh";
/// What is called there.
pub const REMOTE_PROGRAM: &str = "task-bg";
/// Where it is, seen from the home folder there, if it is not on the PATH: `hosts add` puts it there.
pub const REMOTE_PLACE: &str = ".local/bin/task-bg";
/// Calls it in either place, over one connection, whatever shell a login has there; a droid beside it is found, too.
const IN_EITHER_PLACE: &str = r#"PATH="$PATH:$HOME/.local/bin" exec "$@""#;

/// The most bytes of an answer.
const ANSWER: usize = 64 << 20;
/// The most bytes of what ssh and the machine complain about that are looked at.
const COMPLAINTS: usize = 64 << 10;
/// How long a connection may take to be made, in seconds.
const CONNECT: u64 = 10;
/// How often it is looked whether ssh has exited once it has said all.
const STEP: Duration = Duration::from_millis(5);
/// How often it is looked whether anybody still waits for an answer.
const LISTEN: Duration = Duration::from_millis(50);
/// How long complaints may be on their way once ssh has exited; whoever shares its connection may keep them open.
const DRAIN: Duration = Duration::from_millis(200);

/// The exit code by which ssh says that it failed itself.
const FAILED: i32 = 255;
/// The exit code of a shell that does not find a program.
const NOT_FOUND: i32 = 127;

/// The user's ssh.
#[derive(Debug)]
pub struct Ssh {
    program: OsString,
    /// How deep the tasks are that are launched by its calls, if that is more than usual.
    depth: u32,
    /// Whether nobody waits for an answer any more.
    is_over: AtomicBool,
}

impl Default for Ssh {
    fn default() -> Self {
        Self::new(PROGRAM.into())
    }
}

/// One call.
#[derive(Clone)]
pub struct Call {
    /// What follows the program's name.
    pub words: Vec<String>,
    /// What it reads.
    pub input: Vec<u8>,
    /// How long it may take.
    pub limit: Duration,
    /// Whether a connection that has died is to be noticed before that.
    pub is_watched: bool,
    /// Whether it is made over a connection that nobody shares, and that ends with it.
    pub is_alone: bool,
}

impl Call {
    /// A call that reads nothing.
    pub const fn of(words: Vec<String>, limit: Duration) -> Self {
        Self { words, input: Vec::new(), limit, is_watched: false, is_alone: false }
    }
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The exit code of the program there.
    pub code: i32,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about, on one line.
    pub complaint: String,
}

impl Ssh {
    /// The ssh that this program is.
    pub const fn new(program: OsString) -> Self {
        Self { program, depth: 0, is_over: AtomicBool::new(false) }
    }

    /// The same for a process within so many tasks: what it launches on another machine is as deep as what it launches here,
    /// so that tasks which launch each other between machines come to an end.
    #[must_use]
    pub fn within(self, depth: u32) -> Self {
        Self { depth, ..self }
    }

    /// Ends every call that runs, and every one to come.
    pub fn hang_up(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Calls task-bg on a machine.
    ///
    /// # Errors
    /// [`Silence`] if there was no connection, none that lasted, or nothing to call.
    pub fn call(&self, host: &str, call: &Call) -> Result<Said, Silence> {
        let depth = (self.depth > 0)
            .then(|| ["env".to_owned(), format!("{DEPTH_VARIABLE}={}", self.depth)]);
        let words = ["sh", "-c", IN_EITHER_PLACE, "sh"].map(ToOwned::to_owned).into_iter();
        let words = words.chain(depth.into_iter().flatten()).chain([REMOTE_PROGRAM.to_owned()]);
        let said = self.run(host, words.chain(call.words.iter().cloned()), call)?;
        if said.code == NOT_FOUND { Err(Silence::NoProgram) } else { Ok(said) }
    }

    /// Runs any command on a machine, each of its words quoted.
    ///
    /// # Errors
    /// [`Silence`] if there was no connection, or none that lasted.
    pub fn run(
        &self,
        host: &str,
        words: impl Iterator<Item = String>,
        call: &Call,
    ) -> Result<Said, Silence> {
        let mut child = self.command(host, words, call)?.spawn().map_err(|error| {
            let program = self.program.display().to_string();
            Silence::NoSsh { program, reason: error.to_string() }
        })?;
        let (stdin, input) = (child.stdin.take(), call.input.clone());
        if let Some(mut stdin) = stdin {
            // A thread, because the machine may answer before it has read all. Closed pipes are told by the answer.
            thread::spawn(move || drop(stdin.write_all(&input)));
        }
        let answers = gathered(child.stdout.take(), ANSWER);
        let complaints = gathered(child.stderr.take(), COMPLAINTS);
        let ended = self.ended(&mut child, &answers, call.limit);
        let complaint = complaints.recv_timeout(DRAIN).map(|it| it.bytes).unwrap_or_default();
        let complaint = String::from_utf8_lossy(&complaint).into_owned();
        match ended? {
            (status, Gathered { is_cut: false, bytes }) => match status.code() {
                Some(FAILED) => Err(lost(&complaint)),
                Some(code) => Ok(Said { code, stdout: bytes, complaint: last_line(&complaint) }),
                None => Err(Silence::Cut(format!("ssh ended with {status}"))),
            },
            (_, Gathered { is_cut: true, .. }) => {
                Err(Silence::Garbled(format!("its answer is longer than {ANSWER} bytes")))
            }
        }
    }

    /// Waits until ssh has ended, and ends it if it takes too long or says too much.
    fn ended(
        &self,
        child: &mut Child,
        answers: &Receiver<Gathered>,
        limit: Duration,
    ) -> Result<(ExitStatus, Gathered), Silence> {
        let began = Instant::now();
        let gathered = loop {
            match answers.recv_timeout(LISTEN.min(limit.saturating_sub(began.elapsed()))) {
                Ok(gathered) => break gathered,
                Err(RecvTimeoutError::Disconnected) => {
                    break Gathered { bytes: Vec::new(), is_cut: false };
                }
                Err(RecvTimeoutError::Timeout) if self.is_over.load(Ordering::Relaxed) => {
                    end(child);
                    return Err(Silence::Cut("nobody waits for it any more".to_owned()));
                }
                Err(RecvTimeoutError::Timeout) if began.elapsed() < limit => {}
                Err(RecvTimeoutError::Timeout) => {
                    end(child);
                    return Err(Silence::TooSlow(limit.as_secs()));
                }
            }
        };
        if gathered.is_cut {
            end(child);
        }
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok((status, gathered)),
                Ok(None) if began.elapsed() < limit => thread::sleep(STEP),
                Ok(None) => {
                    end(child);
                    return Err(Silence::TooSlow(limit.as_secs()));
                }
                Err(error) => return Err(Silence::Cut(error.to_string())),
            }
        }
    }

    fn command(
        &self,
        host: &str,
        words: impl Iterator<Item = String>,
        call: &Call,
    ) -> Result<Command, Silence> {
        let mut command = Command::new(&self.program);
        command.args(["-T", "-oBatchMode=yes", "-oRemoteCommand=none"]);
        command.arg(format!("-oConnectTimeout={}", CONNECT.min(call.limit.as_secs().max(1))));
        if call.is_watched {
            command.args(["-oServerAliveInterval=5", "-oServerAliveCountMax=2"]);
        }
        if call.is_alone {
            command.arg("-oControlPath=none");
        }
        // What follows is no option, whatever it begins with.
        command.arg("--").arg(host);
        for word in words {
            let quoted = shlex::try_quote(&word)
                .map_err(|_| Silence::Failed("a word holds a NUL character".to_owned()))?;
            command.arg(quoted.as_ref());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }
}

/// The beginning of what came through a pipe.
struct Gathered {
    bytes: Vec<u8>,
    /// Whether there was more.
    is_cut: bool,
}

/// Reads a pipe to its end, and keeps at most so much.
fn gathered(pipe: Option<impl Read + Send + 'static>, most: usize) -> Receiver<Gathered> {
    let (tell, told) = channel();
    // A thread, because a pipe cannot be read with a time limit. It ends with the last that holds the pipe.
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let Some(mut pipe) = pipe else { return };
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        drop(pipe.by_ref().take(limit).read_to_end(&mut bytes));
        let is_cut = pipe.by_ref().take(1).read(&mut [0]).is_ok_and(|more| more > 0);
        drop(tell.send(Gathered { bytes, is_cut }));
        drop(io::copy(&mut pipe, &mut io::sink()));
    });
    told
}

/// Ends ssh, and with it the connection if nobody else shares it.
fn end(child: &mut Child) {
    // It may have ended by itself.
    child.kill().unwrap_or_default();
    drop(child.wait());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// An ssh that does this.
    fn fake(folder: &tempfile::TempDir, script: &str) -> Ssh {
        let program = folder.path().join("ssh");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a script");
        std::fs::set_permissions(
            &program,
            <std::fs::Permissions as PermissionsExt>::from_mode(0o700),
        )
        .expect("its mode");
        Ssh::new(program.into())
    }

    fn call(words: &[&str]) -> Call {
        Call::of(words.iter().map(|it| (*it).to_owned()).collect(), Duration::from_secs(20))
    }

    #[test]
    fn a_call_asks_for_nothing_and_its_words_are_quoted_for_the_shell_there() {
        let folder = tempfile::tempdir().expect("a folder");
        // As ssh does, it puts the words together, and the shell there takes them apart.
        let script = "printf '%s\\n' \"$@\"; while [ \"$1\" != -- ]; do shift; done; shift 2; eval \"printf '=%s\\n' $*\"";
        let ssh = fake(&folder, script);
        let said = ssh.call("me@box", &call(&["wait", "it's; $(id)", "a b"])).expect("an answer");
        let words = String::from_utf8(said.stdout).expect("text");
        let (seen, taken): (Vec<&str>, Vec<&str>) =
            words.lines().partition(|word| !word.starts_with('='));
        assert!(seen.contains(&"-oBatchMode=yes") && seen.contains(&"-T"), "{seen:?}");
        let at = seen.iter().position(|word| *word == "--").expect("an end of options");
        assert_eq!(seen[at + 1], "me@box");
        let sh = ["=sh", "=-c", &format!("={IN_EITHER_PLACE}"), "=sh"];
        assert_eq!(taken[..4], sh);
        assert_eq!(taken[4..], ["=task-bg", "=wait", "=it's; $(id)", "=a b"]);
    }

    #[test]
    fn a_machine_that_cannot_be_reached_is_told_from_a_connection_that_was_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        for (words, unreachable) in [
            ("ssh: connect to host box port 22: Connection refused", true),
            ("me@box: Permission denied (publickey).", true),
            ("Host key verification failed.", true),
            ("Connection to box closed by remote host.", false),
            ("client_loop: send disconnect: Broken pipe", false),
            ("Timeout, server box not responding.", false),
            ("", false),
        ] {
            let ssh = fake(&folder, &format!("echo '{words}' >&2; exit 255"));
            let why = ssh.call("box", &call(&["list"])).expect_err("no answer");
            assert_eq!(matches!(why, Silence::Unreachable(_)), unreachable, "{words}: {why}");
        }
    }

    #[test]
    fn one_that_is_beside_the_path_is_found_and_one_that_is_nowhere_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join(".local/bin");
        std::fs::create_dir_all(&place).expect("a folder");
        let program = fake(&folder, "echo ok").program;
        std::fs::rename(program, place.join("task-bg")).expect("a program");
        let script = "echo x >> calls; while [ $1 != -- ]; do shift; done; shift 2";
        let home = folder.path().display();
        let script = format!("cd {home}; {script}; HOME={home} PATH=/bin:/usr/bin sh -c \"$*\"");
        let ssh = fake(&folder, &script);
        assert_eq!(ssh.call("box", &call(&[])).map(|said| said.stdout), Ok(b"ok\n".to_vec()));
        let calls = std::fs::read_to_string(folder.path().join("calls")).expect("they are noted");
        assert_eq!(calls, "x\n", "one connection");
        let ssh = fake(&folder, "exit 127");
        assert_eq!(ssh.call("box", &call(&[])), Err(Silence::NoProgram));
        let ssh = Ssh::new("/nonexistent/ssh".into());
        assert!(matches!(ssh.call("box", &call(&[])), Err(Silence::NoSsh { .. })));
    }

    #[test]
    fn a_call_that_takes_too_long_is_ended_and_endless_words_are_no_answer() {
        let folder = tempfile::tempdir().expect("a folder");
        let ssh = fake(&folder, "exec sleep 60");
        let slow = Call { limit: Duration::from_millis(100), ..call(&[]) };
        assert_eq!(ssh.call("box", &slow), Err(Silence::TooSlow(0)));
        let ssh = fake(&folder, "exec cat /dev/zero");
        assert!(matches!(ssh.call("box", &call(&[])), Err(Silence::Garbled(_))));
    }

    #[test]
    fn what_a_machine_complains_about_is_one_line_that_no_terminal_acts_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let ssh = fake(&folder, "printf 'a\\n\\033[2Jb\\007\\n' >&2; exit 3");
        let said = ssh.call("box", &call(&[])).expect("an answer");
        assert_eq!(said.code, 3);
        assert!(!said.complaint.contains(['\u{1b}', '\u{7}', '\n']), "{:?}", said.complaint);
    }
}
