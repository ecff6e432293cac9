//! Whatever is asked in whatever order, the books add up.

use proptest::prelude::*;
use serde_json::Value;
use tamara_sandbox::Plan;

use crate::shop::{DAY_MS, HOUR_MS, Shop, order};

const TOTAL_MINOR: i64 = 57_500;

#[derive(Clone, Debug)]
enum Wish {
    Authorise,
    Capture(i64),
    Cancel(i64),
    Refund(i64),
    Wait(i64),
}

fn wish() -> impl Strategy<Value = Wish> {
    let minor = || 1..=TOTAL_MINOR + 1;
    prop_oneof![
        Just(Wish::Authorise),
        minor().prop_map(Wish::Capture),
        minor().prop_map(Wish::Cancel),
        minor().prop_map(Wish::Refund),
        prop_oneof![Just(HOUR_MS), Just(72 * HOUR_MS), Just(21 * DAY_MS)].prop_map(Wish::Wait),
    ]
}

fn sum(books: &Value, list: &str) -> i64 {
    let entries = books[list].as_array().unwrap().iter();
    let minor = |entry: &Value| entry["amounts"]["total_minor"].as_i64().unwrap();
    entries.map(minor).sum()
}

/// The sums that a status goes with.
fn agrees(status: &str, captured: i64, canceled: i64, refunded: i64) -> bool {
    let left = TOTAL_MINOR - captured - canceled;
    match status {
        "approved" | "authorised" => captured == 0 && canceled == 0 && refunded == 0,
        "expired" => captured == 0 && canceled == 0,
        "updated" => captured == 0 && canceled > 0 && left > 0,
        "canceled" => captured == 0 && left == 0,
        "partially_captured" => captured > 0 && left > 0 && refunded == 0,
        "fully_captured" => captured > 0 && left == 0 && refunded == 0,
        "partially_refunded" => refunded > 0 && refunded < captured,
        "fully_refunded" => refunded > 0 && refunded == captured,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sequence_of_operations_breaks_the_sums(wishes in prop::collection::vec(wish(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let shop = Shop::open();
        let session = runtime.block_on(shop.checkout(order()));
        shop.sandbox.customer(&session.checkout_id).approve(Plan::Three).unwrap();
        let portal = shop.sandbox.portal(&session.order_id);
        for wish in wishes {
            let before = shop.sandbox.state();
            let refused = match wish {
                Wish::Authorise => portal.authorise().is_err(),
                Wish::Capture(minor) => portal.capture(minor).is_err(),
                Wish::Cancel(minor) => portal.cancel(minor).is_err(),
                Wish::Refund(minor) => portal.refund(minor).is_err(),
                Wish::Wait(ms) => {
                    shop.sandbox.clock().advance_ms(ms);
                    false
                }
            };
            let state = shop.sandbox.state();
            if refused {
                prop_assert_eq!(&state, &before);
            }
            let books = &state["orders"][0];
            let captured = sum(books, "captures");
            let canceled = sum(books, "cancels");
            let refunded = sum(books, "refunds");
            prop_assert!(captured + canceled <= TOTAL_MINOR);
            prop_assert!(refunded <= captured);
            let status = books["status"].as_str().unwrap();
            prop_assert!(agrees(status, captured, canceled, refunded), "{}", books);
            let parts = books["captures"].as_array().unwrap().iter();
            let back: i64 = parts.map(|c| c["refunded_minor"].as_i64().unwrap()).sum();
            prop_assert_eq!(back, refunded);
        }
    }
}
