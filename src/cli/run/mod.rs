//! Each command, from its flags to what it prints.

pub(super) mod ceremony;
mod images;
mod keys;
mod token;

use std::fs::Metadata;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use signal_hook::consts::SIGPIPE;

use super::args::{Command, Settings, SettingsOf};
use super::console::{Console, Failure, Outcome, die, print, tell, unprinted};
use super::explain::{self, Status};
use super::generate;
use super::show;
use crate::files::{Existing, Written, is_standard};
use crate::key::pin::PinSource;
use crate::key::uri::TokenUri;
use crate::key::{KeyRef, is_private};
use crate::ops::Error;
use crate::secret;

/// Runs a command and tells how it went.
pub fn run(command: Command) -> ExitCode {
    let console = Console::new(settings(&command));
    let outcome = execute(command, &console);
    if let Some(reason) = secret::refused() {
        console.warn(&format!(
            "keys and PINs were in memory that is not locked, and may have reached swap: {reason}; \
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

fn error_json(error: &Error) -> Value {
    let hint = explain::hint(error);
    show::error_json(&error.to_string(), hint.as_deref(), explain::status(error))
}

fn settings(command: &Command) -> Settings {
    match command {
        Command::GenKey(args) => args.common.into(),
        Command::ExtractPublic(args) => args.common.into(),
        Command::Sign(args) | Command::Endorse(args) => args.common.into(),
        Command::Verify(args) => args.common.into(),
        Command::SignImage(args) => args.how.common.into(),
        Command::ExtractSignImage(args) => args.how.common.into(),
        Command::VerifyImage(args) => args.common.into(),
        Command::InspectImage(args) => args.common.into(),
        Command::Prune(args) => args.common.into(),
        Command::Token { command } => command.settings(),
        Command::Ceremony { command } => command.settings(),
        Command::Completions { common, .. } | Command::Man { common, .. } => (*common).into(),
    }
}

fn execute(command: Command, console: &Console) -> Outcome {
    match command {
        Command::GenKey(args) => keys::gen_key(args, console),
        Command::ExtractPublic(args) => keys::extract_public(args, console),
        Command::Sign(args) => keys::sign_file(args, false, console),
        Command::Endorse(args) => keys::sign_file(args, true, console),
        Command::Verify(args) => keys::verify_file(args, console),
        Command::SignImage(args) => images::sign_image(args, console),
        Command::ExtractSignImage(args) => images::extract_sign_image(args, console),
        Command::VerifyImage(args) => images::verify_image(args, console),
        Command::InspectImage(args) => images::inspect_image(args, console),
        Command::Prune(args) => images::prune(&args, console),
        Command::Token { command } => token::run(command, console),
        Command::Ceremony { command } => ceremony::run(command, console),
        Command::Completions { shell, .. } => completions(shell, console),
        Command::Man { dir, force, .. } => manual(&dir, force, console),
    }
}

fn completions(shell: clap_complete::Shell, console: &Console) -> Outcome {
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

fn manual(dir: &Path, force: bool, console: &Console) -> Outcome {
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

/// A path for a person.
fn shown(path: &Path) -> String {
    if is_standard(path) {
        return "standard input".into();
    }
    show::plain(&path.display().to_string())
}

/// Says of a key that was made on a token what could not be printed.
fn or_tell_key(printed: Result<(), Failure>, uri: &TokenUri) -> Result<(), Failure> {
    if printed.is_err() {
        let key = KeyRef::Token(Box::new(uri.clone()));
        tell(&format!(
            "the private key was made: {key}; write its public key: {}",
            explain::extract(&key)
        ));
    }
    printed
}

/// Refuses a result on standard output where JSON is to be there.
fn not_beside_json(role: &'static str, output: &Path, console: &Console) -> Result<(), Error> {
    if console.settings.json && is_standard(output) {
        let other = "the JSON";
        return Err(Error::OutputTaken { role, other });
    }
    Ok(())
}

fn written(path: &Path, written: Written) -> String {
    match written {
        Written::New if is_standard(path) => "wrote to standard output".into(),
        Written::New => format!("wrote {}", shown(path)),
        Written::Same => format!("{} is right already and was left alone", shown(path)),
    }
}

/// Warns of a private key that others on this machine can read. A file that is no private key is
/// refused for what it is.
fn warn_if_open(key: &KeyRef, console: &Console) {
    if let KeyRef::File(path) = key
        && is_private(path).is_ok_and(|is_private| is_private)
    {
        warn_of_mode("private key", path, console);
    }
}

/// Warns of PIN files that others on this machine can read.
fn warn_of_pins<'a>(sources: impl IntoIterator<Item = Option<&'a PinSource>>, console: &Console) {
    let mut seen = Vec::new();
    for source in sources.into_iter().flatten() {
        if let PinSource::File(path) = source
            && !seen.contains(&path)
        {
            warn_of_mode("PIN file", path, console);
            seen.push(path);
        }
    }
}

fn warn_of_mode(what: &str, path: &Path, console: &Console) {
    use std::os::unix::fs::PermissionsExt;
    let metadata = path.metadata().ok().filter(Metadata::is_file);
    let mode = metadata.map_or(0, |m| m.permissions().mode());
    if mode & 0o077 != 0 {
        console.warn(&format!(
            "{what} {} can be read or written by others (mode {:04o}); chmod 600 it",
            path.display(),
            mode & 0o7777
        ));
    }
}
