//! What machines and their owners do to a service: a full disk, files that may no longer be written, a database that
//! somebody else keeps locked, a clock that is set back, a backup that is put back. Clients trade meanwhile; in the end nothing that was
//! acknowledged is lost, nothing happened twice, SQLite finds no fault, and the books agree with Tamara's.
//!
//! Needs Linux, root (a small disk is mounted in a namespace of its own, a file made immutable) and the package
//! `faketime`; `./test` leaves these out where it is not root. Invariant: nothing waits for a time, only for answers.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "also the helpers of tests may fail a test"
)]

mod clock;
mod disk_full;
mod locked;
mod read_only;
mod restore;
mod shop;
mod small_disk;

#[path = "../kill/books.rs"]
mod books;
#[path = "../kill/merchant.rs"]
mod merchant;
#[path = "../kill/plan.rs"]
mod plan;
#[path = "../kill/processes.rs"]
mod processes;
#[path = "../kill/trade.rs"]
mod trade;
