//! What a signature says: an image goes in; a change, or the outcome of checks, comes out.
//!
//! Schemes are pure: they read no files, and cannot tell a key in a file from one on a token.

pub mod annotation;

use crate::crypto::p384::Fingerprint;
use crate::crypto::{SignError, Signer};
use crate::image::{Change, Image};
use crate::report::{Check, Signatory};

/// What a scheme found out about an image.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Its checks, in order.
    pub checks: Vec<Check>,
    /// The parties whose signatures hold.
    pub signatories: Vec<Signatory>,
}

/// A way of signing images.
pub trait SignScheme {
    /// Asks for the change that makes `image` a signed one.
    fn sign<'a>(&'a self, image: &Image, key: &'a dyn Signer) -> Result<Signing<'a>, Error>;
}

/// A change that was asked for: to call it is to wait for the key's signature.
pub type Signing<'a> = Box<dyn FnOnce() -> Result<Change, Error> + 'a>;

/// A way of telling who signed an image.
pub trait VerifyScheme: Sync {
    /// The rules that [`VerifyScheme::verify`] checks, in order.
    fn rules(&self) -> Vec<&'static str>;

    /// Checks the signatures on `image`: one outcome a rule.
    fn verify(&self, image: &Image) -> Findings;
}

/// Why an image was not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key made no signature.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The scheme was made for another key.
    #[error("signing key {key} is not {wanted}, the key that is vouched for")]
    OtherKey {
        /// The key that was to sign.
        key: Fingerprint,
        /// The key that the scheme was made for.
        wanted: Fingerprint,
    },
}
