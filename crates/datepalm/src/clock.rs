//! The Clock seam: the only way this service learns the time. A second, monotonic reading lets a sender prove
//! that its lease outlives its call even when the wall clock is set back (R18).

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

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
    course: Mutex<Option<(Instant, Course)>>,
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

    /// The standard library's monotonic clock stands still while the machine is suspended, and a sender that slept must
    /// notice that its lease has passed; the wall clock counts suspension, and may be set back. So the first one is
    /// followed, and what the wall clock leaps ahead of it is added.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the Clock that everything else asks"
    )]
    fn monotonic_ms(&self) -> i64 {
        let mut course = self.course.lock().unwrap_or_else(PoisonError::into_inner);
        let wall_ms = self.now_ms();
        let (began, course) =
            course.get_or_insert_with(|| (Instant::now(), Course::beginning_at(wall_ms)));
        let ran_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        course.follow(wall_ms, ran_ms)
    }
}

/// A difference smaller than this is how the two clocks are read and trimmed, not a leap; milliseconds.
const LEAP_MS: i64 = 100;

/// How the monotonic reading goes on from its first one.
#[derive(Debug)]
struct Course {
    /// Wall clock less running time, as of the last leap.
    offset_ms: i64,
    /// All leaps ahead together.
    leapt_ms: i64,
}

impl Course {
    fn beginning_at(wall_ms: i64) -> Self {
        Self {
            offset_ms: wall_ms,
            leapt_ms: 0,
        }
    }

    /// The reading at this wall time and running time: grows with the second, and by what the first leaps ahead of it.
    fn follow(&mut self, wall_ms: i64, ran_ms: i64) -> i64 {
        let leap_ms = wall_ms - ran_ms - self.offset_ms;
        if leap_ms.abs() >= LEAP_MS {
            self.offset_ms += leap_ms;
            self.leapt_ms += leap_ms.max(0);
        }
        ran_ms + self.leapt_ms
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn r18_the_second_reading_goes_on_while_the_wall_clock_is_behind() {
        let mut course = Course::beginning_at(1_000_000);
        assert_eq!(course.follow(1_000_500, 500), 500);
        // Set back by an hour: time goes on all the same, and nothing is counted twice when it comes back.
        assert_eq!(course.follow(1_001_000 - HOUR_MS, 1_000), 1_000);
        assert_eq!(course.follow(1_002_000 - HOUR_MS, 2_000), 2_000);
    }

    #[test]
    fn r18_the_second_reading_counts_suspension() {
        let mut course = Course::beginning_at(1_000_000);
        assert_eq!(course.follow(1_001_000, 1_000), 1_000);
        // Suspended for an hour, which only the wall clock noticed; also after it was set back.
        assert_eq!(course.follow(1_001_000 + HOUR_MS, 1_000), HOUR_MS + 1_000);
        assert_eq!(course.follow(1_001_000 - HOUR_MS, 1_000), HOUR_MS + 1_000);
        assert_eq!(course.follow(1_001_000, 1_000), 2 * HOUR_MS + 1_000);
    }

    #[test]
    fn the_second_reading_does_not_add_up_how_unevenly_the_two_clocks_are_read() {
        let mut course = Course::beginning_at(1_000_000);
        for ran_ms in 0..10_000 {
            let uneven = if ran_ms % 2 == 0 { 3 } else { -3 };
            assert_eq!(course.follow(1_000_000 + ran_ms + uneven, ran_ms), ran_ms);
        }
    }

    #[test]
    fn the_system_clock_never_goes_back() {
        let clock = SystemClock::default();
        let readings: Vec<i64> = (0..1_000).map(|_| clock.monotonic_ms()).collect();
        assert!(readings.is_sorted());
        assert!(clock.now_ms() > 1_700_000_000_000);
    }
}
