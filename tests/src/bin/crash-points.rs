//! Every verb killed at every point; the scenes are in `tests::crashing`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tests::crashing::report::main()
}
