//! Whether the entries of the keys can be believed where they say nothing, and making them anew from the records.
//!
//! A key without an entry is a free one only where all entries are there. Somebody may have removed their folder, and no entry is
//! synced, so a power cut may have taken some. So the folder has a mark, a link that names the boot in which it was found
//! whole; without it the records are looked through once. A mark that cannot be made costs that again, and nothing else. The record
//! of a task decides nothing here but which key it has.

use std::fs;
use std::path::Path;

use domain::port::Fault;
use domain::task::TaskId;

use super::{Said, said};
use crate::data_dir::DataDir;
use crate::data_dir::asides::put_aside;
use crate::disk::{self, Disk as _, RealDisk};
use crate::plain_file;
use crate::store::FileStore;

/// Where the kernel names the boot that the machine is in.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// How long that name is at most, in bytes.
const LONGEST: u64 = 64;
/// The mark of a folder whose machine does not say which boot it is in.
const UNKNOWN: &str = "unknown";

/// Whether all keys that were given have their entries.
pub(super) fn is_whole(dir: &DataDir) -> bool {
    fs::read_link(dir.whole_keys()).is_ok_and(|mark| mark.as_os_str() == &*mark_now())
}

/// Makes the entries that are missing, from the records, and says which task has `key`.
///
/// # Errors
/// [`Fault`] if the records cannot be listed: whether a task has the key is not known then.
pub(super) fn made_anew(dir: &DataDir, key: &str) -> Result<Option<TaskId>, Fault> {
    let keyed = FileStore::open(dir.clone()).keyed();
    let keyed = keyed.map_err(|error| {
        Fault::of(format!("looking for the key `{key}` in the records"), error.to_string())
    })?;
    let missing = keyed.iter().filter(|(key, id)| !is_made(dir, key, id)).count();
    if missing == 0 {
        disk::point(dir, &dir.whole_keys(), &mark_now());
    }
    Ok(keyed.get(key).cloned())
}

/// Makes the entry of a key. One that is there was made by whoever held the lock of its key, and is newer; what is none is put aside.
fn is_made(dir: &DataDir, key: &str, id: &TaskId) -> bool {
    let names_a_task = |path: &Path| matches!(said(path), Ok(Said::Task(_)));
    dir.key(key).is_none_or(|path| {
        let is_clear = put_aside(&path, names_a_task).is_ok();
        is_clear && (names_a_task(&path) || RealDisk.symlink(id.as_str(), &path).is_ok())
    })
}

fn mark_now() -> String {
    let boot = plain_file::plain_text(BOOT.as_ref(), LONGEST);
    boot.map_or_else(|_| UNKNOWN.to_owned(), |boot| boot.trim_end().to_owned())
}
