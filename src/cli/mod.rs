//! The command line: arguments in; a digest, a report or JSON, and an exit status out.

mod args;
mod bar;
mod console;
mod explain;
mod generate;
mod prompt;
mod run;
mod show;

use std::process::ExitCode;

use clap::Parser;

/// Runs the program for the process's own arguments.
pub fn main() -> ExitCode {
    match args::Cli::try_parse() {
        Ok(cli) => run::run(cli.command),
        Err(mut message) => {
            args::hide_secrets(&mut message);
            console::end(&message)
        }
    }
}
