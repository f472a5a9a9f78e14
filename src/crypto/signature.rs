//! Signatures of each kind of key, with the forms that they are stored in.

use std::fmt;

use super::curve::{Curve, LARGEST_RSA, SMALLEST_RSA};
use super::verify::Algorithm;
use crate::encoding::hex::hex;

/// A signature by a key of a known kind. The S of ECDSA is not normalised: both S and n − S are valid, as for OpenSSL.
///
/// ```
/// use ir_sign::crypto::{Curve, Signature};
///
/// // r and s are 1.
/// let signature = Signature::from_der(Curve::P256, &[0x30, 6, 2, 1, 1, 2, 1, 1])?;
/// assert_eq!(signature.to_bytes(), [0x30, 6, 2, 1, 1, 2, 1, 1]);
/// assert_eq!(signature.to_raw().len(), 64);
/// assert!(Signature::from_der(Curve::P256, &[0x30, 6, 2, 1, 0, 2, 1, 1]).is_err());
/// # Ok::<(), ir_sign::crypto::SignatureError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Form);

#[derive(Clone, PartialEq, Eq)]
enum Form {
    // r and s, both from 1 to n − 1.
    P256(p256::ecdsa::Signature),
    P384(p384::ecdsa::Signature),
    P521(p521::ecdsa::Signature),
    /// A big-endian number, as long as the modulus of the key.
    Rsa(Vec<u8>),
    /// R and S.
    Ed25519([u8; ED25519_LEN]),
}

/// Bytes of an Ed25519 signature (RFC 8032, section 5.1.6).
const ED25519_LEN: usize = 64;

/// Why bytes are not a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The bytes are not ECDSA's r and s in strict DER.
    #[error(
        "not a strict DER ECDSA {0} signature (a SEQUENCE of two positive INTEGERs below the group order, nothing after it)"
    )]
    Der(Curve),
    /// The bytes are not ECDSA's r and s, one after the other.
    #[error(
        "not a raw ECDSA {0} signature (two numbers of {len} bytes, both from 1 to the group order minus 1)",
        len = .0.coordinate_len()
    )]
    Raw(Curve),
    /// No RSA key makes a signature of so many bytes.
    #[error("not an RSA signature: it has {0} bytes, and {least} to {most} are right", least = SMALLEST_RSA / 8, most = LARGEST_RSA / 8)]
    Rsa(usize),
    /// The bytes are too many or too few for Ed25519.
    #[error("not an Ed25519 signature: it has {0} bytes, and {ED25519_LEN} are right")]
    Ed25519(usize),
}

impl Signature {
    /// Reads the form that [`PublicKey::verify`](super::PublicKey::verify) takes: ECDSA in strict DER
    /// ([`Self::from_der`]), RSA as long as a modulus (RFC 8017, section 8), Ed25519 in 64 bytes (RFC 8032).
    pub fn of(by: Algorithm, bytes: &[u8]) -> Result<Self, SignatureError> {
        match by {
            Algorithm::Ecdsa(curve, _) => Self::from_der(curve, bytes),
            Algorithm::RsaPkcs1(_) | Algorithm::RsaPss(_) | Algorithm::Ed25519 => {
                Self::of_raw(by, bytes)
            }
        }
    }

    /// Reads the form of JOSE and COSE (RFC 7518, section 3; RFC 9053, section 2): ECDSA as r‖s
    /// ([`Self::from_raw`]), the others as [`Self::of`].
    pub fn of_raw(by: Algorithm, bytes: &[u8]) -> Result<Self, SignatureError> {
        match by {
            Algorithm::Ecdsa(curve, _) => Self::from_raw(curve, bytes),
            Algorithm::RsaPkcs1(_) | Algorithm::RsaPss(_) => {
                let lengths = usize::from(SMALLEST_RSA / 8)..=usize::from(LARGEST_RSA / 8);
                if lengths.contains(&bytes.len()) {
                    Ok(Self(Form::Rsa(bytes.to_vec())))
                } else {
                    Err(SignatureError::Rsa(bytes.len()))
                }
            }
            Algorithm::Ed25519 => {
                let form = bytes.try_into().map(Form::Ed25519);
                form.map(Self)
                    .map_err(|_| SignatureError::Ed25519(bytes.len()))
            }
        }
    }

    /// Reads `ECDSA-Sig-Value` (RFC 5480, appendix A) in DER: no BER, no trailing bytes, no raw
    /// r‖s, and r and s from 1 to n − 1.
    pub fn from_der(curve: Curve, bytes: &[u8]) -> Result<Self, SignatureError> {
        let scalars = match curve {
            Curve::P256 => p256::ecdsa::Signature::from_der(bytes).map(Form::P256),
            Curve::P384 => p384::ecdsa::Signature::from_der(bytes).map(Form::P384),
            Curve::P521 => p521::ecdsa::Signature::from_der(bytes).map(Form::P521),
        };
        let signature = scalars.map(Self).map_err(|_| SignatureError::Der(curve))?;
        if signature.to_bytes() == bytes {
            Ok(signature)
        } else {
            Err(SignatureError::Der(curve))
        }
    }

    /// Reads r and s, each as long as a coordinate and from 1 to n − 1: what a token gives.
    pub fn from_raw(curve: Curve, bytes: &[u8]) -> Result<Self, SignatureError> {
        let scalars = match curve {
            Curve::P256 => p256::ecdsa::Signature::from_slice(bytes).map(Form::P256),
            Curve::P384 => p384::ecdsa::Signature::from_slice(bytes).map(Form::P384),
            Curve::P521 => p521::ecdsa::Signature::from_slice(bytes).map(Form::P521),
        };
        scalars.map(Self).map_err(|_| SignatureError::Raw(curve))
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
            (Form::P256(a), Form::P256(b)) => mirrored!(a, b),
            (Form::P384(a), Form::P384(b)) => mirrored!(a, b),
            (Form::P521(a), Form::P521(b)) => mirrored!(a, b),
            (
                Form::P256(_) | Form::P384(_) | Form::P521(_) | Form::Rsa(_) | Form::Ed25519(_),
                _,
            ) => false,
        }
    }

    /// The form that [`PublicKey::verify`](super::PublicKey::verify) takes, and that most files hold: [`Self::of`].
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Form::P256(signature) => signature.to_der().as_bytes().to_vec(),
            Form::P384(signature) => signature.to_der().as_bytes().to_vec(),
            Form::P521(signature) => signature.to_der().as_bytes().to_vec(),
            Form::Rsa(bytes) => bytes.clone(),
            Form::Ed25519(bytes) => bytes.to_vec(),
        }
    }

    /// The form of JOSE and COSE, and of tokens: of ECDSA r and s, each as long as a coordinate ([`Self::of_raw`]).
    pub fn to_raw(&self) -> Vec<u8> {
        match &self.0 {
            Form::P256(signature) => signature.to_bytes().to_vec(),
            Form::P384(signature) => signature.to_bytes().to_vec(),
            Form::P521(signature) => signature.to_bytes().to_vec(),
            Form::Rsa(bytes) => bytes.clone(),
            Form::Ed25519(bytes) => bytes.to_vec(),
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Form::P256(_) => "P-256",
            Form::P384(_) => "P-384",
            Form::P521(_) => "P-521",
            Form::Rsa(_) => "RSA",
            Form::Ed25519(_) => "Ed25519",
        };
        write!(f, "Signature({kind}, {})", hex(&self.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::HashAlgorithm;

    #[test]
    fn a_signature_has_the_form_of_its_algorithm() {
        for length in [256, 384, 512, 1024] {
            for by in [
                Algorithm::RsaPss(HashAlgorithm::Sha512),
                Algorithm::RsaPkcs1(HashAlgorithm::Sha256),
            ] {
                let bytes = vec![7; length];
                let signature = Signature::of(by, &bytes).expect("as long as a modulus");
                assert_eq!(signature.to_bytes(), bytes);
                assert_eq!(signature.to_raw(), bytes);
                assert!(!signature.is_other_form_of(&signature));
            }
        }
        let signature = Signature::of(Algorithm::Ed25519, &[9; 64]).expect("as long as it is");
        assert_eq!(signature.to_bytes(), [9; 64]);
        let by = Algorithm::Ecdsa(Curve::P384, HashAlgorithm::Sha256);
        let raw = Signature::of_raw(by, &[1; 96]).expect("r and s");
        assert_eq!(Signature::of(by, &raw.to_bytes()).expect("the same"), raw);
        assert_eq!(raw.to_raw(), [1; 96]);
    }

    #[test]
    fn bytes_of_another_form_are_refused() {
        let rsa = Algorithm::RsaPss(HashAlgorithm::Sha256);
        for length in [0, 255, 1025] {
            let refused = Signature::of(rsa, &vec![1; length]);
            assert_eq!(refused, Err(SignatureError::Rsa(length)));
        }
        for length in [0, 63, 65] {
            let refused = Signature::of(Algorithm::Ed25519, &vec![1; length]);
            assert_eq!(refused, Err(SignatureError::Ed25519(length)));
        }
        for curve in Curve::ALL {
            let by = Algorithm::Ecdsa(curve, curve.hash());
            let raw = vec![1; 2 * curve.coordinate_len()];
            assert_eq!(Signature::of(by, &raw), Err(SignatureError::Der(curve)));
            let der = Signature::of_raw(by, &raw).expect("r and s").to_bytes();
            assert_eq!(Signature::of_raw(by, &der), Err(SignatureError::Raw(curve)));
        }
    }
}
