//! Runs of reconciliation: the nightly one is started when its time has come, and every run that is due is carried on.
//!
//! Level-triggered: the run is a row, with how far it came; a night that passed while nothing ran is made up for.

use super::Progress;
use crate::actions::reconcile::{carry_on, new_run};
use crate::app::App;
use crate::clock::rfc3339;
use crate::error::Result;
use crate::store::reconciliations::{self, Bound};
use std::sync::Arc;

const DAY_MS: i64 = 86_400_000;

/// Works on one run that is due.
pub async fn run_once(app: &Arc<App>) -> Result<Progress> {
    let started = start_nightly(app).await?;
    let (now_ms, claim_ms) = (app.clock.now_ms(), app.policy.lease_ms);
    let due = app
        .store
        .read("reconciliation due", move |tx| {
            reconciliations::is_due(tx, now_ms)
        })
        .await?;
    if !due {
        return Ok(Progress { done: started });
    }
    let claimed = app
        .store
        .write("claim a reconciliation", move |tx| {
            reconciliations::claim(tx, now_ms, claim_ms)
        })
        .await?;
    let Some(run) = claimed else {
        return Ok(Progress { done: started });
    };
    let done = carry_on(app, run).await?;
    Ok(Progress {
        done: started + done,
    })
}

/// Starts what the last night should have started; its key lets one node do it once. Answers how many.
async fn start_nightly(app: &Arc<App>) -> Result<usize> {
    let Some(at_ms) = app.config.reconcile_at_ms else {
        return Ok(0);
    };
    let stamp = app.stamp();
    let night_ms = stamp.now_ms - (stamp.now_ms - at_ms).rem_euclid(DAY_MS);
    let key = format!("nightly/{}", rfc3339(night_ms));
    let looked_for = key.clone();
    let missing = app
        .store
        .read("nightly reconciliations", move |tx| {
            reconciliations::without(tx, &looked_for, night_ms)
        })
        .await?;
    let configured: Vec<String> = missing
        .into_iter()
        .filter(|account| app.accounts.contains_key(account))
        .collect();
    if configured.is_empty() {
        return Ok(0);
    }
    app.store
        .write("start nightly reconciliations", move |tx| {
            let bound = Bound {
                key: key.clone(),
                fingerprint: key.clone(),
            };
            for account in &configured {
                let run = new_run(account, None, stamp.now_ms, stamp.ids.as_ref());
                reconciliations::insert(tx, &run, &bound)?;
            }
            Ok(configured.len())
        })
        .await
}
