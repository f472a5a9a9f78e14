//! This program as the plugin `notation-ir-sign`: notation asks, and a key in a file or on a token answers.
//!
//! notation takes what is on standard error for JSON. So nothing but a refusal goes there, and a prompt goes to the terminal.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

use super::args::token::{PassportArgs, TokenArgs};
use super::args::{Color, Settings};
use super::console::{Console, Failure, print, tell};
use super::explain;
use super::run::signing_key;
use crate::crypto::Signed;
use crate::key::pkcs11;
use crate::key::{self, Signer, hidden};
use crate::ops::Error;
use crate::ops::notation::protocol::{self, Code, Command, MOST_REQUEST, Refusal, Request};
use crate::ops::notation::signing::SigningKey;
use crate::ops::notation::signing_keys::OWN_PLUGIN;
use crate::text::plain;
use crate::x509::Certificate;

/// The name under which this program is the plugin.
const NAME: &str = "notation-ir-sign";

/// Whether the process was started as the plugin.
pub(super) fn is_meant(words: &[OsString]) -> bool {
    let program = words.first().map(Path::new);
    program
        .and_then(Path::file_name)
        .is_some_and(|name| name == NAME)
}

/// Answers one request.
pub(super) fn main(words: &[OsString]) -> ExitCode {
    let errors = match kept_errors() {
        Ok(errors) => errors,
        Err(error) => {
            tell(&format!("standard error: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match answer(words) {
        Ok(value) => match print(format!("{value}\n").as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(refusal) => {
            let refusal = refusal.to_json().to_string();
            // The exit status says that there is a refusal, even if nobody can read it.
            let _ = writeln!(&errors, "{}", hidden::pins(&refusal));
            ExitCode::FAILURE
        }
    }
}

/// Keeps standard error for the refusal: the modules of some tokens write there too, and notation could not read that.
fn kept_errors() -> io::Result<File> {
    let kept = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3)?;
    let nowhere = File::options().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stderr(&nowhere)?;
    Ok(kept.into())
}

fn answer(words: &[OsString]) -> Result<Value, Refusal> {
    let command = match words.get(1..).unwrap_or_default() {
        [command] => command.to_str().and_then(Command::of),
        _ => None,
    };
    let command = command.ok_or_else(|| {
        Refusal::new(
            Code::ValidationError,
            "notation runs this program: get-plugin-metadata, describe-key and generate-signature are its commands",
        )
    })?;
    // Its request says nothing that the answer depends on.
    if command == Command::Metadata {
        return Ok(protocol::metadata());
    }
    let request = Request::read(&read_request()?)?;
    let (signer, chain) = signer(&request)?;
    let kind = signer.public_key().kind();
    if command == Command::DescribeKey {
        return protocol::described(&request, kind);
    }
    let to_sign = request.to_sign(kind)?;
    let signature = signer.sign(to_sign.by, Signed::Bytes(&to_sign.payload));
    let signature = signature.map_err(|error| refused(&error.into()))?;
    Ok(protocol::signed(
        &request,
        to_sign.by,
        &signature.to_raw(),
        &chain,
    ))
}

fn read_request() -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let read = io::stdin()
        .lock()
        .take(MOST_REQUEST as u64 + 1)
        .read_to_end(&mut bytes);
    match read {
        Ok(_) if bytes.len() <= MOST_REQUEST => Ok(bytes),
        Ok(_) => Err(Refusal::new(
            Code::ValidationError,
            "the request is too long",
        )),
        Err(error) => Err(Refusal::new(
            Code::Error,
            format!("the request was not read: {error}"),
        )),
    }
}

/// The signer of a request, and its certificates: the leaf is the key's own.
fn signer(request: &Request) -> Result<(Box<dyn Signer>, Vec<Certificate>), Refusal> {
    let chosen = SigningKey::of_plugin(OWN_PLUGIN, &request.key_id, &request.config());
    let chosen = chosen.map_err(|error| refused(&error.into()))?;
    let console = Console::new(Settings {
        json: false,
        json_lines: false,
        quiet: true,
        verbose: 0,
        color: Color::Never,
    });
    let found = signing_key(
        &chosen,
        &TokenArgs::default(),
        &PassportArgs::default(),
        None,
        &console,
    );
    let (signer, chain) = found.map_err(|failure| match failure {
        Failure::Work(error) => refused(&error),
        Failure::Output(error) => Refusal::new(Code::Error, error.to_string()),
    })?;
    let leaf = chain.first();
    if leaf.is_none_or(|leaf| leaf.public_key() != signer.public_key()) {
        return Err(Refusal::new(
            Code::ValidationError,
            "the first certificate of the chain is not the key's",
        ));
    }
    Ok((signer, chain))
}

/// An error in notation's words: with advice, because notation shows only the message.
fn refused(error: &Error) -> Refusal {
    let hint = explain::hint(error);
    let hint = hint.map_or(String::new(), |hint| format!("; hint: {hint}"));
    let code = match error {
        Error::Key(key::Error::Token(source)) if is_about_a_pin(source) => Code::AccessDenied,
        Error::Key(key::Error::Passphrase { .. }) => Code::AccessDenied,
        _ => Code::Error,
    };
    let text = plain(&format!("{error}{hint}"));
    Refusal::new(code, hidden::pins(&text))
}

fn is_about_a_pin(error: &pkcs11::Error) -> bool {
    use pkcs11::Error;
    let is_refused = matches!(error, Error::Pin { .. } | Error::PinSpent { .. });
    is_refused || error.no_pin().is_some()
}
