//! The command line: arguments in; a digest, a report or JSON, and an exit status out.

mod args;
mod bar;
mod console;
mod explain;
mod generate;
mod run;
mod show;

use std::process::ExitCode;

use clap::Parser;

/// Runs the program for the process's own arguments.
pub fn main() -> ExitCode {
    // Usage errors, help and the version end here, with status 2 and 0.
    run::run(args::Cli::parse().command)
}
