//! Revocation lists.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::Error as CertError;
use super::input;
use super::life::Life;
use super::output::{Made, Output};
use super::sign::{Keys, self_check, sign};
use crate::crypto::PublicKey;
use crate::ops::error::Error;
use crate::x509::{
    Certificate, Draft, Issuer, Reason, Revocation, RevocationList, Serial, revocations,
};

const LIST: &str = "revocation list";

/// A certificate that is to be revoked.
#[derive(Clone, Debug)]
pub struct ToRevoke {
    /// The certificate.
    pub what: Named,
    /// Why.
    pub reason: Option<Reason>,
}

/// How a certificate is named.
#[derive(Clone, Debug)]
pub enum Named {
    /// By its serial number.
    Serial(Serial),
    /// By its file.
    File(PathBuf),
}

/// Makes a revocation list.
#[derive(Clone, Debug)]
pub struct MakeList {
    /// The file with the CA's certificate.
    pub ca_certificate: PathBuf,
    /// The file with the list before.
    pub previous: Option<PathBuf>,
    /// What is revoked besides.
    pub revoke: Vec<ToRevoke>,
    /// When it is made, and when the next one is due.
    pub life: Life,
    /// Where it goes.
    pub output: Output,
}

impl MakeList {
    /// Makes it with the CA's key, after all that can be checked without it was.
    pub fn run(&self, keys: Keys<'_>) -> Result<Made<RevocationList>, Error> {
        let now = SystemTime::now();
        let validity = self.life.validity(now)?;
        let mut others = keys.files();
        others.push(&self.ca_certificate);
        others.extend(self.previous.as_deref());
        others.extend(self.revoke.iter().filter_map(ToRevoke::file));
        self.output.check_any(LIST, &others)?;
        let chain = input::certificates("CA certificate", &self.ca_certificate)?;
        let ca = &chain[0];
        let previous = self.previous.as_deref();
        let previous = previous.map(|path| input::list("previous revocation list", path));
        let previous = previous.transpose()?;
        let new = self.revoke.iter().map(|one| one.of(ca));
        let new = new.collect::<Result<Vec<_>, _>>()?;
        let draft_by = |key: &PublicKey| -> Result<Draft, Error> {
            let issuer = Issuer {
                certificate: ca,
                key,
            };
            let draft = revocations(issuer, previous.as_ref(), &new, validity, now);
            Ok(draft.map_err(CertError::from)?)
        };
        // Refuses before ir-sign asks for a PIN. It compares the key with the one in the CA's certificate.
        draft_by(ca.public_key())?;
        let signer = keys.open()?;
        let made = sign(LIST, draft_by(signer.public_key())?, &*signer)?;
        let value = RevocationList::read(&made).map_err(|error| self_check(LIST, error))?;
        let checked = value.check_issuer(ca);
        checked.map_err(|error| self_check(LIST, error))?;
        let written = self.output.write(LIST, value.der(), &value.pem())?;
        Ok(Made { value, written })
    }
}

impl ToRevoke {
    fn file(&self) -> Option<&Path> {
        match &self.what {
            Named::File(path) => Some(path),
            Named::Serial(_) => None,
        }
    }

    fn of(&self, ca: &Certificate) -> Result<Revocation, Error> {
        match &self.what {
            Named::Serial(serial) => Ok(Revocation {
                serial: serial.clone(),
                reason: self.reason,
            }),
            Named::File(path) => {
                let certificate = input::certificate("certificate to revoke", path)?;
                let revocation = Revocation::of(&certificate, ca, self.reason);
                Ok(revocation.map_err(CertError::from)?)
            }
        }
    }
}
