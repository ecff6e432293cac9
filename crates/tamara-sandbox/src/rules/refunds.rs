//! Giving captured money back, from any capture or from named ones.
//!
//! Fully refunded is refunded = captured, even if a part was never captured (emulator-notes 22).
//! Invariant: no capture gives back more than it took.

use super::{Event, Operation, Refusal, events, guard, take, within};
use crate::world::{Amounts, Capture, Order, Refund, Status, World};

/// The words that come with a refund.
pub(crate) struct RefundWish {
    pub(crate) comment: String,
    pub(crate) merchant_refund_id: Option<String>,
}

/// A part of a legacy refund: what goes back from one capture.
pub(crate) struct CaptureRefund {
    pub(crate) capture_id: String,
    pub(crate) amounts: Amounts,
    pub(crate) merchant_refund_id: Option<String>,
}

/// Gives back captured money, from the oldest capture that has some; that one's id is reported.
pub(crate) fn refund(
    world: &mut World,
    order_id: &str,
    minor: i64,
    wish: RefundWish,
    at_ms: i64,
) -> Result<Order, Refusal> {
    let mut order = take(world, order_id)?;
    let to = status_after(&order, minor);
    guard(world, Operation::Refund, &order, to)?;
    within(minor, order.refundable_minor())?;
    let capture_id = spread(&mut order, minor);
    order.status = to;
    add(
        world,
        &mut order,
        capture_id,
        Amounts::of(minor),
        wish,
        at_ms,
    );
    world.put_order(order.clone());
    Ok(order)
}

/// The deprecated refund, capture by capture: all parts or none (endpoints 2.13).
pub(crate) fn refund_captures(
    world: &mut World,
    order_id: &str,
    parts: Vec<CaptureRefund>,
    at_ms: i64,
) -> Result<Order, Refusal> {
    let mut order = take(world, order_id)?;
    let minors = parts.iter().map(|part| part.amounts.total_minor);
    let minor = minors.fold(0, i64::saturating_add);
    let to = status_after(&order, minor);
    guard(world, Operation::Refund, &order, to)?;
    for part in &parts {
        take_from(&mut order, part)?;
    }
    order.status = to;
    for part in parts {
        let wish = RefundWish {
            comment: String::new(),
            merchant_refund_id: part.merchant_refund_id,
        };
        add(
            world,
            &mut order,
            part.capture_id,
            part.amounts,
            wish,
            at_ms,
        );
    }
    world.put_order(order.clone());
    Ok(order)
}

fn status_after(order: &Order, minor: i64) -> Status {
    if minor >= order.refundable_minor() {
        Status::FullyRefunded
    } else {
        Status::PartiallyRefunded
    }
}

fn take_from(order: &mut Order, part: &CaptureRefund) -> Result<(), Refusal> {
    let mut captures = order.captures.iter_mut();
    let capture = captures.find(|capture| capture.id == part.capture_id);
    let capture = capture.ok_or(Refusal::CaptureNotFound)?;
    if part.amounts.items.is_empty() {
        return Err(Refusal::RefundWithoutItems);
    }
    let first = capture.refunded_minor == 0;
    if first && part.amounts.shipping_minor != capture.amounts.shipping_minor {
        return Err(Refusal::ShippingNotInFull);
    }
    within(part.amounts.total_minor, open_minor(capture))?;
    capture.refunded_minor += part.amounts.total_minor;
    Ok(())
}

fn open_minor(capture: &Capture) -> i64 {
    capture.amounts.total_minor - capture.refunded_minor
}

fn spread(order: &mut Order, minor: i64) -> String {
    let mut left_minor = minor;
    let mut capture_id = None;
    for capture in &mut order.captures {
        let part_minor = left_minor.min(open_minor(capture));
        if part_minor > 0 {
            capture.refunded_minor += part_minor;
            left_minor -= part_minor;
            capture_id.get_or_insert_with(|| capture.id.clone());
        }
    }
    capture_id.expect("a refund within the captured amount finds a capture")
}

fn add(
    world: &mut World,
    order: &mut Order,
    capture_id: String,
    amounts: Amounts,
    wish: RefundWish,
    at_ms: i64,
) {
    let refund = Refund {
        id: world.ids.uuid(),
        capture_id,
        amounts,
        comment: wish.comment,
        merchant_refund_id: wish.merchant_refund_id,
        created_at_ms: at_ms,
    };
    let event = Event::Refunded {
        refund_id: refund.id.clone(),
        capture_id: refund.capture_id.clone(),
        minor: refund.amounts.total_minor,
        comment: refund.comment.clone(),
    };
    order.refunds.push(refund);
    events::announce(world, order, &event, at_ms);
}
