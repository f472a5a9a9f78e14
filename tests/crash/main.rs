//! What becomes of layouts and keys when a run is killed at any call, when any call fails, and when
//! power is lost at any moment.
//!
//! Some points of each kind are tried; `IR_SIGN_THOROUGH=1` tries them all. Each test prints how many
//! it tried, of how many (`cargo test --test crash -- --nocapture`).

#[path = "../strace/mod.rs"]
mod strace;
#[path = "../support/mod.rs"]
mod support;

mod case;
mod disk;
mod errors;
mod judge;
mod kills;
mod locks;
mod power;

/// Fails with all that is wrong.
#[track_caller]
fn none_wrong(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} points are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
