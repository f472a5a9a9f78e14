//! The `ir-sign` program.

fn main() {}
