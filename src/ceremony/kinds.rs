//! Which members of a plan go together.

use std::path::{Path, PathBuf};

use super::members::{Kind, Members};
use super::payload;
use crate::key::pkcs11::SignMechanism;

impl Members {
    /// Checks which members go together.
    pub(super) fn check_kind(&self) -> Result<(), String> {
        let kind = self.ceremony;
        let wrong = self.stray().map_or_else(|| self.missing(), Some);
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        if kind == Kind::SignPayloads && self.key.mechanism != SignMechanism::Ecdsa {
            return Err(
                "a sign-payloads ceremony signs under SHA-256 and SHA-384, and CKM_ECDSA_SHA384 makes no signature \
                 under SHA-256: it needs a token that offers CKM_ECDSA, and no key.mechanism"
                    .into(),
            );
        }
        let payloads = self.payloads.iter().map(|p| (&*p.file, &*p.sha384));
        check_once("payloads", "signed", payloads)?;
        let requests = self.certificates.iter().map(|c| (&*c.request, &*c.sha384));
        check_once("requests", "issued for", requests)?;
        self.check_revocations()
    }

    /// A member that the kind of ceremony does not have.
    fn stray(&self) -> Option<String> {
        let kind = self.ceremony;
        let makes_root = [Kind::RootKey, Kind::RootCertificate];
        let with_issuer = [Kind::IssueCertificates, Kind::Revoke];
        if makes_root.contains(&kind) && (self.root.is_some() || self.passport.is_some()) {
            return Some(format!(
                "{} ceremony takes no root and no passport: it makes them",
                kind.with_article()
            ));
        }
        let outputs = &self.outputs;
        let of_root = outputs.public.is_some() || outputs.passport.is_some();
        let kinds: [(bool, &str, &[Kind]); 8] = [
            (!self.vendors.is_empty(), "vendors", &[Kind::EndorseVendors]),
            (!self.payloads.is_empty(), "payloads", &[Kind::SignPayloads]),
            (
                !self.certificates.is_empty(),
                "certificates",
                &[Kind::IssueCertificates],
            ),
            (
                self.crl.is_some() || !self.revocations.is_empty() || outputs.crl.is_some(),
                "crl, revocations and outputs.crl",
                &[Kind::Revoke],
            ),
            (
                self.certificate.is_some() || outputs.certificate.is_some(),
                "certificate and outputs.certificate",
                &[Kind::RootCertificate],
            ),
            (of_root, "outputs.public and outputs.passport", &makes_root),
            (self.issuer.is_some(), "issuer", &with_issuer),
            (
                self.root.is_some(),
                "root",
                &[Kind::EndorseVendors, Kind::SignPayloads],
            ),
        ];
        for (is_there, what, of) in kinds {
            if is_there && !of.contains(&kind) {
                let of: Vec<String> = of.iter().map(|kind| kind.with_article()).collect();
                return Some(format!("only {} ceremony has {what}", of.join(" or ")));
            }
        }
        None
    }

    /// A member that the kind of ceremony needs, and that is not there.
    fn missing(&self) -> Option<String> {
        let kind = self.ceremony;
        let outputs = &self.outputs;
        let of_root = outputs.public.is_some() && outputs.passport.is_some();
        let wanted: &[(bool, &str)] = match kind {
            Kind::RootKey => &[(of_root, "outputs.public and outputs.passport")],
            Kind::RootCertificate => &[
                (of_root, "outputs.public and outputs.passport"),
                (
                    self.certificate.is_some(),
                    "a certificate: its subject and its times",
                ),
                (outputs.certificate.is_some(), "outputs.certificate"),
            ],
            Kind::EndorseVendors => &[
                (self.root.is_some(), "a root: the CA's public key"),
                (!self.vendors.is_empty(), "vendors"),
            ],
            Kind::SignPayloads => &[
                (
                    self.root.is_some(),
                    "a root: the public half of the key that signs",
                ),
                (!self.payloads.is_empty(), "payloads"),
            ],
            Kind::IssueCertificates => &[
                (self.issuer.is_some(), "an issuer: the CA's certificate"),
                (!self.certificates.is_empty(), "certificates"),
            ],
            Kind::Revoke => &[
                (self.issuer.is_some(), "an issuer: the CA's certificate"),
                (self.crl.is_some(), "a crl: its times"),
                (outputs.crl.is_some(), "outputs.crl"),
            ],
        };
        let missing = wanted.iter().find(|(is_there, _)| !is_there);
        missing.map(|(_, what)| format!("{} ceremony needs {what}", kind.with_article()))
    }

    /// Each revocation names a certificate by its file, with its digest, or by its serial number.
    fn check_revocations(&self) -> Result<(), String> {
        for (n, one) in self.revocations.iter().enumerate() {
            let by_file = one.certificate.is_some() && one.sha384.is_some();
            let by_serial = one.serial.is_some();
            let any_file = one.certificate.is_some() || one.sha384.is_some();
            if by_file == by_serial || (any_file && by_serial) {
                return Err(format!(
                    "revocation {} must have either certificate and sha384, or serial",
                    n + 1
                ));
            }
        }
        let files = self.revocations.iter();
        let files = files.filter_map(|r| Some((&**r.certificate.as_ref()?, &**r.sha384.as_ref()?)));
        check_once("revoked certificates", "revoked", files)
    }
}

/// Refuses a file that is named twice, or under two names.
fn check_once<'a>(
    what: &str,
    done: &str,
    files: impl Iterator<Item = (&'a Path, &'a str)>,
) -> Result<(), String> {
    let mut known: Vec<(&Path, PathBuf, &str)> = Vec::new();
    for (file, sha384) in files {
        let plain = payload::plain(file);
        let is_same =
            |(_, other, digest): &&(&Path, PathBuf, &str)| *digest == sha384 || *other == plain;
        if let Some((other, ..)) = known.iter().find(is_same) {
            let (one, two) = (other.display(), file.display());
            return Err(format!(
                "{what} {one} and {two} are the same: each may be {done} only once"
            ));
        }
        known.push((file, plain, sha384));
    }
    Ok(())
}
