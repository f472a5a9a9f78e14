//! Content digests (OCI image-spec, "Digests") and the prehashes that signatures are made over.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use sha2::{Digest as _, Sha256};

use super::sha512::{Sha384, Sha512};
use crate::encoding::hex::{hex, unhex};

/// The hash functions an OCI digest or a signature may use.
///
/// `sha256` and `sha512` are the algorithms registered by the OCI image specification that are met
/// in the wild; `sha384` is what container tools built on the same digest library also accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashAlgorithm {
    /// SHA-256 (FIPS 180-4), 32 bytes.
    Sha256,
    /// SHA-384 (FIPS 180-4), 48 bytes.
    Sha384,
    /// SHA-512 (FIPS 180-4), 64 bytes.
    Sha512,
}

impl HashAlgorithm {
    /// Every algorithm, in order of length.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name as it stands before the colon of a digest and as a folder under `blobs/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The name as FIPS 180-4 writes it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// How many bytes the hash has; its hexadecimal form has twice as many characters.
    pub const fn hash_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The longest hash any [`HashAlgorithm`] has.
const MAX_LEN: usize = 64;

/// A content digest: an algorithm and that algorithm's hash, written `algorithm:lower-case-hex`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: HashAlgorithm,
    bytes: [u8; MAX_LEN],
}

/// Why a text is not a digest this program can check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// There is no `algorithm:` before the hash.
    #[error("\"{0}\" is not a digest: it has no \"algorithm:\" part")]
    NoAlgorithm(String),
    /// The algorithm is not one of `sha256`, `sha384`, `sha512`.
    #[error("\"{0}\" uses a digest algorithm that is not supported (sha256, sha384, sha512 are)")]
    UnknownAlgorithm(String),
    /// The hash is not lower-case hexadecimal of the algorithm's length.
    #[error("\"{text}\" is not a digest: {algorithm} takes {} lower-case hexadecimal digits", .algorithm.hash_len() * 2)]
    BadHash {
        /// The text as given.
        text: String,
        /// The algorithm that it names.
        algorithm: HashAlgorithm,
    },
}

impl Digest {
    /// The digest of `bytes`.
    ///
    /// By AWS-LC, which is there for verifying: a running hash of the `sha2` crate asks the processor anew what it can
    /// do, and in a virtual machine each such question takes 10 µs, more than hashing a document.
    pub fn of(algorithm: HashAlgorithm, bytes: &[u8]) -> Self {
        let by = match algorithm {
            HashAlgorithm::Sha256 => &SHA256,
            HashAlgorithm::Sha384 => &SHA384,
            HashAlgorithm::Sha512 => &SHA512,
        };
        Self::from_hash(algorithm, digest(by, bytes).as_ref())
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// The hash itself, [`HashAlgorithm::hash_len`] bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.hash_len()]
    }

    /// The hash in lower-case hexadecimal: the name of the blob's file.
    pub fn hex(&self) -> String {
        hex(self.as_bytes())
    }

    /// Whether `text` claims to be a digest, well formed or not: it starts with a known algorithm
    /// and a colon. Such a text is never taken for a tag.
    pub fn is_digest_form(text: &str) -> bool {
        text.split_once(':').is_some_and(|(algorithm, _)| {
            let known = |name: &str| algorithm.eq_ignore_ascii_case(name);
            HashAlgorithm::ALL.iter().any(|a| known(a.name())) || known("blake3")
        })
    }

    /// The digest with this hash, which has the right length.
    pub(crate) fn from_hash(algorithm: HashAlgorithm, hash: &[u8]) -> Self {
        let mut bytes = [0; MAX_LEN];
        bytes[..algorithm.hash_len()].copy_from_slice(hash);
        Self { algorithm, bytes }
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, hash) = text
            .split_once(':')
            .ok_or_else(|| DigestError::NoAlgorithm(text.to_owned()))?;
        let algorithm = HashAlgorithm::from_name(name)
            .ok_or_else(|| DigestError::UnknownAlgorithm(text.to_owned()))?;
        match unhex(hash) {
            Some(bytes) if bytes.len() == algorithm.hash_len() => {
                Ok(Self::from_hash(algorithm, &bytes))
            }
            _ => Err(DigestError::BadHash {
                text: text.to_owned(),
                algorithm,
            }),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A running hash.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    /// Starts a hash.
    pub fn new(algorithm: HashAlgorithm) -> Self {
        Self(match algorithm {
            HashAlgorithm::Sha256 => State::Sha256(Sha256::new()),
            HashAlgorithm::Sha384 => State::Sha384(Sha384::new()),
            HashAlgorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha384(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// Ends the hash as a content digest.
    pub fn digest(self) -> Digest {
        match self.0 {
            State::Sha256(state) => Digest::from_hash(HashAlgorithm::Sha256, &state.finalize()),
            State::Sha384(state) => Digest::from_hash(HashAlgorithm::Sha384, &state.finish()),
            State::Sha512(state) => Digest::from_hash(HashAlgorithm::Sha512, &state.finish()),
        }
    }

    /// Ends the hash as the value a signature is made over.
    pub fn prehash(self) -> Prehash {
        Prehash(self.digest())
    }
}

/// A hash that a signature is made over.
///
/// It knows its algorithm and comes from hashing only, so that no key is ever made to sign a value
/// of a caller's choosing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prehash(Digest);

impl Prehash {
    /// Hashes `bytes`.
    pub fn of(algorithm: HashAlgorithm, bytes: &[u8]) -> Self {
        Self(Digest::of(algorithm, bytes))
    }

    /// Hashes `bytes` with SHA-384, the hash that goes with P-384.
    pub fn sha384(bytes: &[u8]) -> Self {
        Self(Digest::of(HashAlgorithm::Sha384, bytes))
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> HashAlgorithm {
        self.0.algorithm()
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The same as a content digest.
    pub const fn digest(&self) -> Digest {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_answers() {
        // FIPS 180-4 examples for "abc".
        assert_eq!(
            Digest::of(HashAlgorithm::Sha256, b"abc").to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            hex(Prehash::sha384(b"abc").as_bytes()),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
             8086072ba1e7cc2358baeca134c825a7"
        );
    }

    #[test]
    fn refuses_what_is_not_a_digest() {
        let good = Digest::of(HashAlgorithm::Sha256, b"").to_string();
        for bad in [
            "",
            "sha256",
            "sha256:",
            "latest",
            &good.to_uppercase(),
            &good.replace("sha256", "SHA256"),
            &good[..good.len() - 1],
            &format!("{good}0"),
            &good.replace("sha256", "md5"),
            &good.replace("sha256", "sha512"),
            &format!(" {good}"),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn digests_read_back_as_written(bytes in proptest::collection::vec(any::<u8>(), 0..200), which in 0..3usize) {
            let digest = Digest::of(HashAlgorithm::ALL[which], &bytes);
            prop_assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
            prop_assert!(Digest::is_digest_form(&digest.to_string()));
        }

        #[test]
        fn any_text_is_a_digest_or_an_error(text in "\\PC{0,140}") {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), text);
            }
        }

        #[test]
        fn hashed_at_once_or_in_parts_it_is_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0..400usize) {
            let (head, tail) = bytes.split_at(at.min(bytes.len()));
            for algorithm in HashAlgorithm::ALL {
                let mut hasher = Hasher::new(algorithm);
                hasher.update(head);
                hasher.update(tail);
                prop_assert_eq!(hasher.digest(), Digest::of(algorithm, &bytes));
            }
        }
    }
}
