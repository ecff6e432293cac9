//! What may happen to an order and what follows from it.
//!
//! Functions of a [`World`] and a moment: no clock, no file, no HTTP. The matrix below is the one
//! place that says which operation is allowed in which status. Invariant: captured + cancelled
//! never exceeds the total, refunded never exceeds captured.

mod events;
mod session;
mod timers;

pub(crate) use events::{EVENT_TYPES, Event};
pub(crate) use session::{
    Opening, approve, cancel_session, decline, is_decline_phone, open, redirect_url, run_out,
};
pub(crate) use timers::{AUTO_CAPTURE_MS, fire, timer_ms};

use crate::dates::rfc3339;
use crate::world::{Amounts, Cancel, Capture, Order, Refund, Shipment, Status, World};

/// A merchant's operation on an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Authorise,
    Cancel,
    Capture,
    Refund,
}

struct Row {
    status: Status,
    authorise: bool,
    cancel: bool,
    capture: bool,
    refund: bool,
}

const fn row(status: Status, [authorise, cancel, capture, refund]: [bool; 4]) -> Row {
    Row {
        status,
        authorise,
        cancel,
        capture,
        refund,
    }
}

/// Order-lifecycle 4.4, with its open cells as 4.2 proposes: capture from `authorised`, `updated`
/// and `partially_captured`, cancel from `authorised` and `updated` only.
/// Columns: authorise, cancel, capture, refund.
#[rustfmt::skip]
const MATRIX: [Row; 11] = [
    row(Status::New,               [false, false, false, false]),
    row(Status::Declined,          [false, false, false, false]),
    row(Status::Expired,           [false, false, false, false]),
    row(Status::Approved,          [true,  false, false, false]),
    row(Status::Authorised,        [false, true,  true,  false]),
    row(Status::Updated,           [false, true,  true,  false]),
    row(Status::PartiallyCaptured, [false, false, true,  true]),
    row(Status::FullyCaptured,     [false, false, false, true]),
    row(Status::PartiallyRefunded, [false, false, false, true]),
    row(Status::FullyRefunded,     [false, false, false, false]),
    row(Status::Canceled,          [false, false, false, false]),
];

pub(crate) fn allowed(operation: Operation, status: Status) -> bool {
    let row = MATRIX.iter().find(|row| row.status == status);
    let row = row.expect("the matrix has a row for each status");
    match operation {
        Operation::Authorise => row.authorise,
        Operation::Cancel => row.cancel,
        Operation::Capture => row.capture,
        Operation::Refund => row.refund,
    }
}

/// Why an operation was refused; nothing has changed then.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such order, or another merchant's.
    #[error("order not found")]
    OrderNotFound,
    /// No such checkout session.
    #[error("checkout not found")]
    CheckoutNotFound,
    /// The order's status does not allow it.
    #[error("the order {order_id} cannot be moved to the status {} from {}", to.as_str(), from.as_str())]
    TransitionNotAllowed {
        /// The order.
        order_id: String,
        /// Where it is.
        from: Status,
        /// Where the operation would have moved it.
        to: Status,
    },
    /// More than is left to capture, cancel or refund.
    #[error("the amount exceeds what is available ({available_minor} minor units)")]
    AmountExceedsAvailable {
        /// What is left, minor units of the order's currency.
        available_minor: i64,
    },
    /// The journal could not be written; the operation did not happen.
    #[error("the journal could not be written")]
    Storage,
}

fn guard(operation: Operation, order: &Order, to: Status) -> Result<(), Refusal> {
    if allowed(operation, order.status) {
        return Ok(());
    }
    Err(transition(order, to))
}

fn transition(order: &Order, to: Status) -> Refusal {
    Refusal::TransitionNotAllowed {
        order_id: order.id.clone(),
        from: order.status,
        to,
    }
}

fn within(minor: i64, available_minor: i64) -> Result<(), Refusal> {
    if minor <= available_minor {
        Ok(())
    } else {
        Err(Refusal::AmountExceedsAvailable { available_minor })
    }
}

/// The order for changing; put it back with [`World::put_order`].
fn take(world: &World, order_id: &str) -> Result<Order, Refusal> {
    world.order(order_id).cloned().ok_or(Refusal::OrderNotFound)
}

/// The merchant acknowledges an approved order. With auto-capture the answer's order is captured.
pub(crate) fn authorise(world: &mut World, order_id: &str, at_ms: i64) -> Result<Order, Refusal> {
    let mut order = take(world, order_id)?;
    guard(Operation::Authorise, &order, Status::Authorised)?;
    order.status = Status::Authorised;
    order.authorised_at_ms = Some(at_ms);
    events::announce(world, &order, &Event::Authorised, at_ms);
    world.put_order(order.clone());
    let account = world.account(&order.merchant_id);
    if account.is_some_and(|account| account.merchant.auto_capture) {
        return capture_rest(world, order_id, at_ms);
    }
    Ok(order)
}

/// Captures `amounts`; the new capture is the last of the order that is given back.
pub(crate) fn capture(
    world: &mut World,
    order_id: &str,
    amounts: Amounts,
    shipping: Shipment,
    at_ms: i64,
) -> Result<Order, Refusal> {
    let mut order = take(world, order_id)?;
    let remaining_minor = order.remaining_minor();
    let to = if amounts.total_minor >= remaining_minor {
        Status::FullyCaptured
    } else {
        Status::PartiallyCaptured
    };
    guard(Operation::Capture, &order, to)?;
    within(amounts.total_minor, remaining_minor)?;
    add_capture(world, &mut order, amounts, shipping, at_ms);
    order.status = to;
    announce_last_capture(world, &order, at_ms);
    world.put_order(order.clone());
    Ok(order)
}

/// Captures whatever is left, as Tamara does by itself: no shipping data (endpoints 2.7).
pub(crate) fn capture_rest(
    world: &mut World,
    order_id: &str,
    at_ms: i64,
) -> Result<Order, Refusal> {
    let order = take(world, order_id)?;
    let amounts = if order.captures.is_empty() && order.cancels.is_empty() {
        Amounts {
            total_minor: order.total_minor,
            shipping_minor: order.shipping_minor,
            tax_minor: order.tax_minor,
            discount_minor: order.discount.minor,
            items: Vec::new(),
        }
    } else {
        Amounts::of(order.remaining_minor())
    };
    capture(world, order_id, amounts, no_shipping(at_ms), at_ms)
}

/// What a capture without shipping data shows.
pub(crate) fn no_shipping(at_ms: i64) -> Shipment {
    Shipment {
        shipped_at: rfc3339(at_ms),
        shipping_company: "N/A".to_owned(),
        tracking_number: None,
        tracking_url: None,
    }
}

fn add_capture(
    world: &mut World,
    order: &mut Order,
    amounts: Amounts,
    shipping: Shipment,
    at_ms: i64,
) {
    order.captures.push(Capture {
        id: world.ids.uuid(),
        amounts,
        refunded_minor: 0,
        shipping,
        created_at_ms: at_ms,
    });
}

fn announce_last_capture(world: &mut World, order: &Order, at_ms: i64) {
    let capture = order.captures.last().expect("a capture was just added");
    let event = Event::Captured {
        capture_id: capture.id.clone(),
        minor: capture.amounts.total_minor,
    };
    events::announce(world, order, &event, at_ms);
}

/// Gives back `amounts` before capture: everything that is left cancels the order, less updates it.
pub(crate) fn cancel(
    world: &mut World,
    order_id: &str,
    amounts: Amounts,
    at_ms: i64,
) -> Result<Order, Refusal> {
    let mut order = take(world, order_id)?;
    let remaining_minor = order.remaining_minor();
    let to = if amounts.total_minor >= remaining_minor {
        Status::Canceled
    } else {
        Status::Updated
    };
    guard(Operation::Cancel, &order, to)?;
    within(amounts.total_minor, remaining_minor)?;
    let minor = amounts.total_minor;
    let cancel_id = world.ids.uuid();
    order.cancels.push(Cancel {
        id: cancel_id.clone(),
        amounts,
        created_at_ms: at_ms,
    });
    order.status = to;
    // A partial cancel is told as order_canceled too; `order_updated` is never sent (lifecycle 4.5).
    events::announce(world, &order, &Event::Canceled { cancel_id, minor }, at_ms);
    world.put_order(order.clone());
    Ok(order)
}

/// Gives back captured money, from the oldest capture that has some; that one's id is reported.
/// Fully refunded is refunded = captured, even if a part was never captured (emulator-notes 22).
pub(crate) fn refund(
    world: &mut World,
    order_id: &str,
    minor: i64,
    wish: RefundWish,
    at_ms: i64,
) -> Result<Order, Refusal> {
    let mut order = take(world, order_id)?;
    let refundable_minor = order.refundable_minor();
    let to = if minor >= refundable_minor {
        Status::FullyRefunded
    } else {
        Status::PartiallyRefunded
    };
    guard(Operation::Refund, &order, to)?;
    within(minor, refundable_minor)?;
    let capture_id = spread_refund(&mut order, minor);
    let refund = Refund {
        id: world.ids.uuid(),
        capture_id,
        amounts: Amounts::of(minor),
        comment: wish.comment,
        merchant_refund_id: wish.merchant_refund_id,
        created_at_ms: at_ms,
    };
    let event = Event::Refunded {
        refund_id: refund.id.clone(),
        capture_id: refund.capture_id.clone(),
        minor,
        comment: refund.comment.clone(),
    };
    order.refunds.push(refund);
    order.status = to;
    events::announce(world, &order, &event, at_ms);
    world.put_order(order.clone());
    Ok(order)
}

/// The words that come with a refund.
pub(crate) struct RefundWish {
    pub(crate) comment: String,
    pub(crate) merchant_refund_id: Option<String>,
}

fn spread_refund(order: &mut Order, minor: i64) -> String {
    let mut left_minor = minor;
    let mut capture_id = None;
    for capture in &mut order.captures {
        let open_minor = capture.amounts.total_minor - capture.refunded_minor;
        if open_minor > 0 && left_minor > 0 {
            let part_minor = left_minor.min(open_minor);
            capture.refunded_minor += part_minor;
            left_minor -= part_minor;
            capture_id.get_or_insert_with(|| capture.id.clone());
        }
    }
    capture_id.expect("a refund within the captured amount finds a capture")
}

#[cfg(test)]
mod tests;
