//! The extensions that this program reads (RFC 5280, section 4.2). It passes others over, critical or not: Notary
//! Project signatures are verified so.

use der::asn1::ObjectIdentifier;
use der::{Decode, ErrorKind};
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    self, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, ExtendedKeyUsage, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, Extensions as All};

const fn oid(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(dotted)
}

const SUBJECT_KEY_ID: ObjectIdentifier = oid("2.5.29.14");
const KEY_USAGE: ObjectIdentifier = oid("2.5.29.15");
const BASIC_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.19");
const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = oid("2.5.29.31");
const AUTHORITY_KEY_ID: ObjectIdentifier = oid("2.5.29.35");
const EXTENDED_KEY_USAGE: ObjectIdentifier = oid("2.5.29.37");
const AUTHORITY_INFO_ACCESS: ObjectIdentifier = oid("1.3.6.1.5.5.7.1.1");
const OCSP: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1");

/// `BasicConstraints`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Whether the extension is critical.
    pub critical: bool,
    /// Whether the subject is a CA.
    pub ca: bool,
    /// The most CAs that may stand between the subject and the end of a chain.
    pub path_len: Option<u8>,
}

/// `KeyUsage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    /// Whether the extension is critical.
    pub critical: bool,
    /// The bits.
    pub usages: pkix::KeyUsage,
}

/// The extensions of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// `BasicConstraints`.
    pub basic_constraints: Option<BasicConstraints>,
    /// `KeyUsage`.
    pub key_usage: Option<KeyUsage>,
    /// `ExtKeyUsageSyntax`: the purposes.
    pub extended_key_usage: Option<Vec<ObjectIdentifier>>,
    /// `SubjectKeyIdentifier`.
    pub subject_key_id: Option<Vec<u8>>,
    /// The key identifier of `AuthorityKeyIdentifier`.
    pub authority_key_id: Option<Vec<u8>>,
    /// The addresses of `CRLDistributionPoints`.
    pub crl_urls: Vec<String>,
    /// Whether there are `CRLDistributionPoints`, with or without an address.
    pub has_crl_points: bool,
    /// The addresses of OCSP responders in `AuthorityInfoAccessSyntax`.
    pub ocsp_urls: Vec<String>,
    /// Each extension's identifier, in order, and whether it is critical.
    pub all: Vec<(ObjectIdentifier, bool)>,
}

impl Extensions {
    /// Reads them. An extension that is there twice is refused (RFC 5280, section 4.2).
    pub(super) fn of(all: Option<&All>) -> der::Result<Self> {
        let mut read = Self::default();
        let none = All::new();
        for extension in all.unwrap_or(&none) {
            if read.all.iter().any(|(id, _)| *id == extension.extn_id) {
                return Err(ErrorKind::Failed.into());
            }
            read.all.push((extension.extn_id, extension.critical));
            read.add(extension)?;
        }
        Ok(read)
    }

    fn add(&mut self, extension: &Extension) -> der::Result<()> {
        let critical = extension.critical;
        let value = extension.extn_value.as_bytes();
        match extension.extn_id {
            BASIC_CONSTRAINTS => {
                let read = pkix::BasicConstraints::from_der(value)?;
                self.basic_constraints = Some(BasicConstraints {
                    critical,
                    ca: read.ca,
                    path_len: read.path_len_constraint,
                });
            }
            KEY_USAGE => {
                let usages = pkix::KeyUsage::from_der(value)?;
                self.key_usage = Some(KeyUsage { critical, usages });
            }
            EXTENDED_KEY_USAGE => {
                self.extended_key_usage = Some(ExtendedKeyUsage::from_der(value)?.0);
            }
            SUBJECT_KEY_ID => {
                let read = SubjectKeyIdentifier::from_der(value)?;
                self.subject_key_id = Some(read.0.as_bytes().to_vec());
            }
            AUTHORITY_KEY_ID => {
                let read = AuthorityKeyIdentifier::from_der(value)?;
                self.authority_key_id = read.key_identifier.map(|id| id.as_bytes().to_vec());
            }
            CRL_DISTRIBUTION_POINTS => {
                let read = Vec::<DistributionPoint>::from_der(value)?;
                self.has_crl_points = true;
                let names = read
                    .iter()
                    .filter_map(|point| point.distribution_point.as_ref());
                for name in names {
                    if let DistributionPointName::FullName(names) = name {
                        self.crl_urls.extend(names.iter().filter_map(url_of));
                    }
                }
            }
            AUTHORITY_INFO_ACCESS => {
                let read = AuthorityInfoAccessSyntax::from_der(value)?;
                let ocsp = read.0.iter().filter(|entry| entry.access_method == OCSP);
                let urls = ocsp.filter_map(|entry| url_of(&entry.access_location));
                self.ocsp_urls.extend(urls);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The extensions that this program reads, with their names.
pub(super) const READ: [(ObjectIdentifier, &str); 7] = [
    (SUBJECT_KEY_ID, "subjectKeyIdentifier"),
    (KEY_USAGE, "keyUsage"),
    (BASIC_CONSTRAINTS, "basicConstraints"),
    (CRL_DISTRIBUTION_POINTS, "cRLDistributionPoints"),
    (AUTHORITY_KEY_ID, "authorityKeyIdentifier"),
    (EXTENDED_KEY_USAGE, "extKeyUsage"),
    (AUTHORITY_INFO_ACCESS, "authorityInfoAccess"),
];

/// Whether this program reads the extension with this identifier.
pub(super) fn is_read(id: ObjectIdentifier) -> bool {
    READ.iter().any(|(known, _)| *known == id)
}

fn url_of(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::UniformResourceIdentifier(url) => Some(url.to_string()),
        _ => None,
    }
}
