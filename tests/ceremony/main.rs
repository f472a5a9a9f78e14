//! Ceremonies from plan to report, on tokens that fall silent, with processes that are killed, and
//! with people who type the wrong thing.

mod calls;
mod certificates;
mod damage;
mod forged;
mod interrupted;
mod mechanism;
mod payloads;
mod people;
mod plans;
mod printed;
mod room;
mod scripts;
mod stick;
mod transcripts;
mod whole;
