//! The life of a checkout session: opened by the merchant, ended by the customer or by time.
//!
//! Not the page's steps ([`crate::hosted`]): here is only what ends a session and where the
//! customer is sent then.

use std::fmt::Write as _;

use super::{Event, Refusal, become_authorised, capture_rest, events, transition};
use crate::choices::{CustomerCancel, DeclinedOrder, RunOutRedirect};
use crate::world::{Channel, Checkout, Locale, Order, Plan, Status, Step, World};

/// Local part of the phone that is always declined, under any prefix (sandbox-test-data 8.1).
const DECLINE_PHONE: &str = "526422337";

pub(crate) fn is_decline_phone(digits: &str) -> bool {
    digits.ends_with(DECLINE_PHONE)
}

/// What a new session needs beside its order; in a shop there is no address to return to, so the
/// texts are empty.
#[derive(Clone)]
pub(crate) struct Opening {
    pub(crate) locale: Locale,
    pub(crate) success_url: String,
    pub(crate) failure_url: String,
    pub(crate) cancel_url: String,
}

/// Opens a session for an order that is complete but for its ids. A reference may be used again:
/// each session is a new order (emulator-notes 10).
pub(crate) fn open(world: &mut World, mut order: Order, opening: Opening) -> Checkout {
    order.id = world.ids.uuid();
    order.checkout_id = world.ids.uuid();
    order.sequence = world.next_sequence();
    if order.reference.is_empty() {
        // Only a till may leave its reference out (endpoints 2.17).
        order.reference.clone_from(&order.id);
    }
    if order.number.is_empty() {
        order.number.clone_from(&order.reference);
    }
    let checkout = Checkout {
        id: order.checkout_id.clone(),
        order_id: order.id.clone(),
        locale: opening.locale,
        success_url: opening.success_url,
        failure_url: opening.failure_url,
        cancel_url: opening.cancel_url,
        phone: order.consumer.phone_number.clone(),
        step: Step::Phone,
        asks_id: false,
    };
    world.put_order(order);
    world.put_checkout(checkout.clone());
    checkout
}

fn open_session(world: &World, id: &str, to: Status) -> Result<(Checkout, Order), Refusal> {
    let checkout = world.checkout(id).ok_or(Refusal::CheckoutNotFound)?;
    let order = super::take(world, &checkout.order_id)?;
    if order.status == Status::New {
        Ok((checkout.clone(), order))
    } else {
        Err(transition(&order, to))
    }
}

/// A declined order whose refusal may still be taken back.
fn taken_back(world: &World, checkout_id: &str, at_ms: i64) -> Option<(Checkout, Order)> {
    let checkout = world.checkout(checkout_id)?;
    let order = world.order(&checkout.order_id)?;
    let open = world.choices.declined_order == DeclinedOrder::MayBeApproved
        && order.status == Status::Declined
        && at_ms < order.session_end_ms();
    open.then(|| (checkout.clone(), order.clone()))
}

/// The customer paid the first part of `plan`. Answers the address to send the customer to.
pub(crate) fn approve(
    world: &mut World,
    checkout_id: &str,
    plan: Plan,
    at_ms: i64,
) -> Result<String, Refusal> {
    let (checkout, mut order) = match taken_back(world, checkout_id, at_ms) {
        Some(declined) => declined,
        None => open_session(world, checkout_id, Status::Approved)?,
    };
    order.status = Status::Approved;
    order.approved_at_ms = Some(at_ms);
    order.paid_minor = plan.amounts_minor(order.total_minor)[0];
    (order.payment_type, order.instalments) = match plan {
        Plan::Full => ("PAY_NOW".to_owned(), None),
        Plan::Two | Plan::Three | Plan::Four => {
            ("PAY_BY_INSTALMENTS".to_owned(), Some(plan.parts()))
        }
    };
    if order.consumer.phone_number.is_empty() {
        // Whoever scanned a code at the till is known from the page alone.
        order.consumer.phone_number.clone_from(&checkout.phone);
    }
    let captures = captures_at_once(world, &mut order, at_ms);
    let order_id = order.id.clone();
    world.put_order(order);
    if captures {
        capture_rest(world, &order_id, at_ms)?;
    }
    Ok(redirect_url(&checkout.success_url, "approved", &order_id))
}

/// In a shop, and with auto-authorisation, a paid order is captured with no call: from approved to
/// fully captured (lifecycle 4.2 and 4.3).
fn captures_at_once(world: &mut World, order: &mut Order, at_ms: i64) -> bool {
    let online = order.channel == Channel::Online;
    if online {
        events::announce(world, order, &Event::Approved, at_ms);
    }
    let account = world.account(&order.merchant_id);
    let captures = !online || account.is_some_and(|account| account.merchant.auto_authorise);
    if captures {
        become_authorised(world, order, at_ms);
        if online && world.choices.authorised_event_on_auto_authorise {
            events::announce(world, order, &Event::Authorised, at_ms);
        }
    }
    captures
}

/// Tamara refused the customer.
pub(crate) fn decline(world: &mut World, checkout_id: &str, at_ms: i64) -> Result<String, Refusal> {
    let (checkout, order) = open_session(world, checkout_id, Status::Declined)?;
    let order_id = end(world, order, Status::Declined, &Event::Declined, at_ms);
    Ok(redirect_url(&checkout.failure_url, "declined", &order_id))
}

/// The customer went back to the store: the order expires at once, unless the choice is the older
/// text's, and in a shop always (emulator-notes 12).
pub(crate) fn cancel_session(
    world: &mut World,
    checkout_id: &str,
    at_ms: i64,
) -> Result<String, Refusal> {
    let (checkout, order) = open_session(world, checkout_id, Status::Expired)?;
    let stays = world.choices.customer_cancel == CustomerCancel::StaysOpen;
    let order_id = if stays && order.channel == Channel::Online {
        order.id
    } else {
        end(world, order, Status::Expired, &Event::Expired, at_ms)
    };
    Ok(redirect_url(&checkout.cancel_url, "canceled", &order_id))
}

/// The session ran out before its time, for tests that do not move the clock.
pub(crate) fn run_out(world: &mut World, checkout_id: &str, at_ms: i64) -> Result<String, Refusal> {
    let (checkout, order) = open_session(world, checkout_id, Status::Expired)?;
    let order_id = end(world, order, Status::Expired, &Event::Expired, at_ms);
    let url = run_out_url(world, &checkout);
    Ok(redirect_url(url, "expired", &order_id))
}

/// Where a customer whose session ran out goes, without Tamara's parameters.
pub(crate) fn run_out_url<'a>(world: &World, checkout: &'a Checkout) -> &'a str {
    match world.choices.run_out_redirect {
        RunOutRedirect::Failure => &checkout.failure_url,
        RunOutRedirect::Cancel => &checkout.cancel_url,
    }
}

pub(super) fn end(
    world: &mut World,
    mut order: Order,
    status: Status,
    event: &Event,
    at_ms: i64,
) -> String {
    order.status = status;
    events::announce(world, &order, event, at_ms);
    let order_id = order.id.clone();
    world.put_order(order);
    order_id
}

/// The merchant's address with Tamara's two parameters at its very end: a fragment gets them
/// behind it, as was seen (hosted-checkout 7.3). In a shop there is none: it stays empty.
pub(crate) fn redirect_url(url: &str, payment_status: &str, order_id: &str) -> String {
    if url.is_empty() {
        return String::new();
    }
    let mark = if url.contains('?') { '&' } else { '?' };
    let url = ascii(url);
    format!("{url}{mark}paymentStatus={payment_status}&orderId={order_id}")
}

/// An address with letters of other alphabets, fit for a `Location` header.
fn ascii(url: &str) -> String {
    let mut ascii = String::with_capacity(url.len());
    for byte in url.bytes() {
        if byte.is_ascii() {
            ascii.push(char::from(byte));
        } else {
            write!(ascii, "%{byte:02X}").expect("writing to a text cannot fail");
        }
    }
    ascii
}
