//! What an order page says and offers, derived from the payment alone. Pure: no calls, no randomness.
//!
//! Invariant: the page never says "paid" unless Datepalm does, and offers only what the amounts allow.

use super::backend::{Payment, Status};

/// One station on an order's way.
#[derive(Eq, PartialEq, Debug)]
pub(super) struct Step {
    pub(super) label: &'static str,
    pub(super) class: &'static str,
}

/// What is left to do with an order's money.
#[derive(Eq, PartialEq, Debug)]
pub(super) struct Offers {
    /// Minor units that can still be captured; zero hides the buttons.
    pub(super) capture_minor: i64,
    /// Minor units that can still be refunded; zero hides the buttons.
    pub(super) refund_minor: i64,
    pub(super) cancel: bool,
}

impl Offers {
    pub(super) fn any(&self) -> bool {
        self.capture_minor > 0 || self.refund_minor > 0 || self.cancel
    }
}

impl Payment {
    fn cancel_accepted(&self) -> bool {
        self.cancel
            .as_ref()
            .is_some_and(|mark| mark.state == "accepted")
    }
}

/// The short word on the badge, and the sentence below it.
pub(super) fn words(payment: &Payment) -> (&'static str, &'static str) {
    if payment.cancel_accepted() && payment.status != Status::Canceled {
        return (
            "Canceling",
            "The cancellation is under way. Money that was taken goes back to the customer.",
        );
    }
    match payment.status {
        Status::Created => ("Preparing", "The payment page is being opened."),
        Status::Pending => (
            "Waiting for payment",
            "Nothing is paid yet. This page changes by itself.",
        ),
        Status::Approved => (
            "Confirming",
            "Tamara approved the payment. The shop is confirming it.",
        ),
        Status::Authorised if payment.paid => (
            "Paid",
            "The money is reserved for this order. It can be shipped.",
        ),
        Status::Authorised => ("Confirming", "The payment is being checked."),
        Status::PartiallyCaptured => (
            "Partly shipped",
            "A part was shipped and charged, the rest is still reserved.",
        ),
        Status::Captured => ("Shipped", "The order was shipped and charged in full."),
        Status::PartiallyRefunded => (
            "Partly refunded",
            "A part of the money went back to the customer.",
        ),
        Status::Refunded => (
            "Refunded",
            "All that was charged went back to the customer.",
        ),
        Status::Canceled => ("Canceled", "The order was canceled. Nothing is charged."),
        Status::Declined => (
            "Declined",
            "Tamara declined this payment. Nothing was charged.",
        ),
        Status::Expired if payment.expired_reason.as_deref() == Some("customer_canceled") => (
            "Canceled by customer",
            "The payment page was left without paying. Nothing was charged.",
        ),
        Status::Expired => ("Expired", "Nobody paid in time. Nothing was charged."),
        Status::Failed => (
            "Not started",
            "Tamara did not accept this order. Nothing was charged.",
        ),
    }
}

/// The colour of the badge.
pub(super) fn mood(payment: &Payment) -> &'static str {
    match payment.status {
        Status::Created | Status::Pending | Status::Approved => "wait",
        Status::Authorised | Status::PartiallyCaptured | Status::Captured => "good",
        Status::PartiallyRefunded | Status::Refunded => "back",
        Status::Canceled | Status::Declined | Status::Expired | Status::Failed => "stop",
    }
}

/// True when the customer may want to try again with the same cart.
pub(super) fn ended_unpaid(payment: &Payment) -> bool {
    match payment.status {
        Status::Declined | Status::Expired | Status::Failed => true,
        Status::Canceled => payment.amounts.captured.minor == 0,
        Status::Created
        | Status::Pending
        | Status::Approved
        | Status::Authorised
        | Status::PartiallyCaptured
        | Status::Captured
        | Status::PartiallyRefunded
        | Status::Refunded => false,
    }
}

/// Where the customer can still pay.
pub(super) fn pay_url(payment: &Payment) -> Option<String> {
    let open =
        matches!(payment.status, Status::Created | Status::Pending) && !payment.cancel_accepted();
    payment.checkout_url.clone().filter(|_| open)
}

/// The stations of an order, the present one marked.
pub(super) fn steps(payment: &Payment) -> Vec<Step> {
    let way: &[&'static str] = match payment.status {
        Status::Created | Status::Pending | Status::Approved => &["Ordered", "Payment", "Shipping"],
        Status::Authorised if !payment.paid => &["Ordered", "Payment", "Shipping"],
        Status::Authorised | Status::PartiallyCaptured => &["Ordered", "Paid", "Shipping"],
        Status::Captured => &["Ordered", "Paid", "Shipped"],
        Status::PartiallyRefunded => &["Ordered", "Paid", "Shipped", "Refund"],
        Status::Refunded => &["Ordered", "Paid", "Shipped", "Refunded"],
        Status::Canceled => &["Ordered", "Canceled"],
        Status::Declined => &["Ordered", "Declined"],
        Status::Expired => &["Ordered", "Not paid"],
        Status::Failed => &["Ordered", "Not started"],
    };
    // How many stations are behind the order, and what the next one is like.
    let (done, next) = match payment.status {
        Status::Created | Status::Pending | Status::Approved => (1, "now"),
        Status::Authorised if !payment.paid => (1, "now"),
        Status::Authorised => (2, "todo"),
        Status::PartiallyCaptured => (2, "now"),
        Status::Captured => (3, "todo"),
        Status::PartiallyRefunded => (3, "now"),
        Status::Refunded => (4, "todo"),
        Status::Canceled | Status::Declined | Status::Expired | Status::Failed => (1, "stop"),
    };
    let class = |place: usize| match place {
        place if place < done => "done",
        place if place == done => next,
        _ => "todo",
    };
    way.iter()
        .enumerate()
        .map(|(place, label)| Step {
            label,
            class: class(place),
        })
        .collect()
}

/// What the shop's staff can do now. Nothing is offered that Tamara is not known to accept: a cancel only before the
/// first capture, a capture only before the first refund (order-lifecycle 4.4).
pub(super) fn offers(payment: &Payment) -> Offers {
    let amounts = &payment.amounts;
    let left_minor = amounts.authorised.minor - amounts.canceled.minor - amounts.captured.minor;
    let capturable = matches!(
        payment.status,
        Status::Authorised | Status::PartiallyCaptured
    );
    let cancelable = matches!(
        payment.status,
        Status::Created | Status::Pending | Status::Approved | Status::Authorised
    );
    let canceling = payment.cancel_accepted();
    Offers {
        capture_minor: if capturable && !canceling {
            left_minor.max(0)
        } else {
            0
        },
        refund_minor: (amounts.captured.minor - amounts.refunded.minor).max(0),
        cancel: cancelable && !canceling,
    }
}
