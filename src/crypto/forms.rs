//! Files that users give for a key in another form than the expected one: enough to say how to convert them.

use std::fmt;

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, SliceReader, Tag, Tagged};

use super::names::{ID_EC_PUBLIC_KEY, algorithm_name};
use crate::encoding::pem::{self, Block};

/// The content of PEM text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pem {
    /// A private EC key.
    Private,
    /// An encrypted private key, whose algorithm only its passphrase shows.
    Encrypted,
    /// A public EC key.
    Public,
    /// A certificate of an EC key.
    Certificate,
    /// A key for another algorithm, or its certificate, by what it is.
    Foreign(String),
    /// Something else.
    Unknown,
}

impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Private => f.write_str("a private key in PEM"),
            Self::Encrypted => f.write_str(
                "an encrypted private key in PEM, which does not say for which algorithm",
            ),
            Self::Public => f.write_str("a public key in PEM"),
            Self::Certificate => f.write_str("a certificate in PEM"),
            Self::Foreign(what) => write!(f, "{what} in PEM"),
            Self::Unknown => f.write_str("PEM"),
        }
    }
}

impl Pem {
    /// Looks at PEM text (RFC 7468); `None` if the bytes are not PEM text.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let mut blocks = pem::blocks(bytes)?;
        // `openssl ecparam -genkey` writes them before the key.
        let block = blocks.find(|block| block.label != b"EC PARAMETERS");
        Some(block.map_or(Self::Unknown, |block| Self::of_block(&block)))
    }

    fn of_block(block: &Block<'_>) -> Self {
        let by_algorithm = |kind: &str, ec| match algorithm(&block.content()) {
            Some((_, other)) if other != ID_EC_PUBLIC_KEY => {
                Self::Foreign(format!("{kind} key for {}", algorithm_name(&other)))
            }
            _ => ec,
        };
        match block.label {
            b"EC PRIVATE KEY" => Self::Private,
            b"ENCRYPTED PRIVATE KEY" => Self::Encrypted,
            b"PRIVATE KEY" => by_algorithm("a private", Self::Private),
            b"PUBLIC KEY" => by_algorithm("a public", Self::Public),
            b"RSA PRIVATE KEY" => Self::Foreign("a private key for RSA".into()),
            b"RSA PUBLIC KEY" => Self::Foreign("a public key for RSA".into()),
            b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE" => {
                // The algorithm of its own signature is another one, so this is its key's.
                let name = ID_EC_PUBLIC_KEY.as_bytes();
                let whole = block.content();
                if whole.windows(name.len()).any(|part| part == name) {
                    Self::Certificate
                } else {
                    Self::Foreign("a certificate of a key that is not EC".into())
                }
            }
            _ => Self::Unknown,
        }
    }
}

/// Whether a text has a private key of any kind in PEM (other programs call theirs alike), be
/// it behind a certificate.
pub fn has_private_pem(text: &[u8]) -> bool {
    const PRIVATE: &[u8] = b"PRIVATE KEY";
    // OpenPGP's label says more behind it.
    let is_private = |label: &[u8]| label.windows(PRIVATE.len()).any(|part| part == PRIVATE);
    pem::labels(text).any(is_private)
}

/// The algorithm of a private key in DER PKCS#8 (RFC 5208, section 5), if the bytes begin as one.
pub fn of_pkcs8(bytes: &[u8]) -> Option<ObjectIdentifier> {
    let (version, algorithm) = algorithm(bytes)?;
    matches!(version?, [0 | 1]).then_some(algorithm)
}

/// Whether bytes begin as an encrypted private key in DER PKCS#8 does (RFC 5208, section 6).
pub fn is_encrypted_pkcs8(bytes: &[u8]) -> bool {
    // pkcs-5 and pkcs-12PbeIds: openssl writes both.
    const ALGORITHMS: [ObjectIdentifier; 2] = [
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.5"),
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1"),
    ];
    algorithm(bytes).is_some_and(|(_, oid)| {
        let is_one = |start: &ObjectIdentifier| oid.as_bytes().starts_with(start.as_bytes());
        ALGORITHMS.iter().any(is_one)
    })
}

/// The algorithm of a `PrivateKeyInfo`, with its version, or of a `SubjectPublicKeyInfo`. More may follow.
fn algorithm(bytes: &[u8]) -> Option<(Option<&[u8]>, ObjectIdentifier)> {
    let outer = AnyRef::decode(&mut SliceReader::new(bytes).ok()?).ok()?;
    if outer.tag() != Tag::Sequence {
        return None;
    }
    let mut members = SliceReader::new(outer.value()).ok()?;
    let mut member = AnyRef::decode(&mut members).ok()?;
    let mut version = None;
    if member.tag() == Tag::Integer {
        version = Some(member.value());
        member = AnyRef::decode(&mut members).ok()?;
    }
    if member.tag() != Tag::Sequence {
        return None;
    }
    let mut name = SliceReader::new(member.value()).ok()?;
    Some((version, ObjectIdentifier::decode(&mut name).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_cut_short_is_pem_all_the_same() {
        let whole = b"-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n\
                      -----BEGIN EC PRIVATE KEY-----\nMIGkAgEB\n-----END EC PRIVATE KEY-----\n";
        assert_eq!(Pem::of(whole), Some(Pem::Private));
        for length in 11..whole.len() {
            assert!(Pem::of(&whole[..length]).is_some(), "{length}");
        }
        assert_eq!(Pem::of(&whole[..10]), None);
        let after_text = [b"Key: 1\n", &whole[..]].concat();
        assert_eq!(Pem::of(&after_text), Some(Pem::Private));
        assert_eq!(Pem::of(b"in line: -----BEGIN EC PRIVATE KEY-----"), None);
        assert_eq!(Pem::of(b"-----BEGIN NOTHING-----\n"), Some(Pem::Unknown));
    }
}
