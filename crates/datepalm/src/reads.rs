//! Reads of Tamara's orders: callers at the same moment share one, and those of an account are paced (R25).
//!
//! Nothing here decides anything, and no call that changes something comes here: money is never paced. Invariant: a caller
//! is served only by a read that began after it asked, because what happened before it asked must be in it (R19).

use crate::error::Result;
use crate::ids::SessionId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How a read went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Tamara answered, and what it said was taken in.
    Taken,
    /// No answer that says anything: look again later (401, 403, 429 and 5xx are transient).
    NotNow,
    /// There is no order to read yet.
    NoOrder,
}

/// The reads of this process that are under way, by session.
#[derive(Default)]
pub struct Reads {
    lines: Mutex<HashMap<SessionId, Arc<Line>>>,
}

/// Those who want to read one order, one after the other.
#[derive(Default)]
struct Line {
    /// How many reads have begun.
    begun: AtomicU64,
    /// The number of the last read that ended, and how it went. Locked while one is under way.
    ended: tokio::sync::Mutex<Option<(u64, Read)>>,
}

/// A place in the line of a session; the last one to leave takes the line away.
struct Place<'a> {
    reads: &'a Reads,
    session: &'a SessionId,
    line: Arc<Line>,
}

impl Reads {
    /// Reads, or waits for a read that somebody else begins after this was called.
    pub async fn share<F>(&self, session: &SessionId, read: impl FnOnce() -> F) -> Result<Read>
    where
        F: Future<Output = Result<Read>>,
    {
        let place = self.join(session);
        let begun = place.line.begun.load(Ordering::SeqCst);
        let mut ended = place.line.ended.lock().await;
        if let Some((number, read)) = *ended
            && number > begun
        {
            return Ok(read);
        }
        let number = place.line.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let read = read().await?;
        *ended = Some((number, read));
        Ok(read)
    }

    fn join<'a>(&'a self, session: &'a SessionId) -> Place<'a> {
        let line = self.lines().entry(session.clone()).or_default().clone();
        Place {
            reads: self,
            session,
            line,
        }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.reads.lines();
        // The map's own and this one: nobody else is in line, and nobody joins while the map is locked.
        if Arc::strong_count(&self.line) == 2 {
            lines.remove(self.session);
        }
    }
}

/// A token is a thousand of these: a rate per second is then a whole number per millisecond.
const TOKEN: i64 = 1_000;

/// Tamara may ask to wait this long at most, milliseconds: a larger figure is a mistake that would stop all reading.
const WAIT_MS_MAX: i64 = 3_600_000;

/// How fast one account's orders are read: a bucket that holds the reads of one second, and Tamara's wish to wait.
#[derive(Debug)]
pub struct Pace {
    per_second: i64,
    state: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// Thousandths of a read; below zero after reads that could not wait.
    tokens: i64,
    filled_at_ms: i64,
    /// No read begins before this.
    closed_until_ms: i64,
}

impl Pace {
    /// A full bucket. All times are readings of the Clock that never goes back.
    pub fn new(per_second: u32, now_ms: i64) -> Self {
        let per_second = i64::from(per_second);
        Self {
            per_second,
            state: Mutex::new(Bucket {
                tokens: per_second * TOKEN,
                filled_at_ms: now_ms,
                closed_until_ms: i64::MIN,
            }),
        }
    }

    /// How many reads may begin now: what the workers may take up.
    pub fn free(&self, now_ms: i64) -> i64 {
        let bucket = self.filled(now_ms);
        if bucket.closed_until_ms > now_ms {
            return 0;
        }
        (bucket.tokens / TOKEN).max(0)
    }

    /// A read begins. One that somebody waits for may take what is not there; the workers then wait longer. The error is
    /// how long Tamara wants us to wait, milliseconds.
    pub fn begin(&self, now_ms: i64) -> std::result::Result<(), i64> {
        let mut bucket = self.filled(now_ms);
        if bucket.closed_until_ms > now_ms {
            return Err(bucket.closed_until_ms - now_ms);
        }
        bucket.tokens = (bucket.tokens - TOKEN).max(-self.per_second * TOKEN);
        Ok(())
    }

    /// What a call of the account came back with: after a 429 nothing is read for as long as Tamara says, or
    /// `otherwise_ms`.
    pub fn heed(&self, answer: &tamara::Error, now_ms: i64, otherwise_ms: i64) {
        if let tamara::Error::RateLimited { retry_after } = answer {
            let asked_ms = retry_after.as_ref().map(Duration::as_millis);
            let wait_ms = asked_ms.map_or(otherwise_ms, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
            let mut bucket = self.filled(now_ms);
            let until_ms = now_ms.saturating_add(wait_ms.min(WAIT_MS_MAX));
            bucket.closed_until_ms = bucket.closed_until_ms.max(until_ms);
        }
    }

    fn filled(&self, now_ms: i64) -> MutexGuard<'_, Bucket> {
        let mut bucket = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed_ms = now_ms.saturating_sub(bucket.filled_at_ms).max(0);
        let more = passed_ms.saturating_mul(self.per_second);
        bucket.tokens = bucket
            .tokens
            .saturating_add(more)
            .min(self.per_second * TOKEN);
        bucket.filled_at_ms = bucket.filled_at_ms.max(now_ms);
        bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use futures_util::future::{join, join_all};
    use std::cell::{Cell, RefCell};
    use tokio::sync::Notify;

    fn session(name: &str) -> SessionId {
        SessionId(name.to_owned())
    }

    /// Polls until everything that can go on has gone on.
    async fn settle() {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn r25_whoever_asks_while_a_read_is_under_way_is_served_by_a_later_one() {
        let (reads, one) = (Reads::default(), session("ses_1"));
        let (answer, begun) = (Notify::new(), Cell::new(0));
        let read = || async {
            begun.set(begun.get() + 1);
            if begun.get() == 1 {
                answer.notified().await;
            }
            Ok(Read::Taken)
        };
        let first = reads.share(&one, read);
        let later = async {
            settle().await;
            assert_eq!(begun.get(), 1, "the first one is under way");
            let asked = join_all((0..5).map(|_| reads.share(&one, read)));
            let answered = async {
                settle().await;
                assert_eq!(begun.get(), 1, "nobody reads beside it");
                answer.notify_one();
            };
            join(asked, answered).await
        };
        let (first, _) = join(first, later).await;
        assert_eq!(first.unwrap(), Read::Taken);
        assert_eq!(begun.get(), 2, "all five shared the second");
        assert!(reads.lines().is_empty(), "nothing is left over");
    }

    #[tokio::test]
    async fn r25_other_orders_do_not_wait() {
        let reads = Reads::default();
        let (answer, order) = (Notify::new(), RefCell::new(Vec::new()));
        let (one, two) = (session("ses_1"), session("ses_2"));
        let slow = reads.share(&one, || async {
            answer.notified().await;
            order.borrow_mut().push("slow");
            Ok(Read::NotNow)
        });
        let quick = async {
            let read = || async {
                order.borrow_mut().push("quick");
                Ok(Read::Taken)
            };
            reads.share(&two, read).await.unwrap();
            answer.notify_one();
        };
        let (read, ()) = join(slow, quick).await;
        assert_eq!(read.unwrap(), Read::NotNow);
        assert_eq!(*order.borrow(), ["quick", "slow"]);
    }

    #[tokio::test]
    async fn r25_a_reader_that_fails_or_goes_away_serves_nobody() {
        let (reads, one) = (Reads::default(), session("ses_1"));
        let begun = Cell::new(0);
        let read = || async {
            begun.set(begun.get() + 1);
            Ok(Read::Taken)
        };
        let never = || async {
            begun.set(begun.get() + 1);
            std::future::pending().await
        };
        let mut left = Box::pin(reads.share(&one, never));
        assert!((&mut left).now_or_never().is_none());
        let mut waiting = Box::pin(reads.share(&one, read));
        assert!((&mut waiting).now_or_never().is_none());
        drop(left);
        assert_eq!(waiting.await.unwrap(), Read::Taken);
        assert_eq!(begun.get(), 2, "it read by itself");

        let failing = || async { Err(crate::error::Error::Repeat) };
        let both = join(reads.share(&one, failing), reads.share(&one, read)).await;
        assert!(both.0.is_err());
        assert_eq!((both.1.unwrap(), begun.get()), (Read::Taken, 3));
        assert!(reads.lines().is_empty());
    }

    #[test]
    fn r25_so_many_a_second_and_no_more_than_that_at_once() {
        let pace = Pace::new(20, 1_000);
        assert_eq!(pace.free(1_000), 20);
        for _ in 0..20 {
            pace.begin(1_000).unwrap();
        }
        assert_eq!(pace.free(1_000), 0);
        assert_eq!(pace.free(1_049), 0);
        assert_eq!(pace.free(1_050), 1);
        assert_eq!(pace.free(1_500), 10);
        assert_eq!(pace.free(99_000), 20, "a quiet hour is not saved up");
        assert_eq!(
            pace.free(0),
            20,
            "and a reading from before changes nothing"
        );
    }

    #[test]
    fn r25_a_read_that_cannot_wait_is_paid_for_later() {
        let pace = Pace::new(10, 0);
        for _ in 0..15 {
            pace.begin(0).unwrap();
        }
        assert_eq!(pace.free(500), 0);
        assert_eq!(pace.free(600), 1);
        for _ in 0..1_000 {
            pace.begin(600).unwrap();
        }
        assert_eq!(pace.free(1_700), 1, "a second's worth at most");
    }

    #[test]
    fn r25_after_a_429_nothing_is_read_until_tamara_said() {
        let limited = |seconds: Option<u64>| tamara::Error::RateLimited {
            retry_after: seconds.map(Duration::from_secs),
        };
        let pace = Pace::new(20, 0);
        pace.heed(&limited(Some(60)), 0, 30_000);
        assert_eq!((pace.free(59_999), pace.begin(59_000)), (0, Err(1_000)));
        pace.heed(&limited(Some(1)), 10_000, 30_000);
        assert_eq!(
            pace.free(59_999),
            0,
            "a shorter wish does not end a longer one"
        );
        assert_eq!((pace.free(60_000), pace.begin(60_000)), (20, Ok(())));
        pace.heed(&limited(None), 100_000, 30_000);
        assert_eq!(pace.begin(129_999), Err(1));
        assert_eq!(pace.begin(130_000), Ok(()));
        pace.heed(&limited(Some(u64::MAX)), 200_000, 30_000);
        assert_eq!(pace.begin(200_000), Err(WAIT_MS_MAX));
        let refused = tamara::Error::NotSent {
            reason: "refused".to_owned(),
        };
        let pace = Pace::new(20, 0);
        pace.heed(&refused, 0, 30_000);
        assert_eq!(pace.free(0), 20);
    }
}
