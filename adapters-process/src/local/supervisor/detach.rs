//! Leaving the caller behind.
//!
//! Standard input is the life lock, and stays open as long as it may be held.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd as _;

use nix::sys::signal::SigSet;
use rustix::fs::{Mode, OFlags, RawDir};

use crate::local::group::Place;

/// How much of the numbers of open descriptors is read at a time, in bytes.
const NAMES: usize = 1024;

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

/// Closes every descriptor above the standard three, so that no pipe of the caller stays open. Nothing here asks the C
/// library for memory, of which a supervisor would keep two pages.
fn close_inherited() -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open("/proc/self/fd", flags, Mode::empty())?;
    let mut names = [MaybeUninit::uninit(); NAMES];
    let mut entries = RawDir::new(&folder, &mut names[..]);
    let mut numbers = Vec::new();
    while let Some(entry) = entries.next() {
        let number = entry?.file_name().to_str().ok().and_then(|name| name.parse::<i32>().ok());
        numbers.extend(number.filter(|number| *number > 2 && *number != folder.as_raw_fd()));
    }
    for number in numbers {
        let _ = nix::unistd::close(number);
    }
    Ok(())
}

/// Lets go of the life lock on standard input, which was freed.
pub(super) fn release_stdin() -> io::Result<()> {
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(())
}

/// Lets go of the pipe to the launcher.
pub(super) fn release_stdout() -> io::Result<()> {
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(())
}
