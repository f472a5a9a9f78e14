//! The extensions of certificates and lists that are made here (RFC 5280, sections 4.2.1 and 5.2).

use der::asn1::{AnyRef, BitStringRef, Ia5String, ObjectIdentifier, OctetString};
use der::oid::AssociatedOid;
use der::{Decode, Encode};
use spki::SubjectPublicKeyInfo;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::CrlDistributionPoints;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectKeyIdentifier,
};

use super::certificate::Certificate;
use crate::crypto::PublicKey;
use crate::crypto::sha1::sha1_name;

/// `id-kp-codeSigning` (RFC 5280, section 4.2.1.12).
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
/// The longest address of a list.
const LONGEST_URL: usize = 2000;

/// An address at which no list can be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the address of a revocation list: it must be http:// or https://, a host, and printable ASCII"
)]
pub struct UrlError(pub String);

/// The address at which an issuer publishes its revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlUrl(String);

impl CrlUrl {
    /// Reads an address: `http://` or `https://`, a host, and no character but those that print in ASCII.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let scheme = ["http://", "https://"];
        let rest = scheme.iter().find_map(|scheme| text.strip_prefix(scheme));
        let has_host =
            rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':']));
        if has_host && text.len() <= LONGEST_URL && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(UrlError(text.to_owned()))
        }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The identifier of a key: SHA-1 over the bits of its `subjectPublicKey` (RFC 5280, section 4.2.1.2, method 1).
pub fn key_id(key: &PublicKey) -> [u8; 20] {
    let spki = SubjectPublicKeyInfo::<AnyRef<'_>, BitStringRef<'_>>::from_der(key.spki());
    let spki = spki.expect("a public key holds one encoding");
    sha1_name(spki.subject_public_key.raw_bytes())
}

/// The identifier by which the certificates that this CA issues name its key: the one in its own certificate. If a CA's
/// certificate has none, this is [`key_id`].
pub(super) fn key_id_of(ca: &Certificate) -> Vec<u8> {
    let own = ca.extensions().subject_key_id.clone();
    own.unwrap_or_else(|| key_id(ca.public_key()).to_vec())
}

fn extension<T: Encode + AssociatedOid>(critical: bool, value: &T) -> der::Result<Extension> {
    Ok(Extension {
        extn_id: T::OID,
        critical,
        extn_value: OctetString::new(value.to_der()?)?,
    })
}

/// The extensions of a CA's certificate: it signs certificates and revocation lists, and nothing else.
pub(super) fn ca(path_len: Option<u8>) -> der::Result<Vec<Extension>> {
    let constraints = BasicConstraints {
        ca: true,
        path_len_constraint: path_len,
    };
    let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
    Ok(vec![
        extension(true, &constraints)?,
        extension(true, &usage)?,
    ])
}

/// The extensions of a signer's certificate: it signs code, and nothing else.
pub(super) fn signer() -> der::Result<Vec<Extension>> {
    let usage = KeyUsage(KeyUsages::DigitalSignature.into());
    let purposes = ExtendedKeyUsage(vec![CODE_SIGNING]);
    Ok(vec![extension(true, &usage)?, extension(false, &purposes)?])
}

/// The identifier of the subject's key.
pub(super) fn subject_key(id: &[u8]) -> der::Result<Extension> {
    extension(false, &SubjectKeyIdentifier(OctetString::new(id)?))
}

/// The identifier of the issuer's key.
pub(super) fn authority_key(id: &[u8]) -> der::Result<Extension> {
    let id = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(id)?),
        authority_cert_issuer: None,
        authority_cert_serial_number: None,
    };
    extension(false, &id)
}

/// The address of the issuer's revocation list.
pub(super) fn crl_point(url: &CrlUrl) -> der::Result<Extension> {
    let name = GeneralName::UniformResourceIdentifier(Ia5String::new(&url.0)?);
    let point = DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![name])),
        reasons: None,
        crl_issuer: None,
    };
    extension(false, &CrlDistributionPoints(vec![point]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_and_a_host() {
        for url in [
            "http://crl.example/ca.crl",
            "https://h",
            "http://[::1]:80/a?b=c",
        ] {
            assert_eq!(CrlUrl::parse(url).expect(url).as_str(), url);
        }
        for url in [
            "",
            "crl.example",
            "http://",
            "http:///a",
            "https://:80/",
            "ldap://h",
            "file:///a",
            "HTTP://h",
            "http://h/a b",
            "http://h/é",
            "http://h/\n",
        ] {
            assert_eq!(CrlUrl::parse(url), Err(UrlError(url.to_owned())));
        }
        assert!(CrlUrl::parse(&format!("http://{}", "h".repeat(LONGEST_URL))).is_err());
    }
}
