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
    let looks = due
        .into_iter()
        .map(|(account, order_id)| one(app, account, order_id));
    let said = futures_util::future::join_all(looks).await;
    let said = said.into_iter().collect::<Result<Vec<bool>>>()?;
    let done = said.into_iter().filter(|said| *said).count();
    Ok(Progress { done })
}

async fn one(app: &Arc<App>, account: String, order_id: String) -> Result<bool> {
    match find_order(app, &account, &order_id).await {
        Ok(said) => Ok(said),
        Err(error) => {
            tracing::error!(%error, order.id = order_id, "an unknown order could not be looked at");
            step_back(app, account, order_id).await?;
            Ok(false)
        }
    }
}

/// What cannot be looked at waits for the next gap: however many there are, they stop nobody else's.
async fn step_back(app: &Arc<App>, account: String, order_id: String) -> Result<()> {
    let now_ms = app.clock.now_ms();
    app.store
        .write("an unknown order steps back", move |tx| {
            unknown_orders::looked(tx, &account, &order_id, now_ms)
        })
        .await
}
