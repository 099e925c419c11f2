//! Work on many records, shared among threads. Decides nothing about what is done with them.

use std::num::NonZero;
use std::{panic, thread};

/// The fewest records to be looked at that are worth a second thread.
pub(super) const RECORDS: usize = 256;
/// The most threads.
const MAX_THREADS: usize = 4;

/// What `work` makes of each share of `all`, in their order. There are as many shares as there are processors, but none of
/// fewer than `least`, unless that is all there is.
pub(super) fn in_shares<T: Sync, R: Send>(
    all: &[T],
    least: usize,
    work: impl Fn(&[T]) -> R + Sync,
) -> Vec<R> {
    let mut shares = all.chunks(share(all.len(), least));
    let Some(mine) = shares.next() else { return Vec::new() };
    thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = shares.map(|share| scope.spawn(move || work(share))).collect();
        let first = work(mine);
        let joined = others.into_iter().map(|other| match other.join() {
            Ok(made) => made,
            Err(cause) => panic::resume_unwind(cause),
        });
        [first].into_iter().chain(joined).collect()
    })
}

/// How much of so many is one thread's; at least one.
fn share(all: usize, least: usize) -> usize {
    if all <= least {
        return least.max(1);
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
    all.div_ceil(threads).max(least)
}
