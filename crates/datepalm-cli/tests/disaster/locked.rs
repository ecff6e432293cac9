//! Another process keeps the database locked, as a backup tool may, longer than the service waits for it.

use crate::processes::Stage;
use crate::shop::{create_is_refused, open_while, reads_go_on, refusals, until_ready_is};
use std::sync::atomic::Ordering;

const LOCKED: &str = "another process keeps the database locked";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_database_is_not_now_and_nothing_is_lost() {
    let stage = Stage::plain();
    let path = stage.database.clone();
    let found = open_while(stage, &path, async |processes, merchant| {
        merchant.answers(60).await;
        let other = rusqlite::Connection::open(processes.database()).unwrap();
        other
            .busy_timeout(std::time::Duration::from_secs(30))
            .unwrap();
        other.execute_batch("begin immediate").unwrap();
        let silent = merchant.lost.load(Ordering::SeqCst);
        let (refused, not_ready, ()) = tokio::join!(
            create_is_refused(merchant, "locked"),
            until_ready_is(merchant, false),
            refusals(merchant, 3),
        );
        // Those who wait for the lock wait together: nobody waits so long that the client gives up.
        assert_eq!(merchant.lost.load(Ordering::SeqCst), silent);
        for told in [refused, not_ready] {
            assert!(told.starts_with(LOCKED), "{told}");
        }
        reads_go_on(merchant).await;
        other.execute_batch("rollback").unwrap();
        until_ready_is(merchant, true).await;
        merchant.answers(100).await;
    });
    println!("{}", found.await);
}
