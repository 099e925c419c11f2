//! A clock that only moves when it is told to.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicI64, Ordering};
use core::time::Duration;

use crate::port::Clock;
use crate::task::Timestamp;

/// A clock that only moves when it is told to. Its clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    start: Timestamp,
    micros: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that shows `start`.
    pub fn at(start: Timestamp) -> Self {
        Self { start, micros: Arc::new(AtomicI64::new(start.as_micros())) }
    }

    /// Lets `span` pass.
    pub fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        self.now().since(self.start)
    }

    fn awake(&self) -> Duration {
        self.elapsed()
    }
}
