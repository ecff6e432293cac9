//! What happens by itself when time passes (order-lifecycle 4.8).
//!
//! Invariant: an order has at most one timer, a function of the order alone.

use super::{Event, capture_rest, events};
use crate::choices::Uncaptured;
use crate::world::{Order, Status, World};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

const AUTHORISE_WITHIN_MS: i64 = 72 * HOUR_MS;
/// From authorisation to the capture that Tamara makes by itself.
pub(crate) const AUTO_CAPTURE_MS: i64 = 21 * DAY_MS;
/// From authorisation to expiry, in the other reading of the documentation.
pub(crate) const EXPIRE_UNCAPTURED_MS: i64 = 90 * DAY_MS;

/// When this order moves by itself; none if it waits for nothing.
pub(crate) fn timer_ms(order: &Order) -> Option<i64> {
    match order.status {
        Status::New => Some(order.session_end_ms()),
        Status::Approved => Some(order.approved_at_ms? + AUTHORISE_WITHIN_MS),
        Status::Authorised | Status::Updated | Status::PartiallyCaptured => {
            let authorised_at_ms = order.authorised_at_ms?;
            match order.uncaptured {
                None | Some(Uncaptured::CapturedAfter21Days) => {
                    Some(authorised_at_ms + AUTO_CAPTURE_MS)
                }
                // Nothing says what time does to an order that is partly captured.
                Some(Uncaptured::ExpiresAfter90Days) => (order.status != Status::PartiallyCaptured)
                    .then_some(authorised_at_ms + EXPIRE_UNCAPTURED_MS),
            }
        }
        Status::Declined
        | Status::Expired
        | Status::FullyCaptured
        | Status::PartiallyRefunded
        | Status::FullyRefunded
        | Status::Canceled => None,
    }
}

/// Fires every timer due at `now_ms`, the earliest first, each at its own moment.
pub(crate) fn fire(world: &mut World, now_ms: i64) {
    while let Some((at_ms, order)) = world.next_timer() {
        if at_ms > now_ms {
            return;
        }
        let mut order = order.clone();
        let expires = order.uncaptured == Some(Uncaptured::ExpiresAfter90Days);
        if expires || matches!(order.status, Status::New | Status::Approved) {
            order.status = Status::Expired;
            events::announce(world, &order, &Event::Expired, at_ms);
            world.put_order(order);
        } else {
            capture_rest(world, &order.id, at_ms)
                .expect("an order with an auto-capture timer has something left to capture");
        }
    }
}
