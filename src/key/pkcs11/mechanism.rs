//! How a token makes a signature.

use std::fmt;
use std::str::FromStr;

use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::types::Ulong;
use serde::Deserialize;

use crate::crypto::{HashAlgorithm, Prehash};

/// The longest message for a token that hashes by itself.
pub const LONGEST_MESSAGE: usize = 4 << 20;

/// The mechanism of ECDSA, and so the bytes that the token gets. Only the user chooses: ir-sign does not try one because the other was refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum SignMechanism {
    /// `CKM_ECDSA` (PKCS #11 v2.40, section 2.3.5): ir-sign hashes, and the token signs the hash.
    #[default]
    #[serde(rename = "CKM_ECDSA")]
    Ecdsa,
    /// `CKM_ECDSA_SHA384` (PKCS #11 v3.0, section 2.3.7): the message, which the token hashes with SHA-384.
    /// Some tokens offer nothing else, as those in FIPS mode.
    #[serde(rename = "CKM_ECDSA_SHA384")]
    EcdsaSha384,
}

impl SignMechanism {
    /// Its name in PKCS#11.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecdsa => "CKM_ECDSA",
            Self::EcdsaSha384 => "CKM_ECDSA_SHA384",
        }
    }

    pub(super) const fn kind(self) -> MechanismType {
        match self {
            Self::Ecdsa => MechanismType::ECDSA,
            Self::EcdsaSha384 => MechanismType::ECDSA_SHA384,
        }
    }

    /// The words for its absence on a token.
    pub const fn wanted(self) -> &'static str {
        match self {
            Self::Ecdsa => "CKM_ECDSA for signing",
            Self::EcdsaSha384 => "CKM_ECDSA_SHA384 for signing",
        }
    }
}

impl fmt::Display for SignMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SignMechanism {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let known = [Self::Ecdsa, Self::EcdsaSha384];
        let found = known.into_iter().find(|known| known.name() == text);
        found.ok_or("the mechanisms are CKM_ECDSA and CKM_ECDSA_SHA384")
    }
}

/// `CKM_RSA_PKCS_PSS` (PKCS #11 v2.40, section 2.1.10) over a hash that was made here, with MGF1 by the same hash
/// function and a salt as long as the hash.
pub(super) fn pss(hash: HashAlgorithm) -> Mechanism<'static> {
    let (hash_alg, mgf, salt): (_, _, u64) = match hash {
        HashAlgorithm::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256, 32),
        HashAlgorithm::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384, 48),
        HashAlgorithm::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512, 64),
    };
    Mechanism::RsaPkcsPss(PkcsPssParams {
        hash_alg,
        mgf,
        s_len: Ulong::from(salt),
    })
}

/// The DER `DigestInfo` of a hash, which `CKM_RSA_PKCS` pads and signs (RFC 8017, section 9.2, note 1).
pub(super) fn digest_info(hash: &Prehash) -> Vec<u8> {
    let (last, length) = match hash.algorithm() {
        HashAlgorithm::Sha256 => (1, 32),
        HashAlgorithm::Sha384 => (2, 48),
        HashAlgorithm::Sha512 => (3, 64),
    };
    let mut info = vec![0x30, 17 + length, 0x30, 13, 6, 9];
    info.extend([0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, last, 5, 0, 4, length]);
    info.extend(hash.as_bytes());
    info
}

/// The words for the absence of a mechanism that RSA keys sign by; none for others.
pub(super) const fn wanted(mechanism: &Mechanism<'_>) -> Option<&'static str> {
    match mechanism {
        Mechanism::RsaPkcsPss(_) => Some(PSS),
        Mechanism::RsaPkcs => Some("CKM_RSA_PKCS for signing"),
        _ => None,
    }
}

/// The words for the absence of the mechanism that RSA keys prove themselves by.
pub(super) const PSS: &str = "CKM_RSA_PKCS_PSS for signing";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_info_is_der_of_a_name_and_a_hash() {
        for (hash, length) in HashAlgorithm::ALL.into_iter().zip([51, 67, 83]) {
            let info = digest_info(&Prehash::of(hash, b"message"));
            assert_eq!(info.len(), length);
            assert_eq!(usize::from(info[1]), length - 2);
            assert!(info.ends_with(Prehash::of(hash, b"message").as_bytes()));
        }
    }
}
