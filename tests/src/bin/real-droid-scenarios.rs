//! The scenarios that run the real `droid`; started by `cargo xtask e2e`, described in `tests::scenarios`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tests::scenarios::main()
}
