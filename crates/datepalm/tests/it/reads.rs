//! R25: how Tamara's orders are read: shared at one moment, paced per account, never lost; money calls never wait.

use crate::on_both;
use crate::world::{Fault, KEY_KW, World, ids_of, order, sar};
use datepalm::actions::read_order::read_order;
use datepalm::ids::{PaymentId, SessionId};
use datepalm::reads::Read;
use futures_util::future::{join, join_all};
use serde_json::json;
use tamara_sandbox::Plan;

const READ: &str = "GET /orders";

/// A payment that waits for its customer, and its session.
async fn created(world: &World) -> (PaymentId, SessionId) {
    let (id, _) = world.create("A-1").await;
    let payment = world.payment(&id).await;
    let session = payment["sessions"][0]["id"].as_str().unwrap().to_owned();
    (PaymentId(id), SessionId(session))
}

/// Starts again with so many reads a second for the Saudi account.
async fn paced(world: &mut World, reads_per_second: u32) {
    let account = world.config.accounts.get_mut("sa").unwrap();
    account.reads_per_second = reads_per_second;
    world.restart().await;
}

/// Makes payments, a millisecond apart; answers the calls that read them.
async fn payments(world: &World, count: usize) -> Vec<String> {
    let mut reads = Vec::new();
    for n in 0..count {
        let (id, _) = world.create(&format!("P-{n}")).await;
        world.clock.advance_ms(1);
        let payment = world.payment(&id).await;
        let order = payment["sessions"][0]["order_id"].as_str().unwrap();
        reads.push(format!("{READ}/{order}"));
    }
    reads
}

on_both! {
    async fn readers_at_one_moment_share_a_read(on: On) {
        let world = World::new(on).await;
        let (payment, session) = created(&world).await;
        world.fault(READ, Fault::AnswerHeld);
        let meanwhile = async {
            world.held().await;
            let others = join_all((0..6).map(|_| read_order(&world.app, &payment, &session)));
            let released = async {
                assert_eq!(world.calls(READ), 1, "nobody reads beside it");
                world.let_go();
            };
            join(others, released).await.0
        };
        let (first, others) = join(read_order(&world.app, &payment, &session), meanwhile).await;
        assert_eq!(first.unwrap(), Read::Taken);
        assert!(others.into_iter().all(|other| other.unwrap() == Read::Taken));
        assert_eq!(world.calls(READ), 2, "six readers shared the second read");
        world.finish().await;
    }

    // R19: what happened after a read began need not be in it.
    async fn a_reader_is_not_served_by_a_read_that_began_before_it_asked(on: On) {
        let world = World::new(on).await;
        let (payment, session) = created(&world).await;
        let shown = world.payment(payment.as_str()).await;
        let checkout = shown["sessions"][0]["checkout_id"].as_str().unwrap();
        world.fault(READ, Fault::AnswerHeld);
        let meanwhile = async {
            world.held().await;
            world.sandbox.customer(checkout).approve(Plan::Full).unwrap();
            join(read_order(&world.app, &payment, &session), async { world.let_go() }).await.0
        };
        let (first, later) = join(read_order(&world.app, &payment, &session), meanwhile).await;
        assert_eq!((first.unwrap(), later.unwrap(), world.calls(READ)), (Read::Taken, Read::Taken, 2));
        assert_eq!(world.payment(payment.as_str()).await["status"], "approved");
        world.deliver(1).await;
        world.work().await;
        world.finish().await;
    }

    async fn looks_are_paced_and_none_is_lost(on: On) {
        let mut world = World::new(on).await;
        let expected = payments(&world, 7).await;
        paced(&mut world, 2).await;
        world.clock.advance_ms(40_000);
        for second in 0..3 {
            world.work().await;
            assert_eq!(world.calls(READ), 2 * (second + 1));
            world.clock.advance_ms(1_000);
        }
        world.work().await;
        let mut seen = world.seen(READ);
        // Two that are under way at once may overtake each other, not those of another second.
        for (seen, expected) in seen.chunks_mut(2).zip(expected.chunks(2)) {
            seen.sort();
            let mut expected = expected.to_vec();
            expected.sort();
            assert_eq!(seen, expected, "the longest due first");
        }
        assert_eq!(seen.len(), 7);
        world.finish().await;
    }

    async fn notifications_are_paced_and_none_is_lost(on: On) {
        let mut world = World::new(on).await;
        let mut ids = Vec::new();
        for n in 0..5 {
            let (id, checkout) = world.create(&format!("A-{n}")).await;
            world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
            ids.push(id);
        }
        paced(&mut world, 2).await;
        world.deliver(1).await;
        world.work().await;
        assert_eq!(world.calls(READ), 2);
        assert_eq!(world.calls("authorise"), 2, "money calls are not paced");
        for _ in 0..4 {
            world.clock.advance_ms(1_000);
            world.work().await;
        }
        for id in ids {
            assert_eq!(world.payment(&id).await["status"], "authorised");
        }
        world.finish().await;
    }

    async fn one_accounts_pace_is_not_anothers(on: On) {
        let mut world = World::new(on).await;
        payments(&world, 4).await;
        let mut kuwaiti = order("K-1");
        let text = kuwaiti.to_string().replace("SAR", "KWD");
        kuwaiti = serde_json::from_str(&text).unwrap();
        let (status, payment) = world.post_as(KEY_KW, "/v1/payments", "k", &kuwaiti.to_string()).await;
        assert_eq!(status, 201, "{payment:#}");
        let _ = ids_of(&payment);
        let read = format!("{READ}/{}", payment["sessions"][0]["order_id"].as_str().unwrap());
        paced(&mut world, 1).await;
        world.clock.advance_ms(40_000);
        world.work().await;
        assert_eq!((world.calls(&read), world.calls(READ)), (1, 2));
        world.finish().await;
    }

    async fn after_a_429_nothing_is_read_until_tamara_said_but_money_goes_on(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        world.deliver(1).await;
        world.work().await;
        payments(&world, 3).await;
        let before = world.calls(READ);
        world.fault(READ, Fault::TooMany("300"));
        world.fault(READ, Fault::TooMany("300"));
        world.fault(READ, Fault::TooMany("300"));
        world.fault(READ, Fault::TooMany("300"));
        world.pass(40, 1).await;
        world.no_more_faults();
        world.pass(240, 4).await;
        let (_, later) = world.create("A-9").await;
        world.sandbox.customer(&later).approve(Plan::Full).unwrap();
        world.deliver(1).await;
        world.work().await;
        assert_eq!(world.calls(READ), before, "not by the schedule, and not for a notification");
        let path = format!("/v1/payments/{id}/capture");
        let (status, operation) = world.post(&path, "c", &json!({ "amount": sar(100) })).await;
        assert_eq!((status, &operation["state"]), (200, &json!("succeeded")), "{operation:#}");
        world.pass(120, 4).await;
        assert_eq!(world.calls("authorise"), 2, "the notification was not lost");
        assert!(world.calls(READ) >= before + 5, "every payment was looked at");
        world.finish().await;
    }

    async fn a_429_to_a_money_call_stops_reading_too(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        world.deliver(1).await;
        world.work().await;
        let before = world.calls(READ);
        world.fault("POST /payments/capture", Fault::TooMany("120"));
        let path = format!("/v1/payments/{id}/capture");
        let (status, operation) = world.post(&path, "c", &json!({})).await;
        assert_eq!((status, &operation["state"]), (202, &json!("intent")), "{operation:#}");
        world.pass(100, 5).await;
        assert_eq!((world.calls(READ), world.calls("POST /payments/capture")), (before, 0));
        world.pass(120, 4).await;
        assert_eq!(world.payment(&id).await["status"], "captured");
        world.finish().await;
    }

    // 401, 403 and 5xx are transient: a payment that is looked at once a day is not left alone for a day because of one.
    async fn a_read_that_failed_is_made_again_before_long(on: On) {
        for fault in [Fault::GatewayError, Fault::NotSent, Fault::AnswerLost] {
            let world = World::new(on).await;
            let (id, checkout) = world.create("A-1").await;
            world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
            world.deliver(1).await;
            world.work().await;
            world.pass(5 * 86_400, 500).await;
            let order = world.payment(&id).await["sessions"][0]["order_id"].as_str().unwrap().to_owned();
            world.sandbox.portal(&order).capture(30_012).unwrap();
            world.deliver(0).await;
            world.fault(READ, fault);
            for _ in 0..200 {
                world.pass(600, 1).await;
                if world.faults_left() == 0 {
                    break;
                }
            }
            assert_eq!(world.payment(&id).await["status"], "authorised", "{fault:?}");
            world.pass(900, 15).await;
            assert_eq!(world.payment(&id).await["status"], "captured", "{fault:?}");
            world.finish().await;
        }
    }
}
