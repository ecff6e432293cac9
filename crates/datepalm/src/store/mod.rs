//! All SQL. One store over SQLite or PostgreSQL; everything written goes through `Store::write`.
//!
//! Invariant: a value that `write` answered is committed and synced. A closure may run more than once and waits for
//! nothing but its transaction. SQL texts live in this folder, one file per table family, each headed by its name.

pub mod accounts;
pub mod attempts;
pub mod events;
pub mod inbox;
mod job;
mod migrate;
pub mod operations;
pub mod payments;
mod postgres;
pub mod queues;
pub mod sessions;
mod sqlite;
pub mod tx;

use crate::error::{Error, Result};
use job::Queue;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tx::Tx;

/// Where the data is.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A connection string; may hold a password.
    Postgres(String),
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres"),
        }
    }
}

/// Counts commits, for metrics and for tests that stop a process between two of them.
struct Commits(watch::Sender<u64>);

impl Commits {
    fn count(&self) {
        self.0.send_modify(|count| *count += 1);
    }
}

/// The open database.
pub struct Store {
    writes: Queue,
    reads: Queue,
    commits: watch::Receiver<u64>,
}

impl Store {
    /// Opens the database and brings its schema up to date. Blocks: call it before serving, or on a blocking thread.
    pub fn open(database: &Database) -> Result<Self> {
        let (sender, commits) = watch::channel(0);
        let counter = Arc::new(Commits(sender));
        let (writes, reads) = match database {
            Database::Sqlite(path) => {
                let sqlite = sqlite::open(path, counter)?;
                (sqlite.writes, sqlite.reads)
            }
            Database::Postgres(url) => {
                let queue = std::thread::scope(|scope| {
                    // The client runs a runtime of its own and must not be started inside ours.
                    scope.spawn(|| postgres::open(url, &counter)).join()
                });
                let queue = queue
                    .map_err(|_| Error::Database("PostgreSQL client panicked".to_owned()))??;
                (queue.clone(), queue)
            }
        };
        Ok(Self {
            writes,
            reads,
            commits,
        })
    }

    /// Runs `closure` in a transaction and answers after its commit. An error undoes what it wrote. `name` appears in
    /// the log when it fails.
    pub async fn write<T, F>(&self, name: &'static str, closure: F) -> Result<T>
    where
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        answered(name, self.writes.push(false, closure).await)
    }

    /// Runs `closure` in a transaction that writes nothing.
    pub async fn read<T, F>(&self, name: &'static str, closure: F) -> Result<T>
    where
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        answered(name, self.reads.push(true, closure).await)
    }

    /// The number of commits so far; changes before the write that it belongs to is answered.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.commits.clone()
    }
}

fn answered<T>(
    name: &'static str,
    answer: std::result::Result<Result<T>, tokio::sync::oneshot::error::RecvError>,
) -> Result<T> {
    let result = answer.unwrap_or_else(|_| {
        Err(Error::Database(
            "the database threads have stopped".to_owned(),
        ))
    });
    if let Err(error @ (Error::Database(_) | Error::Corrupt { .. })) = &result {
        tracing::error!(transaction = name, %error, "a transaction failed");
    }
    result
}

impl Drop for Store {
    fn drop(&mut self) {
        self.writes.close();
        self.reads.close();
    }
}
