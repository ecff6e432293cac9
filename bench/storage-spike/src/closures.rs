//! Synchronous closures on writer threads: rusqlite on one thread, `postgres` on several.
//!
//! The shape that the decision record proposes: a closure gets a [`Tx`] with text and bigint
//! values and may run more than once. It cannot await, so it cannot hold a transaction across a
//! network call.

use crate::{INSERT, PRAGMAS, Row, SCHEMA};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use tokio::sync::oneshot;

pub enum Value<'v> {
    Text(&'v str),
    Int(i64),
}

/// What went wrong is of no interest to a benchmark.
pub type Outcome = Result<(), ()>;
type Closure = Box<dyn FnMut(&mut Tx) -> Outcome + Send>;
type Job = (Closure, oneshot::Sender<bool>);

/// One transaction of either database.
pub enum Tx<'t> {
    Sqlite(&'t rusqlite::Connection),
    Postgres(
        &'t mut postgres::Client,
        &'t mut HashMap<&'static str, postgres::Statement>,
    ),
}

impl Tx<'_> {
    pub fn execute(&mut self, sql: &'static str, values: &[Value]) -> Outcome {
        match self {
            Self::Sqlite(connection) => execute_sqlite(connection, sql, values)
                .map(drop)
                .map_err(drop),
            Self::Postgres(client, statements) => execute_postgres(client, statements, sql, values)
                .map(drop)
                .map_err(drop),
        }
    }

    fn control(&mut self, sql: &'static str) -> Outcome {
        match self {
            Self::Sqlite(connection) => connection
                .prepare_cached(sql)
                .and_then(|mut statement| statement.execute([]))
                .map(drop)
                .map_err(drop),
            Self::Postgres(client, _) => client.batch_execute(sql).map_err(drop),
        }
    }

    /// Ends one savepoint and starts the next: one round trip on PostgreSQL.
    fn next_savepoint(&mut self) -> Outcome {
        match self {
            Self::Sqlite(_) => {
                self.control("release job")?;
                self.control("savepoint job")
            }
            Self::Postgres(..) => self.control("release job; savepoint job"),
        }
    }

    fn begin(&mut self, alone: bool) -> Outcome {
        match (&self, alone) {
            (Self::Sqlite(_), true) => self.control("begin immediate"),
            (Self::Sqlite(_), false) => {
                self.control("begin immediate")?;
                self.control("savepoint job")
            }
            (Self::Postgres(..), true) => self.control("begin"),
            (Self::Postgres(..), false) => self.control("begin; savepoint job"),
        }
    }

    /// Runs the jobs in one transaction, each in its savepoint when there are several.
    fn run(&mut self, jobs: &mut [Job]) -> Vec<bool> {
        let alone = jobs.len() == 1;
        if self.begin(alone).is_err() {
            return vec![false; jobs.len()];
        }
        let mut done = Vec::with_capacity(jobs.len());
        for (closure, _) in jobs {
            let ok = closure(self).is_ok();
            if !alone && ok {
                let _ = self.next_savepoint();
            } else if !alone {
                let _ = self.control("rollback to job");
            }
            done.push(ok);
        }
        let end = if alone && !done[0] {
            "rollback"
        } else {
            "commit"
        };
        let ended = self.control(end).is_ok();
        done.into_iter().map(|ok| ok && ended).collect()
    }
}

/// `$2` is the second value, wherever it stands: SQLite itself numbers `$` names by appearance.
fn execute_sqlite(
    connection: &rusqlite::Connection,
    sql: &str,
    values: &[Value],
) -> rusqlite::Result<usize> {
    let mut statement = connection.prepare_cached(sql)?;
    for index in 1..=statement.parameter_count() {
        let number = statement
            .parameter_name(index)
            .and_then(|name| name[1..].parse().ok());
        match &values[number.unwrap_or(index) - 1] {
            Value::Text(text) => statement.raw_bind_parameter(index, text)?,
            Value::Int(int) => statement.raw_bind_parameter(index, int)?,
        }
    }
    statement.raw_execute()
}

fn execute_postgres(
    client: &mut postgres::Client,
    statements: &mut HashMap<&'static str, postgres::Statement>,
    sql: &'static str,
    values: &[Value],
) -> Result<u64, postgres::Error> {
    if !statements.contains_key(sql) {
        statements.insert(sql, client.prepare(sql)?);
    }
    let parameters: Vec<&(dyn postgres::types::ToSql + Sync)> = values
        .iter()
        .map(|value| match value {
            Value::Text(text) => text as &(dyn postgres::types::ToSql + Sync),
            Value::Int(int) => int,
        })
        .collect();
    client.execute(&statements[sql], &parameters)
}

pub struct Writer(mpsc::Sender<Job>);

impl Writer {
    pub async fn insert(&self, row: Row) -> bool {
        self.write(move |tx| {
            let Row {
                id,
                account,
                order_id,
                received_at_ms,
                body,
            } = &row;
            tx.execute(
                INSERT,
                &[
                    Value::Text(id),
                    Value::Text(account),
                    Value::Text(order_id),
                    Value::Int(*received_at_ms),
                    Value::Text(body),
                ],
            )
        })
        .await
    }

    async fn write(&self, closure: impl FnMut(&mut Tx) -> Outcome + Send + 'static) -> bool {
        let (answer, committed) = oneshot::channel();
        self.0.send((Box::new(closure), answer)).is_ok() && committed.await.unwrap_or(false)
    }
}

/// Waits for one job, then takes what else is waiting already.
fn take(jobs: &Mutex<mpsc::Receiver<Job>>, batch_max: usize) -> Option<Vec<Job>> {
    let jobs = jobs.lock().ok()?;
    let mut batch = vec![jobs.recv().ok()?];
    while batch.len() < batch_max
        && let Ok(job) = jobs.try_recv()
    {
        batch.push(job);
    }
    Some(batch)
}

fn answer(batch: Vec<Job>, done: Vec<bool>) {
    for ((_, answer), ok) in batch.into_iter().zip(done) {
        let _ = answer.send(ok);
    }
}

pub fn open_sqlite(file: &str, batch_max: usize) -> Writer {
    let connection = rusqlite::Connection::open(file).expect("the file can be opened");
    connection
        .execute_batch(PRAGMAS)
        .expect("the pragmas are known");
    connection
        .execute_batch(SCHEMA)
        .expect("the schema is valid");
    let (sender, receiver) = mpsc::channel();
    let receiver = Mutex::new(receiver);
    thread::spawn(move || {
        while let Some(mut batch) = take(&receiver, batch_max) {
            let done = Tx::Sqlite(&connection).run(&mut batch);
            answer(batch, done);
        }
    });
    Writer(sender)
}

pub fn open_postgres(url: &str, writers: usize, batch_max: usize) -> Writer {
    let (sender, receiver) = mpsc::channel();
    let receiver = Arc::new(Mutex::new(receiver));
    let url = url.to_owned();
    for index in 0..writers {
        let (receiver, url) = (Arc::clone(&receiver), url.clone());
        let (opened, is_open) = mpsc::channel();
        thread::spawn(move || {
            let mut client = postgres::Client::connect(&url, postgres::NoTls).expect("it answers");
            if index == 0 {
                client.batch_execute(SCHEMA).expect("the schema is valid");
            }
            let _ = opened.send(());
            let mut statements = HashMap::new();
            while let Some(mut batch) = take(&receiver, batch_max) {
                let done = Tx::Postgres(&mut client, &mut statements).run(&mut batch);
                answer(batch, done);
            }
        });
        is_open.recv().expect("the writer connects");
    }
    Writer(sender)
}
