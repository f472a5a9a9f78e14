//! Roots, requests, and certificates for requests.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use super::error::Error as CertError;
use super::input;
use super::life::Life;
use super::output::{self, Made, Output};
use super::sign::{Keys, self_check, sign};
use crate::crypto::PublicKey;
use crate::files::{self, Written};
use crate::ops::error::Error;
use crate::ops::keys::existing;
use crate::x509::chain::check_links;
use crate::x509::{
    Certificate, CrlUrl, DistinguishedName, Draft, Issuer, Profile, Request, Serial, Terms,
    Validity, issue, request,
};

const CERTIFICATE: &str = "certificate";
const CA_CERTIFICATE: &str = "CA certificate";
const REQUEST: &str = "request";

/// Makes a root's certificate.
#[derive(Clone, Debug)]
pub struct MakeRoot {
    /// The CA's name.
    pub subject: DistinguishedName,
    /// From when until when it holds.
    pub life: Life,
    /// The most CAs below it.
    pub path_len: Option<u8>,
    /// Where it goes.
    pub output: Output,
}

impl MakeRoot {
    /// Makes it with the root's own key.
    pub fn run(&self, keys: Keys<'_>) -> Result<Made<Certificate>, Error> {
        let validity = self.life.validity(SystemTime::now())?;
        self.output.check(CERTIFICATE, &keys.files())?;
        let terms = terms(validity, None)?;
        let signer = keys.open()?;
        let draft = issue::root(signer.public_key(), &self.subject, self.path_len, &terms);
        let draft = draft.map_err(CertError::from)?;
        let made = sign(CERTIFICATE, draft, &*signer)?;
        let value = read_back(&made, signer.public_key())?;
        let written = self.output.write(CERTIFICATE, value.der(), &value.pem())?;
        Ok(Made { value, written })
    }
}

/// Makes a request.
#[derive(Clone, Debug)]
pub struct MakeRequest {
    /// The requested name.
    pub subject: DistinguishedName,
    /// Where it goes.
    pub output: Output,
}

impl MakeRequest {
    /// Makes it with the key that is to be certified.
    pub fn run(&self, keys: Keys<'_>) -> Result<Made<Request>, Error> {
        self.output.check_any(REQUEST, &keys.files())?;
        let signer = keys.open()?;
        if let Some(there) = self.there(signer.public_key())? {
            return Ok(there);
        }
        let draft: Draft =
            request::draft(signer.public_key(), &self.subject).map_err(CertError::from)?;
        let made = sign(REQUEST, draft, &*signer)?;
        let value = Request::read(&made).map_err(|error| self_check(REQUEST, error))?;
        let written = self.output.write(REQUEST, value.der(), &value.pem())?;
        Ok(Made { value, written })
    }
}

impl MakeRequest {
    /// The file that is there already, if it holds this very request: another signature would be no better one.
    fn there(&self, key: &PublicKey) -> Result<Option<Made<Request>>, Error> {
        let Some((path, bytes)) = self.output.there(REQUEST)? else {
            return Ok(None);
        };
        let is_same = |there: &Request| {
            there.public_key() == key
                && *there.subject() == self.subject
                && there.asked().is_empty()
                && self.output.form(there.der(), &there.pem()) == bytes
        };
        let Some(value) = Request::read(&bytes).ok().filter(is_same) else {
            return Ok(None);
        };
        files::sync_existing(&path).map_err(Error::file(REQUEST))?;
        let written = vec![(path, Written::Same)];
        Ok(Some(Made { value, written }))
    }
}

/// Issues a certificate for a request.
#[derive(Clone, Debug)]
pub struct IssueCertificate {
    /// The request's file.
    pub request: PathBuf,
    /// What the certificate is for.
    pub profile: Profile,
    /// The file with the CA's certificate, and more of its chain.
    pub ca_certificate: PathBuf,
    /// The name, if not the request's.
    pub subject: Option<DistinguishedName>,
    /// From when until when it holds.
    pub life: Life,
    /// The address of the CA's revocation list.
    pub crl_url: Option<CrlUrl>,
    /// The file for the certificate and its chain.
    pub chain: Option<PathBuf>,
    /// Where the certificate goes.
    pub output: Output,
}

impl IssueCertificate {
    /// Issues it with the CA's key, after all that can be checked without it was.
    pub fn run(&self, keys: Keys<'_>) -> Result<Made<Certificate>, Error> {
        let now = SystemTime::now();
        let validity = self.life.validity(now)?;
        let mut others = keys.files();
        others.extend([&*self.request, &*self.ca_certificate]);
        self.output.check(CERTIFICATE, &others)?;
        if let Some(chain) = &self.chain {
            others.extend(self.output.path.as_deref());
            output::check("chain", chain, self.output.force, &others)?;
        }
        let request = input::request(&self.request)?;
        let chain = input::certificates(CA_CERTIFICATE, &self.ca_certificate)?;
        let ca = &chain[0];
        check_links(&chain).map_err(CertError::Chain)?;
        let terms = terms(validity, self.crl_url.clone())?;
        let draft_by = |key: &PublicKey| -> Result<Draft, Error> {
            let issuer = Issuer {
                certificate: ca,
                key,
            };
            let subject = self.subject.as_ref();
            let draft = issue::certificate(&request, subject, self.profile, issuer, &terms, now);
            Ok(draft.map_err(CertError::from)?)
        };
        // Refuses before ir-sign asks for a PIN. It compares the key with the one in the CA's certificate.
        draft_by(ca.public_key())?;
        let signer = keys.open()?;
        let made = sign(CERTIFICATE, draft_by(signer.public_key())?, &*signer)?;
        let value = read_back(&made, ca.public_key())?;
        let written = self.write(&value, &chain)?;
        Ok(Made { value, written })
    }

    /// Writes the chain first: a run that stops in between leaves no certificate that looks finished.
    fn write(
        &self,
        value: &Certificate,
        chain: &[Certificate],
    ) -> Result<Vec<(PathBuf, Written)>, Error> {
        let (der, pem) = (value.der(), value.pem());
        let Some(path) = &self.chain else {
            return self.output.write(CERTIFICATE, der, &pem);
        };
        // The certificate's bytes come first, so that a full disk cannot leave the chain without it.
        let staged = self.output.stage(CERTIFICATE, der, &pem)?;
        let all = std::iter::once(value).chain(chain);
        let all: String = all.map(Certificate::pem).collect();
        let was_there = path.symlink_metadata().is_ok();
        let chain = output::write("chain", path, all.as_bytes(), self.output.force)?;
        let written = match (staged, &self.output.path) {
            (Some(staged), Some(output)) => match staged.put(existing(self.output.force)) {
                Ok(put) => {
                    put.sync().map_err(Error::file(CERTIFICATE))?;
                    vec![(output.clone(), Written::New)]
                }
                Err(error) => {
                    if !was_there {
                        // The error is the one to report.
                        let _ = fs::remove_file(path);
                    }
                    return Err(Error::file(CERTIFICATE)(error));
                }
            },
            _ => self.output.write(CERTIFICATE, der, &pem)?,
        };
        Ok([vec![chain], written].concat())
    }
}

fn terms(validity: Validity, crl_url: Option<CrlUrl>) -> Result<Terms, CertError> {
    Ok(Terms {
        serial: Serial::random().map_err(CertError::Random)?,
        validity,
        crl_url,
    })
}

/// Reads a certificate that was made, as others will, and verifies its signature.
fn read_back(made: &[u8], by: &PublicKey) -> Result<Certificate, CertError> {
    let read = Certificate::read(made).map_err(|error| self_check(CERTIFICATE, error))?;
    if !read.is_signed_by(by) {
        return Err(self_check(CERTIFICATE, "its signature is not its issuer's"));
    }
    Ok(read)
}
