//! Certificates, requests and revocation lists to look at.

use std::path::{Path, PathBuf};

use super::error::Error as CertError;
use super::input::{self, MOST_LIST, name};
use crate::encoding::pem_text::PemText;
use crate::ops::error::Error;
use crate::x509::{Certificate, Request, RevocationList, crl, request};

/// What a file holds.
#[derive(Debug)]
pub enum Shown {
    /// Certificates.
    Certificates(Vec<Certificate>),
    /// A request.
    Request(Request),
    /// A revocation list.
    List(RevocationList),
}

/// Reads a file to show what it holds.
#[derive(Clone, Debug)]
pub struct ShowFile {
    /// The file.
    pub file: PathBuf,
}

impl ShowFile {
    /// Reads it. A request has to be signed by its own key; nothing else is verified.
    pub fn run(&self) -> Result<Shown, Error> {
        let bytes = input::read("file", &self.file, MOST_LIST)?;
        Ok(read(&bytes, &self.file)?)
    }
}

fn read(bytes: &[u8], path: &Path) -> Result<Shown, CertError> {
    let name = || name("file", path);
    if bytes.starts_with(&[0x30]) {
        return of_der(bytes).ok_or_else(|| reason(bytes, name()));
    }
    let text = PemText::of(bytes).map_err(|_| CertError::Unknown(name()))?;
    match text.blocks.first().map(|block| block.label) {
        Some(crl::PEM_LABEL) => {
            let list = RevocationList::read(bytes).map(Shown::List);
            list.map_err(|source| CertError::Crl {
                name: name(),
                source,
            })
        }
        Some(request::PEM_LABEL | request::OLD_LABEL) => {
            let request = Request::read(bytes).map(Shown::Request);
            request.map_err(|source| CertError::Request {
                name: name(),
                source,
            })
        }
        _ => {
            let all = Certificate::read_all(bytes).map(Shown::Certificates);
            all.map_err(|source| CertError::Certificate {
                name: name(),
                source,
            })
        }
    }
}

/// The three differ within, so at most one reads.
fn of_der(bytes: &[u8]) -> Option<Shown> {
    let certificates = Certificate::read_all(bytes).map(Shown::Certificates);
    let list = || RevocationList::read(bytes).map(Shown::List);
    let request = || Request::read(bytes).map(Shown::Request);
    let found = certificates.ok();
    found.or_else(|| list().ok()).or_else(|| request().ok())
}

/// The reason why ir-sign cannot read a file in DER, judged as the kind that it looks most like.
fn reason(bytes: &[u8], name: String) -> CertError {
    match start(bytes) {
        Some([0xa0, ..]) => match Certificate::read_all(bytes) {
            Err(source) => CertError::Certificate { name, source },
            Ok(_) => CertError::Unknown(name),
        },
        Some([2, 1, 1, ..]) => match RevocationList::read(bytes) {
            Err(source) => CertError::Crl { name, source },
            Ok(_) => CertError::Unknown(name),
        },
        Some([2, 1, 0, ..]) => match Request::read(bytes) {
            Err(source) => CertError::Request { name, source },
            Ok(_) => CertError::Unknown(name),
        },
        _ => CertError::Unknown(name),
    }
}

/// The start of the signed bytes: a tagged version in a certificate, the number 1 in a list and 0 in a request.
fn start(bytes: &[u8]) -> Option<&[u8]> {
    content(content(bytes)?)
}

/// The bytes after the tag and the length of a SEQUENCE.
fn content(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0x30, ..0x80, rest @ ..] => Some(rest),
        [0x30, length, rest @ ..] => rest.get(usize::from(length & 0x7f)..),
        _ => None,
    }
}
