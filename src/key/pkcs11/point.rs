//! `CKA_EC_POINT`: an uncompressed point, raw or in a DER OCTET STRING.

use crate::crypto::P384Key;

/// Why bytes are not the point of a P-384 public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    /// Neither 97 bytes of a point nor 99 of one in DER.
    #[error("its CKA_EC_POINT has {0} bytes, and 97 (raw) or 99 (DER) are right")]
    Length(usize),
    /// The 99 bytes are not an OCTET STRING of 97.
    #[error("its CKA_EC_POINT is not a DER OCTET STRING of 97 bytes")]
    NotAnOctetString,
    /// The point is not on the curve.
    #[error("its CKA_EC_POINT is not a point on secp384r1")]
    NotOnCurve,
}

/// Reads a `CKA_EC_POINT`. The specification wants DER; there are tokens that leave it off. The
/// exact length tells which it is.
pub fn read(bytes: &[u8]) -> Result<P384Key, PointError> {
    let point = match bytes {
        _ if bytes.len() == 97 => bytes,
        [4, 97, point @ ..] if bytes.len() == 99 => point,
        _ if bytes.len() == 99 => return Err(PointError::NotAnOctetString),
        _ => return Err(PointError::Length(bytes.len())),
    };
    P384Key::from_point(point).map_err(|_| PointError::NotOnCurve)
}
