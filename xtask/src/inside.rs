//! The hidden verb `__inside`: what happens first and last in a fresh network namespace.
//!
//! `xtask __inside MODEL SCRATCH CMD [ARG...]` brings loopback up, starts the scripted model, waits until it listens, runs
//! the command with everything it inherited, and stops the model. Its exit status is the command's. The model also ends
//! when this process does, however that comes about, because it watches the pipe between them.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::command::{Guarded, capture, shown};
use crate::failure::{During, Failure};
use crate::scratch::Places;

/// How long the model gets to listen.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How often it is looked at meanwhile.
const POLL: Duration = Duration::from_millis(5);

/// Runs the command of `words` beside a scripted model.
///
/// # Errors
///
/// When loopback cannot be brought up, the model does not start, or the command cannot be started.
pub(crate) fn inside(words: &[String]) -> Result<ExitCode, Failure> {
    let [model, scratch, program, arguments @ ..] = words else {
        return Err(Failure::new("`__inside` is given a model, a scratch folder and a command"));
    };
    capture(Command::new("ip").args(["link", "set", "lo", "up"]))?;
    let places = Places::at(scratch);
    let mut command = Command::new(program);
    command.args(arguments);
    let model = start_model(Path::new(model), &places)?;
    let status = command.status().during(format_args!("starting `{}`", shown(&command)));
    drop(model);
    Ok(ExitCode::from(code(status?)))
}

/// Starts the model and waits until it listens; by then `droid` finds it through its settings.
fn start_model(model: &Path, places: &Places) -> Result<Guarded, Failure> {
    let ready = places.model_ready();
    // One of an earlier run would be believed.
    drop(fs::remove_file(&ready));
    let mut command = Command::new(model);
    command.args(["--listen", "127.0.0.1:0", "--until-eof"]);
    command.arg("--ready").arg(&ready).arg("--log").arg(places.model_log());
    command.arg("--settings").arg(places.droid_settings());
    let mut model = Guarded::spawn(command.stdin(Stdio::piped()))?;
    let start = Instant::now();
    while !ready.exists() {
        if let Some(end) = model.ended() {
            return Err(Failure::new(format!("the scripted model ended with {end}")));
        }
        if start.elapsed() > START_LIMIT {
            return Err(Failure::new("the scripted model did not come to listen"));
        }
        thread::sleep(POLL);
    }
    Ok(model)
}

/// The exit status as a shell would give it.
fn code(status: ExitStatus) -> u8 {
    const SIGNALLED: i32 = 128;
    let code = status.code().or_else(|| Some(SIGNALLED + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
