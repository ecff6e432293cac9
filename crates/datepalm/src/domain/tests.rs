//! Tests of the core on values alone.
