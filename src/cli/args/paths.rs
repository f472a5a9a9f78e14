//! Paths in arguments: which of them may be `-`, and none of them a place on the network.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::key::{KeyRef, KeyRefError};

/// Why an argument is wrong for the command.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// It names a registry.
    #[error(
        "this command works in a registry directory; bring the image into one: \
         skopeo copy {image} oci:DIR/APP:TAG"
    )]
    Registry { image: String },
    /// It names an image in a registry.
    #[error(
        "archives are files; bring the image here as one: \
         skopeo copy {image} oci-archive:FILE:TAG"
    )]
    Image { image: String },
    /// It is a web address.
    #[error("a registry over the network is named docker://HOST[/PATH]")]
    Web,
    /// It names a key in a key service.
    #[error(
        "keys are DER files, or pkcs11: URIs of keys on tokens; ir-sign asks no key service (a \
         file of that name is ./{name})"
    )]
    Key { name: String },
    /// The same, where keys have many forms.
    #[error(
        "keys are files, or pkcs11: URIs of keys on tokens; nothing is asked over the network (a file of \
         that name is ./{name})"
    )]
    AnyKey { name: String },
    /// It names some other place.
    #[error(
        "ir-sign reads and writes no files over the network; copy the file here first (a file of that name \
         is ./{name})"
    )]
    Place { name: String },
    /// It names no file, or a folder.
    #[error("it names no file: the files are called PREFIX.key and PREFIX.pub")]
    Prefix,
    /// It is on a token, and stays there.
    #[error("a private key never leaves its token: name a key file")]
    OnToken,
    /// It is `-`, which this argument cannot be.
    #[error("{0}; a file that is called - is ./-")]
    Dash(&'static str),
    /// It is not a key.
    #[error(transparent)]
    KeyRef(#[from] KeyRefError),
}

/// Why a registry cannot be `-`.
const NO_DIRECTORY: &str = "standard input is not a directory: name the registry";
/// Why private keys cannot be `-`.
const SECRET: &str = "ir-sign reads no private key from standard input and writes none to standard output: name a file";

/// Why a place cannot be `-`.
const NO_STREAM: &str = "this cannot be standard input or output: name a file or folder";

/// A file that is read once or a result that is written: `-` is standard input or output.
pub fn stream() -> impl TypedValueParser<Value = PathBuf> {
    path(|name| PathError::Place { name }, None)
}

/// An archive that is read; `-` is standard input.
pub fn archive() -> impl TypedValueParser<Value = PathBuf> {
    path(
        |name| PathError::Image {
            image: image(&name, ":TAG"),
        },
        None,
    )
}

/// The registry directory.
pub fn registry() -> impl TypedValueParser<Value = PathBuf> {
    path(
        |name| PathError::Registry {
            image: image(&name, "/APP:TAG"),
        },
        Some(NO_DIRECTORY),
    )
}

/// Refuses what is not a path of a registry directory.
pub fn check_registry(text: &OsStr) -> Result<(), PathError> {
    check(text, Some(NO_DIRECTORY), |_| PathError::Web)
}

/// Refuses what is not a path of a secret's file.
pub fn check_secret(text: &OsStr) -> Result<(), PathError> {
    check(text, Some(SECRET), |name| PathError::Place { name })
}

/// A private key's file.
pub fn secret() -> impl TypedValueParser<Value = PathBuf> {
    path(|name| PathError::Place { name }, Some(SECRET))
}

/// A private key's file, and none on a token.
pub fn secret_to_copy() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|text: OsString| -> Result<PathBuf, PathError> {
        check_secret(&text)?;
        match text.to_str() {
            Some(text) if text.starts_with("pkcs11:") => Err(PathError::OnToken),
            _ => Ok(text.into()),
        }
    })
}

/// What the two files of a key pair begin with.
pub fn prefix() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|text: OsString| -> Result<PathBuf, PathError> {
        check(&text, Some(NO_STREAM), |name| PathError::Place { name })?;
        if text.is_empty() || text.as_encoded_bytes().ends_with(b"/") {
            return Err(PathError::Prefix);
        }
        Ok(text.into())
    })
}

/// A file or folder that cannot be `-`.
pub fn place() -> impl TypedValueParser<Value = PathBuf> {
    path(|name| PathError::Place { name }, Some(NO_STREAM))
}

/// A private key: a file that is named, or a token's.
pub fn private_key() -> impl TypedValueParser<Value = KeyRef> {
    key(Some(SECRET), |name| PathError::Key { name })
}

/// A private key in any form: a file that is named, or a token's.
pub fn any_private_key() -> impl TypedValueParser<Value = KeyRef> {
    key(Some(SECRET), |name| PathError::AnyKey { name })
}

/// A public key: a file, where `-` is standard input, or a token's.
pub fn public_key() -> impl TypedValueParser<Value = KeyRef> {
    key(None, |name| PathError::Key { name })
}

fn key(
    dash: Option<&'static str>,
    network: fn(String) -> PathError,
) -> impl TypedValueParser<Value = KeyRef> {
    OsStringValueParser::new().try_map(move |text: OsString| -> Result<KeyRef, PathError> {
        check(&text, dash, network)?;
        Ok(text.as_os_str().try_into()?)
    })
}

fn path(
    network: fn(String) -> PathError,
    dash: Option<&'static str>,
) -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(move |text: OsString| -> Result<PathBuf, PathError> {
        check(&text, dash, network)?;
        Ok(text.into())
    })
}

fn check(
    text: &OsStr,
    dash: Option<&'static str>,
    network: fn(String) -> PathError,
) -> Result<(), PathError> {
    match (text.to_str(), dash) {
        (Some("-"), Some(why)) => Err(PathError::Dash(why)),
        (Some(text), _) if is_url(text) => Err(network(text.to_owned())),
        _ => Ok(()),
    }
}

/// Whether a text is a URL with a place (RFC 3986, section 3): a scheme, a colon and two slashes.
fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(allowed)
    })
}

/// The name of an image in a registry, as skopeo spells it; `rest` is the missing part.
fn image(url: &str, rest: &str) -> String {
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    let place = place.trim_end_matches('/');
    let last = place.rsplit('/').next().unwrap_or_default();
    let rest = match place.contains('/') {
        true if last.contains([':', '@']) => "",
        true if rest.starts_with('/') => rest,
        true => ":TAG",
        false => "/APP:TAG",
    };
    format!("docker://{place}{rest}")
}
