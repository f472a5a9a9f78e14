//! The start of the process, before it reads any flag.

use std::process::ExitCode;
use std::sync::Arc;

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask,
};
use signal_hook::consts::SIGXFSZ;

use super::{args, console, parse, plugin, run};

/// Runs the program for the process's own arguments.
pub fn main() -> ExitCode {
    forbid_cores();
    leave_no_file_to_others();
    outlive_file_limits();
    let words: Vec<_> = std::env::args_os().collect();
    if plugin::is_meant(&words) {
        return plugin::main(&words);
    }
    match parse::parse(&words) {
        Ok(command) => run::run(command),
        Err(mut message) => {
            args::hide_secrets(&mut message);
            console::end(&message, parse::json(&words), parse::color(&words))
        }
    }
}

/// Keeps keys and PINs out of core files, and away from programs that take cores through a pipe. Such a program
/// gets no core of a process that is not dumpable, or whose limit is one byte; a limit of zero does not stop it
/// (core(5)).
pub(super) fn forbid_cores() {
    let limit = Rlimit {
        current: Some(1),
        maximum: Some(1),
    };
    // Each of the two is enough; each fails only where a stricter limit holds already.
    let _ = setrlimit(Resource::Core, limit);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Makes a write beyond the limit on file sizes (`ulimit -f`) an ordinary error, instead of a signal that ends the
/// process. If this fails, verifying still works.
pub(super) fn outlive_file_limits() {
    if getrlimit(Resource::Fsize).current.is_some() {
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    }
}

/// Lets only the owner write files of the program, and of modules that it loads, whatever the umask was.
pub(super) fn leave_no_file_to_others() {
    let before = umask(Mode::WGRP | Mode::WOTH);
    umask(before | Mode::WGRP | Mode::WOTH);
}
