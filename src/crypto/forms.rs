//! What is given for a key and is none in the form that is read: enough to say how it is converted.

use std::fmt;

use der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

use super::names::{ID_EC_PUBLIC_KEY, algorithm_name};

/// What PEM text holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pem {
    /// A private EC key.
    Private,
    /// An encrypted private key, of an algorithm that its passphrase alone shows.
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

/// How many bytes of a key are looked at: its algorithm is among them, and next to nothing else.
const START: usize = 24;

impl Pem {
    /// Looks at PEM text (RFC 7468); `None` where it is none.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        // Text may come first, as `openssl x509 -text` writes it. DER begins with a SEQUENCE.
        let (before, mut rest) = match bytes {
            [0x30, ..] => None,
            _ => split(bytes, b"-----BEGIN "),
        }?;
        if !matches!(before, [] | [.., b'\n']) {
            return None;
        }
        loop {
            let Some((label, body)) = split(rest, b"-----") else {
                return Some(Self::Unknown);
            };
            if label != b"EC PARAMETERS" {
                return Some(Self::of_block(label, body));
            }
            // `openssl ecparam -genkey` writes them before the key.
            match split(body, b"-----BEGIN ") {
                Some((_, next)) => rest = next,
                None => return Some(Self::Unknown),
            }
        }
    }

    fn of_block(label: &[u8], body: &[u8]) -> Self {
        let body = split(body, b"-----").map_or(body, |(body, _)| body);
        let by_algorithm = |kind: &str, ec| match algorithm(&base64(body, START)) {
            Some(other) if other != ID_EC_PUBLIC_KEY => {
                Self::Foreign(format!("{kind} key for {}", algorithm_name(&other)))
            }
            _ => ec,
        };
        match label {
            b"EC PRIVATE KEY" => Self::Private,
            b"ENCRYPTED PRIVATE KEY" => Self::Encrypted,
            b"PRIVATE KEY" => by_algorithm("a private", Self::Private),
            b"PUBLIC KEY" => by_algorithm("a public", Self::Public),
            b"RSA PRIVATE KEY" => Self::Foreign("a private key for RSA".into()),
            b"RSA PUBLIC KEY" => Self::Foreign("a public key for RSA".into()),
            b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE" => {
                // The algorithm of its own signature is another one, so this is its key's.
                let name = ID_EC_PUBLIC_KEY.as_bytes();
                let whole = base64(body, body.len());
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
    let mut lines = text.split(|byte| *byte == b'\n');
    lines.any(|line| line.starts_with(b"-----BEGIN ") && split(line, b"PRIVATE KEY").is_some())
}

/// The algorithm of a private key in DER PKCS#8 (RFC 5208, section 5), if the bytes begin as one.
pub fn of_pkcs8(bytes: &[u8]) -> Option<ObjectIdentifier> {
    matches!(content(bytes, 0x30)?, [2, 1, 0 | 1, 0x30, ..])
        .then(|| algorithm(bytes))
        .flatten()
}

/// Whether bytes begin as an encrypted private key in DER PKCS#8 does (RFC 5208, section 6).
pub fn is_encrypted_pkcs8(bytes: &[u8]) -> bool {
    // pkcs-5 and pkcs-12PbeIds: openssl writes both.
    const ALGORITHMS: [ObjectIdentifier; 2] = [
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.5"),
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1"),
    ];
    algorithm(bytes).is_some_and(|oid| {
        let is_one = |start: &ObjectIdentifier| oid.as_bytes().starts_with(start.as_bytes());
        ALGORITHMS.iter().any(is_one)
    })
}

/// The algorithm at the start of a `PrivateKeyInfo` or a `SubjectPublicKeyInfo`.
fn algorithm(start: &[u8]) -> Option<ObjectIdentifier> {
    let inner = content(start, 0x30)?;
    let inner = match inner {
        [2, 1, _, rest @ ..] => rest,
        _ => inner,
    };
    let name = content(inner, 0x30)?;
    let length = usize::from(*name.get(1)?);
    ObjectIdentifier::from_bytes(content(name, 6)?.get(..length)?).ok()
}

/// What follows the header of a DER element, to the end of what is there.
fn content(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    match bytes {
        [first, 0x81, _, rest @ ..] | [first, 0x82, _, _, rest @ ..] if *first == tag => Some(rest),
        [first, 0..=0x7f, rest @ ..] if *first == tag => Some(rest),
        _ => None,
    }
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let found = bytes.windows(at.len()).position(|part| part == at)?;
    Some((&bytes[..found], &bytes[found + at.len()..]))
}

/// At most so many bytes that base64 stands for, up to what is none.
fn base64(text: &[u8], most: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    let (mut bits, mut held) = (0_u32, 0);
    for c in text.iter().filter(|c| !c.is_ascii_whitespace()) {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            if bytes.len() == most {
                break;
            }
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_as_far_as_it_is_wanted() {
        for (text, bytes) in [
            (&b"TWFu"[..], &b"Man"[..]),
            (b"TW\r\nE=", b"Ma"),
            (b"TWFuTWFu", b"ManM"),
            (b"+/+/", b"\xfb\xff\xbf"),
            (b"", b""),
            (b"TWFu-----", b"Man"),
        ] {
            assert_eq!(*base64(text, 4), bytes);
        }
    }

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
