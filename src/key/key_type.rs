//! The types of keys that ir-sign makes.

use std::fmt;
use std::str::FromStr;

use crate::crypto::{Curve, KeyKind};

/// A type of key that ir-sign makes, in a file or on a token.
///
/// ```
/// use ir_sign::crypto::KeyKind;
/// use ir_sign::key::KeyType;
///
/// let rsa: KeyType = "rsa3072".parse()?;
/// assert_eq!(rsa.kind(), KeyKind::Rsa { bits: 3072 });
/// assert_eq!(KeyType::default().to_string(), "p384");
/// assert!("rsa1024".parse::<KeyType>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// ECDSA on a curve.
    Ec(Curve),
    /// RSA with the public exponent 65537.
    Rsa(RsaSize),
}

/// How many bits the modulus of a new RSA key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaSize {
    /// 2048 bits.
    Rsa2048,
    /// 3072 bits.
    Rsa3072,
    /// 4096 bits.
    Rsa4096,
}

impl RsaSize {
    /// The number.
    pub const fn bits(self) -> u16 {
        match self {
            Self::Rsa2048 => 2048,
            Self::Rsa3072 => 3072,
            Self::Rsa4096 => 4096,
        }
    }
}

impl KeyType {
    /// Every type, as the command line spells it.
    pub const ALL: [(&'static str, Self); 6] = [
        ("p256", Self::Ec(Curve::P256)),
        ("p384", Self::Ec(Curve::P384)),
        ("p521", Self::Ec(Curve::P521)),
        ("rsa2048", Self::Rsa(RsaSize::Rsa2048)),
        ("rsa3072", Self::Rsa(RsaSize::Rsa3072)),
        ("rsa4096", Self::Rsa(RsaSize::Rsa4096)),
    ];

    /// The kind of a key of this type.
    pub const fn kind(self) -> KeyKind {
        match self {
            Self::Ec(curve) => KeyKind::Ec(curve),
            Self::Rsa(size) => KeyKind::Rsa { bits: size.bits() },
        }
    }
}

impl Default for KeyType {
    /// P-384: the one that annotations and endorsements take.
    fn default() -> Self {
        Self::Ec(Curve::P384)
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::ALL.iter().find(|(_, known)| known == self);
        f.write_str(known.expect("every type has a name").0)
    }
}

impl FromStr for KeyType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(name, _)| *name == text);
        let names = || Self::ALL.map(|(name, _)| name).join(", ");
        let found = known.ok_or_else(|| format!("the types are {}", names()))?;
        Ok(found.1)
    }
}
