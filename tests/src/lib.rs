//! What the boundary tests stand on: a stand-in for `droid`, and a hermetic sandbox around the
//! real programs.
//!
//! Nothing here knows a crate of the workspace by its types: a test sees `task-bg` as its users do,
//! through arguments, streams, exit codes and files.

pub mod crashing;
pub mod fake_droid;
pub mod fake_slurm;
pub mod machines;
pub mod matrix;
pub mod mcp_client;
pub mod meddling;
pub mod opened;
pub mod original;
pub mod process;
pub mod repository;
pub mod run;
pub mod sandbox;
pub mod scenarios;
pub mod scripted_model;
pub mod stress;
