//! Random images, keys and orders of events: an image is trusted exactly when nothing that its
//! signature binds was changed, and signing changes nothing but what it has to.
//!
//! Some cases by default, many with `IR_SIGN_THOROUGH=1`.

mod events;
#[path = "../support/mod.rs"]
mod support;
mod world;

use proptest::prelude::*;

use world::{World, event, picture};

fn cases() -> u32 {
    if std::env::var_os("IR_SIGN_THOROUGH").is_some() {
        600
    } else {
        32
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(), max_shrink_iters: 300, failure_persistence: None, ..Default::default()
    })]

    #[test]
    fn trust_follows_what_the_signature_binds(
        pictures in prop::collection::vec(picture(), 1..4),
        nested in any::<bool>(),
        events in prop::collection::vec(event(), 1..9),
    ) {
        let mut world = World::new(&pictures, nested);
        world.check();
        for event in &events {
            world.take(event);
            world.check();
        }
    }
}
