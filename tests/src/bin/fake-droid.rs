//! A scripted stand-in for `droid`; the script language is described in `tests::fake_droid`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tests::fake_droid::main()
}
