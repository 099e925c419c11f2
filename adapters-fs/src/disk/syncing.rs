//! Making many files durable: side by side, as a file system makes those durable together that are asked for together.
//!
//! A few are synced one after another, which starts no thread.

use std::io;
use std::path::PathBuf;
use std::thread;

use super::Disk;

/// How many are synced at a time where there are many.
const SIDE_BY_SIDE: usize = 8;
/// How many are few.
const FEW: usize = 2 * SIDE_BY_SIDE;
/// The stack of a thread that syncs, in bytes: it opens files and waits.
const STACK: usize = 64 * 1024;

/// Returns when the content of all these files is durable; of those that are gone there is none.
///
/// # Errors
/// A file that could not be made durable, and why; others may not be durable either then.
pub(crate) fn sync_files(disk: &dyn Disk, paths: &[PathBuf]) -> Result<(), (PathBuf, io::Error)> {
    let each = |share: &[PathBuf]| {
        share
            .iter()
            .try_for_each(|path| disk.sync_file(path).map_err(|error| (path.clone(), error)))
    };
    if paths.len() <= FEW {
        return each(paths);
    }
    let mut shares = paths.chunks(paths.len().div_ceil(SIDE_BY_SIDE));
    let mine = shares.next().unwrap_or_default();
    thread::scope(|scope| {
        let begun: Vec<_> = shares
            .map(|share| {
                let thread = thread::Builder::new().stack_size(STACK);
                (share, thread.spawn_scoped(scope, move || each(share)))
            })
            .collect();
        let mut all = each(mine);
        for (share, other) in begun {
            // Where no thread could be had, or one broke off, it is done here.
            let other = other.ok().and_then(|thread| thread.join().ok());
            all = all.and(other.unwrap_or_else(|| each(share)));
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use std::fs;

    #[test]
    fn of_many_files_each_is_synced_and_one_that_cannot_be_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut paths: Vec<PathBuf> =
            (0..50).map(|number| folder.path().join(number.to_string())).collect();
        for path in paths.iter().skip(1) {
            fs::write(path, "x").expect("written");
        }
        assert!(sync_files(&RealDisk, &paths).is_ok(), "what is gone has nothing to lose");
        let wrong = paths[1].join("below a file");
        paths.push(wrong.clone());
        let (named, _) = sync_files(&RealDisk, &paths).expect_err("it is no folder");
        assert_eq!(named, wrong);
    }
}
