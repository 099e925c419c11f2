//! The `task-bg` command: parse, wire, act, print, exit.
//!
//! [`kit`] is the ground floor (settings, adapters, failures, printing). [`cli`] is the command line,
//! with one short file a verb. `hidden` has the verbs that only programs start. No rule about tasks
//! lives here.

pub mod cli;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hidden;
pub mod kit;
mod mcp;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;

use cli::args::{Alone, Args, What};
use cli::{command, help, usage};
use kit::answer::{Answer, Format};
use kit::console;
use kit::context::Context;
use kit::failure::Failure;

/// Runs the program with the arguments and the environment of this process.
pub fn main() -> ExitCode {
    adapters_process::limits::outlive_long_files();
    #[cfg(feature = "crash-points")]
    app_hook::crash_points::arm(std::env::args().nth(1).as_deref().unwrap_or_default());
    supervise().unwrap_or_else(obey)
}

/// Lives as long as a task, if that is what this process was started for. A function of its own, so that no frame of the
/// command line lies below it on the stack all that time.
#[inline(never)]
fn supervise() -> Option<ExitCode> {
    let supervisor = Alone::supervisor(std::env::args_os())?;
    Some(ExitCode::from(hidden::supervisor(supervisor).exit_code()))
}

/// Does what the command line says.
#[inline(never)]
fn obey() -> ExitCode {
    if let Some(answered) = cli::completing::answered() {
        return answered;
    }
    let given: Vec<OsString> = std::env::args_os().collect();
    let words = || -> Vec<String> {
        given.iter().map(|word| word.to_string_lossy().into_owned()).collect()
    };
    let misused = |words: &[String], failure: &Failure| {
        console::failed(console::format_of_misuse(words), failure)
    };
    match Args::read(&given) {
        Ok(args) if usage::stray::is_possible(&args.what) => {
            let words = words();
            match usage::stray::value(&words) {
                None => run(args),
                Some(failure) => misused(&words, &failure),
            }
        }
        Ok(args) => run(args),
        Err(error) if is_help(&error) => console::help(&error),
        Err(error) => {
            let words = words();
            if let Some(topic) = help::topic(&words) {
                return ExitCode::from(console::stream(&topic).err().unwrap_or_default());
            }
            match usage::help_meant(&words) {
                Some(help) => console::help(&help),
                None => misused(&words, &usage::failure(&error, &words)),
            }
        }
    }
}

/// Whether clap shows the help, or which version this is, as that was asked for or nothing else was.
fn is_help(error: &clap::Error) -> bool {
    let shown = [
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayVersion,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ];
    shown.contains(&error.kind())
}

fn run(args: Args) -> ExitCode {
    let asked = args.format();
    match args.what {
        What::Alone(Alone::Mcp(args)) => match args.action {
            None => mcp::serve(),
            Some(action) => told(asked, command::mcp::register(action, args.scope, args.agent)),
        },
        What::Alone(Alone::Completions(args)) => {
            told(asked, command::explained::completions(&args))
        }
        What::Alone(Alone::Man(args)) => told(asked, command::explained::man(&args)),
        What::Alone(alone) => {
            let answer = pollster::block_on(hidden::alone(alone));
            console::answer(console::format(asked, None), &answer, false).code
        }
        What::Verb(verb) => {
            // Who reads ids alone reads of failures on standard error.
            let asked = if verb.is_quiet() { Some(Format::Table) } else { asked };
            let (context, format) = Context::new(asked, verb.usual_format(), verb.place());
            let outcome = context.and_then(|context| {
                let (admits, is_quiet, acts) = (verb.admits(), verb.is_quiet(), verb.acts());
                let outcome = pollster::block_on(command::run(&context, *verb));
                let told = outcome.map(|answer| {
                    let printed = if is_quiet {
                        console::ids(&answer, acts)
                    } else {
                        console::answer(format, &answer, acts)
                    };
                    // What nobody saw is told later.
                    if printed.is_whole {
                        pollster::block_on(context.collected(answer.collected()));
                    }
                    printed.code
                });
                if !admits {
                    // Whoever looks also admits those that wait; nobody waits for that with the answer.
                    pollster::block_on(context.wiring.admit_in_passing());
                }
                told
            });
            outcome.unwrap_or_else(|failure| console::failed(format, &failure))
        }
    }
}

/// Prints what a verb without a store comes to.
fn told(asked: Option<Format>, outcome: Outcome) -> ExitCode {
    let format = console::format(asked, None);
    outcome.map_or_else(
        |failure| console::failed(format, &failure),
        |answer| console::answer(format, &answer, false).code,
    )
}

/// What a verb comes to: an answer to print, or why there is none.
type Outcome = Result<Answer, Failure>;
