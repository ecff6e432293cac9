//! The same jobs as asynchronous closures over sqlx: `Any`, typed SQLite, typed PostgreSQL.
//!
//! One macro makes the three, because bounds that are generic over sqlx's databases would be
//! longer than the code. A closure borrows the connection for the length of its future, hence the
//! boxed `for<'c>` type.

macro_rules! sqlx_writer {
    ($module:ident, $connection:ty) => {
        pub mod $module {
            use crate::{INSERT, PRAGMAS, Row, SCHEMA};
            use futures_util::future::BoxFuture;
            use sqlx::{Connection, Executor};
            use std::sync::Arc;
            use tokio::sync::{Mutex, mpsc, oneshot};

            type Closure =
                Box<dyn for<'c> FnOnce(&'c mut $connection) -> BoxFuture<'c, bool> + Send>;
            type Job = (Closure, oneshot::Sender<bool>);

            pub struct Writer(mpsc::UnboundedSender<Job>);

            impl Writer {
                pub async fn insert(&self, row: Row) -> bool {
                    let closure: Closure = Box::new(move |connection| {
                        Box::pin(async move {
                            sqlx::query(INSERT)
                                .bind(row.id)
                                .bind(row.account)
                                .bind(row.order_id)
                                .bind(row.received_at_ms)
                                .bind(row.body)
                                .execute(connection)
                                .await
                                .is_ok()
                        })
                    });
                    let (answer, committed) = oneshot::channel();
                    self.0.send((closure, answer)).is_ok() && committed.await.unwrap_or(false)
                }
            }

            async fn run(
                connection: &mut $connection,
                begin: &'static str,
                batch: Vec<Job>,
            ) -> sqlx::Result<()> {
                let mut answers = Vec::with_capacity(batch.len());
                let mut tx = connection.begin_with(begin).await?;
                let alone = batch.len() == 1;
                for (closure, answer) in batch {
                    let done = if alone {
                        closure(&mut *tx).await
                    } else {
                        let mut savepoint = tx.begin().await?;
                        let done = closure(&mut *savepoint).await;
                        if done {
                            savepoint.commit().await?
                        } else {
                            savepoint.rollback().await?
                        }
                        done
                    };
                    answers.push((answer, done));
                }
                tx.commit().await?;
                for (answer, done) in answers {
                    let _ = answer.send(done);
                }
                Ok(())
            }

            async fn work(
                mut connection: $connection,
                jobs: Arc<Mutex<mpsc::UnboundedReceiver<Job>>>,
                begin: &'static str,
                batch_max: usize,
            ) {
                loop {
                    let mut batch = Vec::new();
                    if jobs.lock().await.recv_many(&mut batch, batch_max).await == 0 {
                        return;
                    }
                    // Jobs that are dropped here answer their requests with a 500.
                    let _ = run(&mut connection, begin, batch).await;
                }
            }

            pub async fn open(url: &str, writers: usize, batch_max: usize) -> Writer {
                sqlx::any::install_default_drivers();
                let (sender, receiver) = mpsc::unbounded_channel();
                let receiver = Arc::new(Mutex::new(receiver));
                let sqlite = url.starts_with("sqlite:");
                let begin = if sqlite { "begin immediate" } else { "begin" };
                for index in 0..writers {
                    let mut connection = <$connection>::connect(url)
                        .await
                        .expect("the database answers");
                    if sqlite {
                        connection
                            .execute(PRAGMAS)
                            .await
                            .expect("the pragmas are known");
                    }
                    if index == 0 {
                        connection
                            .execute(SCHEMA)
                            .await
                            .expect("the schema is valid");
                    }
                    tokio::spawn(work(connection, Arc::clone(&receiver), begin, batch_max));
                }
                Writer(sender)
            }
        }
    };
}

sqlx_writer!(any, sqlx::AnyConnection);
sqlx_writer!(sqlite, sqlx::SqliteConnection);
sqlx_writer!(postgres, sqlx::PgConnection);
