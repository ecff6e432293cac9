//! People, scripted: a customer on the hosted page and a person in Tamara's portal.
//!
//! They take the same transitions as the page and the API, without HTTP.

use crate::Sandbox;
use crate::rules::{self, RefundWish, Refusal, Verdict};
use crate::world::{Amounts, Plan};

/// A customer. Each method answers the address the customer is sent to.
#[derive(Clone)]
pub struct Customer {
    pub(crate) sandbox: Sandbox,
    pub(crate) checkout_id: String,
}

impl Customer {
    /// Pays the first part of `plan`.
    pub fn approve(&self, plan: Plan) -> Result<String, Refusal> {
        self.sandbox
            .change(|world, now_ms| rules::approve(world, &self.checkout_id, plan, now_ms))
    }

    /// Is refused by Tamara.
    pub fn decline(&self) -> Result<String, Refusal> {
        self.sandbox
            .change(|world, now_ms| rules::decline(world, &self.checkout_id, now_ms))
    }

    /// Returns to the store; the order expires.
    pub fn cancel(&self) -> Result<String, Refusal> {
        self.sandbox
            .change(|world, now_ms| rules::cancel_session(world, &self.checkout_id, now_ms))
    }

    /// Lets the session run out now.
    pub fn expire(&self) -> Result<String, Refusal> {
        self.sandbox
            .change(|world, now_ms| rules::run_out(world, &self.checkout_id, now_ms))
    }
}

/// A person in Tamara's portal. Amounts are minor units; the ids answered are those of the new
/// capture, cancel or refund.
#[derive(Clone)]
pub struct Portal {
    pub(crate) sandbox: Sandbox,
    pub(crate) order_id: String,
}

impl Portal {
    /// Authorises an approved order.
    pub fn authorise(&self) -> Result<(), Refusal> {
        self.sandbox
            .change(|world, now_ms| rules::authorise(world, &self.order_id, now_ms))
            .map(|_| ())
    }

    /// Captures without shipping data.
    pub fn capture(&self, minor: i64) -> Result<String, Refusal> {
        let order = self.sandbox.change(|world, now_ms| {
            let shipping = rules::no_shipping(now_ms);
            rules::capture(world, &self.order_id, Amounts::of(minor), shipping, now_ms)
        })?;
        Ok(last(&order.captures).id.clone())
    }

    /// Cancels before capture.
    pub fn cancel(&self, minor: i64) -> Result<String, Refusal> {
        let order = self.sandbox.change(|world, now_ms| {
            rules::cancel(world, &self.order_id, Amounts::of(minor), now_ms)
        })?;
        Ok(last(&order.cancels).id.clone())
    }

    /// Refunds.
    pub fn refund(&self, minor: i64) -> Result<String, Refusal> {
        let order = self.sandbox.change(|world, now_ms| {
            let wish = RefundWish {
                comment: "Refunded in the portal".to_owned(),
                merchant_refund_id: None,
            };
            rules::refund(world, &self.order_id, minor, wish, now_ms)
        })?;
        Ok(last(&order.refunds).id.clone())
    }
}

fn last<T>(entries: &[T]) -> &T {
    entries.last().expect("the operation has just added one")
}

/// Tamara's side of a dispute, which no endpoint of its API offers.
impl Sandbox {
    /// A customer claims `minor` of a captured order back. Answers the dispute's id.
    pub fn open_dispute(&self, order_id: &str, minor: i64) -> Result<u64, Refusal> {
        let opened =
            self.change(|world, now_ms| rules::open_dispute(world, order_id, minor, now_ms));
        Ok(opened?.id)
    }

    /// Ends a dispute. No money moves by it.
    pub fn close_dispute(&self, dispute_id: u64, verdict: Verdict) -> Result<(), Refusal> {
        self.change(|world, now_ms| rules::close_dispute(world, dispute_id, verdict, now_ms))
            .map(|_| ())
    }
}
