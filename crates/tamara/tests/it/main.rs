//! Tests of the client through its public interface.

#![expect(
    clippy::unwrap_used,
    reason = "also the helpers of tests may fail a test"
)]

mod answers;
mod bytes;
mod calls;
mod contract;
mod judged;
mod meaning;
mod money;
mod network;
mod notification;
mod privacy;
mod properties;
mod scripted;
mod tolerance;
mod wild_defects;

#[path = "../../../../tests/mangled.rs"]
mod mangled;
