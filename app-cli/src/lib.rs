//! The `task-bg` command: parse, wire, act, print, exit.
//!
//! [`args`] holds the command line, `command` one short file a verb, `view` what is printed,
//! [`failure`] every error's exit code and hints, `wiring` the concrete adapters. No rule about
//! tasks lives here.

pub mod args;
mod command;
mod console;
mod context;
mod environment;
pub mod failure;
mod view;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use args::Args;
use context::Context;
use failure::Failure;

/// Runs the program with the arguments and the environment of this process.
pub fn main() -> ExitCode {
    match Args::try_parse() {
        Ok(args) => run(args),
        Err(error) => console::usage(&error),
    }
}

fn run(args: Args) -> ExitCode {
    let format = console::format(args.format(), args.verb.usual_format());
    let context = match Context::new(format) {
        Ok(context) => context,
        Err(failure) => return console::failed(format, &failure),
    };
    match pollster::block_on(command::run(&context, args.verb)) {
        Ok(answer) => {
            let code = console::answer(format, &answer);
            // Only once it was printed: what nobody saw is told later.
            pollster::block_on(context.collected(answer.collected()));
            code
        }
        Err(failure) => console::failed(format, &failure),
    }
}

/// What a verb comes to: an answer to print, or why there is none.
type Outcome = Result<view::Answer, Failure>;
