//! From a command of notation's to what it does.

use super::{certificate, image, key, plugin, policy, verify};
use crate::cli::args::notation::NotationCommand;
use crate::cli::args::notation::certificate::CertificateCommand;
use crate::cli::args::notation::key::KeyCommand;
use crate::cli::args::notation::plugin::PluginCommand;
use crate::cli::args::notation::policy::{CrlCommand, PolicyCommand};
use crate::cli::console::{Console, Outcome};

/// Runs a command of notation's.
pub(in crate::cli::run) fn run(command: NotationCommand, console: &Console) -> Outcome {
    match command {
        NotationCommand::Sign(args) => image::sign(*args, console),
        NotationCommand::Verify(args) => verify::verify(*args, console),
        NotationCommand::List(args) => image::list(&args, console),
        NotationCommand::Inspect(args) => image::inspect(&args, console),
        NotationCommand::Policy { command } => match command {
            PolicyCommand::Show(_) => policy::show(console),
            PolicyCommand::Import(args) => policy::import(&args, console),
            PolicyCommand::Init(args) => policy::init(&args, console),
        },
        NotationCommand::Crl { command } => match command {
            CrlCommand::Add(args) => policy::add_crl(&args, console),
        },
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
