//! Notices that the wall clock was set back, and moves what waits for a time along with it.
//!
//! Every time in the database is a wall time: without this, all that was due in a minute would wait for as long as the
//! clock went back. Invariant: what R19 and R18 measure may last longer for it, never shorter.

use crate::app::App;
use crate::error::Result;
use crate::store::queues;
use std::sync::Arc;

/// Less is how the two readings are taken and trimmed, milliseconds.
const NOTICED_MS: i64 = 1_000;

/// The two readings of the Clock, when they were last compared.
pub struct ClockWatch {
    now_ms: i64,
    monotonic_ms: i64,
}

impl ClockWatch {
    /// Begins with what the rows know: a clock that was set back while no process ran shows in a time that is ahead.
    pub async fn begin(app: &Arc<App>) -> Result<Self> {
        let watch = Self::read(app);
        let newest = app
            .store
            .read("newest call", queues::newest_call_ms)
            .await?;
        let back_ms = newest.map_or(0, |newest_ms| newest_ms - watch.now_ms);
        if back_ms >= NOTICED_MS {
            set_back(app, watch.now_ms, back_ms).await?;
        }
        Ok(watch)
    }

    /// Compares again. What could not be written down is noticed again the next time.
    pub async fn look(&mut self, app: &Arc<App>) -> Result<()> {
        let seen = Self::read(app);
        let ran_ms = seen.monotonic_ms - self.monotonic_ms;
        let back_ms = ran_ms - (seen.now_ms - self.now_ms);
        if back_ms >= NOTICED_MS {
            set_back(app, seen.now_ms, back_ms).await?;
        }
        *self = seen;
        Ok(())
    }

    fn read(app: &App) -> Self {
        Self {
            now_ms: app.clock.now_ms(),
            monotonic_ms: app.clock.monotonic_ms(),
        }
    }
}

async fn set_back(app: &App, now_ms: i64, by_ms: i64) -> Result<()> {
    tracing::warn!(
        by_ms,
        "the clock was set back: what waits is moved along with it"
    );
    let lease_ms = app.policy.lease_ms;
    app.store
        .write("clock was set back", move |tx| {
            queues::clock_was_set_back(tx, now_ms, by_ms, lease_ms)
        })
        .await
}
