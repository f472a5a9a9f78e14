//! The names by which people know usages, purposes and extensions (RFC 5280).

use der::asn1::ObjectIdentifier;

use super::extensions::{self, Extensions, KeyUsage};

const fn oid(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(dotted)
}

const PURPOSES: [(ObjectIdentifier, &str); 7] = [
    (oid("2.5.29.37.0"), "anyExtendedKeyUsage"),
    (oid("1.3.6.1.5.5.7.3.1"), "serverAuth"),
    (oid("1.3.6.1.5.5.7.3.2"), "clientAuth"),
    (oid("1.3.6.1.5.5.7.3.3"), "codeSigning"),
    (oid("1.3.6.1.5.5.7.3.4"), "emailProtection"),
    (oid("1.3.6.1.5.5.7.3.8"), "timeStamping"),
    (oid("1.3.6.1.5.5.7.3.9"), "OCSPSigning"),
];

const OTHERS: [(ObjectIdentifier, &str); 8] = [
    (oid("2.5.29.16"), "privateKeyUsagePeriod"),
    (oid("2.5.29.17"), "subjectAltName"),
    (oid("2.5.29.18"), "issuerAltName"),
    (oid("2.5.29.30"), "nameConstraints"),
    (oid("2.5.29.32"), "certificatePolicies"),
    (oid("2.5.29.36"), "policyConstraints"),
    (oid("2.5.29.46"), "freshestCRL"),
    (oid("2.5.29.54"), "inhibitAnyPolicy"),
];

/// An identifier's name, or its numbers.
fn name(id: ObjectIdentifier, known: &[(ObjectIdentifier, &'static str)]) -> String {
    let found = known.iter().find(|(of, _)| *of == id);
    found.map_or_else(|| id.to_string(), |(_, name)| (*name).to_owned())
}

impl KeyUsage {
    /// The names of its bits.
    pub fn names(&self) -> Vec<&'static str> {
        let of = self.usages;
        [
            (of.digital_signature(), "digitalSignature"),
            (of.non_repudiation(), "nonRepudiation"),
            (of.key_encipherment(), "keyEncipherment"),
            (of.data_encipherment(), "dataEncipherment"),
            (of.key_agreement(), "keyAgreement"),
            (of.key_cert_sign(), "keyCertSign"),
            (of.crl_sign(), "cRLSign"),
            (of.encipher_only(), "encipherOnly"),
            (of.decipher_only(), "decipherOnly"),
        ]
        .into_iter()
        .filter_map(|(has, name)| has.then_some(name))
        .collect()
    }
}

impl Extensions {
    /// The names of the purposes, if any are named.
    pub fn purposes(&self) -> Option<Vec<String>> {
        let all = self.extended_key_usage.as_ref()?.iter();
        Some(all.map(|id| name(*id, &PURPOSES)).collect())
    }

    /// The extensions that this program passes over, by name, and whether they are critical.
    pub fn others(&self) -> Vec<(String, bool)> {
        let others = self.all.iter().filter(|(id, _)| !extensions::is_read(*id));
        others
            .map(|(id, critical)| (name(*id, &OTHERS), *critical))
            .collect()
    }
}

impl super::request::Request {
    /// The names of the requested extensions.
    pub fn asked_names(&self) -> Vec<String> {
        let known = [OTHERS.as_slice(), &extensions::READ].concat();
        self.asked().iter().map(|id| name(*id, &known)).collect()
    }
}
