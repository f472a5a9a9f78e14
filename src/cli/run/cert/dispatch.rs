//! From a command on certificates to what it does.

use super::{look, make};
use crate::cli::args::cert::CertCommand;
use crate::cli::console::{Console, Outcome};

/// Runs a command on certificates.
pub(in crate::cli::run) fn run(command: CertCommand, console: &Console) -> Outcome {
    match command {
        CertCommand::Root(args) => make::root(*args, console),
        CertCommand::Request(args) => make::request(*args, console),
        CertCommand::Issue(args) => make::issue(*args, console),
        CertCommand::Crl(args) => make::list(*args, console),
        CertCommand::Show(args) => look::show(args, console),
        CertCommand::Verify(args) => look::verify(args, console),
    }
}
