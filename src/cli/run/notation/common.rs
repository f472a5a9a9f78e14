//! What commands of the family set up.

use std::collections::BTreeMap;

use crate::cli::args::notation::image::{FamilyArgs, SigningKeyArgs};
use crate::cli::args::token::{PassportArgs, TokenArgs};
use crate::cli::console::{Console, Failure};
use crate::cli::context::{any_ring, beside_bar, passphrases_by_flag, reporting, warn_if_open};
use crate::key::pin::PinSource;
use crate::key::{KeyRef, Signer};
use crate::ops::Error;
use crate::ops::many::all_tags;
use crate::ops::notation::Error as NotationError;
use crate::ops::notation::folders::Folders;
use crate::ops::notation::image::NotationImage;
use crate::ops::notation::signing::SigningKey;
use crate::x509::Certificate;

/// The folders of notation's configuration, as the environment has them.
pub(super) fn folders() -> Result<Folders, Failure> {
    Ok(Folders::of(std::env::var_os).map_err(Error::from)?)
}

/// Turns an error of the family into the failure that ends the run.
pub(super) fn failed(error: NotationError) -> Failure {
    Error::from(error).into()
}

/// The images of a command; with `all`, those of every tag of the places that are named.
pub(super) fn images(
    names: &[String],
    all: bool,
    family: &FamilyArgs,
    console: &Console,
) -> Result<Vec<NotationImage>, Failure> {
    let options = reporting(family.options(), console);
    let mut names = family.names(names).map_err(Error::from)?;
    if all {
        names = beside_bar(console, |bar| all_tags(names, &options, bar))?;
    }
    let images = names
        .into_iter()
        .map(|name| NotationImage::of(name, &options));
    Ok(images.collect::<Result<_, Error>>()?)
}

/// The user's metadata, each name once.
pub(super) fn metadata(
    given: Vec<(String, String)>,
) -> Result<BTreeMap<String, String>, NotationError> {
    let mut all = BTreeMap::new();
    for (name, value) in given {
        if all.contains_key(&name) {
            return Err(NotationError::MetadataTwice { name });
        }
        all.insert(name, value);
    }
    Ok(all)
}

/// The signer that a command names, and its certificates.
pub(super) fn signer(
    args: &SigningKeyArgs,
    console: &Console,
) -> Result<(Box<dyn Signer>, Vec<Certificate>), Failure> {
    let more = &args.plugin_config;
    let chosen = match (&args.plugin, &args.id) {
        (Some(plugin), Some(id)) => SigningKey::of_plugin(plugin, id, more),
        _ => SigningKey::named(&folders()?, args.key.as_deref(), more),
    };
    let chosen = chosen.map_err(failed)?;
    let source = args.passphrase_source.as_ref();
    signing_key(&chosen, &args.tokens, &args.passports, source, console)
}

/// The signer behind a signing key, and its certificates.
pub fn signing_key(
    chosen: &SigningKey,
    tokens: &TokenArgs,
    passports: &PassportArgs,
    passphrase: Option<&PinSource>,
    console: &Console,
) -> Result<(Box<dyn Signer>, Vec<Certificate>), Failure> {
    chosen.check_file().map_err(failed)?;
    // A broken chain costs no PIN.
    let certificates = chosen.read_certificates().map_err(failed)?;
    let mut tokens = tokens.clone();
    tokens.pin_source = tokens.pin_source.or_else(|| chosen.pin_source.clone());
    tokens.pkcs11_module = tokens.pkcs11_module.or_else(|| chosen.module.clone());
    let ring = any_ring(&tokens, passports, [chosen.key.pin_source()], console)?;
    warn_if_open(&chosen.key, console);
    let passphrases = passphrases_by_flag("--passphrase-source", passphrase, console);
    let signer = ring.signer_of_any(&chosen.key, &passphrases)?;
    let certificates = match (certificates, &chosen.key) {
        (Some(certificates), _) => certificates,
        (None, KeyRef::Token(uri)) => ring.certificates(uri)?,
        (None, KeyRef::File(_)) => {
            let key = chosen.key.to_string();
            return Err(failed(NotationError::NoCertificates { key }));
        }
    };
    Ok((signer, certificates))
}
