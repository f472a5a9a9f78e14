//! Ceremonies from plan to report, on tokens that fall silent, with processes that are killed, and
//! with people who type the wrong thing.

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code)] // Each test program uses a part of them.
#[path = "../fixtures/mod.rs"]
mod fixtures;
#[path = "../strace/mod.rs"]
mod strace;
#[allow(dead_code)]
#[path = "../tokens/terminal.rs"]
mod terminal;

mod calls;
mod damage;
mod forged;
mod interrupted;
mod mechanism;
mod people;
mod plans;
mod printed;
mod room;
mod scripts;
mod stick;
mod whole;
