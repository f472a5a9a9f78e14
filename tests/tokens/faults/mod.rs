//! Tokens that fail: the program over the faulting module, which answers as its plan says.

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
