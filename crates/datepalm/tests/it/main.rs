//! The service against the offline sandbox: router in process, transport in process, clock moved by hand.

mod main_job;
mod races;
mod store;
mod crash_steps;
mod world;
