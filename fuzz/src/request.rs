//! Requests: each has one encoding, and is signed by its own key.

use ir_sign::x509::Request;

pub fn run(bytes: &[u8]) {
    let Ok(request) = Request::read(bytes) else {
        return;
    };
    assert_eq!(Request::read(request.pem().as_bytes()), Ok(request.clone()));
    if bytes.starts_with(&[0x30]) {
        assert_eq!(request.der(), bytes);
        // The signature covers all before it, so no other bit of it holds.
        let mut changed = bytes.to_vec();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        assert!(Request::read(&changed).is_err());
    }
}
