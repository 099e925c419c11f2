//! task-bg as its users meet it: arguments, streams, exit codes, files and processes.
//!
//! One program with one module a topic. Every test runs the real mains in a sandbox of its own,
//! with a scripted stand-in for `droid`; a test's name is the sentence it proves.

mod adopting;
mod again;
mod answering;
mod any_name;
mod batching;
mod bounded_logs;
mod bounding;
mod cancelling;
mod cleaning;
mod copied;
mod counting;
mod crashing;
mod disks;
mod doctor;
mod droids;
mod elsewhere;
mod ended_logs;
mod endings;
mod feeding;
mod filling_up;
mod fuzzing;
mod grouping;
mod half_characters;
mod handing_over;
mod held_up;
mod helping;
mod hooking;
mod hooks_elsewhere;
mod hooks_install;
mod hostile;
mod isolating;
mod keeping;
mod launching;
mod leaving;
mod leaving_out;
mod limiting;
mod looking;
mod losing;
mod machines;
mod mcp;
mod meddled_worktrees;
mod modelling;
mod namespaces;
mod naming;
mod nobody_knows;
mod noticing;
mod notifying;
mod obstructing;
mod options;
mod ordering;
mod original;
mod out_of_place;
mod overflowing;
mod own_runners;
mod owning;
mod parenting;
mod picturing;
mod placing;
mod plugin;
mod queueing;
mod racing;
mod readme;
mod recorded_by_others;
mod removed_locks;
mod replaced_logs;
mod reporting;
mod resting;
mod runners;
mod schemas;
mod settings;
mod several;
mod shells;
mod showing;
mod slurm;
mod stand_in;
mod stopping_for_good;
mod stranded;
mod taking_turns;
mod telling_the_truth;
mod terminals;
mod topping;
mod trying_again;
mod turns;
mod vanishing;
mod watching;
mod ways_out;
mod whole_store;
mod wording;
mod working_apart;

use tests::sandbox::{Programs, Sandbox};

/// A fresh home around the programs that cargo built for this test.
fn sandbox() -> Sandbox {
    Sandbox::new(programs())
}

/// The programs that cargo built for this test.
fn programs() -> Programs {
    Programs {
        task_bg: env!("CARGO_BIN_EXE_task-bg-under-test"),
        hook: env!("CARGO_BIN_EXE_task-bg-hook-under-test"),
        droid: env!("CARGO_BIN_EXE_fake-droid"),
    }
}
