//! The form that certificates, requests and CRLs share: a message, an algorithm, and a signature over the message (RFC
//! 5280, section 4.1.1; RFC 2986, section 4.2).

use std::ops::Range;

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Encode, Reader, Sequence};
use spki::AlgorithmIdentifierOwned;

use super::signature_algorithm::{AlgorithmFault, SignatureAlgorithm};
use crate::crypto::PublicKey;
use crate::encoding::pem_text::{PemError, PemText};

/// The place of the message in the bytes, and its signature.
#[derive(Clone, Debug)]
pub(super) struct SignedValue {
    message: Range<usize>,
    algorithm: Result<SignatureAlgorithm, AlgorithmFault>,
    signature: Vec<u8>,
}

#[derive(Sequence)]
struct Outer<'a> {
    message: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitStringRef<'a>,
}

impl SignedValue {
    /// Takes a DER value apart; also gives the identifier of its algorithm, which some messages repeat.
    pub(super) fn read(bytes: &[u8]) -> der::Result<(Self, AlgorithmIdentifierOwned)> {
        let outer = Outer::from_der(bytes)?;
        let length = |of: der::Result<der::Length>| of.map(|length| u32::from(length) as usize);
        let message = length(outer.message.encoded_len())?;
        let behind =
            length(outer.algorithm.encoded_len())? + length(outer.signature.encoded_len())?;
        let start = bytes.len().checked_sub(message + behind);
        let start = start.ok_or(der::ErrorKind::Failed)?;
        let signature = outer.signature.as_bytes();
        let read = Self {
            message: start..start + message,
            algorithm: SignatureAlgorithm::of(&outer.algorithm),
            signature: signature.ok_or(der::ErrorKind::Failed)?.to_vec(),
        };
        Ok((read, outer.algorithm))
    }

    /// The algorithm.
    pub(super) const fn algorithm(&self) -> &Result<SignatureAlgorithm, AlgorithmFault> {
        &self.algorithm
    }

    /// The message, in the bytes that this was read from.
    pub(super) fn message<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.message.clone()]
    }

    /// Whether this key signed the message, in the bytes that this was read from.
    pub(super) fn is_signed_by(&self, key: &PublicKey, bytes: &[u8]) -> bool {
        let by = self.algorithm.as_ref();
        by.is_ok_and(|by| by.verify(key, self.message(bytes), &self.signature).is_ok())
    }
}

/// The length of the DER value that the bytes begin with.
pub(super) fn first_value(bytes: &[u8]) -> Option<usize> {
    let mut reader = der::SliceReader::new(bytes).ok()?;
    Some(reader.tlv_bytes().ok()?.len())
}

/// Why a file does not hold one value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// The PEM text does not hold together.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A block of the PEM text holds something else.
    #[error("it holds a block {found:?}; expected {wanted:?}")]
    Label {
        /// The block's label.
        found: String,
        /// The label that is wanted.
        wanted: &'static str,
    },
    /// There are several.
    #[error("it holds {0} blocks; expected one")]
    Several(usize),
}

/// The one value of a file, in DER: the file's bytes, or the one block of its PEM text, under one of these labels.
pub(super) fn unwrap(bytes: &[u8], labels: &[&'static str]) -> Result<Vec<u8>, FormError> {
    if bytes.starts_with(&[0x30]) {
        return Ok(bytes.to_vec());
    }
    let text = PemText::of(bytes)?;
    let wanted = labels.first().copied().unwrap_or_default();
    let mut found = text.blocks.iter().map(|block| block.label);
    if let Some(other) = found.find(|label| !labels.contains(label)) {
        let found = other.to_owned();
        return Err(FormError::Label { found, wanted });
    }
    let [block] = &*text.blocks else {
        return Err(FormError::Several(text.blocks.len()));
    };
    let mut room = vec![0; block.room()];
    let length = block.read(&mut room)?;
    room.truncate(length);
    Ok(room)
}
