//! What the user can do if a vendor has several endorsements by one CA.

use std::path::PathBuf;

use crate::crypto::Digest;

/// What the user can do if a vendor has several endorsements by one CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Use the endorsement in use.
    InUse,
    /// Use either endorsement: an image in the registry carries the other.
    Either(Carrier),
    /// Sign one image at a time: the signed images carry several, and each keeps its own.
    OneByOne,
}

impl Way {
    /// The remedy if images carry several: the signed images themselves, or other images, in the registry or not.
    pub(super) fn out(are_signed: bool, are_there: bool, carrier: &Carrier) -> Self {
        match (are_signed, are_there) {
            (true, _) => Self::OneByOne,
            (false, true) => Self::Either(carrier.clone()),
            (false, false) => Self::InUse,
        }
    }
}

/// An image that carries an endorsement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// The layout that it lies in: the app's folder in the registry.
    pub layout: PathBuf,
    /// Its manifest.
    pub digest: Digest,
}
