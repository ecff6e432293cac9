//! The service against the offline sandbox: router in process, transport in process, clock moved by hand.

mod bad_input;
mod crash_steps;
mod keys;
mod main_job;
mod notifications;
mod problem;
mod races;
mod refusals;
mod secrecy;
mod store;
mod world;
