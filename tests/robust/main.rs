//! Input that somebody built to do harm, damaged input, and random input: nothing wrong is trusted, and
//! nothing takes long.

mod corruption;
mod fuzz_smoke;
mod hostile;
mod inert;
mod properties;
mod tampering;
