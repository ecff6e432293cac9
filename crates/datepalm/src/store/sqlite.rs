//! SQLite: one writer thread that commits the waiting closures together, and a few reading threads.
//!
//! Each closure runs in its own savepoint; one commit, synced, answers them all. When the database itself fails, the
//! batch is rolled back and its closures run one by one, so that one bad write fails alone.

use super::Counter;
use super::job::{Job, Queue};
use super::tx::{Row, Tx, Value};
use crate::error::{Error, Result, Trouble};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;
use std::sync::Arc;

/// Closures in one commit at most, so that the first of them does not wait for ever.
const BATCH_MAX: usize = 256;

/// Threads that read.
const READERS: usize = 2;

pub(super) struct Sqlite {
    pub writes: Queue,
    pub reads: Queue,
}

/// Opens the file, applies migrations and starts the threads.
pub(super) fn open(path: &Path, counter: &Arc<Counter>) -> Result<Sqlite> {
    let writer = connect(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    )?;
    // A file that may only be read is opened all the same, and would fail at the first payment.
    if writer
        .is_readonly("main")
        .map_err(|error| at(path, failed(&error)))?
    {
        return Err(Error::Unavailable {
            trouble: Trouble::ReadOnly,
            text: format!("{}: it cannot be opened for writing", path.display()),
        });
    }
    run_alone(&writer, &mut |tx| super::migrate::migrate(tx)).map_err(|error| at(path, error))?;
    let writes = Queue::new(counter);
    let (queue, committed) = (writes.clone(), counter.clone());
    spawn("datepalm-writer", move || {
        while let Some(batch) = queue.next(BATCH_MAX) {
            write_batch(&writer, batch, &committed);
        }
    })?;
    let reads = Queue::new(counter);
    for _ in 0..READERS {
        let reader = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let queue = reads.clone();
        spawn("datepalm-reader", move || {
            while let Some(batch) = queue.next(1) {
                for mut job in batch {
                    let ran = run_reading(&reader, &mut |tx| job.run(tx));
                    job.answer(ran);
                }
            }
        })?;
    }
    Ok(Sqlite { writes, reads })
}

pub(super) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<()> {
    let spawned = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body);
    spawned
        .map(drop)
        .map_err(|error| Error::Database(error.to_string()))
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let open = || -> rusqlite::Result<Connection> {
        let connection =
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "full")?;
        }
        set_up(&connection)?;
        Ok(connection)
    };
    open().map_err(|error| at(path, failed(&error)))
}

/// What every connection has, wherever its data is.
pub(super) fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "foreign_keys", true)?;
    // Without it a value that is bound may change the plan, and many a statement is planned again each time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(())
}

/// Names the file.
fn at(path: &Path, error: Error) -> Error {
    match error {
        Error::Unavailable { trouble, text } => Error::Unavailable {
            trouble,
            text: format!("{}: {text}", path.display()),
        },
        Error::Database(text) => Error::Database(format!("{}: {text}", path.display())),
        other => other,
    }
}

fn write_batch(connection: &Connection, mut batch: Vec<Box<dyn Job>>, counter: &Counter) {
    if batch.len() > 1 {
        // Whoever holds the file locks all of them out alike: they wait for it once, together.
        if let Err(error) = begin(connection) {
            for job in batch {
                job.answer(Err(failed(&error)));
            }
            return;
        }
        match run_together(connection, &mut batch) {
            Ok(results) => {
                counter.committed();
                for (job, result) in batch.into_iter().zip(results) {
                    job.answer(result);
                }
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "shared commit failed, running its writes one by one");
                let _ = connection.execute_batch("rollback");
            }
        }
    }
    for mut job in batch {
        let result = run_alone(connection, &mut |tx| job.run(tx));
        if result.is_ok() {
            counter.committed();
        }
        job.answer(result);
    }
}

/// Begins a transaction that writes; waits for another process's lock, but not for ever.
fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached("begin immediate")?
        .execute([])
        .map(drop)
}

/// One transaction that has begun, a savepoint for each. A refusal of a closure undoes that closure; a failure of the
/// database fails the batch.
fn run_together(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<Vec<Result<()>>> {
    let mut results = Vec::with_capacity(batch.len());
    for job in batch {
        simple(connection, "savepoint one")?;
        let result = job.run(&mut Tx::sqlite(connection));
        match result {
            Err(error) if error.is_of_database() => return Err(error),
            Err(_) => simple(connection, "rollback to one")?,
            Ok(()) => {}
        }
        simple(connection, "release one")?;
        results.push(result);
    }
    simple(connection, "commit")?;
    Ok(results)
}

pub(super) fn run_alone(
    connection: &Connection,
    body: &mut dyn FnMut(&mut Tx<'_>) -> Result<()>,
) -> Result<()> {
    begin(connection).map_err(|error| failed(&error))?;
    let result = body(&mut Tx::sqlite(connection)).and_then(|()| simple(connection, "commit"));
    if result.is_err() {
        let _ = connection.execute_batch("rollback");
    }
    result
}

pub(super) fn run_reading(
    connection: &Connection,
    body: &mut dyn FnMut(&mut Tx<'_>) -> Result<()>,
) -> Result<()> {
    simple(connection, "begin")?;
    let result = body(&mut Tx::sqlite(connection));
    let _ = connection.execute_batch("rollback");
    result
}

/// `begin`, `commit` and savepoints, through the statement cache.
fn simple(connection: &Connection, sql: &str) -> Result<()> {
    let run = || connection.prepare_cached(sql)?.execute([]);
    run().map(drop).map_err(|error| failed(&error))
}

fn failed(error: &rusqlite::Error) -> Error {
    let text = error.to_string();
    let trouble = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Trouble::Full,
        Some(ErrorCode::ReadOnly) => Trouble::ReadOnly,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Trouble::Locked,
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => Trouble::Disk,
        _ => return Error::Database(text),
    };
    Error::Unavailable { trouble, text }
}

/// Binds `$1`, `$2` ... by their number: SQLite takes `$1` for a name.
fn bind(statement: &mut rusqlite::CachedStatement<'_>, values: &[Value]) -> rusqlite::Result<()> {
    for index in 1..=statement.parameter_count() {
        let number = statement
            .parameter_name(index)
            .and_then(|name| name[1..].parse::<usize>().ok());
        let value = number.and_then(|number| values.get(number.wrapping_sub(1)));
        match value {
            Some(Value::Null) => statement.raw_bind_parameter(index, rusqlite::types::Null)?,
            Some(Value::Int(number)) => statement.raw_bind_parameter(index, number)?,
            Some(Value::Text(text)) => statement.raw_bind_parameter(index, text)?,
            None => return Err(rusqlite::Error::InvalidParameterCount(values.len(), index)),
        }
    }
    Ok(())
}

pub(super) fn execute(connection: &Connection, sql: &'static str, values: &[Value]) -> Result<u64> {
    let run = || -> rusqlite::Result<usize> {
        let mut statement = connection.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        statement.raw_execute()
    };
    let changed = run().map_err(|error| failed(&error))?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

pub(super) fn query(
    connection: &Connection,
    sql: &'static str,
    values: &[Value],
) -> Result<Vec<Row>> {
    let run = || -> rusqlite::Result<Vec<Row>> {
        let mut statement = connection.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let mut values = Vec::with_capacity(columns);
            for column in 0..columns {
                values.push(match row.get_ref(column)? {
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(number) => Value::Int(number),
                    ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                    ValueRef::Real(_) | ValueRef::Blob(_) => {
                        return Err(rusqlite::Error::InvalidQuery);
                    }
                });
            }
            found.push(Row::new(values));
        }
        Ok(found)
    };
    run().map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::{query, run_alone, set_up};
    use rusqlite::{Connection, StatementStatus};

    /// SQLite looked for a new plan with every value that was bound, which took a third of the simulator's time.
    #[test]
    fn a_statement_is_planned_once() {
        let connection = Connection::open_in_memory().unwrap();
        set_up(&connection).unwrap();
        run_alone(&connection, &mut |tx| super::super::migrate::migrate(tx)).unwrap();
        let sql = "-- test sessions\nselect id from sessions where payment = $1 order by number";
        for payment in ["one", "two", "three"] {
            query(&connection, sql, &[payment.into()]).unwrap();
        }
        let statement = connection.prepare_cached(sql).unwrap();
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
