//! Signatures: DER in its one form, and the 96 bytes that a token gives.

use ir_sign::crypto::Signature;

pub fn run(bytes: &[u8]) {
    if let Ok(signature) = Signature::from_der(bytes) {
        assert_eq!(signature.to_der(), bytes);
    }
    if let Some((raw, _)) = bytes.split_first_chunk::<96>()
        && let Ok(signature) = Signature::from_raw(raw)
    {
        assert_eq!(
            Signature::from_der(&signature.to_der()).as_ref(),
            Ok(&signature)
        );
    }
}
