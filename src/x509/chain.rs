//! Chains of certificates that sign for Notary Project: from the signer's to a root that signed itself, in order
//! (Notary Project, "Signature Specification", "Certificate Requirements").

use std::time::SystemTime;

use der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::KeyUsage;

use super::certificate::Certificate;
use super::extensions;
use super::signature_algorithm::AlgorithmFault;
use crate::crypto::KeyKind;

/// Why a chain is not one that signs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainFault {
    /// There is no certificate.
    #[error("the chain holds no certificate")]
    Empty,
    /// The names of neighbours do not fit.
    #[error("certificate \"{subject}\" was issued by \"{issuer}\", and \"{next}\" follows it")]
    Order {
        /// The subject.
        subject: String,
        /// Its issuer.
        issuer: String,
        /// The next certificate's subject.
        next: String,
    },
    /// The issuer's key did not sign.
    #[error("certificate \"{subject}\" is not signed by the key of \"{issuer}\"")]
    Signature {
        /// The subject.
        subject: String,
        /// The issuer.
        issuer: String,
    },
    /// A root is not the last.
    #[error("root certificate \"{0}\" is not the last of the chain")]
    RootInside(String),
    /// The chain does not end with a root.
    #[error("the chain ends with \"{subject}\", and \"{issuer}\", which issued it, is missing")]
    NoRoot {
        /// The last certificate's subject.
        subject: String,
        /// Its issuer.
        issuer: String,
    },
    /// An algorithm that is broken, or none that is known.
    #[error("certificate \"{subject}\": {fault}")]
    Algorithm {
        /// The subject.
        subject: String,
        /// The fault.
        fault: AlgorithmFault,
    },
    /// A certificate is outside the profile.
    #[error("certificate \"{subject}\" {reason}")]
    Profile {
        /// The subject.
        subject: String,
        /// The reason.
        reason: String,
    },
    /// Its life has not begun.
    #[error("certificate \"{subject}\" is not valid before {from}")]
    NotYet {
        /// The subject.
        subject: String,
        /// When its life begins.
        from: String,
    },
    /// Its life is over.
    #[error("certificate \"{subject}\" expired at {at}")]
    Expired {
        /// The subject.
        subject: String,
        /// When its life ended.
        at: String,
    },
}

const fn oid(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(dotted)
}

/// Purposes that a signer's certificate must not have.
const OTHER_PURPOSES: [(ObjectIdentifier, &str); 6] = [
    (oid("2.5.29.37.0"), "any purpose"),
    (oid("1.3.6.1.5.5.7.3.1"), "serverAuth"),
    (oid("1.3.6.1.5.5.7.3.2"), "clientAuth"),
    (oid("1.3.6.1.5.5.7.3.4"), "emailProtection"),
    (oid("1.3.6.1.5.5.7.3.8"), "timeStamping"),
    (oid("1.3.6.1.5.5.7.3.9"), "OCSPSigning"),
];

/// The use that the first certificate of a chain must allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Signatures of Notary Project.
    Notary,
    /// Anything. Critical extensions have to be known, as RFC 5280 wants it; Notary Project passes them over.
    Any,
}

/// Checks order, signatures and profile of a chain that signs for Notary Project, at no time: see [`check_validity`].
pub fn check(chain: &[Certificate]) -> Result<(), ChainFault> {
    check_for(chain, Purpose::Notary)
}

/// Checks order, signatures and profile of a chain for a purpose.
pub fn check_for(chain: &[Certificate], purpose: Purpose) -> Result<(), ChainFault> {
    let (Some(leaf), Some(root)) = (chain.first(), chain.last()) else {
        return Err(ChainFault::Empty);
    };
    check_links(chain)?;
    if !root.is_self_issued() {
        return Err(ChainFault::NoRoot {
            subject: root.subject().to_string(),
            issuer: root.issuer().to_string(),
        });
    }
    check_signature(root, root)?;
    for (below, ca) in chain.iter().skip(1).enumerate() {
        check_ca(ca, below)?;
    }
    match purpose {
        Purpose::Notary => check_leaf(leaf),
        Purpose::Any => chain.iter().try_for_each(check_critical),
    }
}

/// Checks that each certificate is issued by the next, and that no root stands before the end.
pub fn check_links(chain: &[Certificate]) -> Result<(), ChainFault> {
    for pair in chain.windows(2) {
        let [certificate, next] = pair else { continue };
        let subject = || certificate.subject().to_string();
        if certificate.is_self_issued() && certificate.is_signed_by(certificate.public_key()) {
            return Err(ChainFault::RootInside(subject()));
        }
        if certificate.issuer() != next.subject() {
            return Err(ChainFault::Order {
                subject: subject(),
                issuer: certificate.issuer().to_string(),
                next: next.subject().to_string(),
            });
        }
        check_signature(certificate, next)?;
    }
    Ok(())
}

/// Refuses critical extensions that are not read here.
fn check_critical(certificate: &Certificate) -> Result<(), ChainFault> {
    let critical = certificate.extensions().all.iter();
    let mut unknown = critical.filter(|(id, critical)| *critical && !extensions::is_read(*id));
    match unknown.next() {
        Some((id, _)) => {
            let reason = format!("has the critical extension {id}, which is unknown here");
            Err(outside(certificate, reason))
        }
        None => Ok(()),
    }
}

fn check_signature(certificate: &Certificate, issuer: &Certificate) -> Result<(), ChainFault> {
    if let Err(fault) = certificate.signature_algorithm() {
        return Err(ChainFault::Algorithm {
            subject: certificate.subject().to_string(),
            fault: fault.clone(),
        });
    }
    if certificate.is_signed_by(issuer.public_key()) {
        return Ok(());
    }
    Err(ChainFault::Signature {
        subject: certificate.subject().to_string(),
        issuer: issuer.subject().to_string(),
    })
}

/// Checks that every certificate lives at this time.
pub fn check_validity(chain: &[Certificate], at: SystemTime) -> Result<(), ChainFault> {
    let time = |time| humantime::format_rfc3339_seconds(time).to_string();
    for certificate in chain {
        let subject = || certificate.subject().to_string();
        if at < certificate.not_before() {
            return Err(ChainFault::NotYet {
                subject: subject(),
                from: time(certificate.not_before()),
            });
        }
        if !certificate.is_valid_at(at) {
            return Err(ChainFault::Expired {
                subject: subject(),
                at: time(certificate.not_after()),
            });
        }
    }
    Ok(())
}

fn outside(certificate: &Certificate, reason: impl Into<String>) -> ChainFault {
    ChainFault::Profile {
        subject: certificate.subject().to_string(),
        reason: reason.into(),
    }
}

/// Checks that a certificate is a CA's, with this many CAs below it.
pub(super) fn check_ca(ca: &Certificate, below: usize) -> Result<(), ChainFault> {
    let refused = |reason: &str| Err(outside(ca, reason));
    match ca.extensions().basic_constraints {
        Some(constraints) if !constraints.ca => return refused("is not the certificate of a CA"),
        Some(constraints) if !constraints.critical => {
            return refused("has basic constraints that are not critical");
        }
        Some(constraints) => {
            if let Some(most) = constraints
                .path_len
                .filter(|most| usize::from(*most) < below)
            {
                let reason = format!("allows {most} CAs below it, and {below} follow");
                return Err(outside(ca, reason));
            }
        }
        None => return refused("has no basic constraints, so it is not the certificate of a CA"),
    }
    match ca.extensions().key_usage {
        Some(usage) if !usage.critical => refused("has a key usage that is not critical"),
        Some(usage) if !usage.usages.key_cert_sign() => {
            refused("is a CA's whose key usage lacks keyCertSign")
        }
        Some(_) => Ok(()),
        None => refused("is a CA's without a key usage"),
    }
}

fn check_leaf(leaf: &Certificate) -> Result<(), ChainFault> {
    let refused = |reason: &str| Err(outside(leaf, reason));
    if leaf.extensions().basic_constraints.is_some_and(|c| c.ca) {
        return refused("is a CA's, and no signer's");
    }
    match leaf.extensions().key_usage {
        Some(usage) if !usage.critical => return refused("has a key usage that is not critical"),
        Some(usage) if !usage.usages.digital_signature() => {
            return refused("has a key usage without digitalSignature");
        }
        Some(usage) => {
            if let Some(other) = other_usage(usage.usages) {
                let reason = format!("has the key usage {other}, which a signer's must not have");
                return Err(outside(leaf, reason));
            }
        }
        None => return refused("has no key usage"),
    }
    let purposes = leaf.extensions().extended_key_usage.as_deref();
    for purpose in purposes.unwrap_or(&[]) {
        if let Some((_, name)) = OTHER_PURPOSES.iter().find(|(oid, _)| oid == purpose) {
            let reason = format!("is for {name}, which a signer's must not be");
            return Err(outside(leaf, reason));
        }
    }
    match leaf.public_key().kind() {
        KeyKind::Ec(_)
        | KeyKind::Rsa {
            bits: 2048 | 3072 | 4096,
        } => Ok(()),
        kind @ (KeyKind::Rsa { .. } | KeyKind::Ed25519) => Err(outside(
            leaf,
            format!("has a key of the kind {kind}; EC keys and RSA 2048, 3072 and 4096 sign"),
        )),
    }
}

/// A use that a signer's key must not have.
fn other_usage(usages: KeyUsage) -> Option<&'static str> {
    [
        (usages.key_encipherment(), "keyEncipherment"),
        (usages.data_encipherment(), "dataEncipherment"),
        (usages.key_agreement(), "keyAgreement"),
        (usages.key_cert_sign(), "keyCertSign"),
        (usages.crl_sign(), "cRLSign"),
        (usages.encipher_only(), "encipherOnly"),
        (usages.decipher_only(), "decipherOnly"),
    ]
    .into_iter()
    .find_map(|(has, name)| has.then_some(name))
}
