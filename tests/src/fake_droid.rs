//! A scripted stand-in for `droid exec`, which plays on demand every way a real run can end. Under
//! another name (`claude`, `codex`, `gemini`, `opencode`) it plays that agent.
//!
//! It parses droid's command line as droid does, prints droid's own `stream-json`, and never calls
//! a model, a network or a shell unless its script says so. The prompt is the script: one directive
//! a line, and every line that is no directive is ordinary prompt text. Of the others it plays what
//! differs: their command lines, their streams and their exit codes.
//!
//! | directive | what it does |
//! |---|---|
//! | `SAY text` | an assistant message; the last one becomes the `finalText` of the completion |
//! | `TOOL name {json}` | a `tool_call` line (the parameters may be left out) |
//! | `RESULT text` | the `tool_result` of the last tool call |
//! | `FAILRESULT text` | the same, as a tool error |
//! | `SHELL command` | a whole Execute call: `bash -c command` in its own session, between its `tool_call` and `tool_result` |
//! | `SLEEP seconds` | waits (fractions allowed) |
//! | `WAIT path` | waits until the file is there |
//! | `TOUCH path` | makes an empty file |
//! | `PID path` | writes its process id |
//! | `CWD path` | writes its current folder |
//! | `ENV NAME path` | writes the value of a variable (no file when it is not set) |
//! | `ENVIRON path` | writes all variables as one JSON object |
//! | `ARGS path` | writes its argv as a JSON array |
//! | `ECHO path` | writes the prompt, byte for byte |
//! | `SYSTEM path` | writes what was appended to its system prompt (no file when nothing was) |
//! | `READSTDIN path` | writes what is still to be read from standard input |
//! | `STDERR text` | a line on standard error |
//! | `RAW text` | a line on standard output, as it stands |
//! | `PARTIAL text` | the same without its newline |
//! | `FLOOD bytes` | numbered assistant messages of at least that many bytes in all |
//! | `FLOODERR bytes` | numbered lines of at least that many bytes in all on standard error |
//! | `ERROR text` | an `agent_loop` error line (the run goes on) |
//! | `EXIT n` | exits now, without a completion line |
//! | `DIE signal` | dies by that signal now (a name such as `KILL`, or a number), without a completion line |
//! | `NOCOMPLETE` | the end will be exit 0 without a completion line |
//! | `COMPLETE_EXIT n` | the end will be the completion line, then exit n |
//! | `COMPLETE_DIE signal` | the end will be the completion line, then death by that signal |
//! | `IGNORE TERM` | TERM, INT and HUP have no effect from here on |
//! | `ON_TERM complete0` | TERM makes it print the completion line and exit 0 |
//! | `ON_TERM exit n` | TERM makes it exit n, without a completion line |
//! | `SETSID path` | a grandchild in its own session; its process id goes to the file |
//! | `DOUBLEFORK path` | the same, orphaned by a second fork, and deaf to TERM |
//! | `SETSID_CLEANENV path` | a grandchild in its own session with an empty environment |
//! | `PERMISSION level` | what droid prints when its autonomy is too low (`medium`, `high` or `unsafe` is the level it asks for), then exit 1 |
//! | `AUTH` | what droid prints without a login, then exit 1 |
//! | `REFUSE name` | a tool call that is not allowed; the run goes on (not droid) |
//! | `REJECT` | a question that nobody answers, and exit 0 (`OpenCode`) |
//! | `FAIL status` | what the agent prints when its model answers so, and its exit code then (not droid) |
//! | `FAIL401` | what droid prints when the model answers 401, then exit 1 |
//!
//! Where nothing else is said the end is a completion line and exit 0; a script without any `SAY`
//! says `done` first. As with the real one, TERM, INT and HUP end it with **exit 0 and no
//! completion line**. A directive with arguments that make no sense ends it with exit 70 and a word
//! on standard error, and so does a defect of its own. Grandchildren end by themselves after two
//! minutes, so that a broken test leaks nothing for ever.

mod arguments;
mod death;
mod kind;
mod offspring;
mod others;
mod play;
mod script;
mod stream;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use arguments::{Command, Exec};
use death::{Ending, Signals};
use kind::Kind;
use play::Player;

/// The exit code of a script that makes no sense, and of a defect of the stand-in itself.
const DEFECT: u8 = 70;

/// Runs the stand-in on the command line and standard input of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let outcome = match offspring::asked_for(&arguments) {
        Some(order) => order.live().map(|()| Ending::Exit(0)),
        None => answer(&arguments),
    };
    match outcome {
        Ok(ending) => ending.meet(),
        Err(defect) => {
            complain(&format!("fake-droid: {defect}"));
            ExitCode::from(DEFECT)
        }
    }
}

fn answer(arguments: &[OsString]) -> Result<Ending, String> {
    let kind = Kind::of(&std::env::args_os().next().unwrap_or_default());
    if kind != Kind::Droid {
        return other(kind, arguments);
    }
    match arguments::parse(arguments) {
        Ok(Command::Version) => {
            say(kind.version());
            Ok(Ending::Exit(0))
        }
        Ok(Command::Exec(exec)) => run(kind, &exec),
        Err(refusal) => {
            complain(&refusal);
            Ok(Ending::Exit(1))
        }
    }
}

/// Plays one of the other agents.
fn other(kind: Kind, arguments: &[OsString]) -> Result<Ending, String> {
    if arguments == ["--version"] {
        say(kind.version());
        return Ok(Ending::Exit(0));
    }
    match kind.read(arguments) {
        Ok(exec) => run(kind, &exec),
        Err(refusal) => {
            complain(&refusal);
            Ok(Ending::Exit(1))
        }
    }
}

fn run(kind: Kind, exec: &Exec) -> Result<Ending, String> {
    // The handlers come first: until they are there a TERM kills, as it does with the real one.
    let signals = Signals::listen()?;
    if let Some(cwd) = &exec.cwd
        && std::env::set_current_dir(cwd).is_err()
    {
        complain(&format!("Error: The specified --cwd does not exist: {}", cwd.display()));
        return Ok(Ending::Exit(1));
    }
    let Some(prompt) = prompt(exec) else { return Ok(Ending::Exit(1)) };
    if String::from_utf8_lossy(&prompt).trim().is_empty() {
        return Ok(Ending::Exit(1));
    }
    let script = script::parse(&String::from_utf8_lossy(&prompt))?;
    Player::new(kind, exec, prompt, signals)?.play(&script)
}

/// The argument wins over `-f`, and that over standard input, as with the real one.
fn prompt(exec: &Exec) -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStrExt as _;
    if let Some(prompt) = &exec.prompt {
        return Some(prompt.as_bytes().to_vec());
    }
    if let Some(file) = &exec.file {
        return fs::read(file).ok();
    }
    let mut prompt = Vec::new();
    io::stdin().lock().read_to_end(&mut prompt).ok()?;
    Some(prompt)
}

/// Writes a file whole, so that whoever waits for it never reads half of it.
fn publish(path: &Path, content: &[u8]) -> Result<(), String> {
    let mut half_written = path.as_os_str().to_owned();
    half_written.push(format!(".{}", std::process::id()));
    fs::write(&half_written, content)
        .and_then(|()| fs::rename(&half_written, path))
        .map_err(|error| format!("writing {}: {error}", path.display()))
}

/// Prints a line on standard output; who closed it does not want to know.
fn say(line: &str) {
    drop(writeln!(io::stdout(), "{line}"));
}

/// Prints a line on standard error; who closed it does not want to know.
fn complain(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}
