//! Numbers committed events, so that readers see each of them once and in order.

use super::Progress;
use crate::app::App;
use crate::error::Result;
use crate::store::events;
use std::sync::Arc;

/// Events in one round.
const BATCH_MAX: i64 = 500;

/// Numbers what is there.
pub async fn run_once(app: &Arc<App>) -> Result<Progress> {
    let done = app
        .store
        .write("number events", move |tx| events::number(tx, BATCH_MAX))
        .await?;
    if done > 0 {
        app.nudges.events.notify_waiters();
    }
    Ok(Progress { done })
}
