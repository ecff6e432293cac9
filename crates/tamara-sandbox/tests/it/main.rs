//! The sandbox from outside: its router in process, its clock by hand.
#![expect(
    clippy::unwrap_used,
    reason = "in a test, and in what only tests call, a failed unwrap is a failed test"
)]

mod bytes;
mod choices;
mod control;
mod disputes;
mod errors;
mod factbook;
mod faults;
mod fidelity;
mod hosted;
mod hosted_identity;
mod in_store;
mod invariants;
mod journal;
mod lifecycle;
mod matrix;
mod notifications;
mod shop;
mod sockets;
mod timers;
mod webhooks;

#[path = "../../../../tests/mangled.rs"]
mod mangled;
