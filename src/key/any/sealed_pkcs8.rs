//! PKCS#8 `EncryptedPrivateKeyInfo` in DER (RFC 5208, section 6), by PBES2 (RFC 8018, section 6.2).

use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{Decode, ErrorKind, Sequence};
use pkcs8::pkcs5::pbes2::{Kdf, PBES2_OID, Parameters};
use spki::AlgorithmIdentifierRef;

use super::any_key::AnyKey;
use super::error::PrivateFileError as E;
use super::pkcs8 as plain;
use crate::key::wiped_stack::on_wiped_stack;
use crate::secret::Secret;

/// The most rounds of PBKDF2: a second or so. Programs make from 2,048 to a million.
const MOST_ROUNDS: u32 = 10_000_000;
/// The most memory that scrypt may take: N times r times 128 bytes.
const MOST_MEMORY: u64 = 256 << 20;
/// The most work of scrypt: N times r times p, four times what cosign's key files take.
const MOST_WORK: u64 = 1 << 22;

/// An encrypted key.
pub struct SealedPkcs8 {
    parameters: Parameters,
    data: Vec<u8>,
}

/// `EncryptedPrivateKeyInfo`.
#[derive(Sequence)]
struct Info<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    data: &'a OctetStringRef,
}

impl SealedPkcs8 {
    /// Takes a file apart, as far as that goes without the passphrase.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, E> {
        let info = Info::from_der(bytes).map_err(|error| match error.kind() {
            ErrorKind::TrailingData { .. } => E::TrailingBytes,
            _ => not_one(error.to_string()),
        })?;
        if info.algorithm.oid != PBES2_OID {
            return Err(E::Encryption(scheme(&info.algorithm.oid)));
        }
        let parameters = info.algorithm.parameters.map(Parameters::try_from);
        let parameters = parameters.ok_or_else(|| not_one("PBES2 without parameters".into()))?;
        let parameters = parameters.map_err(|error| match error.kind() {
            ErrorKind::OidUnknown { oid } => E::Encryption(scheme(&oid)),
            _ => not_one(error.to_string()),
        })?;
        check_cost(&parameters.kdf)?;
        Ok(Self {
            parameters,
            data: info.data.as_bytes().to_vec(),
        })
    }

    /// Decrypts the key.
    pub(super) fn open(&self, passphrase: &[u8]) -> Result<AnyKey, E> {
        use pkcs8::pkcs5::Error;
        let mut room = Secret::of(&self.data);
        let opened = on_wiped_stack(|| {
            let message = self.parameters.decrypt_in_place(passphrase, &mut room);
            message.map(<[u8]>::len)
        });
        let length = opened.map_err(|error| match error {
            Error::DecryptFailed => E::WrongPassphrase,
            Error::UnsupportedAlgorithm { oid } | Error::AlgorithmParametersInvalid { oid } => {
                E::Encryption(scheme(&oid))
            }
            other => not_one(other.to_string()),
        })?;
        // A wrong key decrypts to something now and then, which is not a structure at all.
        plain::read(&room[..length]).map_err(|error| match error {
            E::Der { .. } | E::TrailingBytes => E::WrongPassphrase,
            other => other,
        })
    }
}

fn not_one(reason: String) -> E {
    E::Der {
        form: "encrypted PKCS#8 private key",
        reason,
    }
}

/// Refuses parameters that take too long or too much memory, before anything asks for a passphrase.
fn check_cost(kdf: &Kdf) -> Result<(), E> {
    if let Some(params) = kdf.pbkdf2() {
        let rounds = params.iteration_count;
        return match rounds {
            1..=MOST_ROUNDS => Ok(()),
            _ => Err(E::Costly(format!(
                "its PBKDF2 wants {rounds} rounds; from 1 to {MOST_ROUNDS} are done"
            ))),
        };
    }
    if let Some(params) = kdf.scrypt() {
        let (n, r, p) = (
            params.cost_parameter,
            u64::from(params.block_size),
            u64::from(params.parallelization),
        );
        let block = n.saturating_mul(r);
        let (memory, work) = (block.saturating_mul(128), block.saturating_mul(p));
        if memory == 0 || work == 0 || memory > MOST_MEMORY || work > MOST_WORK {
            return Err(E::Costly(format!(
                "its scrypt has N {n}, r {r} and p {p}, for which no key is derived: N times r times p is at most {MOST_WORK}, \
                 and N times r times 128 bytes at most {MOST_MEMORY}"
            )));
        }
    }
    Ok(())
}

/// The name of an algorithm for encryption or for passphrases.
fn scheme(oid: &ObjectIdentifier) -> String {
    let dotted = oid.to_string();
    match dotted.as_str() {
        "1.2.840.113549.1.5.3" => "PBES1 (MD5 and DES)".into(),
        "1.2.840.113549.1.5.10" => "PBES1 (SHA-1 and DES)".into(),
        "1.2.840.113549.1.5.12" => "PBKDF2 with parameters of another cipher".into(),
        "1.2.840.113549.2.7" => "PBES2 with HMAC-SHA-1".into(),
        "1.2.840.113549.3.7" => "PBES2 with triple DES".into(),
        "1.3.14.3.2.7" => "PBES2 with DES".into(),
        "1.3.6.1.4.1.11591.4.11" => "scrypt with parameters that it does not take".into(),
        dotted if dotted.starts_with("1.2.840.113549.1.12.1.") => {
            format!("a scheme of PKCS#12 ({dotted})")
        }
        dotted => format!("algorithm {dotted}"),
    }
}
