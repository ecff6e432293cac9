//! The timeline of a payment is a list like the others: page by page, oldest first, and nothing is left out silently.

use crate::on_both;
use crate::problem::{check, get, refused, refused_at};
use crate::world::World;
use datepalm::ids::{AttemptId, PaymentId};
use datepalm::store::attempts::{self, Attempt};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tamara_sandbox::Plan;

/// Reads of an order that was looked at for a long time: three in each millisecond, from `from_ms` on.
async fn looked_at(world: &World, payment: &str, from_ms: i64, times: i64) {
    let payment = PaymentId::parse(payment).unwrap();
    let read = move |n: i64| Attempt {
        id: AttemptId(format!("att_{n:032x}")),
        account: "sa".into(),
        payment: payment.clone(),
        session: None,
        operation: None,
        kind: "read_order".into(),
        number: 0,
        started_at_ms: from_ms + n / 3,
        ended_at_ms: from_ms + n / 3,
        outcome: "applied".into(),
        http_status: Some(200),
        codes: String::new(),
        raw: None,
    };
    let written = world.app.store.write("many reads", move |tx| {
        (0..times).try_for_each(|n| attempts::insert(tx, &read(n)))
    });
    written.await.unwrap();
}

/// The whole timeline, read in pages of that size.
async fn whole(world: &World, id: &str, limit: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/payments/{id}/timeline?limit={limit}{cursor}");
        let (status, page) = world.get(&path).await;
        assert_eq!(status, 200, "{page:#}");
        let entries = page["data"].as_array().unwrap();
        let Some(next) = page["next_cursor"].as_str() else {
            assert_eq!(page["has_more"], false);
            assert!(entries.len() <= limit, "{}", entries.len());
            all.extend(entries.iter().cloned());
            return all;
        };
        assert_eq!((&page["has_more"], entries.len()), (&json!(true), limit));
        all.extend(entries.iter().cloned());
        cursor = format!("&cursor={next}");
    }
}

/// What makes an entry itself.
fn names(entries: &[Value]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| format!("{} {}", entry["kind"], entry["id"]))
        .collect()
}

async fn approved(world: &World) -> String {
    let (id, checkout) = world.create("A-1").await;
    let customer = world.sandbox.customer(&checkout);
    customer.approve(Plan::Full).unwrap();
    world.deliver(1).await;
    world.work().await;
    id
}

on_both! {
    async fn a_timeline_is_read_page_by_page_and_leaves_nothing_out(on: On) {
        let world = World::new(on).await;
        let id = approved(&world).await;
        looked_at(&world, &id, world.clock.now_ms(), 1_200).await;
        world.clock.advance_ms(1_000);
        let (status, capture) = world.post(&format!("/v1/payments/{id}/capture"), "c", &json!({})).await;
        assert_eq!(status, 200, "{capture:#}");
        let all = whole(&world, &id, 100).await;
        let told = names(&all);
        assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len(), "an entry stands there twice");
        let reads = all.iter().filter(|entry| entry["id"].as_str().unwrap().starts_with("att_00000000")).count();
        assert_eq!(reads, 1_200);
        // The newest comes last, and is there.
        assert_eq!(all.last().unwrap()["title"], "capture.succeeded", "{:#}", all.last().unwrap());
        assert!(all.is_sorted_by(|one, next| one["at"].as_str() <= next["at"].as_str()));
        for limit in [1, 7] {
            assert!(names(&whole(&world, &id, limit).await) == told, "pages of {limit}");
        }
        world.finish().await;
    }

    async fn without_a_limit_a_timeline_begins_with_its_oldest_hundred(on: On) {
        let world = World::new(on).await;
        let id = approved(&world).await;
        let path = format!("/v1/payments/{id}/timeline");
        let (_, short) = world.get(&path).await;
        assert_eq!((&short["has_more"], &short["next_cursor"]), (&json!(false), &Value::Null));
        looked_at(&world, &id, world.clock.now_ms() + 1, 100).await;
        let (_, long) = world.get(&path).await;
        let (short, entries) = (short["data"].as_array().unwrap(), long["data"].as_array().unwrap());
        assert_eq!((entries.len(), &long["has_more"]), (100, &json!(true)));
        assert_eq!(&entries[..short.len()], &short[..]);
        world.finish().await;
    }

    async fn what_no_page_of_a_timeline_has_is_refused(on: On) {
        let world = World::new(on).await;
        let id = approved(&world).await;
        let page = |query: &str| get(&format!("/v1/payments/{id}/timeline?{query}"));
        for cursor in ["", "x", "5", "5.", ".5", "-1.1", "1.-1", "1.2.3", "1.0", "99999999999999999999.1", "1.99999999"] {
            let request = page(&format!("cursor={cursor}"));
            check(&world, cursor, request, refused_at(400, "cursor_invalid", "cursor", &["begin again"])).await;
        }
        for limit in ["0", "101", "-1"] {
            let request = page(&format!("limit={limit}"));
            check(&world, limit, request, refused_at(422, "invalid_request", "limit", &["1 to 100"])).await;
        }
        let expected = refused(422, "invalid_request", &["limit", "cursor"]);
        check(&world, "unknown", page("order=newest"), expected).await;
        world.finish().await;
    }
}
