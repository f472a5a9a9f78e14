//! Sets up keys, images and the time for commands of the family.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use crate::cli::args::cosign::common::{
    Annotation, FamilyArgs, HangingArgs, OutputArgs, PrivateKeyArgs, PublicKeyArgs, image,
};
use crate::cli::args::token::{PassportArgs, TokenArgs};
use crate::cli::console::{Console, Failure, print};
use crate::cli::context::{beside_bar, cosign_ring, passphrases, reporting, warn_if_open};
use crate::cli::run::written::{not_beside_json, written};
use crate::crypto::PublicKey;
use crate::files::{self, Existing};
use crate::image::ImageName;
use crate::key::pin::PinSource;
use crate::key::{KeyRef, KeyRing, Signer};
use crate::ops::Error;
use crate::ops::cosign::Error as CosignError;
use crate::ops::cosign::hanging::Hanging;
use crate::ops::cosign::image::CosignImage;
use crate::ops::cosign::sign::Forms;
use crate::ops::many::all_tags;
use crate::ops::outputs::check_output;
use crate::text::plain;

/// The most bytes of an attestation that is read, where the variable names none.
const MOST: u64 = 128 << 20;

/// The signer that a command names.
pub(super) fn signer(args: &PrivateKeyArgs, console: &Console) -> Result<Box<dyn Signer>, Failure> {
    let ring = cosign_ring(
        &args.tokens,
        &args.passports,
        [args.key.pin_source()],
        console,
    )?;
    warn_if_open(&args.key, console);
    let passphrases = passphrases(&args.passphrase, console);
    Ok(ring.signer_of_any(&args.key, &passphrases)?)
}

/// The files of a key that a command reads: no output may replace them.
pub(super) fn key_files(key: &PrivateKeyArgs) -> Vec<&Path> {
    let of_key = match &key.key {
        KeyRef::File(path) => Some(path),
        KeyRef::Token(_) => None,
    };
    let of_tokens = key.tokens.public_keys.iter();
    of_key
        .into_iter()
        .chain(of_tokens)
        .map(|path| &**path)
        .collect()
}

/// The ring of a command that takes no passports.
pub(super) fn ring_of<'a>(
    tokens: &'a TokenArgs,
    own: impl IntoIterator<Item = Option<&'a PinSource>>,
    console: &Console,
) -> Result<KeyRing, Failure> {
    cosign_ring(tokens, &PassportArgs::default(), own, console)
}

/// The public keys that a command names.
pub(super) fn keys(args: &PublicKeyArgs, console: &Console) -> Result<Vec<PublicKey>, Failure> {
    let own = args.keys.iter().map(KeyRef::pin_source);
    let ring = ring_of(&args.tokens, own, console)?;
    let keys = args.keys.iter().map(|key| ring.public_of_any(key));
    Ok(keys.collect::<Result<_, _>>()?)
}

/// The one public key of a command that may name one.
pub(super) fn key(
    key: Option<&KeyRef>,
    tokens: &TokenArgs,
    console: &Console,
) -> Result<Option<PublicKey>, Failure> {
    let Some(key) = key else { return Ok(None) };
    let ring = ring_of(tokens, [key.pin_source()], console)?;
    Ok(Some(ring.public_of_any(key)?))
}

/// The images of a command; with `all`, those of every tag of the places that are named.
pub(super) fn images(
    mut names: Vec<ImageName>,
    all: bool,
    family: &FamilyArgs,
    console: &Console,
) -> Result<Vec<CosignImage>, Failure> {
    #[cfg(feature = "registry")]
    let options = reporting(family.options(), console);
    #[cfg(not(feature = "registry"))]
    let options = {
        let _ = family;
        reporting(crate::ops::location::RegistryOptions::default(), console)
    };
    if all {
        names = beside_bar(console, |bar| all_tags(names, &options, bar))?;
    }
    let elsewhere = signatures_repository()?;
    let all = names.into_iter().map(|name| {
        let image = CosignImage::of(name, &options)?;
        match &elsewhere {
            Some(repository) => image.with_signatures_in(repository, &options),
            None => Ok(image),
        }
    });
    Ok(all.collect::<Result<_, Error>>()?)
}

/// The error for a variable of the environment.
fn variable(name: &'static str, value: &str, reason: impl Into<String>) -> Failure {
    let (value, reason) = (plain(value), reason.into());
    Error::from(CosignError::Variable {
        name,
        value,
        reason,
    })
    .into()
}

/// The repository that `COSIGN_REPOSITORY` names.
fn signatures_repository() -> Result<Option<ImageName>, Failure> {
    const VARIABLE: &str = "COSIGN_REPOSITORY";
    let text = std::env::var_os(VARIABLE).unwrap_or_default();
    let text = text.to_string_lossy();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |reason: String| Err(variable(VARIABLE, &text, reason));
    match image(&text) {
        Ok(
            name @ ImageName::Docker {
                tag: None,
                digest: None,
                ..
            },
        ) => Ok(Some(name)),
        Ok(ImageName::Docker { .. }) => wrong("but a repository has no tag and no digest".into()),
        Ok(_) => wrong("but that is not a repository of a registry".into()),
        Err(reason) => wrong(format!("but that does not name a repository: {reason}")),
    }
}

/// Refuses to write where the user wants docker's media types, which skopeo does not take.
pub(super) fn check_media_types() -> Result<(), Failure> {
    const VARIABLE: &str = "COSIGN_DOCKER_MEDIA_TYPES";
    let text = std::env::var_os(VARIABLE).unwrap_or_default();
    let text = text.to_string_lossy();
    match &*text {
        // As cosign reads it.
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Err(variable(
            VARIABLE,
            &text,
            "but ir-sign writes signatures only with OCI's media types: skopeo takes no others",
        )),
        _ => Ok(()),
    }
}

pub(super) fn one_image(
    name: ImageName,
    family: &FamilyArgs,
    console: &Console,
) -> Result<CosignImage, Failure> {
    let mut all = images(vec![name], false, family, console)?;
    Ok(all.pop().expect("one name is one image"))
}

pub(super) fn hanging(args: &HangingArgs) -> Result<Hanging, Failure> {
    const VARIABLE: &str = "COSIGN_MAX_ATTACHMENT_SIZE";
    let text = std::env::var_os(VARIABLE).unwrap_or_default();
    let text = text.to_string_lossy();
    let most = match size(&text) {
        _ if text.is_empty() => MOST,
        Some(most) => most,
        None => {
            return Err(variable(
                VARIABLE,
                &text,
                "but a size is a number, such as 128MiB",
            ));
        }
    };
    Ok(Hanging {
        prefix: args.attachment_tag_prefix.clone(),
        most,
    })
}

/// A size as cosign's variable has it: bytes, or with a decimal unit (`128MB`) or a binary one (`128MiB`).
fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match text[digits.len()..].trim().to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" => 1000,
        "KIB" => 1 << 10,
        "M" | "MB" => 1_000_000,
        "MIB" => 1 << 20,
        "G" | "GB" => 1_000_000_000,
        "GIB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// The forms that a command wants.
pub(super) const fn forms(args: &HangingArgs) -> Forms {
    match args.new_bundle_format {
        None => Forms::ALL,
        Some(bundle) => Forms {
            by_tag: !bundle,
            bundle,
        },
    }
}

pub(super) fn annotations(all: Vec<Annotation>) -> BTreeMap<String, String> {
    let all = all.into_iter();
    all.map(|annotation| (annotation.name, annotation.value))
        .collect()
}

/// The time now, in RFC 3339 to the second.
pub(super) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// Refuses outputs that could not be written, or that would replace a private key, an input or one another, before a
/// key is asked.
pub(super) fn check_outputs(
    outputs: &[(&'static str, &Option<std::path::PathBuf>)],
    inputs: &[&Path],
    console: &Console,
) -> Result<(), Failure> {
    let mut taken = inputs.to_vec();
    for (role, path) in outputs {
        if let Some(path) = path {
            not_beside_json(role, path, console)?;
            check_output(role, path, &taken)?;
            taken.push(path);
            let checked = files::check_writable(path);
            checked.map_err(|source| Error::File { role, source })?;
        }
    }
    Ok(())
}

/// Puts what a command found where the user wants it.
pub(super) fn put(bytes: &[u8], to: &OutputArgs, console: &Console) -> Result<(), Failure> {
    match &to.output_file {
        Some(path) => write("output file", path, bytes, to.force, console),
        None => print(bytes),
    }
}

/// Writes an output file, and says so.
pub(super) fn write(
    role: &'static str,
    path: &Path,
    bytes: &[u8],
    force: bool,
    console: &Console,
) -> Result<(), Failure> {
    let existing = if force {
        Existing::Replace
    } else {
        Existing::Keep
    };
    let how = files::write(path, bytes, 0o644, existing);
    let how = how.map_err(|source| Error::File { role, source })?;
    console.note(&written(path, how));
    Ok(())
}
