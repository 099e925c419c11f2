//! The bound of a task's logs: the middle of one that grows too large is given back to the disk.
//!
//! The agent writes its files itself, so nobody can keep it from writing. What can be done is to look often enough, and to
//! punch a hole: the beginning and the end stay, at their places, and whoever reads names the gap. How often is enough follows from
//! how much room is left and how fast a file can be written at all ([`FASTEST`]); a file that nobody writes to is not looked
//! at. Nothing here stops a task: where no hole can be made, that is said.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::run::log_bound;
use rustix::fs::FallocateFlags;
use rustix::io::Errno;

/// How many bytes a second a file can be written with at most: about what memory takes.
const FASTEST: u64 = 2 << 30;
/// The shortest and the longest pause between two looks at a file that grows.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_secs(1));
/// How late a supervisor is on a busy machine: whoever would pass the bound within this is too fast for it.
const LATE: Duration = Duration::from_millis(100);
/// For how long whoever is too fast writes at most as much as a log may take.
const SPAN: Duration = Duration::from_millis(500);
/// The longest rest.
const MOST_REST: Duration = Duration::from_millis(250);

/// The logs of one task, and the most that each may take.
#[derive(Debug)]
pub(super) struct Bound {
    logs: Vec<Log>,
    most: u64,
    /// Whether a log had passed the bound by the last look.
    was_outrun: bool,
    /// Since when somebody could write what the next look finds new.
    since: Instant,
    /// How many bytes were new by the last look, and in what time they were written.
    grew: (u64, Duration),
}

#[derive(Debug)]
struct Log {
    file: Arc<File>,
    /// Its size when it was looked at last.
    size: u64,
    /// Where its last hole ends.
    punched: u64,
}

/// What a look at the logs found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nobody has written since the last look.
    Quiet,
    /// Somebody has; the next look is due after this pause.
    Grows(Duration),
    /// A log has passed the bound, and its file system makes no holes.
    Overflow,
}

impl Bound {
    /// A bound of so many bytes for each of these logs, which are open for writing.
    pub(super) fn new(logs: impl IntoIterator<Item = Arc<File>>, most: u64) -> Self {
        let log = |file| Log { file, size: 0, punched: 0 };
        let (since, grew) = (Instant::now(), (0, Duration::ZERO));
        Self { logs: logs.into_iter().map(log).collect(), most, was_outrun: false, since, grew }
    }

    /// The most that each log may take, in bytes.
    pub(super) const fn most(&self) -> u64 {
        self.most
    }

    const fn brim(&self) -> u64 {
        log_bound::brim(self.most)
    }

    /// How long nobody has to look at logs that are far from full.
    pub(super) fn idle(&self) -> Duration {
        pause(self.brim())
    }

    /// Looks at the logs, and gives back the middle of those that have grown too large.
    pub(super) fn look(&mut self) -> Found {
        let (most, brim) = (self.most, self.brim());
        let ran = self.since.elapsed();
        let mut fastest = 0;
        let mut found = Found::Quiet;
        self.was_outrun = false;
        for log in &mut self.logs {
            let Ok(now) = log.file.metadata() else { continue };
            let grew = now.len() != log.size;
            fastest = fastest.max(now.len().saturating_sub(log.size));
            log.size = now.len();
            let mut taken = taken_by(&now);
            if taken > brim {
                self.was_outrun |= taken > most;
                if let Err(error) = log.punch(most) {
                    let without_holes =
                        matches!(error, Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL);
                    if without_holes && taken > most {
                        return Found::Overflow;
                    }
                }
                taken = log.file.metadata().map_or(taken, |now| taken_by(&now));
            }
            if grew {
                let pause = pause(brim.saturating_sub(taken));
                found = match found {
                    Found::Grows(sooner) => Found::Grows(sooner.min(pause)),
                    Found::Quiet | Found::Overflow => Found::Grows(pause),
                };
            }
        }
        self.grew = (fastest, ran);
        self.since = Instant::now();
        found
    }

    /// Whether a log had passed the bound by the last look: a writer was faster than whoever looks.
    pub(super) const fn was_outrun(&self) -> bool {
        self.was_outrun
    }

    /// Whether a log would pass the bound within this time, at the speed of the last look.
    pub(super) fn would_pass_within(&self, span: Duration) -> bool {
        let (bytes, ran) = self.grew;
        would_pass(bytes, ran, self.most, span)
    }

    /// How long whoever writes is to rest by the last look, so that the bound holds although this process may be kept
    /// waiting for a processor; zero for a writer that it keeps up with.
    pub(super) fn rest(&self) -> Duration {
        let (bytes, ran) = self.grew;
        rest(bytes, ran, self.most)
    }

    /// Tells that whoever writes goes on from now on, after a rest.
    pub(super) fn goes_on(&mut self) {
        self.since = Instant::now();
    }

    /// The pause before the next look at a log whose writer goes on after a rest.
    pub(super) const fn shortest_pause() -> Duration {
        PAUSES.0
    }

    /// Where the last hole of the log ends that was given as the one with this number; 0 if it has none.
    pub(super) fn hole_end(&self, number: usize) -> u64 {
        self.logs.get(number).map_or(0, |log| log.punched)
    }
}

impl Log {
    /// Gives back its middle.
    fn punch(&mut self, most: u64) -> Result<(), Errno> {
        let Some((from, to)) = log_bound::middle(self.size, most) else { return Ok(()) };
        let from = from.max(self.punched);
        if to > from {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            rustix::fs::fallocate(&*self.file, flags, from, to - from)?;
            self.punched = to;
        }
        Ok(())
    }
}

/// How many bytes of the disk a file takes.
fn taken_by(file: &Metadata) -> u64 {
    // The unit is this, whatever the blocks of the file system are.
    file.blocks().saturating_mul(512)
}

/// The pause before the next look at a file that has so many bytes of room left.
fn pause(room: u64) -> Duration {
    Duration::from_micros(room / (FASTEST / 1_000_000)).clamp(PAUSES.0, PAUSES.1)
}

/// Whether a writer that has written so many bytes in this time passes a bound of `most` within `span`.
fn would_pass(bytes: u64, ran: Duration, most: u64, span: Duration) -> bool {
    let room = most - most / 4;
    u128::from(bytes) * span.as_nanos() > u128::from(room) * ran.as_nanos()
}

/// How long a writer is to rest that has written so many bytes in this time, into a log that may take `most`.
fn rest(bytes: u64, ran: Duration, most: u64) -> Duration {
    if !would_pass(bytes, ran, most, LATE) {
        return Duration::ZERO;
    }
    let due = u128::from(bytes) * SPAN.as_nanos() / u128::from(most.max(1));
    let due = Duration::from_nanos(u64::try_from(due).unwrap_or(u64::MAX));
    due.saturating_sub(ran).min(MOST_REST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::FileExt;

    const MIB: usize = 1 << 20;

    #[test]
    fn a_log_that_grows_keeps_its_ends_and_takes_no_more_than_its_bound() {
        let mut file = tempfile::tempfile().expect("a file");
        let other = file.try_clone().expect("a clone");
        let mut bound = Bound::new([Arc::new(other)], 4 << 20);
        assert_eq!(bound.look(), Found::Quiet);
        for number in 0..64u8 {
            file.write_all(&vec![number; MIB]).expect("written");
            if bound.look() == Found::Overflow {
                return;
            }
            let taken = file.metadata().expect("it is there").blocks() * 512;
            assert!(taken <= 4 << 20, "{taken} bytes after {number} MiB");
        }
        let at = |offset: usize| {
            let mut byte = [0];
            file.read_exact_at(&mut byte, offset as u64).expect("it is there");
            byte[0]
        };
        assert_eq!((at(0), at(MIB / 4 - 1), at(64 * MIB - 1)), (0, 0, 63));
        assert_eq!((at(20 * MIB), bound.hole_end(0) > 0), (0, true), "the middle is a hole");
        assert_eq!(file.metadata().expect("it is there").len(), 64 * MIB as u64);
    }

    #[test]
    fn the_less_room_there_is_the_sooner_is_the_next_look() {
        assert_eq!(pause(0), PAUSES.0);
        assert_eq!(pause(u64::MAX), PAUSES.1);
        assert!(pause(192 << 20) < Duration::from_millis(100));
    }

    #[test]
    fn only_a_writer_that_would_pass_the_bound_while_its_supervisor_is_late_rests() {
        let (most, look) = (64 << 20, Duration::from_millis(2));
        // 500 MB a second would take 50 MB in 100 ms.
        assert_eq!(rest(900_000, look, most), Duration::ZERO);
        assert_eq!(rest(4 << 20, look, most), Duration::from_micros(29_250));
        assert_eq!(rest(4 << 20, look, 512 << 20), Duration::ZERO);
        assert_eq!(rest(u64::MAX, look, most), MOST_REST);
        assert_eq!(rest(0, Duration::ZERO, 0), Duration::ZERO);
    }
}
