//! All SQL. One store over SQLite or PostgreSQL; everything written goes through `Store::write`.
//!
//! Invariant: a value that `write` answered is committed and synced. A closure may run more than once and waits for
//! nothing but its transaction. SQL texts live in this folder, one file per table family, each headed by its name.

pub mod accounts;
pub mod attempts;
pub mod attention;
pub mod events;
pub mod health;
pub mod inbox;
pub mod interventions;
mod job;
mod migrate;
#[cfg(feature = "mutations")]
mod mutants;
pub mod operations;
pub mod payments;
mod postgres;
pub mod queues;
pub mod reconciliations;
pub mod recovery;
pub mod sessions;
mod sqlite;
pub mod stamp;
pub mod tx;
pub mod unknown_orders;

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

/// How far the database threads are, for metrics and for tests that stop a process between two commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Transactions that were asked for.
    pub asked: u64,
    /// Transactions that were answered, well or badly.
    pub answered: u64,
    /// Commits; several writes may share one.
    pub commits: u64,
}

/// Counts what the threads do, each time before a caller can hear of it.
struct Counter(watch::Sender<Progress>);

impl Counter {
    fn asked(&self) {
        self.0.send_modify(|progress| progress.asked += 1);
    }

    fn committed(&self) {
        self.0.send_modify(|progress| progress.commits += 1);
    }

    fn answered(&self) {
        self.0.send_modify(|progress| progress.answered += 1);
    }
}

/// The open database.
pub struct Store {
    writes: Queue,
    reads: Queue,
    counter: Arc<Counter>,
}

impl Store {
    /// Opens the database and brings its schema up to date. Blocks: call it before serving, or on a blocking thread.
    pub fn open(database: &Database) -> Result<Self> {
        let counter = Arc::new(Counter(watch::channel(Progress::default()).0));
        let (writes, reads) = match database {
            Database::Sqlite(path) => {
                let sqlite = sqlite::open(path, &counter)?;
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
            counter,
        })
    }

    /// Runs `closure` in a transaction and answers after its commit. An error undoes what it wrote. `name` appears in
    /// the log when it fails.
    pub async fn write<T, F>(&self, name: &'static str, closure: F) -> Result<T>
    where
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let answer = self.writes.push(false, closure);
        yield_once().await;
        answered(name, answer.await)
    }

    /// Runs `closure` in a transaction that writes nothing.
    pub async fn read<T, F>(&self, name: &'static str, closure: F) -> Result<T>
    where
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let answer = self.reads.push(true, closure);
        yield_once().await;
        answered(name, answer.await)
    }

    /// How far the threads are.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.counter.0.subscribe()
    }
}

/// Lets the caller be looked at between asking and hearing: whoever drives it by hand can stop it right after a commit.
async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
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
    if let Err(error @ (Error::Unavailable { .. } | Error::Database(_) | Error::Corrupt { .. })) =
        &result
    {
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
