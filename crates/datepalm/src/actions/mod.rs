//! What can be asked of the service, one file each, and the three steps that they share: `advance` (save and plan),
//! `send` (carry out an operation), `read_order` (learn from Tamara).
//!
//! Invariant: never a transaction across a call to Tamara; every changing call is a committed row first (R16).

pub mod advance;
pub mod attention;
pub mod call;
pub mod cancel_payment;
pub mod check_content;
pub mod check_payment;
pub mod content;
pub mod create_payment;
pub mod end_operation;
pub mod find_order;
pub mod follow_return;
#[cfg(feature = "mutations")]
pub mod mutants;
pub mod open_session;
pub mod portion;
pub mod preview_cancel;
pub mod read_order;
pub mod receive_notification;
pub mod reconcile;
pub mod recover;
pub mod request_operation;
pub mod send;
pub mod show_payment;
pub mod show_reconciliation;
pub mod timeline;
pub mod update_reference;
pub mod wire;
