//! PKCS#1 `RSAPrivateKey` in DER (RFC 8017, appendix A.1.2).

use der::asn1::{AnyRef, UintRef};
use der::{Decode, ErrorKind, Sequence};

use super::error::PrivateFileError as E;
use crate::crypto::PublicKey;
use crate::key::rsa_key::RsaKey;

#[derive(Sequence)]
struct RsaPrivateKey<'a> {
    version: u8,
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
    private_exponent: UintRef<'a>,
    prime1: UintRef<'a>,
    prime2: UintRef<'a>,
    exponent1: UintRef<'a>,
    exponent2: UintRef<'a>,
    coefficient: UintRef<'a>,
    /// More primes, only in version 1.
    other_primes: Option<AnyRef<'a>>,
}

/// Reads a key of two primes.
pub(super) fn read(bytes: &[u8]) -> Result<RsaKey, E> {
    let key = RsaPrivateKey::from_der(bytes).map_err(|error| match error.kind() {
        ErrorKind::TrailingData { .. } => E::TrailingBytes,
        _ => E::Der {
            form: "PKCS#1 private key",
            reason: error.to_string(),
        },
    })?;
    if key.version != 0 || key.other_primes.is_some() {
        return Err(E::Primes);
    }
    let public = PublicKey::from_rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes());
    RsaKey::from_pkcs1(bytes, public?).ok_or(E::Numbers)
}
