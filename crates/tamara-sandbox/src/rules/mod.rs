//! What may happen to an order and what follows from it.
//!
//! Functions of a [`World`] and a moment: no clock, no file, no HTTP. Which operation is allowed in
//! which status is said in [`matrix`] alone. Invariant: captured + cancelled never exceeds the
//! total, refunded never exceeds captured.

mod disputes;
mod events;
pub(crate) mod matrix;
mod refunds;
mod session;
mod timers;
mod void;

pub use disputes::Verdict;
pub(crate) use disputes::{
    DISPUTE_EVENT_TYPES, DisputeAnswer, MORE_DISPUTE_EVENT_TYPES, answer_dispute, close_dispute,
    open_dispute,
};
pub(crate) use events::{EVENT_TYPES, Event, UPDATED_EVENT_TYPE};
pub(crate) use matrix::Operation;
pub(crate) use refunds::{CaptureRefund, RefundWish, refund, refund_captures};
pub(crate) use session::{
    Opening, approve, cancel_session, decline, is_decline_phone, open, redirect_url, run_out,
    run_out_url,
};
pub(crate) use timers::{AUTO_CAPTURE_MS, EXPIRE_UNCAPTURED_MS, fire, timer_ms};
pub(crate) use void::void;

use crate::dates::rfc3339;
use crate::world::{Amounts, Cancel, Capture, Order, Shipment, Status, World};

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
    /// The order has no such capture.
    #[error("the order has no such capture")]
    CaptureNotFound,
    /// A legacy refund names no items.
    #[error("the refund names no items")]
    RefundWithoutItems,
    /// The first legacy refund of a capture does not give back all of its shipping.
    #[error("shipping is refunded in full or not at all")]
    ShippingNotInFull,
    /// No such dispute, or another merchant's.
    #[error("dispute not found")]
    DisputeNotFound,
    /// The dispute is over.
    #[error("the dispute is closed")]
    DisputeClosed,
    /// The journal could not be written; the operation did not happen.
    #[error("the journal could not be written")]
    Storage,
}

fn guard(world: &World, operation: Operation, order: &Order, to: Status) -> Result<(), Refusal> {
    if matrix::allowed(operation, order.status, &world.choices) {
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
    guard(world, Operation::Authorise, &order, Status::Authorised)?;
    become_authorised(world, &mut order, at_ms);
    let account = world.account(&order.merchant_id);
    let auto_capture = account.is_some_and(|account| account.merchant.auto_capture);
    if !auto_capture || world.choices.authorised_event_on_auto_capture {
        events::announce(world, &order, &Event::Authorised, at_ms);
    }
    world.put_order(order.clone());
    if auto_capture {
        return capture_rest(world, order_id, at_ms);
    }
    Ok(order)
}

fn become_authorised(world: &World, order: &mut Order, at_ms: i64) {
    order.status = Status::Authorised;
    order.authorised_at_ms = Some(at_ms);
    order.uncaptured = Some(world.choices.uncaptured);
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
    let to = if order.status == Status::PartiallyRefunded {
        Status::PartiallyRefunded
    } else if amounts.total_minor >= remaining_minor {
        Status::FullyCaptured
    } else {
        Status::PartiallyCaptured
    };
    guard(world, Operation::Capture, &order, to)?;
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
    let all = amounts.total_minor >= remaining_minor;
    let to = match (order.status, all) {
        // What was captured stays captured: only the choice to allow this leads here.
        (Status::PartiallyCaptured, true) => Status::FullyCaptured,
        (Status::PartiallyCaptured, false) => Status::PartiallyCaptured,
        (_, true) => Status::Canceled,
        (_, false) => Status::Updated,
    };
    guard(world, Operation::Cancel, &order, to)?;
    within(amounts.total_minor, remaining_minor)?;
    let minor = amounts.total_minor;
    let cancel_id = world.ids.uuid();
    order.cancels.push(Cancel {
        id: cancel_id.clone(),
        amounts,
        created_at_ms: at_ms,
    });
    order.status = to;
    events::announce(world, &order, &Event::Canceled { cancel_id, minor }, at_ms);
    world.put_order(order.clone());
    Ok(order)
}

#[cfg(test)]
mod tests;
