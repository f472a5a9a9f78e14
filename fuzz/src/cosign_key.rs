//! Key files of cosign's users: a key that is taken signs, an encrypted file has the parameters that cosign's have, and
//! no private key is taken for a public one. JSON is put into the PEM of a key file.

use base64ct::{Base64, Encoding};
use ir_sign::crypto::{Algorithm, HashAlgorithm, KeyKind, PublicKey, Signed};
use ir_sign::key::Signer;
use ir_sign::key::any::{AnyKey, KeyFile, public_key_of};
use serde_json::Value;

use super::json::Tree;

const BEGIN: &str = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----";
const END: &str = "-----END ENCRYPTED SIGSTORE PRIVATE KEY-----";

pub fn run(bytes: &[u8]) {
    if bytes.starts_with(b"{") {
        let text = format!("{BEGIN}\n{}\n{END}\n", Base64::encode_string(bytes));
        if let Ok(KeyFile::Sealed(_)) = KeyFile::read(text.as_bytes()) {
            is_cosigns(bytes);
        }
        return;
    }
    let is_private = match KeyFile::read(bytes) {
        Ok(KeyFile::Plain(key)) => {
            signs(&key);
            true
        }
        Ok(KeyFile::Sealed(_)) => true,
        Err(_) => false,
    };
    if let Ok(key) = public_key_of(bytes) {
        assert!(!is_private, "a private key is taken for a public one");
        assert_eq!(PublicKey::from_spki(key.spki()).as_ref(), Ok(&key));
    }
}

/// The public half verifies the signature.
fn signs(key: &AnyKey) {
    let by = match key.public_key().kind() {
        KeyKind::Ec(curve) => Algorithm::Ecdsa(curve, curve.hash()),
        KeyKind::Rsa { .. } => Algorithm::RsaPss(HashAlgorithm::Sha256),
        KeyKind::Ed25519 => Algorithm::Ed25519,
    };
    let what = Signed::Bytes(b"message");
    let signature = key.sign(by, what).expect("a key signs").to_bytes();
    let verified = key.public_key().verify(by, what, &signature);
    verified.expect("its signature holds");
}

/// The JSON is that of a key file, as another reader has it.
fn is_cosigns(bytes: &[u8]) {
    let tree: Tree = serde_json::from_slice(bytes).expect("it is JSON");
    assert_eq!(tree.twice(), None, "a member is there twice");
    let json: Value = serde_json::from_slice(bytes).expect("it is JSON");
    let params = &json["kdf"]["params"];
    let n = params["N"].as_u64().expect("a number");
    assert!([1 << 15, 1 << 16, 1 << 17].contains(&n), "N is {n}");
    assert_eq!((&params["r"], &params["p"]), (&8.into(), &1.into()));
    let length = |value: &Value| {
        let bytes = Base64::decode_vec(value.as_str().expect("text"));
        bytes.expect("base64").len()
    };
    assert_eq!(length(&json["kdf"]["salt"]), 32);
    assert_eq!(length(&json["cipher"]["nonce"]), 24);
    assert!(length(&json["ciphertext"]) > 16, "there is no key");
}
