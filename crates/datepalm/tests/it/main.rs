//! The service against the offline sandbox: router in process, transport in process, clock moved by hand.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, and in what only tests call, a failed unwrap is a failed test"
)]

mod accounts;
mod attention;
mod bad_input;
mod bad_rows;
mod bytes;
mod clock_set_back;
mod configured;
mod crash_steps;
mod deadlines;
mod dry_run;
mod items;
mod keys;
mod knock;
mod main_job;
mod merchants;
mod notifications;
mod postgres_sessions;
mod problem;
mod races;
mod reads;
mod reconcile;
mod recovery;
mod references;
mod refusals;
mod secrecy;
mod store;
mod wild_defects;
mod world;

#[path = "../../../../tests/mangled.rs"]
mod mangled;
