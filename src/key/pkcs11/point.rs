//! `CKA_EC_POINT`: an uncompressed point, raw or in a DER OCTET STRING.

use crate::crypto::public_key::PublicKeyError;
use crate::crypto::{Curve, PublicKey};

/// Why attributes are not a public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PointError {
    /// Neither as many bytes as a point has nor as one in DER has.
    #[error(
        "its CKA_EC_POINT has {0} bytes, and {raw} (raw) or {der} (DER) are right",
        raw = .1.point_len(),
        der = .1.point_len() + header(*.1).len()
    )]
    Length(usize, Curve),
    /// The bytes are as many as those of a point in DER, and are none.
    #[error("its CKA_EC_POINT is not a DER OCTET STRING of {} bytes", .0.point_len())]
    NotAnOctetString(Curve),
    /// The point is not on the curve.
    #[error("its CKA_EC_POINT is not a point on {}", .0.sec_name())]
    NotOnCurve(Curve),
    /// The numbers are not an RSA key that ir-sign reads.
    #[error("by its CKA_MODULUS and CKA_PUBLIC_EXPONENT, {0}")]
    Rsa(PublicKeyError),
}

/// Reads a `CKA_EC_POINT`. The specification wants DER; there are tokens that leave it off. The
/// exact length tells which it is.
pub fn read(curve: Curve, bytes: &[u8]) -> Result<PublicKey, PointError> {
    let header = header(curve);
    let point = match bytes.len() {
        raw if raw == curve.point_len() => bytes,
        der if der == header.len() + curve.point_len() => {
            let point = bytes.strip_prefix(header);
            point.ok_or(PointError::NotAnOctetString(curve))?
        }
        other => return Err(PointError::Length(other, curve)),
    };
    PublicKey::from_point(curve, point).map_err(|_| PointError::NotOnCurve(curve))
}

/// The tag and the length of an OCTET STRING that holds a point.
pub(super) const fn header(curve: Curve) -> &'static [u8] {
    match curve {
        Curve::P256 => &[4, 65],
        Curve::P384 => &[4, 97],
        Curve::P521 => &[4, 0x81, 133],
    }
}
