//! Key files that somebody made to mislead or to exhaust: refused, in bounded time and memory.

use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use harness::der::{BIT_STRING, INTEGER, OCTET_STRING, SEQUENCE, element, private_key};
use harness::{Run, Sandbox, unhex};
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use serde_json::{Value, json};

use crate::keys::{run, with_pairs};

pub const PASSPHRASE: &str = "ir-sign tests";
/// `id-ecPublicKey` and three curves, as DER.
const EC: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];
const P224: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x21];
/// The order of the P-256 group, and the generator.
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const GENERATOR: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                         4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

/// PEM of a cosign key file.
fn pem(json: &str) -> String {
    let text = Base64::encode_string(json.as_bytes());
    let lines = text.as_bytes().chunks(64);
    let lines = lines.map(|line| String::from_utf8(line.to_vec()).expect("base64"));
    let lines = lines.collect::<Vec<_>>().join("\n");
    let label = "ENCRYPTED SIGSTORE PRIVATE KEY";
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}

/// The JSON of a key file.
fn json_of(sandbox: &Sandbox, name: &str) -> Value {
    let text = String::from_utf8(sandbox.read(name)).expect("text");
    let lines = text.lines().filter(|line| !line.starts_with('-'));
    let bytes = Base64::decode_vec(&lines.collect::<String>()).expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// A cosign key file with this inside.
fn sealed(inside: &[u8]) -> String {
    sealed_by(15, inside)
}

/// A cosign key file with this inside, as its format is described: scrypt with this logarithm of N, `XSalsa20` and
/// Poly1305.
pub fn sealed_by(log_n: u8, inside: &[u8]) -> String {
    let (salt, nonce) = ([7; 32], [9; 24]);
    let mut key = [0; 32];
    let params = scrypt::Params::new(log_n, 8, 1).expect("parameters");
    scrypt::scrypt(PASSPHRASE.as_bytes(), &salt, &params, &mut key).expect("a key");
    let mut cipher = XSalsa20::new(&key.into(), &nonce.into());
    let mut poly_key = [0; 32];
    cipher.apply_keystream(&mut poly_key);
    let mut text = inside.to_vec();
    cipher.apply_keystream(&mut text);
    let tag = Poly1305::new(&poly_key.into()).compute_unpadded(&text);
    let sealed = [&tag[..], &text].concat();
    pem(&json!({
        "kdf": {"name": "scrypt", "params": {"N": 1 << log_n, "r": 8, "p": 1}, "salt": Base64::encode_string(&salt)},
        "cipher": {"name": "nacl/secretbox", "nonce": Base64::encode_string(&nonce)},
        "ciphertext": Base64::encode_string(&sealed),
    })
    .to_string())
}

/// PKCS#8 around an `ECPrivateKey`.
fn pkcs8(algorithm: &[u8], curve: &[u8], inner: &[u8]) -> Vec<u8> {
    let algorithm = element(SEQUENCE, &[algorithm, curve].concat());
    let content = [
        element(INTEGER, &[0]),
        algorithm,
        element(OCTET_STRING, inner),
    ]
    .concat();
    element(SEQUENCE, &content)
}

/// PKCS#8 of the scalar 1 on P-256, with a public part beside it.
fn public_beside(point: &[u8]) -> Vec<u8> {
    let algorithm = element(SEQUENCE, &[EC, P256].concat());
    let inner = element(OCTET_STRING, &private_key(&scalar(1), None, None));
    let bits = element(0x81, &[&[0], point].concat());
    let content = [element(INTEGER, &[1]), algorithm, inner, bits].concat();
    element(SEQUENCE, &content)
}

fn scalar(last: u8) -> Vec<u8> {
    let mut scalar = vec![0; 32];
    scalar[31] = last;
    scalar
}

#[test]
fn hostile_parameters_of_scrypt_are_refused_at_once_and_without_memory() {
    let sandbox = with_pairs();
    let good = json_of(&sandbox, "p256.key");
    sandbox.write("good.key", pem(&good.to_string()));
    run(&sandbox, PASSPHRASE, "public-key --key good.key").ok();
    for (n, r, p) in [
        (1_u64 << 14, 8, 1),
        (1 << 18, 8, 1),
        (1 << 30, 8, 1),
        (1 << 62, 8, 1),
        (65_537, 8, 1),
        (0, 8, 1),
        (1, 8, 1),
        (u64::MAX, 8, 1),
        (65536, 9, 1),
        (65536, 1 << 30, 1),
        (65536, 8, 2),
        (65536, 8, 1 << 30),
        (65536, 0, 0),
    ] {
        let mut bad = good.clone();
        bad["kdf"]["params"] = json!({"N": n, "r": r, "p": p});
        sandbox.write("bad.key", pem(&bad.to_string()));
        let started = Instant::now();
        // The passphrase is not even read: there is none.
        let script = "ulimit -v 400000; ir-sign cosign public-key --key bad.key --passphrase-source file:none";
        sandbox.shell(script, "").exits(1).says(
            &[
                &format!("its scrypt has N {n}, r {r} and p {p}") as &str,
                "N is 32768, 65536 or 131072, r 8 and p 1",
            ][..],
        );
        assert!(started.elapsed() < Duration::from_secs(10), "{n} {r} {p}");
    }
    for params in [
        json!({"N": 65536.0, "r": 8, "p": 1}),
        json!({"N": -65536, "r": 8, "p": 1}),
        json!({"N": "65536", "r": 8, "p": 1}),
        json!({"N": 65536, "r": 8}),
        json!({"N": 65536, "r": 8, "p": 1, "dkLen": 32}),
        json!([65536, 8, 1]),
        json!(null),
    ] {
        let mut bad = good.clone();
        bad["kdf"]["params"] = params;
        sandbox.write("bad.key", pem(&bad.to_string()));
        let run = run(&sandbox, PASSPHRASE, "public-key --key bad.key");
        run.exits(1)
            .says("key file bad.key: it is not a cosign key file: ");
    }
}

#[test]
fn hostile_parameters_of_pkcs8_are_refused_at_once_and_without_memory() {
    let sandbox = Sandbox::new();
    sandbox.openssl("ecparam -name secp384r1 -genkey -noout -out ec.pem");
    let command = "pkcs8 -topk8 -in ec.pem -outform DER -passout pass:x";
    sandbox.openssl(&format!("{command} -iter 65793 -out pbkdf2.der"));
    sandbox.openssl(&format!("{command} -scrypt -out scrypt.der"));
    let rounds = &[2, 3, 1, 1, 1][..];
    let usual = &[2, 2, 0x40, 0, 2, 1, 8, 2, 1, 1][..];
    for (file, from, to, says) in [
        (
            "pbkdf2.der",
            rounds,
            &[2, 1, 0][..],
            "its PBKDF2 wants 0 rounds",
        ),
        (
            "pbkdf2.der",
            rounds,
            &[2, 4, 0x7f, 0xff, 0xff, 0xff],
            "its PBKDF2 wants 2147483647 rounds; from 1 to 10000000 are done",
        ),
        (
            "scrypt.der",
            usual,
            &[2, 4, 0x40, 0, 0, 0, 2, 1, 8, 2, 1, 1],
            "its scrypt has N 1073741824, r 8 and p 1",
        ),
        (
            "scrypt.der",
            usual,
            &[2, 2, 0x40, 0, 2, 2, 0x7f, 0xff, 2, 1, 1],
            "its scrypt has N 16384, r 32767 and p 1",
        ),
        (
            "scrypt.der",
            usual,
            &[2, 2, 0x40, 0, 2, 1, 8, 2, 2, 0x7f, 0xff],
            "its scrypt has N 16384, r 8 and p 32767",
        ),
        (
            "scrypt.der",
            usual,
            &[2, 1, 0, 2, 1, 8, 2, 1, 1],
            "its scrypt has N 0, r 8 and p 1",
        ),
        // No power of two.
        (
            "scrypt.der",
            usual,
            &[2, 2, 0x40, 1, 2, 1, 8, 2, 1, 1],
            "it is encrypted by scrypt",
        ),
        // Far above what programs write, and done all the same.
        (
            "pbkdf2.der",
            rounds,
            &[2, 3, 0x1f, 0xff, 0xff],
            "wrong passphrase",
        ),
        (
            "scrypt.der",
            usual,
            &[2, 3, 1, 0, 0, 2, 1, 8, 2, 1, 4],
            "wrong passphrase",
        ),
    ] {
        sandbox.write("bad.der", replaced(&sandbox.read(file), from, to));
        let script = "ulimit -v 600000; COSIGN_PASSWORD=y ir-sign cosign public-key --key bad.der";
        let started = Instant::now();
        let run = sandbox.shell(script, "").exits(1).says(says);
        assert!(started.elapsed() < Duration::from_secs(50), "{run:#?}");
    }
}

/// DER with one part replaced; the lengths of all around it follow.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let found = bytes.windows(from.len()).position(|part| part == from);
    let place = found.expect("the part is there");
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while at < place {
        let (header, length) = match bytes[at + 1] {
            0x81 => (3, usize::from(bytes[at + 2])),
            0x82 => (
                4,
                usize::from(bytes[at + 2]) * 256 + usize::from(bytes[at + 3]),
            ),
            short => (2, usize::from(short)),
        };
        if bytes[at] == SEQUENCE && place < at + header + length {
            let last = usize::from(bytes[at + header - 1]) + to.len() - from.len();
            bytes[at + header - 1] = u8::try_from(last).expect("no length gets another form");
            at += header;
        } else {
            at += header + length;
        }
    }
    bytes.splice(place..place + from.len(), to.iter().copied());
    bytes
}

#[test]
fn json_that_readers_disagree_about_is_refused() {
    let sandbox = with_pairs();
    let good = json_of(&sandbox, "p256.key");
    let text = good.to_string();
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let other = json_of(&sandbox, "empty.key")["ciphertext"].to_string();
    let ours = good["ciphertext"].to_string();
    for bad in [
        // A member twice, by whatever spelling.
        text.replacen('{', &format!("{{\"ciphertext\":{other},"), 1),
        text.replacen('{', &format!("{{\"\\u0063iphertext\":{other},"), 1),
        text.replace("\"N\":65536", "\"N\":65536,\"N\":32768"),
        // In another case, which Go's reader takes for the same.
        text.replace("ciphertext", "Ciphertext"),
        text.replace("\"N\"", "\"n\""),
        text.replacen('{', &format!("{{\"CipherText\":{other},"), 1),
        text.replacen('{', "{\"more\":1,", 1),
        text.replace("scrypt", "Scrypt"),
        text.replace("nacl/secretbox", "nacl/box"),
        text.replace(&ours, "\"\""),
        text.replace(&ours, "\"AAAA\""),
        text.replace(&ours, "\"QQ\""),
        text.replace(&ours, "null"),
        text.replace("\"salt\":\"", "\"salt\":\"AAAA"),
        text.replace("\"nonce\":\"", "\"nonce\":\"AAAA"),
        format!("{text} x"),
        format!("{text}{text}"),
        text[..text.len() - 1].to_owned(),
        format!("[{text}]"),
        "{}".to_owned(),
        String::new(),
        deep,
    ] {
        sandbox.write("bad.key", pem(&bad));
        let shown = run(&sandbox, PASSPHRASE, "public-key --key bad.key").exits(1);
        shown.says("key file bad.key: it is not a cosign key file: ");
    }
    // White space around and within does not change the text.
    sandbox.write("good.key", pem(&format!("\n{good:#}\n")));
    run(&sandbox, PASSPHRASE, "public-key --key good.key").ok();
}

#[test]
fn each_changed_byte_of_the_box_is_a_wrong_passphrase() {
    let sandbox = with_pairs();
    let good = json_of(&sandbox, "p256.key");
    let places = [
        ("ciphertext", 0),
        ("ciphertext", 15),
        ("ciphertext", 16),
        ("ciphertext", 150),
    ];
    for (member, at) in places {
        let mut bad = good.clone();
        let mut bytes = Base64::decode_vec(bad[member].as_str().expect("text")).expect("base64");
        bytes[at] ^= 0x10;
        bad[member] = Base64::encode_string(&bytes).into();
        sandbox.write("bad.key", pem(&bad.to_string()));
        run(&sandbox, PASSPHRASE, "public-key --key bad.key")
            .exits(1)
            .says("error: key file bad.key: wrong passphrase (or the file is damaged)");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one case a line")]
fn keys_that_contradict_themselves_are_refused_in_the_open_and_in_a_box() {
    let sandbox = Sandbox::new();
    let bytes = |text: &str| unhex(text);
    let generator = bytes(GENERATOR);
    let one = private_key(&scalar(1), None, Some(&generator));
    let good = pkcs8(EC, P256, &one);
    let mut order_less_one = bytes(ORDER);
    order_less_one[31] -= 1;
    let rsa = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    let ed25519 = [6, 3, 0x2b, 0x65, 0x70];
    let mut hybrid = generator.clone();
    hybrid[0] = 6 + (hybrid[64] & 1);
    let mut other_point = generator.clone();
    other_point[64] ^= 1;
    let good_keys = [
        good.clone(),
        pkcs8(
            EC,
            P256,
            &private_key(&scalar(1), Some(P256), Some(&generator)),
        ),
        pkcs8(EC, P256, &private_key(&order_less_one, None, None)),
        public_beside(&generator),
    ];
    let bad_keys = [
        (
            pkcs8(EC, P256, &private_key(&scalar(0), None, None)),
            "not a number from 1 to n - 1",
        ),
        (
            pkcs8(EC, P256, &private_key(&bytes(ORDER), None, None)),
            "not a number from 1 to n - 1",
        ),
        (
            pkcs8(EC, P256, &private_key(&[1], None, None)),
            "not a number from 1 to n - 1",
        ),
        (
            pkcs8(EC, P256, &private_key(&[0; 33], None, None)),
            "not a number from 1 to n - 1",
        ),
        (
            pkcs8(EC, P256, &private_key(&scalar(2), None, Some(&generator))),
            "its public part does not belong to its private part",
        ),
        (
            pkcs8(EC, P256, &private_key(&scalar(1), None, Some(&hybrid))),
            "hybrid",
        ),
        (
            pkcs8(EC, P256, &private_key(&scalar(1), None, Some(&[4; 65]))),
            "does not belong",
        ),
        (public_beside(&other_point), "does not belong"),
        (
            pkcs8(
                EC,
                P256,
                &private_key(&scalar(1), Some(P384), Some(&generator)),
            ),
            "it names two curves",
        ),
        (pkcs8(EC, P384, &one), "not a number from 1 to n - 1"),
        (pkcs8(EC, P224, &one), "it is a key on secp224r1 (P-224)"),
        (pkcs8(EC, &[], &one), "it does not name its curve"),
        (pkcs8(EC, &[5, 0], &one), "it does not name its curve"),
        (
            pkcs8(&rsa, &[5, 0], &one),
            "it is not one PKCS#1 private key in DER",
        ),
        (
            pkcs8(&rsa, &[], &one),
            "its algorithm has parameters that RSA does not have",
        ),
        (pkcs8(&ed25519, &[], &one), "it is a key for Ed25519"),
        (
            [&good[..], &[0]].concat(),
            "bytes follow the DER private key",
        ),
        (
            pkcs8(EC, P256, &[&one[..], &[0]].concat()),
            "bytes follow the DER private key",
        ),
        (good[..good.len() - 1].to_vec(), ""),
        (element(SEQUENCE, &[]), ""),
        (element(BIT_STRING, &good[..10]), ""),
        (Vec::new(), ""),
    ];
    let show = |file: &str| run(&sandbox, PASSPHRASE, &format!("public-key --key {file}"));
    for good in good_keys {
        sandbox.write("plain.der", &good);
        sandbox.write("sealed.key", sealed(&good));
        assert_eq!(
            show("plain.der").ok().stdout,
            show("sealed.key").ok().stdout
        );
    }
    for (bad, says) in bad_keys {
        sandbox.write("plain.der", &bad);
        sandbox.write("sealed.key", sealed(&bad));
        show("plain.der").exits(1).says(says);
        let refused: Run = show("sealed.key").exits(1).says(says);
        // It opened, so the passphrase was right.
        assert!(!refused.stderr.contains("wrong passphrase"), "{refused:#?}");
    }
}
