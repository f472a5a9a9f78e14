//! Public key files: each key has one encoding, and only that one is accepted.
#![no_main]

use ir_sign::crypto::PublicKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(key) = PublicKey::from_spki(bytes) {
        assert_eq!(key.to_spki(), bytes);
    }
});
