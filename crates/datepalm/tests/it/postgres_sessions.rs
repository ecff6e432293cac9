//! What a session on PostgreSQL relies on, whatever the server's own settings are.

use crate::world::{Fault, On, World, sar};
use datepalm::store::{Database, Store};
use datepalm::values;
use datepalm::workers::operations;
use serde_json::json;
use tamara_sandbox::Plan;

fn url_of(world: &World) -> String {
    let Database::Postgres(url) = &world.config.database else {
        unreachable!("the world lives on PostgreSQL");
    };
    url.clone()
}

/// R16: a `sending` that is not on disk when the call leaves may be gone after a crash of the server, and its intent is sent
/// again. A server may have been told not to wait for its disk.
#[tokio::test]
async fn r16_a_commit_is_on_disk_whatever_the_server_was_told() {
    let world = World::new(On::Postgres).await;
    let careless = format!("{}?options=-c%20synchronous_commit%3Doff", url_of(&world));
    let store = Store::open(&Database::Postgres(careless)).unwrap();
    let settings = store.read("settings", |tx| {
        let row = tx.query_opt(
            "-- test settings
select current_setting('synchronous_commit'), current_setting('lock_timeout'), current_setting('statement_timeout')",
            values![],
        )?;
        let mut row = row.expect("one row");
        Ok([row.text()?, row.text()?, row.text()?])
    });
    assert_eq!(settings.await.unwrap(), ["on", "5s", "30s"]);
    world.finish().await;
}

/// Another program that has locked a payment's row, until it is dropped.
async fn lock(url: String, payment: String) -> postgres::Client {
    let locked = tokio::task::spawn_blocking(move || {
        let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        let lock = format!("begin; select 1 from payments where id = '{payment}' for update");
        client.batch_execute(&lock).unwrap();
        client
    });
    locked.await.unwrap()
}

/// A node that vanished with a row locked: the others go on with every other payment.
#[tokio::test]
async fn a_row_that_another_node_keeps_locked_holds_up_nothing_else() {
    let world = World::new(On::Postgres).await;
    let mut ids = Vec::new();
    for n in 0..2 {
        let (id, checkout) = world.create(&format!("A-{n}")).await;
        let customer = world.sandbox.customer(&checkout);
        customer.approve(Plan::Full).unwrap();
        world.deliver(1).await;
        world.work().await;
        world.fault("POST /payments/capture", Fault::NotSent);
        let path = format!("/v1/payments/{id}/capture");
        let (status, _) = world
            .post(&path, &id, &json!({ "amount": sar(10_000) }))
            .await;
        assert_eq!(status, 202);
        ids.push(id);
    }
    let vanished = lock(url_of(&world), ids[0].clone()).await;
    world.clock.advance_ms(60_000);
    operations::run_once(&world.app).await.unwrap();
    let captured = async |id: &str| world.book(id).await["captured_minor"].clone();
    assert_eq!(captured(&ids[0]).await, 0);
    assert_eq!(captured(&ids[1]).await, 10_000);
    tokio::task::spawn_blocking(move || drop(vanished))
        .await
        .unwrap();
    world.pass(600, 10).await;
    assert_eq!(captured(&ids[0]).await, 10_000);
    world.finish().await;
}
