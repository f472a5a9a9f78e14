//! `CKA_EC_POINT`: writing an accepted point again gives the same point, raw and in DER.

use ir_sign::crypto::Curve;
use ir_sign::key::pkcs11::read_point;

pub fn run(bytes: &[u8]) {
    for curve in Curve::ALL {
        if let Ok(key) = read_point(curve, bytes) {
            let point = &key.spki()[key.spki().len() - curve.point_len()..];
            assert_eq!(point, &bytes[bytes.len() - curve.point_len()..]);
            assert_eq!(read_point(curve, point).as_ref(), Ok(&key));
        }
    }
}
