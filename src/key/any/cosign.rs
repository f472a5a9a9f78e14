//! cosign's key files: a PKCS#8 key in a `crypto_secretbox`, whose key scrypt makes of the passphrase.
//!
//! The format is that of `github.com/secure-systems-lab/go-securesystemslib/encrypted`.

use p384::elliptic_curve::Generate;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::any_key::AnyKey;
use super::error::PrivateFileError as E;
use super::pkcs8;
use crate::crypto::secretbox::{self, KEY_LEN, NONCE_LEN, TAG_LEN};
use crate::encoding::base64::{base64, unbase64};
use crate::encoding::strict::{Refusal, Shape, check_shape};
use crate::key::wiped_stack::on_wiped_stack;
use crate::secret::Secret;

/// Bytes of the salt.
const SALT_LEN: usize = 32;
/// The values of N that cosign takes, as logarithms.
const LOG_N: [u8; 3] = [15, 16, 17];
/// The value of N that cosign writes, as a logarithm.
const USUAL_LOG_N: u8 = 16;
/// The r and the p.
const R: u32 = 8;
const P: u32 = 1;

const SHAPE: Shape = Shape::Object(&[
    (
        "kdf",
        &Shape::Object(&[
            ("name", &Shape::Any),
            (
                "params",
                &Shape::Object(&[
                    ("N", &Shape::Number),
                    ("r", &Shape::Number),
                    ("p", &Shape::Number),
                ]),
            ),
            ("salt", &Shape::Any),
        ]),
    ),
    (
        "cipher",
        &Shape::Object(&[("name", &Shape::Any), ("nonce", &Shape::Any)]),
    ),
    ("ciphertext", &Shape::Any),
]);

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Text {
    kdf: KdfText,
    cipher: CipherText,
    ciphertext: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct KdfText {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(rename = "N")]
    n: u64,
    r: u64,
    p: u64,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CipherText {
    name: String,
    nonce: String,
}

/// A key in cosign's form.
pub struct CosignKey {
    log_n: u8,
    salt: [u8; SALT_LEN],
    nonce: [u8; NONCE_LEN],
    /// The tag and the ciphertext.
    sealed: Vec<u8>,
}

impl CosignKey {
    /// Reads the JSON. The parameters of scrypt are those that cosign takes, or it is refused here, before anything is
    /// derived.
    pub(super) fn read(json: &[u8]) -> Result<Self, E> {
        let refused = |why: &str| E::Cosign(why.to_owned());
        check_shape(json, &SHAPE).map_err(|refusal| match refusal {
            Refusal::Invalid(error) => E::Cosign(error.to_string()),
            Refusal::Member(name) => E::Cosign(format!("it has a member \"{name}\"")),
            Refusal::Alike { name, known } => {
                E::Cosign(format!("its member \"{name}\" is called \"{known}\""))
            }
        })?;
        let text: Text =
            serde_json::from_slice(json).map_err(|error| E::Cosign(error.to_string()))?;
        if text.kdf.name != "scrypt" {
            return Err(refused("its kdf is not scrypt"));
        }
        if text.cipher.name != "nacl/secretbox" {
            return Err(refused("its cipher is not nacl/secretbox"));
        }
        let Params { n, r, p } = text.kdf.params;
        let log_n = LOG_N.into_iter().find(|log_n| 1 << log_n == n);
        let log_n = log_n.filter(|_| (r, p) == (R.into(), P.into()));
        let log_n = log_n.ok_or_else(|| {
            E::Costly(format!(
                "its scrypt has N {n}, r {r} and p {p}; as for cosign, N is 32768, 65536 or 131072, r 8 and p 1"
            ))
        })?;
        Ok(Self {
            log_n,
            salt: bytes(&text.kdf.salt).ok_or_else(|| refused("its salt is not 32 bytes"))?,
            nonce: bytes(&text.cipher.nonce).ok_or_else(|| refused("its nonce is not 24 bytes"))?,
            sealed: unbase64(&text.ciphertext)
                .filter(|sealed| sealed.len() > TAG_LEN)
                .ok_or_else(|| refused("its ciphertext is not base64 of more than a tag"))?,
        })
    }

    /// Decrypts the key.
    pub(super) fn open(&self, passphrase: &[u8]) -> Result<AnyKey, E> {
        let mut room = Secret::of(&self.sealed);
        if !on_wiped_stack(|| secretbox::open(&self.key(passphrase), &self.nonce, &mut room)) {
            return Err(E::WrongPassphrase);
        }
        pkcs8::read(&room[TAG_LEN..])
    }

    /// Encrypts a key, under a salt and a nonce that are new.
    pub(super) fn seal(key: &AnyKey, passphrase: &[u8]) -> Self {
        let message = pkcs8::write(key);
        let mut room = Secret::zeroed(TAG_LEN + message.len());
        room[TAG_LEN..].copy_from_slice(&message);
        let mut new = Self {
            log_n: USUAL_LOG_N,
            salt: <[u8; SALT_LEN]>::generate(),
            nonce: <[u8; NONCE_LEN]>::generate(),
            sealed: Vec::new(),
        };
        on_wiped_stack(|| secretbox::seal(&new.key(passphrase), &new.nonce, &mut room));
        new.sealed = room.to_vec();
        new
    }

    /// The JSON.
    pub(super) fn write(&self) -> Vec<u8> {
        let text = Text {
            kdf: KdfText {
                name: "scrypt".into(),
                params: Params {
                    n: 1 << self.log_n,
                    r: R.into(),
                    p: P.into(),
                },
                salt: base64(&self.salt),
            },
            cipher: CipherText {
                name: "nacl/secretbox".into(),
                nonce: base64(&self.nonce),
            },
            ciphertext: base64(&self.sealed),
        };
        serde_json::to_vec(&text).expect("strings and numbers are JSON")
    }

    fn key(&self, passphrase: &[u8]) -> Zeroizing<[u8; KEY_LEN]> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        let params = scrypt::Params::new(self.log_n, R, P).expect("cosign's are in its range");
        scrypt::scrypt(passphrase, &self.salt, &params, &mut *key).expect("32 bytes are a length");
        key
    }
}

/// Base64 of this many bytes.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    unbase64(text)?.try_into().ok()
}
