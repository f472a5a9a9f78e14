//! Drafts signed by a key, wherever it lives.

use std::path::Path;

use super::error::Error as CertError;
use crate::crypto::Signed;
use crate::key::passphrase::Passphrases;
use crate::key::{KeyRef, KeyRing, Signer};
use crate::ops::error::Error;
use crate::ops::keys::inputs;
use crate::x509::Draft;

/// The key of a command, and the way to it.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// Where keys come from.
    pub ring: &'a KeyRing,
    /// Where passphrases come from.
    pub passphrases: &'a Passphrases,
    /// The key.
    pub key: &'a KeyRef,
}

impl Keys<'_> {
    /// The files that are read for the key.
    pub(super) fn files(&self) -> Vec<&Path> {
        inputs(self.ring, &[self.key])
    }

    /// Opens the key.
    pub(super) fn open(&self) -> Result<Box<dyn Signer>, Error> {
        Ok(self.ring.signer_of_any(self.key, self.passphrases)?)
    }
}

/// Signs a draft. The signature is verified before the whole is put together.
pub(super) fn sign(
    what: &'static str,
    draft: Draft,
    signer: &dyn Signer,
) -> Result<Vec<u8>, Error> {
    let signature = signer.sign(draft.algorithm(), Signed::Bytes(draft.message()))?;
    let whole = draft.finish(&signature);
    Ok(whole.map_err(|error| self_check(what, error))?)
}

impl From<CertError> for Error {
    fn from(error: CertError) -> Self {
        Self::Cert(Box::new(error))
    }
}

/// The new certificate or list does not verify.
pub(super) fn self_check(what: &'static str, reason: impl std::fmt::Display) -> CertError {
    let reason = reason.to_string();
    CertError::SelfCheck { what, reason }
}
