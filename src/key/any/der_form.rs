//! What DER bytes are, from the types of their first members.

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};

/// What DER bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DerForm {
    /// `ECPrivateKey` (RFC 5915).
    Sec1,
    /// `PrivateKeyInfo` (RFC 5208, section 5).
    Pkcs8,
    /// `EncryptedPrivateKeyInfo` (RFC 5208, section 6).
    SealedPkcs8,
    /// A PKCS#12 container (RFC 7292).
    Pkcs12,
    /// A bare private key of RSA (RFC 8017, appendix A.1.2).
    Rsa,
    /// A bare private key of DSA.
    Dsa,
    /// A bare public key of RSA (RFC 8017, appendix A.1.1).
    RsaPublic,
    /// `SubjectPublicKeyInfo` (RFC 5280, section 4.1).
    PublicKey,
    /// A certificate (RFC 5280, section 4.1).
    Certificate,
}

impl DerForm {
    /// Looks at the start of the bytes. The rest may still break the form that this returns.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let outer = AnyRef::decode(&mut SliceReader::new(bytes).ok()?).ok()?;
        if outer.tag() != Tag::Sequence {
            return None;
        }
        let mut inner = SliceReader::new(outer.value()).ok()?;
        let first = AnyRef::decode(&mut inner).ok()?;
        let second = AnyRef::decode(&mut inner).ok()?;
        match (first.tag(), second.tag()) {
            (Tag::Integer, Tag::OctetString) => Some(Self::Sec1),
            (Tag::Integer, Tag::Sequence) if first.value() == [3] => Some(Self::Pkcs12),
            (Tag::Integer, Tag::Sequence) => Some(Self::Pkcs8),
            (Tag::Integer, Tag::Integer) => Self::of_numbers(inner),
            (Tag::Sequence, Tag::OctetString) => Some(Self::SealedPkcs8),
            (Tag::Sequence, Tag::BitString) => Some(Self::PublicKey),
            (Tag::Sequence, Tag::Sequence) => Some(Self::Certificate),
            _ => None,
        }
    }

    /// Tells the form by how many numbers follow the first two.
    fn of_numbers(mut rest: SliceReader<'_>) -> Option<Self> {
        let mut numbers = 2;
        while !rest.is_finished() {
            AnyRef::decode(&mut rest).ok()?;
            numbers += 1;
        }
        match numbers {
            2 => Some(Self::RsaPublic),
            6 => Some(Self::Dsa),
            9.. => Some(Self::Rsa),
            _ => None,
        }
    }

    /// Whether the form is a private key's.
    pub(super) const fn is_private(self) -> bool {
        match self {
            Self::Sec1 | Self::Pkcs8 | Self::SealedPkcs8 | Self::Pkcs12 | Self::Rsa | Self::Dsa => {
                true
            }
            Self::RsaPublic | Self::PublicKey | Self::Certificate => false,
        }
    }
}
