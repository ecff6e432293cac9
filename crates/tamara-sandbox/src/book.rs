//! One order's books as values, for programs that compare their own with them again and again.
//!
//! The same as in [`Sandbox::state`], without people, items and JSON. Amounts are minor units.

use crate::Sandbox;
use crate::world::{Order, Status};

/// What Tamara's books say of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    /// Tamara's id.
    pub order_id: String,
    /// The merchant's reference for it.
    pub order_reference_id: String,
    /// Where it stands.
    pub status: Status,
    /// What the customer pays.
    pub total_minor: i64,
    /// When the session was opened.
    pub created_at_ms: i64,
    /// When the customer paid.
    pub approved_at_ms: Option<i64>,
    /// When it was authorised, by whomever.
    pub authorised_at_ms: Option<i64>,
    /// In order of time.
    pub captures: Vec<Captured>,
    /// In order of time.
    pub cancels: Vec<Canceled>,
    /// In order of time.
    pub refunds: Vec<Refunded>,
}

/// A capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Tamara's id.
    pub id: String,
    /// How much.
    pub minor: i64,
    /// As the merchant wrote it.
    pub shipped_at: String,
    /// `N/A` if nobody named one.
    pub shipping_company: String,
}

/// A cancel of what was not captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canceled {
    /// Tamara's id.
    pub id: String,
    /// How much.
    pub minor: i64,
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refunded {
    /// Tamara's id.
    pub id: String,
    /// How much.
    pub minor: i64,
    /// The merchant's id for it.
    pub merchant_refund_id: Option<String>,
}

impl Book {
    fn of(order: &Order) -> Self {
        let captures = order.captures.iter().map(|capture| Captured {
            id: capture.id.clone(),
            minor: capture.amounts.total_minor,
            shipped_at: capture.shipping.shipped_at.clone(),
            shipping_company: capture.shipping.shipping_company.clone(),
        });
        let cancels = order.cancels.iter().map(|cancel| Canceled {
            id: cancel.id.clone(),
            minor: cancel.amounts.total_minor,
        });
        let refunds = order.refunds.iter().map(|refund| Refunded {
            id: refund.id.clone(),
            minor: refund.amounts.total_minor,
            merchant_refund_id: refund.merchant_refund_id.clone(),
        });
        Self {
            order_id: order.id.clone(),
            order_reference_id: order.reference.clone(),
            status: order.status,
            total_minor: order.total_minor,
            created_at_ms: order.created_at_ms,
            approved_at_ms: order.approved_at_ms,
            authorised_at_ms: order.authorised_at_ms,
            captures: captures.collect(),
            cancels: cancels.collect(),
            refunds: refunds.collect(),
        }
    }

    /// Captured in all.
    pub fn captured_minor(&self) -> i64 {
        self.captures.iter().map(|capture| capture.minor).sum()
    }

    /// Canceled in all.
    pub fn canceled_minor(&self) -> i64 {
        self.cancels.iter().map(|cancel| cancel.minor).sum()
    }

    /// Refunded in all.
    pub fn refunded_minor(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.minor).sum()
    }
}

impl Sandbox {
    /// What the books say of one order.
    pub fn book(&self, order_id: &str) -> Option<Book> {
        self.read(|world, _| world.order(order_id).map(Book::of))
    }

    /// When an order moves by itself next.
    pub fn next_timer_ms(&self) -> Option<i64> {
        self.read(|world, _| world.next_timer().map(|(at_ms, _)| at_ms))
    }

    /// When a notification is owed next.
    pub fn next_notification_ms(&self) -> Option<i64> {
        self.read(|world, _| world.outbox().next().map(|(at_ms, _)| at_ms))
    }
}
