//! One transaction on either database, reduced to what both can do: text and 64-bit integers, `$n` placeholders,
//! row counts. Synchronous on purpose: a closure that cannot await cannot hold a transaction over a network call.

use crate::error::{Error, Result};

/// A value in a statement or a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// NULL
    Null,
    /// BIGINT
    Int(i64),
    /// TEXT
    Text(String),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Values for the placeholders of a statement, in order.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::store::tx::Value::from($value)),*] };
}

/// One row: its values in the order of the select list, read from the left.
#[derive(Debug)]
pub struct Row {
    table: &'static str,
    values: std::vec::IntoIter<Value>,
}

impl Row {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self {
            table: "?",
            values: values.into_iter(),
        }
    }

    /// Names the table for the error of an impossible row.
    #[must_use]
    pub fn of(mut self, table: &'static str) -> Self {
        self.table = table;
        self
    }

    fn corrupt(&self, why: &str) -> Error {
        Error::Corrupt {
            table: self.table,
            id: String::new(),
            why: why.to_owned(),
        }
    }

    /// The next value, which may be NULL.
    pub fn opt_text(&mut self) -> Result<Option<String>> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            Some(Value::Int(_)) | None => Err(self.corrupt("expected text")),
        }
    }

    /// The next value.
    pub fn text(&mut self) -> Result<String> {
        self.opt_text()?
            .ok_or_else(|| self.corrupt("unexpected NULL"))
    }

    /// The next value, which may be NULL.
    pub fn opt_int(&mut self) -> Result<Option<i64>> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_)) | None => Err(self.corrupt("expected an integer")),
        }
    }

    /// The next value.
    pub fn int(&mut self) -> Result<i64> {
        self.opt_int()?
            .ok_or_else(|| self.corrupt("unexpected NULL"))
    }

    /// The next value as a flag.
    pub fn flag(&mut self) -> Result<bool> {
        Ok(self.int()? != 0)
    }

    /// The next value, converted; an impossible word is a corrupt row.
    pub fn word<T>(&mut self, from: impl Fn(&str) -> Option<T>) -> Result<T> {
        let word = self.text()?;
        from(&word).ok_or_else(|| self.corrupt(&format!("unknown word {word:?}")))
    }
}

/// A transaction. Not `Send` over an await by construction: it lives in a closure.
pub struct Tx<'a> {
    backend: Backend<'a>,
}

enum Backend<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(
        postgres::Transaction<'a>,
        &'a mut super::postgres::Statements,
    ),
}

impl<'a> Tx<'a> {
    pub(super) fn sqlite(connection: &'a rusqlite::Connection) -> Self {
        Self {
            backend: Backend::Sqlite(connection),
        }
    }

    pub(super) fn postgres(
        transaction: postgres::Transaction<'a>,
        statements: &'a mut super::postgres::Statements,
    ) -> Self {
        Self {
            backend: Backend::Postgres(transaction, statements),
        }
    }

    pub(super) fn into_postgres(self) -> Option<postgres::Transaction<'a>> {
        match self.backend {
            Backend::Sqlite(_) => None,
            Backend::Postgres(transaction, _) => Some(transaction),
        }
    }

    /// Runs a statement; answers the number of rows it changed.
    pub fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64> {
        match &mut self.backend {
            Backend::Sqlite(connection) => super::sqlite::execute(connection, sql, values),
            Backend::Postgres(transaction, known) => {
                super::postgres::execute(transaction, known, sql, values)
            }
        }
    }

    /// Runs a query.
    pub fn query(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>> {
        match &mut self.backend {
            Backend::Sqlite(connection) => super::sqlite::query(connection, sql, values),
            Backend::Postgres(transaction, known) => {
                super::postgres::query(transaction, known, sql, values)
            }
        }
    }

    /// Runs a query of at most one row.
    pub fn query_opt(&mut self, sql: &'static str, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// One of two texts, where the databases differ (row locks, which SQLite's single writer does not need).
    pub fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self.backend {
            Backend::Sqlite(_) => sqlite,
            Backend::Postgres(..) => postgres,
        }
    }
}
