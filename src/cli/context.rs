//! The set-up that commands share: the key ring, the bar beside long work, and warnings of secret files that others
//! can read.

use std::env;
use std::fs::Metadata;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::args::cosign::PassphraseArgs;
use super::args::token::{PassportArgs, TokenArgs};
#[cfg(feature = "registry")]
use super::bar;
use super::bar::Bar;
#[cfg(feature = "registry")]
use super::console::tell;
use super::console::{Console, Failure};
use super::prompt::Terminal;
use crate::crypto::PublicKey;
use crate::key::any::read_public as read_any_public;
use crate::key::passphrase::Passphrases;
use crate::key::pin::PinSource;
use crate::key::pkcs11::{Options, Passport, module_of_environment};
use crate::key::{self, KeyRef, KeyRing, is_private, read_public};
#[cfg(not(feature = "registry"))]
use crate::ops::location::RegistryOptions;
#[cfg(feature = "registry")]
use crate::store::remote::{Options as RegistryOptions, Waiting};
#[cfg(feature = "registry")]
use crate::text::plain;

const PIN_FILE: &str = "PIN file";
const PASSPHRASE_FILE: &str = "passphrase file";

/// The variable that cosign takes the PIN of a token from.
const COSIGN_PIN: &str = "COSIGN_PKCS11_PIN";
/// The variable that cosign takes the module of a token from, where the URI names none.
const COSIGN_MODULE: &str = "COSIGN_PKCS11_MODULE_PATH";

/// The key ring of a command, with the PIN sources of its own keys. Warns first of PIN files that others can read.
pub fn ring<'a>(
    tokens: &'a TokenArgs,
    own: impl IntoIterator<Item = Option<&'a PinSource>>,
    console: &Console,
) -> Result<KeyRing, Failure> {
    ring_with(tokens, Vec::new(), NonZeroUsize::MIN, own, console)
}

/// The same with passports that keys on tokens must have, and with several signatures at once.
pub fn ring_with<'a>(
    tokens: &'a TokenArgs,
    passports: Vec<PathBuf>,
    sessions: NonZeroUsize,
    own: impl IntoIterator<Item = Option<&'a PinSource>>,
    console: &Console,
) -> Result<KeyRing, Failure> {
    warn_of_secrets(
        PIN_FILE,
        own.into_iter().chain([tokens.pin_source.as_ref()]),
        console,
    );
    let read = |path: &Path| Ok(read_public(path)?.into());
    let options = options(tokens, passports, sessions, read, console.settings.quiet)?;
    Ok(KeyRing::new(options))
}

/// The key ring of a command of cosign's: the PIN and the module may come from cosign's variables, and public keys that
/// tokens do not show may be of any kind and form.
pub fn cosign_ring<'a>(
    tokens: &'a TokenArgs,
    passports: &PassportArgs,
    own: impl IntoIterator<Item = Option<&'a PinSource>>,
    console: &Console,
) -> Result<KeyRing, Failure> {
    warn_of_secrets(
        PIN_FILE,
        own.into_iter().chain([tokens.pin_source.as_ref()]),
        console,
    );
    let mut tokens = tokens.clone();
    if tokens.pin_source.is_none() && env::var_os(COSIGN_PIN).is_some() {
        tokens.pin_source = Some(PinSource::Env(COSIGN_PIN.to_owned()));
    }
    let module = env::var_os(COSIGN_MODULE).filter(|path| !path.is_empty());
    ring_of_any(&tokens, passports, module.map(PathBuf::from), console)
}

/// The key ring of a command that takes keys of every kind and form.
pub fn any_ring<'a>(
    tokens: &'a TokenArgs,
    passports: &PassportArgs,
    own: impl IntoIterator<Item = Option<&'a PinSource>>,
    console: &Console,
) -> Result<KeyRing, Failure> {
    let sources = own.into_iter().chain([tokens.pin_source.as_ref()]);
    warn_of_secrets(PIN_FILE, sources, console);
    ring_of_any(tokens, passports, None, console)
}

/// A ring with public keys of every kind and form. It uses `usual_module` if the user names no module.
fn ring_of_any(
    tokens: &TokenArgs,
    passports: &PassportArgs,
    usual_module: Option<PathBuf>,
    console: &Console,
) -> Result<KeyRing, Failure> {
    let read = |path: &Path| read_any_public(path);
    let quiet = console.settings.quiet;
    let passports = passports.require_passport.clone();
    let mut options = options(tokens, passports, NonZeroUsize::MIN, read, quiet)?;
    options.files.extend(usual_module.clone());
    options.usual_module = usual_module;
    Ok(KeyRing::new(options))
}

/// Where passphrases of key files come from, in a command of cosign's. Of files that others can read it warns first.
pub fn passphrases(args: &PassphraseArgs, console: &Console) -> Passphrases {
    let source = args.passphrase_source.as_ref();
    warn_of_secrets(PASSPHRASE_FILE, [source], console);
    let prompt = Terminal {
        quiet: console.settings.quiet,
    };
    Passphrases::new(source.cloned(), Box::new(prompt))
}

/// The same where only this flag names a source: cosign's variable is for another file's passphrase.
pub fn passphrases_by_flag(
    flag: &'static str,
    source: Option<&PinSource>,
    console: &Console,
) -> Passphrases {
    warn_of_secrets(PASSPHRASE_FILE, [source], console);
    let prompt = Terminal {
        quiet: console.settings.quiet,
    };
    Passphrases::by_flag(flag, source.cloned(), Box::new(prompt))
}

/// Reads the files of the flags for keys on tokens. A `quiet` run shows only prompts.
fn options(
    tokens: &TokenArgs,
    passports: Vec<PathBuf>,
    sessions: NonZeroUsize,
    read: impl Fn(&Path) -> Result<PublicKey, key::Error>,
    quiet: bool,
) -> Result<Options, key::Error> {
    let mut files = tokens.public_keys.clone();
    files.extend(passports.iter().cloned());
    files.extend(tokens.pkcs11_module.clone().or_else(module_of_environment));
    match &tokens.pin_source {
        Some(PinSource::File(path)) => files.push(path.clone()),
        // The open file of the descriptor, if it is one.
        Some(PinSource::Fd(number)) => files.push(format!("/proc/self/fd/{number}").into()),
        Some(PinSource::Env(_)) | None => {}
    }
    let public_keys = tokens.public_keys.iter().map(|path| read(path));
    let passports = passports.into_iter().map(|path| {
        let passport = Passport::read(&path)?;
        Ok((path, passport))
    });
    Ok(Options {
        module: tokens.pkcs11_module.clone(),
        usual_module: None,
        pin_source: tokens.pin_source.clone(),
        allow_final_try: tokens.allow_final_try,
        keep_pin: tokens.keep_pin,
        sessions,
        mechanism: tokens.mechanism.unwrap_or_default(),
        prompt: Box::new(Terminal { quiet }),
        public_keys: public_keys.collect::<Result<_, key::Error>>()?,
        passports: passports.collect::<Result<_, key::Error>>()?,
        files,
    })
}

/// How registries are talked to, by a run that tells a person why a registry lets one wait.
#[cfg(feature = "registry")]
pub fn reporting(options: RegistryOptions, console: &Console) -> RegistryOptions {
    if console.settings.quiet {
        return options;
    }
    let waiting = Waiting::told(|text| bar::beside(|| tell(&plain(text))));
    RegistryOptions { waiting, ..options }
}

/// The same of a build that talks to none.
#[cfg(not(feature = "registry"))]
pub const fn reporting(options: RegistryOptions, _: &Console) -> RegistryOptions {
    options
}

/// Runs long work beside a bar, and removes the bar before the next output.
pub fn beside_bar<T>(console: &Console, work: impl FnOnce(&Bar) -> T) -> T {
    let bar = Bar::new(console.settings);
    let done = work(&bar);
    bar.finish();
    done
}

/// Warns of a private key that others on this machine can read. Reading refuses a file that is not a private key.
pub fn warn_if_open(key: &KeyRef, console: &Console) {
    if let KeyRef::File(path) = key
        && is_private(path).is_ok_and(|is_private| is_private)
    {
        warn_of_mode("private key", path, console);
    }
}

/// Warns of files of PINs or passphrases that others on this machine can read.
fn warn_of_secrets<'a>(
    what: &str,
    sources: impl IntoIterator<Item = Option<&'a PinSource>>,
    console: &Console,
) {
    let mut seen = Vec::new();
    for source in sources.into_iter().flatten() {
        if let PinSource::File(path) = source
            && !seen.contains(&path)
        {
            warn_of_mode(what, path, console);
            seen.push(path);
        }
    }
}

fn warn_of_mode(what: &str, path: &Path, console: &Console) {
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
