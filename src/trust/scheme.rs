//! How a signing scheme becomes a requirement type of policies: a struct with its parameters, and one line in
//! [`SCHEMES`]. `docs/add-a-scheme.md` walks through it.
//!
//! The model is the trait of image-rs's scheme modules: `init` gathers what the check needs, and `allows_image` checks.

use std::fmt;
use std::sync::Arc;

use super::asked::Asked;
use super::error::Fault;
use super::members::{Members, text};
use crate::crypto::Digest;

/// The schemes that are requirement types beside those of [`Requirement`](super::Requirement): one line each.
pub const SCHEMES: &[SchemeType] = &[];

/// A requirement type of a scheme.
#[derive(Clone, Copy)]
pub struct SchemeType {
    /// Its name in a policy.
    pub name: &'static str,
    /// Reads its parameters. A remaining parameter is an error in both dialects.
    pub read: fn(&mut Parameters<'_>) -> Result<Arc<dyn SignScheme>, ParameterError>,
}

/// A scheme with the parameters of one requirement.
pub trait SignScheme: fmt::Debug + Send + Sync {
    /// The files that the check needs, as paths or `kbs://` URIs: the caller reads them first.
    fn init(&self) -> Vec<String>;

    /// Every check. `Ok` says who signed; `Err` says why the image does not meet the requirement.
    fn allows_image(&self, image: &ImageFacts<'_>, files: &[Vec<u8>]) -> Result<String, String>;

    /// The requirement in words.
    fn words(&self) -> String;
}

/// The parts of an image that a scheme sees.
#[derive(Clone, Copy, Debug)]
pub struct ImageFacts<'a> {
    /// The name by which it was asked for.
    pub asked: &'a Asked,
    /// The digest of the manifest.
    pub digest: Digest,
    /// The manifest, which has that digest.
    pub manifest: &'a [u8],
}

/// A requirement of a scheme in [`SCHEMES`].
#[derive(Clone, Debug)]
pub struct Added {
    /// The name of its type.
    pub name: &'static str,
    /// The scheme.
    pub scheme: Arc<dyn SignScheme>,
}

impl PartialEq for Added {
    /// Whether both ask the same.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && format!("{:?}", self.scheme) == format!("{:?}", other.scheme)
    }
}

impl Eq for Added {}

/// The parameters of a requirement, taken by name.
pub struct Parameters<'t>(Members<'t>);

/// Why parameters are wrong, with the place.
#[derive(Debug)]
pub struct ParameterError(Fault);

impl Parameters<'_> {
    /// Takes a text that must be there, and not empty.
    pub fn text(&mut self, name: &str) -> Result<String, ParameterError> {
        let value = self.0.need(name).map_err(ParameterError)?;
        let at = value.at;
        match text(value) {
            Ok(text) if !text.is_empty() => Ok(text.into_owned()),
            Ok(_) => Err(ParameterError(
                Fault::new(at, "the text is empty").within(name),
            )),
            Err(fault) => Err(ParameterError(fault.within(name))),
        }
    }
}

/// Reads a requirement of a scheme.
pub(super) fn read(kind: &SchemeType, members: Members<'_>) -> Result<Added, Fault> {
    let mut parameters = Parameters(members);
    let scheme = (kind.read)(&mut parameters).map_err(|ParameterError(fault)| fault)?;
    parameters.0.end()?;
    Ok(Added {
        name: kind.name,
        scheme,
    })
}
