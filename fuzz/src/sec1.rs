//! Private key files: writing an accepted key again gives a file of the same key.

use ir_sign::key::file::FileKey;

pub fn run(bytes: &[u8]) {
    if let Ok(key) = FileKey::from_sec1(bytes) {
        let written = key.to_sec1();
        let Ok(again) = FileKey::from_sec1(&written) else {
            panic!("what it writes is not read");
        };
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(*again.to_sec1(), *written);
    }
}
