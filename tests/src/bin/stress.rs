//! Many verbs at once while everything is killed at random; what is held is in `tests::stress`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tests::stress::main()
}
