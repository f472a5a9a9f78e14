//! Key passports. An accepted passport is a seed, because nothing else has a valid signature. With a new signature by
//! the key, ir-sign accepts a first line only in its own spelling.

use std::sync::LazyLock;

use base64ct::{Base64, Encoding};
use ir_sign::crypto::Signed;
use ir_sign::crypto::p384::ALGORITHM;
use ir_sign::key::Signer;
use ir_sign::key::file::FileKey;
use ir_sign::key::pkcs11::Passport;

const SEEDS: [&[u8]; 2] = [
    include_bytes!("../seeds/passport/softhsm"),
    include_bytes!("../seeds/passport/test-key"),
];
/// The key of the second seed.
static KEY: LazyLock<FileKey> = LazyLock::new(|| {
    let sec1 = include_bytes!("../../tests/data/keys/vendor.prv");
    FileKey::from_sec1(sec1).expect("a private key")
});

/// A first line with the key's signature after it.
fn sealed(line: &[u8]) -> Vec<u8> {
    let message = [b"ir-sign passport v1\0", line].concat();
    let signature = KEY
        .sign(ALGORITHM, Signed::Bytes(&message))
        .expect("a key file signs");
    let signature = Base64::encode_string(&signature.to_bytes());
    [
        line,
        format!("{{\"signature\":\"{signature}\"}}\n").as_bytes(),
    ]
    .concat()
}

pub fn run(bytes: &[u8]) {
    if let Ok(passport) = Passport::parse(bytes) {
        assert_eq!(passport.as_bytes(), bytes);
        assert!(SEEDS.contains(&bytes), "accepted, and not a seed");
    }
    // Signing takes long: only what gets that far is signed.
    let line = bytes
        .split_inclusive(|b| *b == b'\n')
        .next()
        .unwrap_or_default();
    let spoken = line
        .windows(20)
        .any(|part| part == b"\"ir-sign passport v1\"");
    if spoken && line.ends_with(b"}\n") {
        let sealed = sealed(line);
        if let Ok(passport) = Passport::parse(&sealed) {
            assert_eq!(passport.as_bytes(), sealed);
            assert_eq!(format!("{}\n", passport.statement()).as_bytes(), line);
            assert_eq!(passport.public_key(), KEY.public_key());
        }
    }
}
