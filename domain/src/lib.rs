//! The rules of task-bg: what a task is, how it ends, what may change it, and what each verb does.
//!
//! Five rings, each of which sees only the ones before it: [`task`] (what a task is: values and pure
//! functions), [`run`] (how one running task is driven), [`plan`] (decisions over many tasks, as values
//! that can be printed), [`port`] (what the rules need from the world, as traits) and [`usecase`] (one
//! verb a file). The crate never touches a file, a process, an environment variable or a clock: shipped
//! builds have no `std`, so it cannot name them. Nothing here is serialisable; each border of the
//! program owns its wire types and converts by hand.
#![cfg_attr(not(any(test, feature = "testing")), no_std)]

extern crate alloc;

pub mod plan;
pub mod port;
pub mod run;
pub mod task;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod usecase;
