//! Signatures: DER in its one form, and the bytes that a token gives.

use ir_sign::crypto::{Curve, Signature};

pub fn run(bytes: &[u8]) {
    for curve in Curve::ALL {
        if let Ok(signature) = Signature::from_der(curve, bytes) {
            assert_eq!(signature.to_bytes(), bytes);
        }
        let raw = bytes.get(..2 * curve.coordinate_len());
        if let Some(Ok(signature)) = raw.map(|raw| Signature::from_raw(curve, raw)) {
            assert_eq!(signature.to_raw(), bytes[..2 * curve.coordinate_len()]);
            let again = Signature::from_der(curve, &signature.to_bytes());
            assert_eq!(again.as_ref(), Ok(&signature));
        }
    }
}
