//! The store by itself: what a write promises, on both databases.

use crate::on_both;
use crate::world::{On, World};
use datepalm::domain::payment::AttentionReason;
use datepalm::error::{Code, Error, Trouble, refused};
use datepalm::ids::{AttentionId, PaymentId};
use datepalm::store::{Database, Store, accounts, events, payments};
use datepalm::values;
use futures_util::future::join_all;

on_both! {
    async fn a_refusal_undoes_itself_and_nobody_else(on: On) {
        let world = World::new(on).await;
        let store = &world.app.store;
        let writes = (0..64).map(|n| {
            store.write("test write", move |tx| {
                accounts::instance_secret(tx, &format!("row-{n}"), "x")?;
                if n % 3 == 0 { refused(Code::Internal, "no") } else { Ok(n) }
            })
        });
        let answers = join_all(writes).await;
        for (n, answer) in answers.iter().enumerate() {
            assert_eq!(answer.is_err(), n % 3 == 0, "{n}: {answer:?}");
        }
        let rows = store.read("count", |tx| {
            tx.query("-- test rows\nselect name from instance where name like 'row-%'", values![]).map(|rows| rows.len())
        });
        assert_eq!(rows.await.unwrap(), 42);
        world.finish().await;
    }

    async fn a_broken_write_fails_alone(on: On) {
        let world = World::new(on).await;
        let store = &world.app.store;
        let writes = (0..32).map(|n| {
            store.write("test write", move |tx| {
                accounts::instance_secret(tx, &format!("row-{n}"), "x")?;
                if n == 7 {
                    tx.execute("-- test broken\ninsert into no_such_table values (1)", values![])?;
                }
                Ok(())
            })
        });
        let answers = join_all(writes).await;
        assert!(matches!(answers[7], Err(Error::Database(_))), "{:?}", answers[7]);
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 31);
        world.finish().await;
    }

    async fn a_caller_that_went_away_does_not_undo_its_write(on: On) {
        let mut world = World::new(on).await;
        {
            let write = world.app.store.write("test write", |tx| accounts::instance_secret(tx, "left", "x").map(drop));
            // Polled once, so that it is queued, then dropped.
            let _ = futures_util::FutureExt::now_or_never(write);
        }
        // A later write on the same queue has seen it through.
        world.app.store.write("flush", |_| Ok(())).await.unwrap();
        world.restart().await;
        let found = world.app.store.read("look", |tx| {
            tx.query("-- test left\nselect value from instance where name = 'left'", values![]).map(|rows| rows.len())
        });
        assert_eq!(found.await.unwrap(), 1);
        world.finish().await;
    }

    async fn events_are_numbered_without_gaps(on: On) {
        let world = World::new(on).await;
        for n in 0..5 {
            world.create(&format!("A-{n}")).await;
        }
        let numbering = (0..6).map(|_| world.app.store.write("number", |tx| events::number(tx, 3)));
        for result in join_all(numbering).await {
            result.unwrap();
        }
        world.work().await;
        let seqs = world.app.store.read("seqs", |tx| Ok(events::after(tx, 0, 1_000)?.iter().map(|e| e.seq.unwrap()).collect::<Vec<_>>()));
        let seqs = seqs.await.unwrap();
        assert_eq!(seqs, (1..=i64::try_from(seqs.len()).unwrap()).collect::<Vec<_>>());
        world.finish().await;
    }

    // The simulator found version 7 of a payment numbered after version 8: the writer of 8 had looked at its clock first, or
    // had a clock that is behind. Whoever follows the events of one payment reads its versions in order.
    async fn events_of_a_payment_are_numbered_by_version(on: On) {
        const CLOCKS: [&str; 2] = [
            "-- test clocks that go back\nupdate events set version = ordinal + version * 10, created_at_ms = created_at_ms - ordinal - version * 10 where seq is null",
            "-- test clocks that go back and forth\nupdate events set version = ordinal + version * 10, created_at_ms = created_at_ms
                + case when kind = 'payment.created' then 5 when kind = 'payment.pending' then 0 else 6 end where seq is null",
        ];
        let world = World::new(on).await;
        let store = &world.app.store;
        for (n, (sql, most)) in CLOCKS.into_iter().flat_map(|sql| [(sql, 2), (sql, 100)]).enumerate() {
            world.create(&format!("A-{n}")).await;
            world.create(&format!("B-{n}")).await;
            store.write("clocks", move |tx| tx.execute(sql, values![])).await.unwrap();
            while store.write("number", move |tx| events::number(tx, most)).await.unwrap() > 0 {}
        }
        let told = store.read("told", |tx| events::after(tx, 0, 1_000)).await.unwrap();
        assert!(told.len() >= 24, "every event has its number: {told:?}");
        for payment in told.iter().map(|event| &event.payment) {
            let of_payment = told.iter().filter(|event| event.payment == *payment);
            let versions: Vec<_> = of_payment.map(|event| event.version).collect();
            assert!(versions.is_sorted(), "{versions:?}");
        }
        world.finish().await;
    }

    async fn numbers_restart_after_pruning(on: On) {
        let world = World::new(on).await;
        world.create("A-1").await;
        world.work().await;
        let last = world.app.store.read("last", events::last_seq).await.unwrap();
        assert!(last > 0);
        world.app.store.write("prune", |tx| tx.execute("-- test prune\ndelete from events", values![])).await.unwrap();
        world.create("A-2").await;
        world.work().await;
        let next = world.app.store.read("next", move |tx| {
            Ok(events::after(tx, last, 10)?.into_iter().filter_map(|event| event.seq).collect::<Vec<_>>())
        });
        let next = next.await.unwrap();
        assert!(!next.is_empty(), "a reader that stands at {last} must see what comes after");
        let expected: Vec<i64> = (last + 1..).take(next.len()).collect();
        assert_eq!(next, expected, "no number is skipped or given twice");
        let unnumbered = world.app.store.read("rest", |tx| {
            tx.query("-- test rest\nselect id from events where seq is null or seq <= 0", values![]).map(|rows| rows.len())
        });
        assert_eq!(unnumbered.await.unwrap(), 0, "and nothing is left behind the reader");
        world.finish().await;
    }

    async fn a_schema_from_the_future_is_refused(on: On) {
        let world = World::new(on).await;
        let future = world.app.store.write("future", |tx| {
            tx.execute("-- test future\ninsert into schema_versions (version) values (999)", values![])
        });
        future.await.unwrap();
        let again = datepalm::store::Store::open(&world.app.config.database);
        let error = again.err().expect("must refuse").to_string();
        assert!(error.contains("999") && error.contains("newer program"), "{error}");
        world.finish().await;
    }
}

#[tokio::test]
async fn waiting_writes_share_a_commit() {
    let world = World::new(crate::world::On::Sqlite).await;
    let store = &world.app.store;
    let before = store.progress().borrow().commits;
    let writes = (0..200).map(|n| {
        store.write("test write", move |tx| {
            accounts::instance_secret(tx, &format!("r{n}"), "x").map(drop)
        })
    });
    for result in join_all(writes).await {
        result.unwrap();
    }
    let commits = store.progress().borrow().commits - before;
    assert!(commits < 100, "200 waiting writes took {commits} commits");
    world.finish().await;
}

/// Events of one change were numbered by chance when their ids were made within one millisecond.
#[tokio::test]
async fn events_of_one_version_keep_their_order() {
    let world = World::new(crate::world::On::Sqlite).await;
    for n in 0..20 {
        world.create(&format!("A-{n}")).await;
    }
    world.work().await;
    let events = world
        .app
        .store
        .read("events", |tx| events::after(tx, 0, 1_000))
        .await
        .unwrap();
    for payment in events.iter().map(|event| &event.payment) {
        let kinds = events
            .iter()
            .filter(|event| event.payment == *payment)
            .map(|event| event.kind.as_str());
        assert_eq!(
            kinds.collect::<Vec<_>>(),
            [
                "payment.created",
                "payment.pending",
                "create_session.succeeded"
            ]
        );
    }
    world.finish().await;
}

/// The first write waits alone for the lock, those that come meanwhile wait together: two waits of five seconds, not
/// one for each.
#[tokio::test]
async fn waiting_writes_share_the_wait_for_a_lock_of_another_program() {
    let world = World::new(On::Sqlite).await;
    let Database::Sqlite(path) = &world.config.database else {
        unreachable!("the world lives on SQLite");
    };
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let writes = (0..16).map(|n| {
        world.app.store.write("test write", move |tx| {
            accounts::instance_secret(tx, &format!("row-{n}"), "x")
        })
    });
    let patience = std::time::Duration::from_secs(25);
    let answers = tokio::time::timeout(patience, join_all(writes)).await;
    for answer in answers.expect("each waited for itself") {
        let locked = matches!(
            answer,
            Err(Error::Unavailable {
                trouble: Trouble::Locked,
                ..
            })
        );
        assert!(locked, "{answer:?}");
    }
    let reads = world.app.store.read("read", events::last_seq);
    reads.await.unwrap();
    other.execute_batch("rollback").unwrap();
    let write = world
        .app
        .store
        .write("test write", |tx| accounts::instance_secret(tx, "row", "x"));
    write.await.unwrap();
    world.finish().await;
}

/// A database of the first schema keeps its open points and contradictions: a payment that waited for a person still does.
#[tokio::test]
async fn points_of_the_first_schema_are_carried_over() {
    const FIRST: &str = include_str!("../../src/store/migrations/0001_payments.sql");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(FIRST).unwrap();
    old.execute_batch(
        "create table schema_versions (version bigint primary key);
         insert into schema_versions (version) values (1);
         insert into payments (id, account, merchant_reference, content_hash, currency, total_minor, country, locale,
             description, capture_mode, content, return_urls, status, ever_paid, check_step, version, created_at_ms)
         values ('pay_0123456789abcdef0123456789abcdef', 'sa', 'A-1', '', 'SAR', 300, 'SA', '', '', 'manual', '', '',
             'authorised', 1, 0, 1, 5);
         insert into sessions (id, payment, account, number, order_reference_id, return_token, customer_canceled, unwanted,
             order_rank, contradicted, created_at_ms)
         values ('ses_1', 'pay_0123456789abcdef0123456789abcdef', 'sa', 1, 'A-1', 't', 0, 0, 'authorised', 1, 5);
         insert into attention (payment, reason, since_ms)
         values ('pay_0123456789abcdef0123456789abcdef', 'books_differ', 7),
             ('pay_0123456789abcdef0123456789abcdef', 'duplicate_approval', 8);",
    )
    .unwrap();
    drop(old);
    let store = Store::open(&Database::Sqlite(path)).unwrap();
    let id = PaymentId("pay_0123456789abcdef0123456789abcdef".to_owned());
    let payment = store
        .read("old payment", move |tx| payments::look(tx, &id))
        .await
        .unwrap()
        .unwrap();
    let points: Vec<_> = payment
        .open_points()
        .map(|point| (point.reason, point.since_ms))
        .collect();
    let expected = [
        (AttentionReason::BooksDiffer, 7),
        (AttentionReason::DuplicateApproval, 8),
    ];
    assert_eq!(points, expected);
    assert!(
        payment
            .points
            .iter()
            .all(|point| AttentionId::parse(point.id.as_str()).is_some())
    );
    assert!(payment.blocked(), "its books still differ");
}
