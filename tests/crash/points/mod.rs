//! What becomes of layouts and keys when a run is killed at any call, when any call fails, and when
//! power is lost at any moment.
//!
//! Some points of each kind are tried; `IR_SIGN_THOROUGH=1` tries them all. Each test prints how many
//! it tried, of how many (`cargo test --test crash points -- --nocapture`).

mod case;
mod certificates;
mod disk;
mod errors;
mod family;
mod judge;
mod kills;
mod locks;
mod notary;
mod pki;
mod power;
