//! A receiver of notifications that writes each one durably, in one of several ways.
//!
//! `server VARIANT DATABASE PORT`: the route checks an HS256 token, parses the JSON body and
//! answers after its row is committed. Only the storage differs between the variants, so that
//! the difference between two runs is the storage. Nothing here is used by Datepalm itself.

mod closures;
mod sqlx_jobs;

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use std::sync::Arc;

/// How many waiting jobs one commit takes at most.
pub const BATCH_MAX: usize = 256;
/// Connections (or threads) to PostgreSQL; SQLite has one writer.
pub const POSTGRES_WRITERS: usize = 8;

pub const SCHEMA: &str = "
    create table if not exists inbox (
        id text primary key, account text not null, order_id text not null,
        received_at_ms bigint not null, body text not null);
    create index if not exists inbox_order on inbox (order_id);
    create index if not exists inbox_received on inbox (received_at_ms);";
pub const PRAGMAS: &str =
    "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;";
pub const INSERT: &str = "insert into inbox (id, account, order_id, received_at_ms, body) \
                          values ($1, $2, $3, $4, $5)";

pub struct Row {
    pub id: String,
    pub account: String,
    pub order_id: String,
    pub received_at_ms: i64,
    pub body: String,
}

/// The ways of writing a row; each answers after the commit.
enum Store {
    Any(sqlx_jobs::any::Writer),
    TypedSqlite(sqlx_jobs::sqlite::Writer),
    TypedPostgres(sqlx_jobs::postgres::Writer),
    Closures(closures::Writer),
}

impl Store {
    async fn insert(&self, row: Row) -> bool {
        match self {
            Self::Any(writer) => writer.insert(row).await,
            Self::TypedSqlite(writer) => writer.insert(row).await,
            Self::TypedPostgres(writer) => writer.insert(row).await,
            Self::Closures(writer) => writer.insert(row).await,
        }
    }
}

struct App {
    store: Store,
    key: DecodingKey,
    validation: Validation,
}

#[derive(serde::Deserialize)]
struct Claims {}

#[derive(serde::Deserialize)]
struct Notification {
    notification_id: String,
    order_id: String,
    event_type: String,
}

async fn receive(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let checked = token.map(|t| jsonwebtoken::decode::<Claims>(t, &app.key, &app.validation));
    if !matches!(checked, Some(Ok(_))) {
        return StatusCode::UNAUTHORIZED;
    }
    let (Ok(notification), Ok(text)) = (
        serde_json::from_slice::<Notification>(&body),
        std::str::from_utf8(&body),
    ) else {
        return StatusCode::BAD_REQUEST;
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let row = Row {
        id: notification.notification_id,
        account: notification.event_type,
        order_id: notification.order_id,
        received_at_ms: now.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0)),
        body: text.to_owned(),
    };
    if app.store.insert(row).await {
        StatusCode::OK
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

/// `-each` is one transaction per request; without it waiting jobs share a commit.
async fn open(variant: &str, database: &str) -> Store {
    let batch_max = if variant.ends_with("-each") {
        1
    } else {
        BATCH_MAX
    };
    match variant.trim_end_matches("-each") {
        "a-any-sqlite" => Store::Any(sqlx_jobs::any::open(database, 1, batch_max).await),
        "b-sqlx-sqlite" => {
            Store::TypedSqlite(sqlx_jobs::sqlite::open(database, 1, batch_max).await)
        }
        "c-rusqlite" => Store::Closures(closures::open_sqlite(database, batch_max)),
        "d-any-pg" => Store::Any(sqlx_jobs::any::open(database, POSTGRES_WRITERS, batch_max).await),
        "e-sqlx-pg" => Store::TypedPostgres(
            sqlx_jobs::postgres::open(database, POSTGRES_WRITERS, batch_max).await,
        ),
        "f-postgres" => Store::Closures(closures::open_postgres(
            database,
            POSTGRES_WRITERS,
            batch_max,
        )),
        other => panic!("no variant {other}"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [variant, database, port] = arguments.as_slice() else {
        panic!("usage: server VARIANT DATABASE PORT");
    };
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    let app = App {
        store: open(variant, database).await,
        key: DecodingKey::from_secret(include_bytes!("bin/secret.txt")),
        validation,
    };
    let router = Router::new()
        .route("/ingest", post(receive))
        .with_state(Arc::new(app));
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .expect("the port is free");
    axum::serve(listener, router)
        .await
        .expect("the server runs until it is stopped");
}
