//! By how much the clocks of this process are shifted against those of the machine, as in a time namespace of its own.
//!
//! The kernel shifts all that it tells such a process of times since boot, the starts of processes among them. What a record
//! says of such times is about the machine's own clocks, so that whoever reads it in another namespace takes no process for
//! another one. Nothing here changes a clock.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

/// What the kernel calls the namespace that the machine booted with.
const FIRST: &str = "time:[4026531834]";

/// A shift of one clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shift {
    seconds: i64,
    nanoseconds: i64,
}

/// The shifts of both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shifts {
    /// Of the clock that stands still while the machine sleeps.
    pub(crate) monotonic: Shift,
    /// Of the clock that goes on.
    pub(crate) boottime: Shift,
}

impl Shifts {
    /// Those of this process, which are looked up once.
    pub(crate) fn own() -> Self {
        static OWN: OnceLock<Shifts> = OnceLock::new();
        *OWN.get_or_init(|| {
            // Nearly everybody is in the first one, and where the kernel knows none there is no shift.
            let space = fs::read_link("/proc/self/ns/time");
            if space.is_ok_and(|space| space.as_os_str() != FIRST) {
                Self::parse(&fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default())
            } else {
                Self::default()
            }
        })
    }

    fn parse(text: &str) -> Self {
        let of = |clock: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(clock))?;
            let mut numbers = line.split_whitespace().map(str::parse);
            Some(Shift {
                seconds: numbers.next()?.ok()?,
                nanoseconds: numbers.next()?.unwrap_or_default(),
            })
        };
        let (monotonic, boottime) = (of("monotonic"), of("boottime"));
        Self { monotonic: monotonic.unwrap_or_default(), boottime: boottime.unwrap_or_default() }
    }
}

impl Shift {
    /// What the machine's own clock says where the clock of this process says `told`.
    pub(crate) fn undone(self, told: Duration) -> Duration {
        let told = i128::try_from(told.as_nanos()).unwrap_or(i128::MAX);
        let shift = i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanoseconds);
        let own = u64::try_from(told.saturating_sub(shift).max(0)).unwrap_or(u64::MAX);
        Duration::from_nanos(own)
    }

    /// The same for clock ticks, of which there are so many in a second. The shifts that there are in practice are whole
    /// seconds; of others the tick may be the one beside.
    pub(crate) fn undone_ticks(self, told: u64, per_second: u32) -> u64 {
        let per_second = i64::from(per_second);
        let part = self.nanoseconds.saturating_mul(per_second) / 1_000_000_000;
        told.saturating_add_signed(
            self.seconds.saturating_mul(per_second).saturating_add(part).saturating_neg(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_forth_and_back_is_undone() {
        let shifts =
            Shifts::parse("monotonic      100000         0\nboottime      -20000 500000000\n");
        let told = Duration::from_secs(100_007);
        assert_eq!(shifts.monotonic.undone(told), Duration::from_secs(7));
        assert_eq!(shifts.boottime.undone_ticks(12, 100), 2_000_012 - 50);
        assert_eq!(shifts.monotonic.undone(Duration::ZERO), Duration::ZERO);
        assert_eq!(Shifts::parse(""), Shifts::default());
    }
}
