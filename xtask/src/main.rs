//! `cargo xtask <step>`: the checks and chores of the repository, each a step that anybody can run.
//!
//! Continuous integration runs `cargo xtask ci` and nothing else. No step depends on a crate of the workspace: they read
//! the sources as data and the programs as programs. A step that cannot be done here says so and is skipped; a step that
//! fails says what to do, and fails the command.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a development tool talks to whoever started it"
)]

mod agents;
mod bench;
mod budgets;
mod ci;
mod command;
mod demo;
mod dependencies;
mod dist;
mod droid;
mod e2e;
mod failure;
mod faults;
mod generate;
mod inside;
mod machines;
mod namespace;
mod order;
mod release;
mod repo;
mod schemas;
mod scratch;
mod slurm;
mod step;
mod tidy;

use std::env;
use std::process::ExitCode;

use failure::Failure;
use repo::Repo;
use step::{Outcome, StepResult};

/// What can be asked for by name.
struct Entry {
    name: &'static str,
    about: &'static str,
    run: fn(&Repo, &[String]) -> StepResult,
}

const ENTRIES: &[Entry] = &[
    Entry {
        name: "ci",
        about: "every check, in order; stops at the first failure (words choose checks)",
        run: ci::ci,
    },
    Entry {
        name: "tidy",
        about: "the rules of the code that no compiler holds",
        run: |repo, _| tidy::tidy(repo),
    },
    Entry {
        name: "generate",
        about: "writes the generated tables and schemas of the documents (--check: only compares)",
        run: generate::generate,
    },
    Entry {
        name: "e2e",
        about: "the real droid against a scripted model, without a network (words choose scenarios)",
        run: e2e::e2e,
    },
    Entry {
        name: "agents",
        about: "the real agents beside droid, case by case, as a table (words choose agents)",
        run: e2e::agents,
    },
    Entry {
        name: "machines",
        about: "a task on another machine over the real ssh, in namespaces (needs root and Debian's packages)",
        run: machines::machines,
    },
    Entry {
        name: "slurm",
        about: "our program on a real Slurm of three nodes, as root (words choose scenarios, all is all)",
        run: slurm::slurm,
    },
    Entry {
        name: "bench",
        about: "whole-process figures beside a C program and other runners (words choose rows)",
        run: bench::bench,
    },
    Entry {
        name: "budgets",
        about: "system calls and instructions of the verbs in a hurry, each within its budget",
        run: |repo, _| budgets::budgets(repo),
    },
    Entry {
        name: "crashpoints",
        about: "every verb killed at every point, as a table (words choose rows, or what happens: kill, ENOSPC …)",
        run: faults::crashpoints,
    },
    Entry {
        name: "stress",
        about: "many verbs at once, everything killed at random, the laws held (--minutes N or --cancels N, --seed S --groups on|off)",
        run: faults::stress,
    },
    Entry {
        name: "release",
        about: "the two programs as they are shipped, static",
        run: release::release,
    },
    Entry {
        name: "order",
        about: "finds anew which functions the linker puts side by side, for app-cli/order.txt",
        run: order::order,
    },
    Entry {
        name: "dist",
        about: "everything that is shipped, in target/dist (--twice: two runs, compared)",
        run: dist::dist,
    },
    Entry {
        name: "demo",
        about: "three tasks at once in a scratch folder, from launch to result",
        run: |repo, _| demo::demo(repo),
    },
    Entry {
        name: "help",
        about: "this list",
        run: |_, _| {
            help();
            Ok(Outcome::Done)
        },
    },
];

fn main() -> ExitCode {
    let mut words = env::args().skip(1);
    let verb = words.next().unwrap_or_else(|| "help".to_owned());
    let words: Vec<String> = words.collect();
    match run(&verb, &words) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: &str, words: &[String]) -> Result<ExitCode, Failure> {
    match verb {
        // Two hidden verbs, with which the program starts itself again in another place.
        "__inside" => return inside::inside(words),
        "__demo" => return demo::show(words).map(|()| ExitCode::SUCCESS),
        _ => {}
    }
    let Some(entry) = ENTRIES.iter().find(|entry| entry.name == verb) else {
        help();
        return Err(Failure::new(format!("no step is called `{verb}`")));
    };
    let repo = Repo::find()?;
    if let Outcome::Skipped(why) = (entry.run)(&repo, words)? {
        println!("{}: skipped: {why}", entry.name);
    }
    Ok(ExitCode::SUCCESS)
}

fn help() {
    println!("cargo xtask <step>\n");
    for Entry { name, about, .. } in ENTRIES {
        println!("  {name:<11} {about}");
    }
}
