//! Typed client of Tamara's merchant API: hosted checkout, authorise, capture, cancel, refund,
//! webhooks.
//!
//! It knows Tamara and nothing of the software that uses it: no storage, no retries, no schedule.
//! What it adds to plain HTTP is exact money ([`money`]), an answer to "may I send this again?"
//! ([`error`]) and the check of Tamara's own calls ([`notification`]). References such as
//! "endpoints 2.1" name sections of the fact book of Tamara's API that it was written from.
//!
//! Invariants: no amount is ever a floating-point number; no call is ever sent twice; no token,
//! phone number, e-mail address or name appears in a `Debug`, an error text or a log line.

#![deny(missing_docs)]

pub mod money;
pub mod transport;

pub mod client;
pub mod error;

pub mod checkout;
pub mod orders;
pub mod payments;

pub mod webhooks;

pub mod notification;

mod wire;

pub use client::Client;
pub use error::{Error, Refusal};
pub use money::{Country, Currency, Money};
pub use transport::{Environment, HttpTransport, Timeouts};

/// The example of the README, compiled with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
