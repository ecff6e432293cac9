//! A database in memory whose transactions run at once, on the thread that asks: for the simulator, which drives one
//! thing at a time and stops it wherever it likes. Same SQL, same migrations, same transactions as in a file; what it
//! leaves out are the threads and the disk, so shared commits and durability have tests of their own.
//!
//! Invariant: whoever writes yields twice, before the transaction and after its commit, and can be left to die at both.

use super::tx::{Row, Tx};
use crate::error::{Error, Result};
use crate::ids::PaymentId;
use crate::values;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// Where a writer stands that has just yielded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The transaction's name.
    pub transaction: &'static str,
    /// It is committed, and the writer has not heard of it yet.
    pub committed: bool,
}

/// When the workers' queues have something to do next; none where nothing waits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Due {
    /// Notifications.
    pub inbox_ms: Option<i64>,
    /// Payments to look at.
    pub payments_ms: Option<i64>,
    /// Operations to send, or whose lease passes.
    pub operations_ms: Option<i64>,
    /// Events without a number.
    pub events_ms: Option<i64>,
    /// Reconciliations to carry on.
    pub reconciliations_ms: Option<i64>,
}

/// A database in memory. Clones share it, as the nodes of a service share theirs.
#[derive(Clone)]
pub struct InLine(Arc<Inner>);

struct Inner {
    connection: Mutex<Connection>,
    point: Mutex<Option<Point>>,
    commits: std::sync::atomic::AtomicU64,
}

impl PartialEq for InLine {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for InLine {}

/// A copy of a database in memory, as a backup holds it.
pub struct Copied(Connection);

impl InLine {
    /// An empty database.
    pub fn new() -> Result<Self> {
        Ok(Self(Arc::new(Inner {
            connection: Mutex::new(connect()?),
            point: Mutex::new(None),
            commits: std::sync::atomic::AtomicU64::new(0),
        })))
    }

    /// A copy of all that is committed.
    pub fn copy(&self) -> Result<Copied> {
        copy_of(&self.connection()).map(Copied)
    }

    /// Puts a copy back, for all who share this database: what was committed after it is gone.
    pub fn put_back(&self, copy: &Copied) -> Result<()> {
        let old = copy_of(&copy.0)?;
        *self.connection() = old;
        Ok(())
    }

    /// Where the writer stands that yielded last; told once.
    pub fn take_point(&self) -> Option<Point> {
        self.0
            .point
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// How many transactions were committed.
    pub fn commits(&self) -> u64 {
        self.0.commits.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// A look at the data, between two transactions of others.
    pub fn look<T>(&self, closure: impl Fn(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let mut value = None;
        super::sqlite::run_reading(&self.connection(), &mut |tx| {
            value = Some(closure(tx)?);
            Ok(())
        })?;
        value.ok_or_else(|| Error::Database("no value".to_owned()))
    }

    /// Every payment with its version, which grows whenever somebody else could see a difference.
    pub fn versions(&self) -> Result<Vec<(PaymentId, i64)>> {
        self.look(|tx| {
            let rows = tx.query(
                "-- payments versions\nselect id, version from payments order by id",
                values![],
            )?;
            let read = |mut row: Row| Ok((PaymentId(row.text()?), row.int()?));
            rows.into_iter().map(read).collect()
        })
    }

    /// When each of the workers' queues has something to do next.
    pub fn next_due(&self) -> Result<Due> {
        self.look(|tx| {
            let row = tx.query_opt(
                "-- next due of all queues
select (select min(received_at_ms) from inbox where state = 'new'),
    (select min(next_check_at_ms) from payments),
    (select min(case when state = 'sending' then lease_until_ms else max(next_try_at_ms, coalesce(lease_until_ms, 0)) end)
        from operations where state in ('intent', 'sending', 'unknown')
        and (state = 'sending' or (state = 'intent' and kind <> 'create_session') or (state = 'unknown' and may_repeat = 1))),
    (select min(created_at_ms) from events where seq is null),
    (select min(next_at_ms) from reconciliations where state = 'running')",
                values![],
            )?;
            let Some(mut row) = row else {
                return Ok(Due::default());
            };
            Ok(Due {
                inbox_ms: row.opt_int()?,
                payments_ms: row.opt_int()?,
                operations_ms: row.opt_int()?,
                events_ms: row.opt_int()?,
                reconciliations_ms: row.opt_int()?,
            })
        })
    }

    pub(super) async fn write<T>(
        &self,
        transaction: &'static str,
        closure: impl Fn(&mut Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        self.stand_at(transaction, false).await;
        let result = self.write_now(closure);
        self.stand_at(transaction, true).await;
        result
    }

    pub(super) fn write_now<T>(&self, closure: impl Fn(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let mut value = None;
        super::sqlite::run_alone(&self.connection(), &mut |tx| {
            value = Some(closure(tx)?);
            Ok(())
        })?;
        self.0
            .commits
            .fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        value.ok_or_else(|| Error::Database("no value".to_owned()))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn stand_at(&self, transaction: &'static str, committed: bool) {
        let mut yielded = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            let point = Point {
                transaction,
                committed,
            };
            *self.0.point.lock().unwrap_or_else(PoisonError::into_inner) = Some(point);
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

fn connect() -> Result<Connection> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_in_memory_with_flags(
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        super::sqlite::set_up(&connection)?;
        Ok(connection)
    };
    open().map_err(|error| Error::Database(error.to_string()))
}

/// Pages in one step of a copy: all of them, because nobody else is at work meanwhile.
const ALL_PAGES: i32 = -1;

fn copy_of(from: &Connection) -> Result<Connection> {
    let mut to = connect()?;
    let copied = Backup::new(from, &mut to).and_then(|backup| backup.step(ALL_PAGES));
    match copied {
        Ok(StepResult::Done) => Ok(to),
        Ok(step) => Err(Error::Database(format!("copying ended with {step:?}"))),
        Err(error) => Err(Error::Database(error.to_string())),
    }
}
