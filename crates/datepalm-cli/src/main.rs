//! The `datepalm` binary.

fn main() {}
