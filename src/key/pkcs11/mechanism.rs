//! How a token makes a signature.

use std::fmt;
use std::str::FromStr;

use cryptoki::mechanism::MechanismType;
use serde::Deserialize;

/// The longest message for a token that hashes by itself.
pub const LONGEST_MESSAGE: usize = 4 << 20;

/// The mechanism, and so the bytes that the token gets. Only the user chooses: ir-sign does not try one because the other was refused.
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
