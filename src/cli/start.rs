//! How the process starts, before any flag is read.

use std::process::ExitCode;
use std::sync::Arc;

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask,
};
use signal_hook::consts::SIGXFSZ;

use super::{args, console, parse, run};

/// Runs the program for the process's own arguments.
pub fn main() -> ExitCode {
    forbid_cores();
    leave_no_file_to_others();
    outlive_file_limits();
    let words: Vec<_> = std::env::args_os().collect();
    match parse::parse(&words) {
        Ok(command) => run::run(command),
        Err(mut message) => {
            args::hide_secrets(&mut message);
            console::end(&message, parse::wants_json(&words), parse::color(&words))
        }
    }
}

/// Keys and PINs in memory are not to be in a core file, nor in what a program is given that takes cores
/// through a pipe: that one gets none of a process that is not dumpable, or whose limit is one byte; a
/// limit of none, which may be there already, is no obstacle to it (core(5)).
pub(super) fn forbid_cores() {
    let limit = Rlimit {
        current: Some(1),
        maximum: Some(1),
    };
    // Either forbids it; neither fails but where less is allowed already.
    let _ = setrlimit(Resource::Core, limit);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// A write beyond the limit on the size of files (`ulimit -f`) is to be an error that is told, with
/// nothing left behind, and not the end of the process. Verifying goes on where this fails.
pub(super) fn outlive_file_limits() {
    if getrlimit(Resource::Fsize).current.is_some() {
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    }
}

/// Whatever the umask was: no file of the program's, or of a module that it loads, can be written by
/// others than its owner.
pub(super) fn leave_no_file_to_others() {
    let before = umask(Mode::WGRP | Mode::WOTH);
    umask(before | Mode::WGRP | Mode::WOTH);
}
