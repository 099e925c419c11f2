//! Which supervisors work over a store, by the words that they were started with: the only trace of a task whose record is
//! gone. Signals nobody.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use domain::task::TaskId;

use crate::SUPERVISE_VERB;
use crate::local::tree::numbers;

/// The living supervisors over the store in this folder: the task of each, and its number.
pub fn supervisors_over(store: &Path) -> Vec<(TaskId, u32)> {
    let of = |pid: u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let mut words = line.split(|byte| *byte == 0).skip(1);
        let (verb, id, folder) = (words.next()?, words.next()?, words.next()?);
        let is_ours = verb == SUPERVISE_VERB.as_bytes() && folder == store.as_os_str().as_bytes();
        let id = is_ours.then_some(id).and_then(|id| std::str::from_utf8(id).ok())?;
        Some((TaskId::parse(id).ok()?, pid))
    };
    numbers().into_iter().filter_map(of).collect()
}
