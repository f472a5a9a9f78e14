//! ECDSA signatures, with their DER and raw forms.

use std::fmt;

use super::curve::Curve;
use crate::encoding::hex::hex;

/// An ECDSA signature by a key on a known curve. S is not normalised: both S and n − S are valid, as for OpenSSL.
///
/// ```
/// use ir_sign::crypto::{Curve, Signature};
///
/// // r and s are 1.
/// let signature = Signature::from_der(Curve::P256, &[0x30, 6, 2, 1, 1, 2, 1, 1])?;
/// assert_eq!(signature.to_der(), [0x30, 6, 2, 1, 1, 2, 1, 1]);
/// assert!(Signature::from_der(Curve::P256, &[0x30, 6, 2, 1, 0, 2, 1, 1]).is_err());
/// # Ok::<(), ir_sign::crypto::SignatureError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Scalars);

/// r and s, both from 1 to n − 1.
#[derive(Clone, PartialEq, Eq)]
enum Scalars {
    P256(p256::ecdsa::Signature),
    P384(p384::ecdsa::Signature),
    P521(p521::ecdsa::Signature),
}

/// Why bytes are not a signature in strict DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a strict DER ECDSA {0} signature (a SEQUENCE of two positive INTEGERs below the group order, nothing after it)"
)]
pub struct SignatureError(pub Curve);

impl Signature {
    /// Reads `ECDSA-Sig-Value` (RFC 5480, appendix A) in DER: no BER, no trailing bytes, no raw
    /// r‖s, and r and s from 1 to n − 1.
    pub fn from_der(curve: Curve, bytes: &[u8]) -> Result<Self, SignatureError> {
        let scalars = match curve {
            Curve::P256 => p256::ecdsa::Signature::from_der(bytes).map(Scalars::P256),
            Curve::P384 => p384::ecdsa::Signature::from_der(bytes).map(Scalars::P384),
            Curve::P521 => p521::ecdsa::Signature::from_der(bytes).map(Scalars::P521),
        };
        let signature = scalars.map(Self).map_err(|_| SignatureError(curve))?;
        if signature.to_der() == bytes {
            Ok(signature)
        } else {
            Err(SignatureError(curve))
        }
    }

    /// Reads r and s, each as long as a coordinate and from 1 to n − 1: what a token gives.
    pub fn from_raw(curve: Curve, bytes: &[u8]) -> Result<Self, SignatureError> {
        let scalars = match curve {
            Curve::P256 => p256::ecdsa::Signature::from_slice(bytes).map(Scalars::P256),
            Curve::P384 => p384::ecdsa::Signature::from_slice(bytes).map(Scalars::P384),
            Curve::P521 => p521::ecdsa::Signature::from_slice(bytes).map(Scalars::P521),
        };
        scalars.map(Self).map_err(|_| SignatureError(curve))
    }

    /// The curve of the key that made it.
    pub const fn curve(&self) -> Curve {
        match self.0 {
            Scalars::P256(_) => Curve::P256,
            Scalars::P384(_) => Curve::P384,
            Scalars::P521(_) => Curve::P521,
        }
    }

    /// Whether the other signature has the same r, and n − s for s: anybody can derive it from this one, with no key.
    pub fn is_other_form_of(&self, other: &Self) -> bool {
        // The three curves have types of their own.
        macro_rules! mirrored {
            ($a:expr, $b:expr) => {{
                let ((r, s), (other_r, other_s)) = ($a.split_scalars(), $b.split_scalars());
                *r == *other_r && *s == -*other_s
            }};
        }
        match (&self.0, &other.0) {
            (Scalars::P256(a), Scalars::P256(b)) => mirrored!(a, b),
            (Scalars::P384(a), Scalars::P384(b)) => mirrored!(a, b),
            (Scalars::P521(a), Scalars::P521(b)) => mirrored!(a, b),
            (Scalars::P256(_) | Scalars::P384(_) | Scalars::P521(_), _) => false,
        }
    }

    /// The DER form.
    pub fn to_der(&self) -> Vec<u8> {
        match &self.0 {
            Scalars::P256(signature) => signature.to_der().as_bytes().to_vec(),
            Scalars::P384(signature) => signature.to_der().as_bytes().to_vec(),
            Scalars::P521(signature) => signature.to_der().as_bytes().to_vec(),
        }
    }

    /// The raw form: r and s, each as long as a coordinate.
    pub fn to_raw(&self) -> Vec<u8> {
        match &self.0 {
            Scalars::P256(signature) => signature.to_bytes().to_vec(),
            Scalars::P384(signature) => signature.to_bytes().to_vec(),
            Scalars::P521(signature) => signature.to_bytes().to_vec(),
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}, {})", self.curve(), hex(&self.to_der()))
    }
}
