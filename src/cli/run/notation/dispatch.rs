//! From a command of notation's to what it does.

use super::{certificate, key, plugin};
use crate::cli::args::notation::NotationCommand;
use crate::cli::args::notation::certificate::CertificateCommand;
use crate::cli::args::notation::key::KeyCommand;
use crate::cli::args::notation::plugin::PluginCommand;
use crate::cli::console::{Console, Outcome};

/// Runs a command of notation's.
pub(in crate::cli::run) fn run(command: NotationCommand, console: &Console) -> Outcome {
    match command {
        NotationCommand::Key { command } => match command {
            KeyCommand::List(_) => key::list(console),
            KeyCommand::Add(args) => key::add(args, console),
            KeyCommand::Update(args) => key::update(&args, console),
            KeyCommand::Delete(args) => key::delete(&args, console),
        },
        NotationCommand::Certificate { command } => match command {
            CertificateCommand::List(args) => certificate::list(&args, console),
            CertificateCommand::Add(args) => certificate::add(&args, console),
            CertificateCommand::Show(args) => certificate::show(&args, console),
            CertificateCommand::Delete(args) => certificate::delete(&args, console),
        },
        NotationCommand::Plugin { command } => match command {
            PluginCommand::Install(args) => plugin::install(&args, console),
        },
    }
}
