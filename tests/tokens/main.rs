//! Keys on tokens, as users meet them: the same suite over every module that is at hand, and the
//! rules of choosing tokens and keys, PINs and prompts, one by one.

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code)] // Each test program uses a part of them.
#[path = "../fixtures/mod.rs"]
mod fixtures;
#[path = "../support/mod.rs"]
mod support;

mod apart;
mod choosing;
mod desk;
mod mechanisms;
mod objects;
mod passports;
mod pins;
mod prompts;
mod setup;
mod shown;
mod strays;
mod suite;
mod terminal;
mod uris;
