//! All SQL. One store over SQLite or PostgreSQL; everything written goes through `Store::write`.
//!
//! Invariant: a value that `write` answered is committed and synced. A closure may run more than once and waits for
//! nothing but its transaction. SQL texts live in this folder, one file per table family, each headed by its name.

pub mod accounts;
pub mod attempts;
pub mod attention;
pub mod events;
pub mod health;
pub mod in_line;
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
use in_line::InLine;
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
    /// In memory, on the calling thread; no configuration file can ask for it.
    InLine(InLine),
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres"),
            Self::InLine(_) => f.write_str("InLine"),
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
    way: Way,
    counter: Arc<Counter>,
}

/// Where closures run.
enum Way {
    Threads { writes: Queue, reads: Queue },
    InLine(InLine),
}

impl Store {
    /// Opens the database and brings its schema up to date. Blocks: call it before serving, or on a blocking thread.
    pub fn open(database: &Database) -> Result<Self> {
        let counter = Arc::new(Counter(watch::channel(Progress::default()).0));
        let way = match database {
            Database::Sqlite(path) => {
                let sqlite::Sqlite { writes, reads } = sqlite::open(path, &counter)?;
                Way::Threads { writes, reads }
            }
            Database::Postgres(url) => {
                let queue = std::thread::scope(|scope| {
                    // The client runs a runtime of its own and must not be started inside ours.
                    scope.spawn(|| postgres::open(url, &counter)).join()
                });
                let queue = queue
                    .map_err(|_| Error::Database("PostgreSQL client panicked".to_owned()))??;
                Way::Threads {
                    writes: queue.clone(),
                    reads: queue,
                }
            }
            Database::InLine(memory) => {
                memory.write_now(migrate::migrate)?;
                Way::InLine(memory.clone())
            }
        };
        Ok(Self { way, counter })
    }

    /// Runs `closure` in a transaction and answers after its commit. An error undoes what it wrote. `name` appears in
    /// the log when it fails.
    pub async fn write<T, F>(&self, name: &'static str, closure: F) -> Result<T>
    where
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let result = match &self.way {
            Way::Threads { writes, .. } => {
                let answer = writes.push(false, closure);
                yield_once().await;
                answer.await.unwrap_or_else(|_| Err(stopped()))
            }
            // Boxed, so that the futures of requests stay as small as they were.
            Way::InLine(memory) => Box::pin(memory.write(name, closure)).await,
        };
        logged(name, result)
    }

    /// Runs `closure` in a transaction that writes nothing.
    pub async fn read<T, F>(&self, name: &'static str, closure: F) -> Result<T>
    where
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let result = match &self.way {
            Way::Threads { reads, .. } => {
                let answer = reads.push(true, closure);
                yield_once().await;
                answer.await.unwrap_or_else(|_| Err(stopped()))
            }
            Way::InLine(memory) => memory.look(closure),
        };
        logged(name, result)
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

fn stopped() -> Error {
    Error::Database("the database threads have stopped".to_owned())
}

fn logged<T>(name: &'static str, result: Result<T>) -> Result<T> {
    if let Err(error @ (Error::Unavailable { .. } | Error::Database(_) | Error::Corrupt { .. })) =
        &result
    {
        tracing::error!(transaction = name, %error, "a transaction failed");
    }
    result
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Way::Threads { writes, reads } = &self.way {
            writes.close();
            reads.close();
        }
    }
}
