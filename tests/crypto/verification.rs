//! Signatures of every kind of key: judged as Wycheproof's vectors say, and as OpenSSL makes them.

use harness::Sandbox;
use ir_sign::crypto::public_key::{PublicKey, PublicKeyError};
use ir_sign::crypto::{Algorithm, Curve, HashAlgorithm, KeyKind, NotVerified, Prehash, Signed};

use HashAlgorithm::{Sha256, Sha384, Sha512};

/// The files, and what their signatures are made by.
const FILES: [(&str, Algorithm); 22] = [
    (
        "ecdsa_secp256r1_sha256",
        Algorithm::Ecdsa(Curve::P256, Sha256),
    ),
    (
        "ecdsa_secp256r1_sha512",
        Algorithm::Ecdsa(Curve::P256, Sha512),
    ),
    (
        "ecdsa_secp384r1_sha256",
        Algorithm::Ecdsa(Curve::P384, Sha256),
    ),
    (
        "ecdsa_secp384r1_sha384",
        Algorithm::Ecdsa(Curve::P384, Sha384),
    ),
    (
        "ecdsa_secp384r1_sha512",
        Algorithm::Ecdsa(Curve::P384, Sha512),
    ),
    (
        "ecdsa_secp521r1_sha512",
        Algorithm::Ecdsa(Curve::P521, Sha512),
    ),
    ("rsa_signature_2048_sha256", Algorithm::RsaPkcs1(Sha256)),
    ("rsa_signature_2048_sha384", Algorithm::RsaPkcs1(Sha384)),
    ("rsa_signature_2048_sha512", Algorithm::RsaPkcs1(Sha512)),
    ("rsa_signature_3072_sha256", Algorithm::RsaPkcs1(Sha256)),
    ("rsa_signature_3072_sha384", Algorithm::RsaPkcs1(Sha384)),
    ("rsa_signature_3072_sha512", Algorithm::RsaPkcs1(Sha512)),
    ("rsa_signature_4096_sha256", Algorithm::RsaPkcs1(Sha256)),
    ("rsa_signature_4096_sha384", Algorithm::RsaPkcs1(Sha384)),
    ("rsa_signature_4096_sha512", Algorithm::RsaPkcs1(Sha512)),
    ("rsa_pss_2048_sha256_mgf1_32", Algorithm::RsaPss(Sha256)),
    ("rsa_pss_2048_sha384_mgf1_48", Algorithm::RsaPss(Sha384)),
    ("rsa_pss_3072_sha256_mgf1_32", Algorithm::RsaPss(Sha256)),
    ("rsa_pss_4096_sha256_mgf1_32", Algorithm::RsaPss(Sha256)),
    ("rsa_pss_4096_sha384_mgf1_48", Algorithm::RsaPss(Sha384)),
    ("rsa_pss_4096_sha512_mgf1_64", Algorithm::RsaPss(Sha512)),
    ("ed25519", Algorithm::Ed25519),
];

#[test]
fn every_vector_of_wycheproof_is_judged_right_for_every_kind_of_key() {
    let (mut valid, mut invalid) = (0, 0);
    for (file, by) in FILES {
        let (groups, count) = crate::wycheproof::load(file);
        let mut tried = 0;
        for group in &groups {
            let key = PublicKey::from_spki(&group.spki).expect("a public key");
            assert_eq!(key.spki(), group.spki);
            for test in &group.tests {
                let holds = key.verify(by, Signed::Bytes(&test.message), &test.signature);
                // A vector that is only acceptable leaves the NULL out of PKCS#1's DigestInfo: it is refused.
                let expected = test.result == "valid";
                let name = format!("{file} {}: {}", test.id, test.comment);
                assert_eq!(holds.is_ok(), expected, "{name}");
                if let Some(hash) = by.hash() {
                    let prehash = Prehash::of(hash, &test.message);
                    let hashed = key.verify(by, Signed::Hashed(&prehash), &test.signature);
                    assert_eq!(hashed, holds, "{name}, hashed");
                }
                *if expected { &mut valid } else { &mut invalid } += 1;
                tried += 1;
            }
        }
        assert_eq!(tried, count, "{file}");
    }
    println!("tried: Wycheproof's signatures of every kind: {valid} valid, {invalid} invalid");
    assert!(valid > 1000 && invalid > 1000, "{valid}, {invalid}");
}

#[test]
fn a_pss_salt_of_another_length_than_the_hash_is_refused() {
    for (file, by) in [
        ("rsa_pss_2048_sha256_mgf1_0", Algorithm::RsaPss(Sha256)),
        ("rsa_pss_4096_sha512_mgf1_32", Algorithm::RsaPss(Sha512)),
    ] {
        let (groups, _) = crate::wycheproof::load(file);
        for group in groups {
            let key = PublicKey::from_spki(&group.spki).expect("a public key");
            for test in &group.tests {
                let holds = key.verify(by, Signed::Bytes(&test.message), &test.signature);
                if test.result == "valid" {
                    assert_eq!(holds, Err(NotVerified::Signature), "{file} {}", test.id);
                }
            }
        }
    }
}

/// A key of OpenSSL's in `NAME.pem` and `NAME.pub` of the sandbox.
fn make_key(sandbox: &Sandbox, name: &str, options: &str) -> PublicKey {
    sandbox.openssl(&format!("genpkey {options} -out {name}.pem"));
    sandbox.openssl(&format!(
        "pkey -in {name}.pem -pubout -outform DER -out {name}.pub"
    ));
    PublicKey::from_spki(&sandbox.read(format!("{name}.pub"))).expect("a public key")
}

#[test]
fn signatures_of_openssl_hold_and_nothing_else_does() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "content");
    let content = Signed::Bytes(b"content");
    let ec = |curve: &str| format!("-algorithm EC -pkeyopt ec_paramgen_curve:{curve}");
    let keys = [
        ("p256", ec("P-256"), KeyKind::Ec(Curve::P256)),
        ("p384", ec("P-384"), KeyKind::Ec(Curve::P384)),
        ("p521", ec("P-521"), KeyKind::Ec(Curve::P521)),
        (
            "rsa",
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2048".into(),
            KeyKind::Rsa { bits: 2048 },
        ),
        ("ed25519", "-algorithm ED25519".into(), KeyKind::Ed25519),
    ];
    let keys: Vec<_> = keys
        .into_iter()
        .map(|(name, options, kind)| {
            let key = make_key(&sandbox, name, &options);
            assert_eq!(key.kind(), kind);
            (name, key)
        })
        .collect();
    let mut algorithms = vec![Algorithm::Ed25519];
    for hash in HashAlgorithm::ALL {
        algorithms.extend(Curve::ALL.map(|curve| Algorithm::Ecdsa(curve, hash)));
        algorithms.extend([Algorithm::RsaPkcs1(hash), Algorithm::RsaPss(hash)]);
    }
    for by in &algorithms {
        let (_, (name, signer)) = (
            by,
            keys.iter()
                .find(|(_, key)| by.fits(key.kind()))
                .expect("a key"),
        );
        let options = match by {
            Algorithm::Ed25519 => "-rawin".to_owned(),
            Algorithm::Ecdsa(_, hash) | Algorithm::RsaPkcs1(hash) => {
                format!("-rawin -digest {}", hash.name())
            }
            Algorithm::RsaPss(hash) => format!(
                "-rawin -digest {} -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:digest",
                hash.name()
            ),
        };
        sandbox.openssl(&format!(
            "pkeyutl -sign -inkey {name}.pem -in file -out sig {options}"
        ));
        let signature = sandbox.read("sig");
        for (other, key) in &keys {
            for claimed in &algorithms {
                let holds = key.verify(*claimed, content, &signature).is_ok();
                let right = other == name && claimed == by;
                assert_eq!(holds, right, "{by} of {name}, as {claimed} of {other}");
            }
        }
        let other = Signed::Bytes(b"Content");
        assert_eq!(
            signer.verify(*by, other, &signature),
            Err(NotVerified::Signature)
        );
        for changed in [&signature[1..], &[&signature[..], &[0]].concat(), &[]] {
            assert_eq!(
                signer.verify(*by, content, changed),
                Err(NotVerified::Signature)
            );
        }
    }
}

#[test]
fn a_hash_by_another_function_is_refused_and_so_is_one_for_ed25519() {
    let sandbox = Sandbox::new();
    let hashed = Prehash::of(Sha256, b"content");
    let key = make_key(
        &sandbox,
        "ec",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
    );
    let by = Algorithm::Ecdsa(Curve::P384, Sha384);
    let refused = key.verify(by, Signed::Hashed(&hashed), b"");
    assert_eq!(refused, Err(NotVerified::Hash { by, found: Sha256 }));
    let key = make_key(&sandbox, "ed", "-algorithm ED25519");
    let refused = key.verify(Algorithm::Ed25519, Signed::Hashed(&hashed), b"");
    assert_eq!(refused, Err(NotVerified::WantsMessage(Algorithm::Ed25519)));
}

#[test]
fn public_keys_of_each_kind_are_read_in_their_one_encoding_alone() {
    let sandbox = Sandbox::new();
    let read = |name: &str| PublicKey::from_spki(&sandbox.read(name));
    let ec = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
    for (name, header, options) in [
        ("ec", 27, ec),
        ("rsa", 32, "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
        ("ed", 12, "-algorithm ED25519"),
    ] {
        let key = make_key(&sandbox, name, options);
        let spki = key.spki().to_vec();
        assert_eq!(key.fingerprint().to_string().len(), 7 + 64);
        let followed = [&spki[..], &[0]].concat();
        assert_eq!(
            PublicKey::from_spki(&followed),
            Err(PublicKeyError::TrailingBytes)
        );
        for length in 0..spki.len() {
            assert!(
                PublicKey::from_spki(&spki[..length]).is_err(),
                "{name} {length}"
            );
        }
        for (at, byte) in spki.iter().enumerate().take(header) {
            let mut changed = spki.clone();
            changed[at] = byte ^ 1;
            assert!(PublicKey::from_spki(&changed).is_err(), "{name}: byte {at}");
        }
    }
    sandbox.openssl("ec -in ec.pem -pubout -conv_form compressed -outform DER -out bad");
    assert_eq!(read("bad"), Err(PublicKeyError::Point(Curve::P256)));
    sandbox.openssl("ec -in ec.pem -pubout -param_enc explicit -outform DER -out bad");
    assert_eq!(read("bad"), Err(PublicKeyError::UnnamedCurve));
    for (options, reason) in [
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
            "EC on secp256k1",
        ),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:1024", "1024 bits"),
        (
            "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048",
            "RSA-PSS",
        ),
        ("-algorithm ED448", "Ed448"),
        ("-algorithm X25519", "X25519"),
    ] {
        sandbox.openssl(&format!("genpkey {options} -out bad.pem"));
        sandbox.openssl("pkey -in bad.pem -pubout -outform DER -out bad");
        let error = read("bad").expect_err("refused").to_string();
        assert!(error.contains(reason), "{options}: {error}");
    }
}

#[test]
fn keys_of_points_and_moduli_are_those_of_their_spki() {
    let sandbox = Sandbox::new();
    let key = make_key(
        &sandbox,
        "ec",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
    );
    let point = &key.spki()[key.spki().len() - 133..];
    assert_eq!(PublicKey::from_point(Curve::P521, point), Ok(key.clone()));
    assert!(PublicKey::from_point(Curve::P384, point).is_err());
    let mut off = point.to_vec();
    off[132] ^= 1;
    let error = PublicKey::from_point(Curve::P521, &off);
    assert_eq!(error, Err(PublicKeyError::Point(Curve::P521)));

    let key = make_key(
        &sandbox,
        "rsa",
        "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
    );
    let modulus = &key.spki()[key.spki().len() - 5 - 384..key.spki().len() - 5];
    let from = |modulus: &[u8], exponent: &[u8]| PublicKey::from_rsa(modulus, exponent);
    assert_eq!(from(modulus, &[1, 0, 1]), Ok(key.clone()));
    // Tokens put zero bytes before either.
    let padded = [&[0], modulus].concat();
    assert_eq!(from(&padded, &[0, 1, 0, 1]), Ok(key.clone()));
    for exponent in [&[][..], &[0], &[1], &[2], &[1, 0, 0]] {
        assert!(from(modulus, exponent).is_err(), "{exponent:?}");
    }
    let mut even = modulus.to_vec();
    even[383] &= 0xfe;
    assert_eq!(
        from(&even, &[1, 0, 1]),
        Err(PublicKeyError::Rsa("its modulus is even"))
    );
}
