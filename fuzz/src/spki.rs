//! Public key files: each key has one encoding, and only that one is accepted.

use ir_sign::crypto::P384Key;

pub fn run(bytes: &[u8]) {
    if let Ok(key) = P384Key::from_spki(bytes) {
        assert_eq!(key.to_spki(), bytes);
    }
}
