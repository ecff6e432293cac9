//! The sandbox's time: real or moved by hand, never read anywhere else.
//!
//! Not for waiting: nothing here sleeps. Invariant: neither reading goes back, except when all
//! books go back with it, to a snapshot.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A clock that can be advanced; clones share their offset.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    offset_ms: AtomicI64,
    last_ms: AtomicI64,
    pause: Mutex<Pause>,
}

#[derive(Debug)]
enum Source {
    Real { started: Instant },
    Manual { start_ms: i64 },
}

/// What a source reads: the wall's time and the time since it was made.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    wall_ms: i64,
    elapsed_ms: i64,
}

/// While frozen, the moment it stands at; and what all freezes before took away.
#[derive(Debug, Default)]
struct Pause {
    since: Option<Reading>,
    lost: Reading,
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

    /// Stands still at `start_ms` until advanced, or let go on by [`Clock::run`].
    pub fn frozen_at(start_ms: i64) -> Self {
        let clock = Self::real();
        clock.freeze();
        clock.return_to_ms(start_ms);
        clock
    }

    fn from(source: Source) -> Self {
        Self(Arc::new(Inner {
            source,
            offset_ms: AtomicI64::new(0),
            last_ms: AtomicI64::new(i64::MIN),
            pause: Mutex::default(),
        }))
    }

    /// Whether it moves only by hand.
    pub(crate) fn is_manual(&self) -> bool {
        matches!(self.0.source, Source::Manual { .. })
    }

    /// Unix epoch milliseconds, advances included.
    pub fn now_ms(&self) -> i64 {
        let now = self.reading().wall_ms.saturating_add(self.offset_ms());
        // The system's time may be set back; orders that already saw a later moment must not notice.
        self.0.last_ms.fetch_max(now, Ordering::SeqCst).max(now)
    }

    /// Milliseconds since the clock was made, advances included.
    pub fn monotonic_ms(&self) -> i64 {
        self.reading().elapsed_ms.saturating_add(self.offset_ms())
    }

    /// Whether time passes only by hand, now.
    pub fn is_frozen(&self) -> bool {
        self.is_manual() || self.pause().since.is_some()
    }

    /// Stops the time; advancing goes on working.
    pub fn freeze(&self) {
        let source = self.source();
        self.pause().since.get_or_insert(source);
    }

    /// Lets the time go on from where it was frozen. A manual clock goes on standing still.
    pub fn run(&self) {
        let source = self.source();
        let mut pause = self.pause();
        if let Some(since) = pause.since.take() {
            pause.lost.wall_ms += (source.wall_ms - since.wall_ms).max(0);
            pause.lost.elapsed_ms += source.elapsed_ms - since.elapsed_ms;
        }
    }

    fn source(&self) -> Reading {
        match self.0.source {
            Source::Real { started } => Reading {
                wall_ms: system_ms(),
                elapsed_ms: i64::try_from(started.elapsed().as_millis()).unwrap_or(0),
            },
            Source::Manual { start_ms } => Reading {
                wall_ms: start_ms,
                elapsed_ms: 0,
            },
        }
    }

    /// The source without the time that was lost frozen.
    fn reading(&self) -> Reading {
        let source = self.source();
        let pause = self.pause();
        let base = pause.since.unwrap_or(source);
        Reading {
            wall_ms: base.wall_ms - pause.lost.wall_ms,
            elapsed_ms: base.elapsed_ms - pause.lost.elapsed_ms,
        }
    }

    fn pause(&self) -> MutexGuard<'_, Pause> {
        let pause = self.0.pause.lock();
        pause.expect("nothing panics while it holds the pause")
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

    /// Goes back to the moment of a snapshot, together with everything that saw a later one.
    pub(crate) fn return_to_ms(&self, at_ms: i64) {
        let offset_ms = at_ms - self.reading().wall_ms;
        self.0.offset_ms.store(offset_ms, Ordering::SeqCst);
        self.0.last_ms.store(i64::MIN, Ordering::SeqCst);
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
    fn a_frozen_clock_moves_by_hand_and_goes_on_where_it_stood() {
        let clock = Clock::real();
        clock.freeze();
        let frozen = clock.now_ms();
        let deadline = std::time::Duration::from_millis(5);
        let started = Clock::real();
        while started.monotonic_ms() < i64::try_from(deadline.as_millis()).unwrap() {
            std::hint::spin_loop();
        }
        assert_eq!(clock.now_ms(), frozen);
        clock.advance_ms(1_000);
        assert_eq!(clock.now_ms(), frozen + 1_000);
        assert!(clock.is_frozen());
        clock.run();
        assert!(!clock.is_frozen());
        let now = clock.now_ms();
        assert!(
            (frozen + 1_000..frozen + 1_900).contains(&now),
            "{now} {frozen}"
        );
    }

    #[test]
    fn a_clock_that_starts_frozen_shows_its_moment_and_can_be_let_go() {
        let clock = Clock::frozen_at(1_000);
        assert!(clock.is_frozen());
        assert_eq!(clock.now_ms(), 1_000);
        clock.run();
        assert!((1_000..60_000).contains(&clock.now_ms()));
    }

    #[test]
    fn a_clock_returns_to_the_moment_of_a_snapshot() {
        let clock = Clock::manual(1_000);
        clock.advance_ms(500);
        clock.return_to_ms(1_200);
        assert_eq!(clock.now_ms(), 1_200);
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
