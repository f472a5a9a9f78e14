//! Tokens that fail: the program over the faulting module, which answers as its plan says.

#[allow(dead_code)]
#[path = "../fixtures/mod.rs"]
mod fixtures;

mod busy;
mod deaths;
mod gentle;
mod kills;
mod pins;
mod races;
mod rules;
mod scene;
mod secrecy;
mod signals;
mod sweep;
