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

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, setrlimit, umask};

/// Runs the program for the process's own arguments.
pub fn main() -> ExitCode {
    forbid_cores();
    leave_no_file_to_others();
    let words: Vec<_> = std::env::args_os().collect();
    match parse::parse(&words) {
        Ok(command) => run::run(command),
        Err(mut message) => {
            args::hide_secrets(&mut message);
            console::end(&message)
        }
    }
}

/// Keys and PINs in memory are not to be in a core file. A limit of one byte forbids it to a program
/// that takes cores through a pipe as well, which a limit of none does not (core(5)).
fn forbid_cores() {
    let limit = Rlimit {
        current: Some(1),
        maximum: Some(1),
    };
    // Where less is allowed already, there is nothing to forbid.
    let _ = setrlimit(Resource::Core, limit);
}

/// Whatever the umask was: no file of the program's, or of a module that it loads, can be written by
/// others than its owner.
fn leave_no_file_to_others() {
    let before = umask(Mode::WGRP | Mode::WOTH);
    umask(before | Mode::WGRP | Mode::WOTH);
}
