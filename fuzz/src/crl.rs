//! Revocation lists: each has one encoding, and says of each serial number on it that it is revoked or on hold.

use ir_sign::x509::{Reason, RevocationList, Status};

pub fn run(bytes: &[u8]) {
    let Ok(list) = RevocationList::read(bytes) else {
        return;
    };
    assert_eq!(
        RevocationList::read(list.pem().as_bytes()),
        Ok(list.clone())
    );
    if bytes.starts_with(&[0x30]) {
        assert_eq!(list.der(), bytes);
    }
    assert!(list.this_update() <= list.next_update());
    for entry in list.entries() {
        let is_held = entry.reason == Some(Reason::CertificateHold);
        match list.status(&entry.serial) {
            Status::Held(found) => assert!(is_held && found == entry),
            Status::Revoked(found) => assert!(!is_held && found == entry),
            Status::NotRevoked => panic!("a serial number on the list is not found"),
        }
    }
}
