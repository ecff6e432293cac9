//! The Clock seam: the only way this service learns the time. A second, monotonic reading lets a sender prove
//! that its lease outlives its call even when the wall clock is set back (R18).

use std::sync::atomic::{AtomicI64, Ordering};

/// Where time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Wall time in milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;
    /// Milliseconds since some fixed moment; never goes back and counts the machine's suspension.
    fn monotonic_ms(&self) -> i64;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock {
    last_ms: AtomicI64,
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the Clock that everything else asks"
    )]
    fn now_ms(&self) -> i64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| {
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            })
    }

    /// Wall time that is never let go back. The standard library's monotonic clock stands still while the machine
    /// is suspended, and a sender that slept must notice that its lease has passed; wall time counts suspension.
    fn monotonic_ms(&self) -> i64 {
        let now = self.now_ms();
        self.last_ms.fetch_max(now, Ordering::SeqCst).max(now)
    }
}

/// A clock that moves only when it is told to; for tests and the simulator.
#[derive(Debug)]
pub struct ManualClock {
    now_ms: AtomicI64,
}

impl ManualClock {
    /// Starts at `now_ms` milliseconds since the Unix epoch.
    pub fn new(now_ms: i64) -> Self {
        Self {
            now_ms: AtomicI64::new(now_ms),
        }
    }

    /// Moves the clock forward.
    pub fn advance_ms(&self, by_ms: i64) {
        self.now_ms.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> i64 {
        self.now_ms()
    }
}

/// RFC 3339 in UTC with milliseconds, as every time in the API is written.
pub fn rfc3339(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .map_or_else(|_| at_ms.to_string(), |at| format!("{at:.3}"))
}

/// Parses RFC 3339 into milliseconds since the epoch.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>()
        .ok()
        .map(jiff::Timestamp::as_millisecond)
}
