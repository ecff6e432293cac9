//! PostgreSQL: a few threads with one connection each; one transaction per closure, repeated when it met another.

use super::Counter;
use super::job::{Job, Queue};
use super::tx::{Row, Tx, Value};
use crate::error::{Error, Result, Trouble};
use postgres::error::SqlState;
use postgres::types::{IsNull, ToSql, Type};
use postgres::{Client, IsolationLevel, NoTls, Statement, Transaction};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Connections, each with its thread.
const CONNECTIONS: usize = 8;

/// Repeats of a transaction that met another one.
const REPEATS_MAX: usize = 20;

/// How long a connection is opened, and how long a server that says nothing is waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// What a session relies on, whatever the server's defaults are. A commit is on disk before it is believed: with
/// `synchronous_commit = off` an intent could outlive the `sending` that followed it, and be sent twice (R16). And nobody
/// waits for a node that died with a row locked, or holds one while it is suspended: a transaction here waits for nothing
/// but the database.
const SESSION: &str = "-- session
select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off';
set lock_timeout = '5s';
set statement_timeout = '30s';
set idle_in_transaction_session_timeout = '30s'";

/// Connects, applies migrations and starts the threads.
pub(super) fn open(url: &str, counter: &Arc<Counter>) -> Result<Queue> {
    let mut first = connect(url)?;
    // Migrations take as long as they take, also another node's.
    let patient = "-- migrations\nset lock_timeout = 0;\nset statement_timeout = 0";
    first
        .batch_execute(patient)
        .map_err(|error| failed(&error))?;
    run(&mut first, &mut Statements::new(), false, &mut |tx| {
        super::migrate::migrate(tx)
    })?;
    let queue = Queue::new(counter);
    for _ in 0..CONNECTIONS {
        let (url, queue, counter) = (url.to_owned(), queue.clone(), counter.clone());
        super::sqlite::spawn("datepalm-postgres", move || {
            let mut connection = None;
            while let Some(batch) = queue.next(1) {
                for job in batch {
                    work(&mut connection, &url, job, &counter);
                }
            }
        })?;
    }
    Ok(queue)
}

fn connect(url: &str) -> Result<Client> {
    // The URL holds a password: an error names the failure only.
    let unreachable = |error: postgres::Error| Error::Unavailable {
        trouble: Trouble::Unreachable,
        text: format!("cannot connect to PostgreSQL: {error}"),
    };
    let mut config: postgres::Config = url.parse().map_err(unreachable)?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    // A server that vanished says nothing: without these a thread waits for hours, although another one took over.
    config.keepalives_idle(SILENCE_MAX);
    config.tcp_user_timeout(SILENCE_MAX);
    let mut client = config.connect(NoTls).map_err(unreachable)?;
    client.batch_execute(SESSION).map_err(unreachable)?;
    Ok(client)
}

/// One connection and the statements prepared on it.
struct Connection {
    client: Client,
    statements: Statements,
}

/// Statements by their text; every text is static, so the map is bounded by the program.
pub(super) type Statements = HashMap<&'static str, Statement>;

fn work(connection: &mut Option<Connection>, url: &str, mut job: Box<dyn Job>, counter: &Counter) {
    if connection
        .as_ref()
        .is_none_or(|open| open.client.is_closed())
    {
        match connect(url) {
            Ok(client) => {
                *connection = Some(Connection {
                    client,
                    statements: Statements::new(),
                });
            }
            Err(error) => return job.answer(Err(error)),
        }
    }
    let Some(open) = connection else {
        return job.answer(Err(Error::Database("no connection".to_owned())));
    };
    let mut result = Err(Error::Repeat);
    for _ in 0..REPEATS_MAX {
        let reads_only = job.reads_only();
        result = run(
            &mut open.client,
            &mut open.statements,
            reads_only,
            &mut |tx| job.run(tx),
        );
        if !matches!(result, Err(Error::Repeat)) {
            break;
        }
    }
    match result {
        Ok(()) => counter.committed(),
        Err(Error::Repeat) => {
            result = Err(Error::Database(
                "a transaction met others too often".to_owned(),
            ));
        }
        Err(_) => {}
    }
    job.answer(result);
}

fn run(
    client: &mut Client,
    statements: &mut Statements,
    reads_only: bool,
    body: &mut dyn FnMut(&mut Tx<'_>) -> Result<()>,
) -> Result<()> {
    // A payment is read by several statements: they must see one moment. Writers lock its row instead.
    let isolation = if reads_only {
        IsolationLevel::RepeatableRead
    } else {
        IsolationLevel::ReadCommitted
    };
    let transaction = client
        .build_transaction()
        .isolation_level(isolation)
        .read_only(reads_only)
        .start()
        .map_err(|error| failed(&error))?;
    let mut tx = Tx::postgres(transaction, statements);
    body(&mut tx)?;
    tx.into_postgres().map_or(Ok(()), |transaction| {
        transaction.commit().map_err(|error| failed(&error))
    })
}

fn failed(error: &postgres::Error) -> Error {
    let repeat = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
    ];
    let text = error.to_string();
    let trouble = match error.code() {
        Some(code) if repeat.contains(code) => return Error::Repeat,
        Some(&SqlState::DISK_FULL) => Trouble::Full,
        // A server that has become a standby.
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => Trouble::ReadOnly,
        Some(&(SqlState::LOCK_NOT_AVAILABLE | SqlState::QUERY_CANCELED)) => Trouble::Locked,
        Some(&SqlState::IO_ERROR) => Trouble::Disk,
        // Class 57P: the server shuts down or starts.
        Some(code) if code.code().starts_with("57P") => Trouble::Unreachable,
        None if error.is_closed() || is_io(error) => Trouble::Unreachable,
        Some(_) | None => return Error::Database(text),
    };
    Error::Unavailable { trouble, text }
}

/// Whether the connection failed.
fn is_io(error: &postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut postgres::types::private::BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql(ty, out),
            Self::Text(text) => text.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::INT8 || *ty == Type::TEXT
    }

    postgres::types::to_sql_checked!();
}

fn prepare(
    transaction: &mut Transaction<'_>,
    statements: &mut Statements,
    sql: &'static str,
) -> Result<Statement> {
    if let Some(statement) = statements.get(sql) {
        return Ok(statement.clone());
    }
    let statement = transaction.prepare(sql).map_err(|error| failed(&error))?;
    statements.insert(sql, statement.clone());
    Ok(statement)
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values
        .iter()
        .map(|value| value as &(dyn ToSql + Sync))
        .collect()
}

pub(super) fn execute(
    transaction: &mut Transaction<'_>,
    statements: &mut Statements,
    sql: &'static str,
    values: &[Value],
) -> Result<u64> {
    let statement = prepare(transaction, statements, sql)?;
    transaction
        .execute(&statement, &parameters(values))
        .map_err(|error| failed(&error))
}

pub(super) fn query(
    transaction: &mut Transaction<'_>,
    statements: &mut Statements,
    sql: &'static str,
    values: &[Value],
) -> Result<Vec<Row>> {
    let statement = prepare(transaction, statements, sql)?;
    let rows = transaction
        .query(&statement, &parameters(values))
        .map_err(|error| failed(&error))?;
    rows.iter().map(convert).collect()
}

fn convert(row: &postgres::Row) -> Result<Row> {
    let mut values = Vec::with_capacity(row.len());
    for (index, column) in row.columns().iter().enumerate() {
        let value = if *column.type_() == Type::INT8 {
            row.try_get::<_, Option<i64>>(index).map(Value::from)
        } else {
            row.try_get::<_, Option<String>>(index).map(Value::from)
        };
        values.push(value.map_err(|error| failed(&error))?);
    }
    Ok(Row::new(values))
}
