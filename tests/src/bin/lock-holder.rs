//! Takes the locks on the files that are named, says so, and stops itself, as by Ctrl-Z in the wrong moment.

use std::fs::File;
use std::io::Write as _;

use rustix::process::{Signal, getpid, kill_process};

fn main() -> std::io::Result<()> {
    let open = |path| File::options().create(true).append(true).open(path);
    let files = std::env::args_os().skip(1).map(open).collect::<Result<Vec<_>, _>>()?;
    files.iter().try_for_each(File::lock)?;
    writeln!(std::io::stdout(), "held")?;
    kill_process(getpid(), Signal::STOP)?;
    Ok(())
}
