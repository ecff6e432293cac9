//! The disk is full: every write is refused for now, with the reason, and all goes on once there is space.

use crate::processes::Stage;
use crate::shop::{create_is_refused, open_while, reads_go_on, until_ready_is};
use crate::small_disk::SmallDisk;

const FULL: &str = "no space is left where the database stores";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_not_now_and_nothing_is_lost() {
    let disk = SmallDisk::of_megabytes(24);
    let name = "datepalm.db";
    let stage = Stage {
        database: disk.inside(name),
        before: disk.before(),
        ..Stage::plain()
    };
    let seen = disk.outside(name);
    let found = open_while(stage, &seen, async |_, merchant| {
        for round in 0..3 {
            merchant.answers(60).await;
            disk.fill();
            until_ready_is(merchant, false).await;
            // What SQLite had in hand is used up now.
            disk.fill();
            let not_ready = until_ready_is(merchant, false).await;
            assert!(not_ready.starts_with(FULL), "{not_ready}");
            for number in 0..8 {
                let reference = format!("full-{round}-{number}");
                let refused = create_is_refused(merchant, &reference).await;
                assert!(refused.starts_with(FULL), "{refused}");
            }
            reads_go_on(merchant).await;
            disk.free();
            until_ready_is(merchant, true).await;
        }
        merchant.answers(100).await;
    });
    println!("{}", found.await);
}
