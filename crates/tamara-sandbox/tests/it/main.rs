//! The sandbox from outside: its router in process, its clock by hand.
#![expect(
    clippy::unwrap_used,
    reason = "in a test, and in what only tests call, a failed unwrap is a failed test"
)]

mod control;
mod errors;
mod faults;
mod hosted;
mod hosted_identity;
mod invariants;
mod journal;
mod lifecycle;
mod matrix;
mod notifications;
mod shop;
mod sockets;
mod timers;
mod webhooks;
