//! The workers: each has `run_once(&App) -> Progress`, takes no input, reads everything from the database, and does a
//! bounded batch. A nudge makes them prompt, polling makes them certain. This file alone waits.

pub mod clock_watch;
pub mod inbox;
pub mod operations;
pub mod reconciliation;
pub mod sequencer;
pub mod sweep;
pub mod unknown_orders;

use crate::app::App;
use crate::error::Result;
use clock_watch::ClockWatch;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How much one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows that were worked on.
    pub done: usize,
}

/// One round of every worker.
pub async fn run_all_once(app: &Arc<App>) -> Result<Progress> {
    let mut done = 0;
    done += inbox::run_once(app).await?.done;
    done += unknown_orders::run_once(app).await?.done;
    done += sweep::run_once(app).await?.done;
    done += operations::run_once(app).await?.done;
    done += reconciliation::run_once(app).await?.done;
    done += sequencer::run_once(app).await?.done;
    Ok(Progress { done })
}

/// Runs the workers until `stop` changes. A failing round is logged and tried again after the poll interval; one bad
/// row never stops the others, because every worker goes on over the failures of single rows.
pub async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut clock = None;
    loop {
        match round(&app, &mut clock).await {
            Ok(Progress { done: 0 }) => wait(&app, &mut stop).await,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "a round of the workers failed");
                wait(&app, &mut stop).await;
            }
        }
        if *stop.borrow() {
            return;
        }
    }
}

async fn round(app: &Arc<App>, clock: &mut Option<ClockWatch>) -> Result<Progress> {
    match clock {
        Some(clock) => clock.look(app).await?,
        None => *clock = Some(ClockWatch::begin(app).await?),
    }
    run_all_once(app).await
}

/// Waits before looking again at work that another process does.
pub async fn pause(how_long: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "this file is the one place that waits"
    )]
    tokio::time::sleep(how_long).await;
}

async fn wait(app: &App, stop: &mut watch::Receiver<bool>) {
    #[expect(
        clippy::disallowed_methods,
        reason = "this loop is the one place that waits"
    )]
    let poll = tokio::time::sleep(app.config.worker_poll);
    tokio::select! {
        () = poll => {}
        () = app.nudges.work.notified() => {}
        _ = stop.changed() => {}
    }
}
