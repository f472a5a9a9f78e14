//! The state of layouts and keys after a kill at any call, a failure of any call, and a power failure at any moment.
//!
//! The tests try some points of each kind; `IR_SIGN_THOROUGH=1` tries them all. Each test prints how many it tried, of
//! how many (`cargo test --test crash points -- --nocapture`).

mod case;
mod certificates;
mod cosign;
mod disk;
mod errors;
mod family;
mod judge;
mod kills;
mod locks;
mod notary;
mod pki;
mod power;
