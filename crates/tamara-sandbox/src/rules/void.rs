//! Taking an in-store session back before it is paid (endpoints 2.18).
//!
//! Never refused but for an unknown session: what could not be voided is said in words. Invariant:
//! only a session that is still open is changed.

use super::matrix::{Cell, cell};
use super::{Event, Operation, Refusal, session, take};
use crate::world::{Channel, Order, Status, World};

/// What became of it; the order is as it is now.
pub(crate) struct Voided {
    pub(crate) order: Order,
    pub(crate) done: bool,
    pub(crate) message: &'static str,
}

/// A voided order is `expired`, though the documentation does not show it (lifecycle 4.3).
pub(crate) fn void(world: &mut World, checkout_id: &str, at_ms: i64) -> Result<Voided, Refusal> {
    let checkout = world.checkout(checkout_id);
    let order_id = &checkout.ok_or(Refusal::CheckoutNotFound)?.order_id;
    let order = take(world, order_id)?;
    if order.channel == Channel::Online {
        return Err(Refusal::CheckoutNotFound);
    }
    match cell(Operation::Void, order.status) {
        Cell::Says(message) => Ok(Voided {
            order,
            done: false,
            message,
        }),
        Cell::Yes | Cell::No | Cell::Chosen(..) | Cell::Never => {
            session::end(
                world,
                order.clone(),
                Status::Expired,
                &Event::Expired,
                at_ms,
            );
            Ok(Voided {
                order,
                done: true,
                message: "success",
            })
        }
    }
}
