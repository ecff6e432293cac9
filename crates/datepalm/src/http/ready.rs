//! `GET /readyz`: whether this node can do its work, and what an operator should know of it. Lines of text; 503 says why not.

use super::problem::Problem;
use crate::app::App;
use crate::error::{Code, refused};
use crate::store::{health, recovery};
use axum::extract::State;
use std::fmt::Write as _;
use std::sync::Arc;

/// A node whose clock is farther from the database's is not ready: leases and settle windows go by both (R19).
const CLOCKS_APART_MAX_MS: i64 = 5_000;

/// Waiting payments that are counted; more are "more than" it, so that the question stays cheap.
const WAITING_MAX: i64 = 10_000;

/// Answers it.
pub async fn show(State(app): State<Arc<App>>) -> Result<String, Problem> {
    let asked_ms = app.clock.now_ms();
    let (server, waiting) = app
        .store
        .write("ready", move |tx| {
            health::prove_writable(tx, asked_ms)?;
            Ok((health::server(tx)?, recovery::waiting(tx, WAITING_MAX + 1)?))
        })
        .await?;
    let mut lines = "ready\n".to_owned();
    if let Some(server) = server {
        same_time(asked_ms, server.now_ms, app.clock.now_ms())?;
        let there = if server.synchronous_replication {
            "on"
        } else {
            "off"
        };
        let _ = writeln!(lines, "synchronous_replication: {there}");
    }
    if waiting > 0 {
        let (more, count) = if waiting > WAITING_MAX {
            ("more than ", WAITING_MAX)
        } else {
            ("", waiting)
        };
        let _ = writeln!(
            lines,
            "recovery: {more}{count} payments wait for a read at Tamara"
        );
    }
    Ok(lines)
}

/// The database's clock was read between two readings of ours.
fn same_time(before_ms: i64, server_ms: i64, after_ms: i64) -> crate::error::Result<()> {
    let ahead_ms = before_ms.saturating_sub(server_ms);
    let behind_ms = server_ms.saturating_sub(after_ms);
    let apart_ms = ahead_ms.max(behind_ms);
    if apart_ms <= CLOCKS_APART_MAX_MS {
        return Ok(());
    }
    let way = if ahead_ms > 0 { "ahead of" } else { "behind" };
    let detail = format!(
        "this machine's clock is {} s {way} the database's, at most {} s are safe: set the clocks right",
        apart_ms / 1_000,
        CLOCKS_APART_MAX_MS / 1_000
    );
    refused(Code::Unavailable, detail)
}

#[cfg(test)]
mod tests {
    use super::same_time;

    #[test]
    fn r19_clocks_more_than_5_s_apart_are_not_ready() {
        let asked = 1_000_000;
        // Slow answers are no difference: the database's time lies between the question and the answer.
        for (server, answered) in [
            (asked, asked),
            (asked - 5_000, asked),
            (asked + 65_000, asked + 60_000),
        ] {
            assert!(same_time(asked, server, answered).is_ok(), "{server}");
        }
        for (server, answered, said) in [
            (asked - 7_001, asked, "7 s ahead"),
            (asked + 65_001, asked + 60_000, "5 s behind"),
        ] {
            let refused = same_time(asked, server, answered).unwrap_err();
            assert!(refused.to_string().contains(said), "{refused}");
        }
    }
}
