//! The real agents beside `droid`, one case after another; the cases are in `tests::matrix`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tests::matrix::main()
}
