//! The pure core: what a payment is, what is known about it, and what may be done next.
//!
//! No async, no SQL, no HTTP, no clock reads: everything is a function of data, so that the rules
//! (`docs/payment-rules.md`, R1-R30) can be tested and explored without a world around them.
//! The money type is `tamara::money`, the ids are ours; nothing else comes in.

pub mod attention;
pub mod context;
pub mod deadline;
pub mod decide;
pub mod ending;
pub mod events;
pub mod facts;
pub mod guard;
pub mod intend;
pub mod journal;
#[cfg(feature = "mutations")]
pub mod mutants;
pub mod observe;
pub mod operation;
pub mod origin;
pub mod payment;
pub mod plan;
pub mod portion;
pub mod preview;
pub mod reconcile;
pub mod recovery;
pub mod references;
pub mod resume;
pub mod schedule;
pub mod settle;
pub mod status;
pub mod totals;

#[cfg(test)]
mod tests;
