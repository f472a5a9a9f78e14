//! Runs the function of each command.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use signal_hook::consts::SIGPIPE;

use super::written::{error_json, written};
use super::{
    ceremony, cert, copy, cosign, images, keys, look, notation, policy, resource, token, verify,
};
use crate::cli::args::{Command, Settings, SettingsOf};
use crate::cli::console::{Console, Failure, Outcome, die, print, unprinted};
use crate::cli::explain;
use crate::cli::generate;
use crate::cli::status::Status;
use crate::files::Existing;
use crate::secret;

/// Runs a command and returns its status.
pub fn run(command: Command) -> ExitCode {
    let console = Console::new(settings(&command));
    let outcome = execute(command, &console);
    if let Some(reason) = secret::refused() {
        console.warn(&format!(
            "keys and PINs were in unlocked memory, and may have reached swap: {reason}; \
             raise the limit on locked memory (ulimit -l)"
        ));
    }
    let failure = match outcome {
        Ok(status) => return ExitCode::from(status as u8),
        Err(Failure::Work(error)) if explain::is_reader_gone(&error) => return die(SIGPIPE),
        Err(Failure::Work(error)) => {
            console.error(&error);
            if let Some(signal) = explain::interrupt(&error) {
                return die(signal);
            }
            match console.json(|| error_json(&error)) {
                Ok(()) => return ExitCode::from(explain::status(&error) as u8),
                Err(failure) => failure,
            }
        }
        Err(failure) => failure,
    };
    match failure {
        Failure::Output(error) => unprinted(&error),
        Failure::Work(_) => unreachable!("the error was told, and nothing but printing was left"),
    }
}

pub(super) fn settings(command: &Command) -> Settings {
    match command {
        Command::GenKey(args) => args.common.into(),
        Command::ExtractPublic(args) => args.common.into(),
        Command::Sign(args) | Command::Endorse(args) => args.common.into(),
        Command::Verify(args) => args.common.into(),
        Command::Copy(args) => args.common.into(),
        Command::Fingerprint(args) => args.common.into(),
        Command::SignImage(args) => args.how.common.into(),
        Command::ExtractSignImage(args) => args.how.common.into(),
        Command::VerifyImage(args) => Settings {
            json_lines: args.fleet.json_lines,
            ..args.common.into()
        },
        Command::InspectImage(args) => args.common.into(),
        Command::Prune(args) => args.common.into(),
        Command::Token { command } => command.settings(),
        Command::Ceremony { command } => command.settings(),
        Command::Cert { command } => command.settings(),
        Command::Cosign { command } => command.settings(),
        Command::Resource { command } => command.settings(),
        Command::Policy { command } => command.settings(),
        Command::Notation { command } => command.settings(),
        Command::Completions { common, .. } | Command::Man { common, .. } => (*common).into(),
    }
}

pub(super) fn execute(command: Command, console: &Console) -> Outcome {
    match command {
        Command::GenKey(args) => keys::gen_key(args, console),
        Command::ExtractPublic(args) => keys::extract_public(args, console),
        Command::Sign(args) => keys::sign_file(args, false, console),
        Command::Endorse(args) => keys::sign_file(args, true, console),
        Command::Verify(args) => keys::verify_file(args, console),
        Command::SignImage(args) => images::sign_image(*args, console),
        Command::ExtractSignImage(args) => images::extract_sign_image(*args, console),
        Command::VerifyImage(args) => verify::verify_image(args, console),
        Command::InspectImage(args) => look::inspect_image(args, console),
        Command::Prune(args) => look::prune(args, console),
        Command::Copy(args) => copy::copy(args, console),
        Command::Fingerprint(args) => keys::fingerprint(&args, console),
        Command::Token { command } => token::run(command, console),
        Command::Ceremony { command } => ceremony::run(command, console),
        Command::Cert { command } => cert::run(command, console),
        Command::Cosign { command } => cosign::run(command, console),
        Command::Resource { command } => resource::run(command, console),
        Command::Policy { command } => policy::run(command, console),
        Command::Notation { command } => notation::run(command, console),
        Command::Completions { shell, .. } => completions(shell, console),
        Command::Man { dir, force, .. } => manual(&dir, force, console),
    }
}

pub(super) fn completions(shell: clap_complete::Shell, console: &Console) -> Outcome {
    let script = generate::completions(shell);
    if console.settings.json {
        console.json(|| {
            let script = String::from_utf8_lossy(&script);
            json!({ "shell": shell.to_string(), "script": script })
        })?;
    } else {
        print(&script)?;
    }
    Ok(Status::Done)
}

pub(super) fn manual(dir: &Path, force: bool, console: &Console) -> Outcome {
    let existing = if force {
        Existing::Replace
    } else {
        Existing::Keep
    };
    let pages = generate::manual(dir, existing)?;
    let pages = pages.into_iter().map(|(page, how)| (dir.join(page), how));
    let pages: Vec<_> = pages.collect();
    for (page, how) in &pages {
        console.note(&written(page, *how));
    }
    console.json(|| {
        let pages = pages.iter().map(|(page, _)| page.display().to_string());
        json!({ "pages": pages.collect::<Vec<_>>() })
    })?;
    Ok(Status::Done)
}
