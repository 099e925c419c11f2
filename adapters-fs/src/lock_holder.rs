//! Who holds a lock, for the words of whoever waited for it in vain.
//!
//! The kernel lists locks with the process that took each. One that was handed over, as a launcher does to a supervisor, has another
//! holder by now, whose descriptor says so. All that is only said, and nothing is decided by it. Main function: [`of`].

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The most characters of a command line that are shown.
const SHOWN: usize = 80;

/// Who holds the lock on the file at `path`, as in "process 12 (`task-bg wait`)"; empty where nobody does, or
/// that cannot be told.
pub(crate) fn of(path: &Path) -> String {
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let Ok(file) = fs::metadata(path) else { return String::new() };
    let mut takers = locks.lines().filter_map(|line| taker(line, file.ino()));
    let taker = takers.find(|pid| has_open(*pid, path));
    let holder = taker.or_else(|| everybody().into_iter().find(|pid| holds(*pid, path)));
    holder.map(described).unwrap_or_default()
}

/// That one of these stopped processes holds the lock on the file at `path`, in the same words and with what lets it go on; `None`
/// where none does.
pub(crate) fn stopped(path: &Path, stopped: &[u32]) -> Option<String> {
    let pid = stopped.iter().find(|pid| holds(**pid, path))?;
    Some(format!("{} holds it; `kill -CONT {pid}` lets it go on", described(*pid)))
}

/// The processes that a signal has stopped.
pub(crate) fn stopped_processes() -> Vec<u32> {
    everybody().into_iter().filter(|pid| is_stopped(*pid)).collect()
}

/// The numbers of all processes that can be seen.
fn everybody() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The process that took the lock of this line, if that is a `flock` on the file with this number.
fn taker(line: &str, inode: u64) -> Option<u32> {
    let mut fields = line.split_whitespace().skip(1);
    let (kind, _advisory, _access) = (fields.next()?, fields.next()?, fields.next()?);
    let (pid, file) = (fields.next()?, fields.next()?);
    let is_ours = kind == "FLOCK" && file.rsplit(':').next()?.parse() == Ok(inode);
    pid.parse().ok().filter(|_| is_ours)
}

/// Whether the process has the file open: numbers of files are unique on one disk alone.
fn has_open(pid: u32, path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.into_iter().any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == path))
}

/// Whether the process has the file open by a descriptor that holds a `flock` on it, whoever took that.
fn holds(pid: u32, path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let ours = open.filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == path));
    let mut numbers = ours.filter_map(|entry| entry.file_name().into_string().ok());
    numbers.any(|number| {
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
        info.lines().any(|line| line.starts_with("lock:") && line.contains(" FLOCK "))
    })
}

fn is_stopped(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    matches!(state, Some('T' | 't'))
}

fn described(pid: u32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = String::from_utf8_lossy(&words).trim_end_matches('\0').replace('\0', " ");
    let words: String = words.chars().take(SHOWN).collect();
    let stopped = if is_stopped(pid) { ", which is stopped," } else { "" };
    format!("process {pid} (`{words}`){stopped}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn whoever_holds_a_lock_is_named_and_nobody_is_where_it_is_free() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let file = File::create(&path).expect("a file");
        assert_eq!(of(&path), "");
        file.lock().expect("nobody holds it");
        let holder = of(&path);
        assert!(holder.starts_with(&format!("process {} (`", std::process::id())), "{holder}");
        file.unlock().expect("it is held");
        assert_eq!(of(&path), "");
        assert_eq!(of(&folder.path().join("none")), "");
    }
}
