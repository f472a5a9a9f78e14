//! Random images, keys and orders of events: an image is trusted exactly when nothing that its
//! signature binds was changed, and signing changes nothing but what it has to.
//!
//! Some cases by default, many with `IR_SIGN_THOROUGH=1`.

mod events;
mod world;

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use world::{World, event, picture};

fn cases() -> u32 {
    if std::env::var_os("IR_SIGN_THOROUGH").is_some() {
        600
    } else {
        24
    }
}

#[test]
fn trust_follows_what_the_signature_binds() {
    let config = Config {
        cases: cases(),
        max_shrink_iters: 300,
        failure_persistence: None,
        ..Config::default()
    };
    let worlds = (
        prop::collection::vec(picture(), 1..4),
        any::<bool>(),
        prop::collection::vec(event(), 1..9),
    );
    let tried = Cell::new(0);
    let outcome = TestRunner::new(config).run(&worlds, |(pictures, nested, events)| {
        let mut world = World::new(&pictures, nested);
        world.check();
        for event in &events {
            world.take(event);
            world.check();
            tried.set(tried.get() + 1);
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert!(tried.get() > cases());
    println!(
        "tried: random images, keys and orders of events: {} cases with {} events",
        cases(),
        tried.get()
    );
}
