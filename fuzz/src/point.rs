//! `CKA_EC_POINT`: what is accepted is written again as the same point, raw and in DER.

use ir_sign::key::pkcs11::read_point;

pub fn run(bytes: &[u8]) {
    if let Ok(key) = read_point(bytes) {
        let point = key.to_point();
        assert_eq!(point, bytes[bytes.len() - 97..]);
        assert_eq!(read_point(&point).as_ref(), Ok(&key));
        assert_eq!(read_point(&[&[4, 97], &*point].concat()).as_ref(), Ok(&key));
    }
}
