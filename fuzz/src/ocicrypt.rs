//! Encrypted layers: annotations as JSON, a NUL, and the ciphertext. Whatever they are, the content has the ciphertext's
//! length, and one changed bit of that is seen.

use std::collections::BTreeMap;
use std::io::Read;

use ir_sign::ocicrypt::{Keys, LayerKey, Sealed};

pub fn run(bytes: &[u8]) {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    let Ok(annotations) = serde_json::from_slice::<BTreeMap<String, String>>(&bytes[..end]) else {
        return;
    };
    let ciphertext = bytes.get(end + 1..).unwrap_or_default();
    let mut keys = Keys::default();
    assert!(keys.add(&[0x41; 32]) && keys.add(&[0x51; 32]));
    let Ok(sealed) = Sealed::read(&annotations) else {
        return;
    };
    assert!(sealed.open(&Keys::default()).is_err(), "no key opens it");
    let Ok(key) = sealed.open(&keys) else {
        return;
    };
    if !is_right(&key, ciphertext) {
        return;
    }
    let mut other = ciphertext.to_vec();
    for at in [0, other.len() / 2, other.len().saturating_sub(1)] {
        if let Some(byte) = other.get_mut(at) {
            *byte ^= 1;
            assert!(!is_right(&key, &other), "byte {at}");
            other[at] ^= 1;
        }
    }
    other.push(0);
    assert!(!is_right(&key, &other));
}

/// Whether the HMAC holds.
fn is_right(key: &LayerKey, ciphertext: &[u8]) -> bool {
    let mut opening = key.open(ciphertext);
    let mut content = Vec::new();
    opening.read_to_end(&mut content).expect("a slice is read");
    assert_eq!(content.len(), ciphertext.len());
    opening.finish().expect("a slice is read").is_ok()
}
