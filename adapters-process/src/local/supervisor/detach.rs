//! Leaving the caller behind.
//!
//! Nothing here touches standard input: that is the life lock.

use std::fs;
use std::io;

use nix::sys::signal::SigSet;
use rustix::fs::{Mode, OFlags};

use crate::local::group::Place;

/// See [`super::detach`].
pub(super) fn detach() -> io::Result<()> {
    close_inherited()?;
    // What its caller blocks, a process and all that it starts would be deaf to.
    SigSet::empty().thread_set_mask()?;
    // Fails only for a process that leads its group already, and then it has left the caller's.
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    rustix::process::chdir("/")?;
    // Launched by a task, it is in the group of that one, and would be ended with it.
    if let Ok(place) = Place::own() {
        place.leave().unwrap_or_default();
    }
    Ok(())
}

/// Closes every descriptor above the standard three, so that no pipe of the caller stays open.
fn close_inherited() -> io::Result<()> {
    let numbers: Vec<i32> = fs::read_dir("/proc/self/fd")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in numbers {
        // The one of the listing itself is closed already.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}

/// Lets go of the pipe to the launcher.
pub(super) fn release_stdout() -> io::Result<()> {
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(())
}
