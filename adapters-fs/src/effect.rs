//! The points at which a test lets a process die, or a step on the disk fail: before and after each effect.
//!
//! An effect is a system call that others can see: a file made, written, synced, renamed or removed, a lock taken or
//! freed. With the feature `crash-points`, which only the tests of the whole program ask for, a watch is told of each
//! before and after it happens. Without the feature, and so in what is shipped, `effect` is its closure and nothing
//! else. Nothing here decides what is to fail. Main types: [`Moment`] and [`Watch`].

use std::io;
use std::path::Path;

/// When a watch is told of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing of it has happened.
    Before,
    /// It has happened, or has failed by itself.
    After,
}

/// What is told of each effect: what it does, in a word or two, and to which file. It may end the process, or return
/// what the effect fails with in place of happening; after an effect, what it returns means nothing.
pub type Watch = fn(&'static str, &Path, Moment) -> Option<io::Error>;

#[cfg(feature = "crash-points")]
static WATCH: std::sync::OnceLock<Watch> = std::sync::OnceLock::new();

/// Has `watch` told of every effect of this process from now on. The first watch stays.
#[cfg(feature = "crash-points")]
pub fn watch_effects(watch: Watch) {
    WATCH.get_or_init(|| watch);
}

/// Does what others can see, named `what`, to the file at `path`.
pub(crate) fn effect<T>(
    what: &'static str,
    path: &Path,
    act: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    if let Some(error) = told(what, path, Moment::Before) {
        return Err(error);
    }
    let done = act();
    drop(told(what, path, Moment::After));
    done
}

/// Writes all of `content` to what is at `path` with `write`: in what is shipped with one call of it, where effects are
/// watched with two, as a disk may fill up and a process may die in the middle.
pub(crate) fn written(
    path: &Path,
    content: &[u8],
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    if cfg!(feature = "crash-points") {
        let (first, rest) = content.split_at(content.len() / 2);
        effect("write half of", path, || write(first))?;
        effect("write the rest of", path, || write(rest))
    } else {
        write(content)
    }
}

#[cfg(feature = "crash-points")]
fn told(what: &'static str, path: &Path, moment: Moment) -> Option<io::Error> {
    WATCH.get().and_then(|watch| watch(what, path, moment))
}

#[cfg(not(feature = "crash-points"))]
fn told(_what: &'static str, _path: &Path, _moment: Moment) -> Option<io::Error> {
    None
}
