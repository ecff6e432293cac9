//! The service's clock is set back by hours while it works, and once more while it is dead; Tamara's goes on.

use crate::merchant::Merchant;
use crate::processes::Stage;
use crate::shop::open_while;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where Debian's package `faketime` puts the library, on whatever processor.
fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let found = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
    let mut found = found.filter(|path| path.exists());
    found
        .next()
        .expect("not run: libfaketime is missing; install the package faketime")
}

/// Sets the clock that the service sees, by what it differs from the right one.
fn set(file: &Path, difference: &str) {
    let fresh = file.with_extension("new");
    std::fs::write(&fresh, difference).unwrap();
    std::fs::rename(fresh, file).unwrap();
}

/// The hours in which payments were made, by the service's clock.
async fn hours(merchant: &Merchant) -> BTreeSet<String> {
    let list = merchant.get("/v1/payments?limit=100").await;
    let payments = list["data"].as_array().unwrap().iter();
    let created = payments.map(|payment| payment["created_at"].as_str().unwrap());
    created.map(|time| time[..13].to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_by_hours_delays_nothing_and_nothing_happens_twice() {
    let plain = Stage::plain();
    let file = plain.folder.path().join("clock");
    set(&file, "+0");
    let environment = vec![
        ("LD_PRELOAD", library().to_str().unwrap().to_owned()),
        ("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap().to_owned()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("NO_FAKE_STAT", "1".to_owned()),
    ];
    let stage = Stage {
        environment,
        ..plain
    };
    let path = stage.database.clone();
    let found = open_while(stage, &path, async |processes, merchant| {
        merchant.answers(60).await;
        set(&file, "-3h");
        merchant.answers(120).await;
        processes.calls(3).await;
        processes.restart_service(merchant).await;
        merchant.answers(60).await;
        let hours = hours(merchant).await;
        assert!(
            hours.len() > 1,
            "the service does not see the fake clock: {hours:?}"
        );
        processes.calls(2).await;
        processes.kill_service();
        set(&file, "-9h");
        processes.start_service(merchant, &[]).await;
        merchant.answers(100).await;
    });
    println!("{}", found.await);
}
