//! Keys in files, and signatures.

mod keys;
mod signatures;
mod verification;
mod wycheproof;
