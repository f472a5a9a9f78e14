//! The command line: arguments in; a digest, a report or JSON, and an exit status out.

mod args;
mod bar;
mod console;
mod explain;
mod generate;
mod parse;
mod prompt;
mod run;
mod show;

use std::process::ExitCode;

/// Runs the program for the process's own arguments.
pub fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    match parse::parse(&words) {
        Ok(command) => run::run(command),
        Err(mut message) => {
            args::hide_secrets(&mut message);
            console::end(&message)
        }
    }
}
