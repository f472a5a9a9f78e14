//! The command line: arguments in; a digest, a report or JSON, and an exit status out.

mod args;
mod bar;
mod broker_examples;
mod cert_examples;
mod console;
mod context;
mod cosign_examples;
mod example;
mod examples;
mod explain;
mod generate;
mod notation_examples;
mod pages;
mod parse;
mod plugin;
mod policy_examples;
mod prompt;
mod roff;
mod run;
mod show;
mod start;
mod status;
pub use start::main;
