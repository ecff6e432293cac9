//! Tamara, offline: the merchant API, the hosted checkout page, signed webhooks and a clock.

mod clock;
mod merchant;

pub use clock::Clock;
pub use merchant::{Merchant, Options};

use std::sync::Arc;

/// Why a sandbox could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A merchant or the base address is unusable.
    #[error("{0}")]
    Options(String),
    /// The journal could not be read or written.
    #[error("journal: {0}")]
    Journal(String),
}

/// Why an operation was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No such order or checkout.
    #[error("not found")]
    NotFound,
}

/// How the customer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Everything today.
    Full,
    /// Two instalments.
    Two,
    /// Three instalments.
    Three,
    /// Four instalments.
    Four,
}

/// A notification that is ready to be sent.
pub struct Delivery {
    /// Give it back to [`Sandbox::delivered`].
    pub id: u64,
    /// Where to POST, `tamaraToken` included.
    pub url: String,
    /// Names and values, `Authorization` and `Content-Type` included.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: String,
}

/// Tamara, offline. Clones share one state.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Clock>,
}

impl Sandbox {
    /// Opens the sandbox; with `data`, takes up what an earlier run left there.
    pub fn open(options: Options) -> Result<Self, Error> {
        Ok(Self {
            inner: Arc::new(options.clock),
        })
    }
    /// Tamara's API, the hosted page and `/_sandbox`.
    pub fn router(&self) -> axum::Router {
        axum::Router::new()
    }
    /// The clock of [`Options`].
    pub fn clock(&self) -> Clock {
        Clock::clone(&self.inner)
    }
    /// The books, what `GET /_sandbox/state` answers.
    pub fn state(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    /// Fires the timers that are due.
    pub fn tick(&self) {}
    /// The notifications due now, marked as being sent.
    pub fn take_due(&self) -> Vec<Delivery> {
        Vec::new()
    }
    /// Records the result of one attempt: the HTTP status, or what went wrong.
    pub fn delivered(&self, _id: u64, _result: Result<u16, String>) {}
    /// Sends notifications for ever.
    #[expect(clippy::unused_async, reason = "the loop comes with the notifier")]
    pub async fn run_notifier(&self) {}
    /// A scripted customer.
    pub fn customer(&self, _checkout_id: &str) -> Customer {
        Customer {
            _sandbox: self.clone(),
        }
    }
    /// A person in Tamara's portal.
    pub fn portal(&self, _order_id: &str) -> Portal {
        Portal {
            _sandbox: self.clone(),
        }
    }
}

/// A customer on the hosted page. Each method answers the address the customer is sent to.
pub struct Customer {
    _sandbox: Sandbox,
}

impl Customer {
    /// Pays.
    pub fn approve(&self, _plan: Plan) -> Result<String, Refusal> {
        Err(Refusal::NotFound)
    }
    /// Is refused.
    pub fn decline(&self) -> Result<String, Refusal> {
        Err(Refusal::NotFound)
    }
    /// Returns to the store.
    pub fn cancel(&self) -> Result<String, Refusal> {
        Err(Refusal::NotFound)
    }
    /// Lets the session run out.
    pub fn expire(&self) -> Result<String, Refusal> {
        Err(Refusal::NotFound)
    }
}

/// A person in Tamara's portal. Amounts in minor units; ids are those of the new object.
pub struct Portal {
    _sandbox: Sandbox,
}

impl Portal {
    /// Authorises an approved order.
    pub fn authorise(&self) -> Result<(), Refusal> {
        Err(Refusal::NotFound)
    }
    /// Captures.
    pub fn capture(&self, _minor: i64) -> Result<String, Refusal> {
        Err(Refusal::NotFound)
    }
    /// Cancels.
    pub fn cancel(&self, _minor: i64) -> Result<String, Refusal> {
        Err(Refusal::NotFound)
    }
    /// Refunds.
    pub fn refund(&self, _minor: i64) -> Result<String, Refusal> {
        Err(Refusal::NotFound)
    }
}
