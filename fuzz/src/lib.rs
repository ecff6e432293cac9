//! What the tests hold of everything that reads bytes from outside, for the fuzzers: the same files, by `#[path]`.
//!
//! Nothing is asserted here, so that no fuzzer knows a rule that no test knows.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "the tests use all of these files, and a failed unwrap is a finding"
)]

#[path = "../../crates/tamara/tests/it/calls.rs"]
mod calls;
#[path = "../../crates/tamara/tests/it/judged.rs"]
pub mod judged;
#[path = "../../crates/tamara/tests/it/scripted.rs"]
mod scripted;

#[path = "../../crates/datepalm/tests/it/knock.rs"]
pub mod knock;
#[path = "../../crates/datepalm/tests/it/world.rs"]
mod world;

#[path = "../../crates/datepalm/tests/it/configured.rs"]
pub mod configured;
