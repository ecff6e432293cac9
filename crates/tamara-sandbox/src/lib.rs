//! Tamara, offline.
