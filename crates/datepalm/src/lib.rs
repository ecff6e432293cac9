//! Datepalm: the payment service that takes Tamara payments.
//!
//! `http`, `workers` -> `actions` -> `domain`, `store`. The domain is pure; all SQL is in `store`; only `config`
//! reads the environment; only `workers` waits.

pub mod actions;
pub mod api_tokens;
pub mod app;
pub mod clock;
pub mod config;
pub mod domain;
pub mod error;
pub mod http;
pub mod ids;
pub mod reads;
pub mod store;
pub mod workers;
