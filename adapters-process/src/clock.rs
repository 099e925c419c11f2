//! The system's clocks; no other file asks for the time.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::port::Clock;
use domain::task::Timestamp;

use crate::local::time_namespace::Shifts;

/// The system's wall clock and its monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock the others ask")]
    fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            Err(before) => {
                i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)
            }
        };
        Timestamp::from_micros(micros)
    }

    fn elapsed(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }

    fn awake(&self) -> Duration {
        // Linux's monotonic clock stands still while the machine sleeps.
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Shifts::own().monotonic.undone(Duration::try_from(now).unwrap_or_default())
    }
}
