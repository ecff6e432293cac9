//! After a restore: looks at the orders that notifications name and nobody here knows (R30). Without one there is nothing
//! to do: what is unmatched waits for its create (R6).

use super::Progress;
use crate::actions::find_order::find_order;
use crate::app::App;
use crate::error::Result;
use crate::store::unknown_orders;
use std::sync::Arc;

/// Works on what is due. What Tamara says nothing of just now is looked at again after the longest of the short gaps.
pub async fn run_once(app: &Arc<App>) -> Result<Progress> {
    let (now_ms, batch) = (app.clock.now_ms(), app.config.worker_batch);
    let gap_ms = app
        .policy
        .polling_ms
        .get(1)
        .or(app.policy.polling_ms.first());
    let looked_by_ms = now_ms.saturating_sub(gap_ms.copied().unwrap_or(60_000));
    let created_by_ms = now_ms.saturating_sub(app.policy.settle_window_ms);
    let due = app
        .store
        .read("unknown orders", move |tx| {
            unknown_orders::to_look_for(tx, created_by_ms, looked_by_ms, batch)
        })
        .await?;
    let mut done = 0;
    for (account, order_id) in due {
        match find_order(app, &account, &order_id).await {
            Ok(said) => done += usize::from(said),
            Err(error) => {
                tracing::error!(%error, order.id = order_id, "an unknown order could not be looked at");
            }
        }
    }
    Ok(Progress { done })
}
