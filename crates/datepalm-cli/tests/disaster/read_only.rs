//! Files that may not be written: the service does not start on them, and says what to do; one that runs already
//! answers "not now" until they may be written again.

use crate::processes::Stage;
use crate::shop::{create_is_refused, open_while, reads_go_on, until_ready_is};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs a command of the program where `path` cannot be written.
fn with_read_only(path: &Path, arguments: &[&str]) -> Output {
    let mount =
        "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && shift && exec \"$@\"";
    Command::new("unshare")
        .args(["--mount", "sh", "-c", mount, "sh"])
        .arg(path)
        .arg(env!("CARGO_BIN_EXE_datepalm"))
        .args(arguments)
        .output()
        .expect("unshare of util-linux runs")
}

#[test]
fn a_database_that_cannot_be_written_is_no_place_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let (config, data) = (
        folder.path().join("datepalm.toml"),
        folder.path().join("data"),
    );
    let database = data.join("datepalm.db");
    let settings = r#"
        listen = "127.0.0.1:0"
        public_url = "http://127.0.0.1"
        database = "sqlite:data/datepalm.db"
        [accounts.shop_sa]
        country = "SA"
        environment = "http://127.0.0.1:9"
        api_token = "a"
        notification_token = "b"
    "#;
    std::fs::write(&config, settings).unwrap();
    let config = config.to_str().unwrap();
    let key = ["keys", "create", "--config", config, "--account", "shop_sa"];
    let made = Command::new(env!("CARGO_BIN_EXE_datepalm"))
        .args(key)
        .output();
    assert!(made.unwrap().status.success());
    let serve = ["serve", "--config", config];
    for (path, arguments, says) in [
        (&data, &serve[..], "cannot open the lock file"),
        (&database, &serve, "the database has become read-only: "),
        (&database, &key, "the database has become read-only: "),
    ] {
        let refused = with_read_only(path, arguments);
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.contains(says), "{told}");
        assert!(
            told.contains(data.to_str().unwrap()),
            "it names no place: {told}"
        );
        assert!(
            told.contains("hint: Datepalm writes the database"),
            "{told}"
        );
    }
}

/// A file that nobody can write, root included, until this is dropped.
struct Immutable(Vec<PathBuf>);

impl Immutable {
    fn new(paths: Vec<PathBuf>) -> Self {
        let immutable = Self(paths);
        immutable.set("+i");
        immutable
    }

    fn set(&self, flag: &str) {
        let done = Command::new("chattr").arg(flag).args(&self.0).status();
        assert!(
            done.expect("chattr of e2fsprogs runs").success(),
            "not run: chattr {flag} needs root and a file system that knows it"
        );
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        self.set("-i");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_becomes_read_only_is_not_now_and_nothing_is_lost() {
    let stage = Stage::plain();
    let path = stage.database.clone();
    let found = open_while(stage, &path, async |processes, merchant| {
        merchant.answers(60).await;
        let database = processes.database().to_owned();
        let immutable = Immutable::new(vec![database.with_extension("db-wal"), database]);
        // Who only asks how something goes on needs no write, and may hear that it still goes on.
        until_ready_is(merchant, false).await;
        for number in 0..8 {
            let refused = create_is_refused(merchant, &format!("read-only-{number}")).await;
            assert!(
                refused.starts_with("the disk of the database fails"),
                "{refused}"
            );
        }
        reads_go_on(merchant).await;
        drop(immutable);
        until_ready_is(merchant, true).await;
        merchant.answers(100).await;
    });
    println!("{}", found.await);
}
