//! The command line: arguments in; a digest, a report or JSON, and an exit status out.

mod args;
mod bar;
mod console;
mod context;
mod explain;
mod generate;
mod parse;
mod prompt;
mod run;
mod show;
mod start;
mod status;
pub use start::main;
