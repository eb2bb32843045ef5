//! The Millstream binary.
fn main() {}
