//! The sandbox's time: real or moved by hand, never read anywhere else.
//!
//! Not for waiting: nothing here sleeps. Invariant: neither reading ever goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A clock that can be advanced; clones share their offset.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    offset_ms: AtomicI64,
    last_ms: AtomicI64,
}

#[derive(Debug)]
enum Source {
    Real { started: Instant },
    Manual { start_ms: i64 },
}

impl Clock {
    /// System time plus whatever was advanced.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the monotonic clock"
    )]
    pub fn real() -> Self {
        Self::from(Source::Real {
            started: Instant::now(),
        })
    }

    /// Stands still at `start_ms` (Unix epoch, milliseconds) until advanced.
    pub fn manual(start_ms: i64) -> Self {
        Self::from(Source::Manual { start_ms })
    }

    fn from(source: Source) -> Self {
        Self(Arc::new(Inner {
            source,
            offset_ms: AtomicI64::new(0),
            last_ms: AtomicI64::new(i64::MIN),
        }))
    }

    /// Whether it moves only by hand.
    pub(crate) fn is_manual(&self) -> bool {
        matches!(self.0.source, Source::Manual { .. })
    }

    /// Unix epoch milliseconds, advances included.
    pub fn now_ms(&self) -> i64 {
        let base = match self.0.source {
            Source::Real { .. } => system_ms(),
            Source::Manual { start_ms } => start_ms,
        };
        let now = base.saturating_add(self.offset_ms());
        // The system's time may be set back; orders that already saw a later moment must not notice.
        self.0.last_ms.fetch_max(now, Ordering::SeqCst).max(now)
    }

    /// Milliseconds since the clock was made, advances included.
    pub fn monotonic_ms(&self) -> i64 {
        let elapsed = match self.0.source {
            Source::Real { started } => i64::try_from(started.elapsed().as_millis()).unwrap_or(0),
            Source::Manual { .. } => 0,
        };
        elapsed.saturating_add(self.offset_ms())
    }

    /// Moves both readings forward; a negative step is no step.
    pub fn advance_ms(&self, step_ms: i64) {
        let step_ms = step_ms.max(0);
        let _ = self
            .0
            .offset_ms
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |offset| {
                Some(offset.saturating_add(step_ms))
            });
    }

    /// How far the clock was advanced in all.
    pub(crate) fn offset_ms(&self) -> i64 {
        self.0.offset_ms.load(Ordering::SeqCst)
    }

    /// Takes up a stored offset. A clock that is handed over inside one process already has it,
    /// so the larger of the two counts and nothing is added twice.
    pub(crate) fn restore_offset_ms(&self, offset_ms: i64) {
        self.0.offset_ms.fetch_max(offset_ms, Ordering::SeqCst);
    }
}

/// The system's own time, whatever was advanced.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the system's time"
)]
pub(crate) fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn a_manual_clock_moves_only_by_hand_and_never_back() {
        let clock = Clock::manual(1_000);
        let twin = clock.clone();
        assert_eq!((clock.now_ms(), clock.monotonic_ms()), (1_000, 0));
        twin.advance_ms(500);
        twin.advance_ms(-2_000);
        assert_eq!((clock.now_ms(), clock.monotonic_ms()), (1_500, 500));
        clock.restore_offset_ms(300);
        assert_eq!(clock.now_ms(), 1_500);
    }

    #[test]
    fn a_real_clock_adds_its_offset() {
        let clock = Clock::real();
        let before = clock.now_ms();
        clock.advance_ms(1_800_000);
        assert!(clock.now_ms() >= before + 1_800_000);
        assert!(clock.monotonic_ms() >= 1_800_000);
    }
}
