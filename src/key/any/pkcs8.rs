//! PKCS#8 `PrivateKeyInfo` in DER (RFC 5208, section 5; RFC 5958), read, and written as Go's `x509` does.

use ::sec1::EcPrivateKey;
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, ErrorKind, Tag, Tagged};
use pkcs8::PrivateKeyInfoRef;
use spki::AlgorithmIdentifier;
use zeroize::Zeroizing;

use super::any_key::AnyKey;
use super::error::PrivateFileError as E;
use super::{pkcs1, sec1};
use crate::crypto::Curve;
use crate::crypto::names::{ID_EC_PUBLIC_KEY, RSA_ENCRYPTION, algorithm_name};
use crate::key::ec_key::EcKey;
use crate::key::wiped_stack::on_wiped_stack;
use crate::secret::Secret;

/// Reads a key. A public part, inside or beside the private one, has to be the private part's own.
pub(super) fn read(bytes: &[u8]) -> Result<AnyKey, E> {
    let info = PrivateKeyInfoRef::from_der(bytes).map_err(|error| match error.kind() {
        ErrorKind::TrailingData { .. } => E::TrailingBytes,
        _ => E::Der {
            form: "PKCS#8 private key",
            reason: error.to_string(),
        },
    })?;
    let (parameters, key) = (info.algorithm.parameters, info.private_key.as_bytes());
    let public = info
        .public_key
        .map(|public| public.as_bytes().unwrap_or_default());
    match info.algorithm.oid {
        ID_EC_PUBLIC_KEY => {
            let key = sec1::read_inside(key, Some(curve(parameters)?))?;
            if let Some(public) = public {
                sec1::check_public(&key, public)?;
            }
            Ok(AnyKey::Ec(key))
        }
        RSA_ENCRYPTION => {
            if parameters != Some(AnyRef::NULL) {
                return Err(E::Parameters);
            }
            let key = pkcs1::read(key)?;
            if public.is_some_and(|public| !key.has_public(public)) {
                return Err(E::Mismatch);
            }
            Ok(AnyKey::Rsa(key))
        }
        other => Err(E::Algorithm(algorithm_name(&other))),
    }
}

fn curve(parameters: Option<AnyRef<'_>>) -> Result<Curve, E> {
    let parameters = parameters.ok_or(E::NoCurve)?;
    match parameters.tag() {
        Tag::Sequence => return Err(E::ExplicitCurve),
        Tag::ObjectIdentifier => {}
        _ => return Err(E::NoCurve),
    }
    let oid = parameters.decode_as::<ObjectIdentifier>();
    sec1::known_curve(&oid.map_err(|_| E::NoCurve)?)
}

/// Writes a key.
pub(super) fn write(key: &AnyKey) -> Secret {
    match key {
        AnyKey::Ec(key) => write_ec(key),
        AnyKey::Rsa(key) => key.to_pkcs8(),
    }
}

/// Writes a key: the curve is named outside, the public part stands inside.
fn write_ec(key: &EcKey) -> Secret {
    let encode = || -> der::Result<Vec<u8>> {
        let inner = EcPrivateKey {
            private_key: key.scalar(),
            parameters: None,
            public_key: Some(key.point()),
        };
        let inner = Zeroizing::new(inner.to_der()?);
        let info = pkcs8::PrivateKeyInfo::<_, _, BitStringRef<'_>>::new(
            AlgorithmIdentifier {
                oid: ID_EC_PUBLIC_KEY,
                parameters: Some(key.curve().oid()),
            },
            OctetStringRef::new(&inner)?,
        );
        info.to_der()
    };
    on_wiped_stack(|| {
        let bytes = encode().expect("an EC key always fits a PrivateKeyInfo");
        Secret::taken(Zeroizing::new(bytes))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::key_type::KeyType;
    use crate::key::signer::Signer;

    #[test]
    fn a_key_reads_back_as_it_was_written() {
        for (name, of) in KeyType::ALL
            .into_iter()
            .filter(|(name, _)| *name != "rsa4096")
        {
            let key = AnyKey::generate(of);
            let again = read(&write(&key)).expect("it is one");
            assert_eq!(again.public_key(), key.public_key(), "{name}");
            let mut long = write(&key).to_vec();
            long.push(0);
            assert_eq!(read(&long).err(), Some(E::TrailingBytes));
        }
    }
}
