//! Certificates, requests and lists, read from files.

use std::path::Path;

use super::error::Error as CertError;
use crate::files;
use crate::files::regular::{self, Links};
use crate::ops::error::Error;
use crate::text::plain;
use crate::x509::{Certificate, Request, RevocationList};

/// The most bytes of a file of certificates.
const MOST_CERTIFICATES: usize = 16 << 20;
/// The most bytes of a request.
const MOST_REQUEST: usize = 1 << 20;
/// The most bytes of a revocation list.
pub(super) const MOST_LIST: usize = 32 << 20;

/// The name of a file in messages.
pub(super) fn name(role: &str, path: &Path) -> String {
    if files::is_standard(path) {
        return format!("{role} on standard input");
    }
    format!("{role} {}", plain(&path.display().to_string()))
}

/// The bytes of a file. Refuses a pipe in its place, which may never end. Standard input is fine, because the user asks
/// for it.
pub(super) fn read(role: &'static str, path: &Path, most: usize) -> Result<Vec<u8>, Error> {
    let bytes = if files::is_standard(path) {
        files::read(path, most)
    } else {
        regular::read(path, most, Links::Followed)
    };
    bytes.map_err(Error::file(role))
}

/// All certificates of a file.
pub(super) fn certificates(role: &'static str, path: &Path) -> Result<Vec<Certificate>, Error> {
    let bytes = read(role, path, MOST_CERTIFICATES)?;
    let name = name(role, path);
    Ok(Certificate::read_all(&bytes).map_err(|source| CertError::Certificate { name, source })?)
}

/// The one certificate of a file.
pub(super) fn certificate(role: &'static str, path: &Path) -> Result<Certificate, Error> {
    let mut all = certificates(role, path)?;
    let found = all.len();
    match (all.pop(), found) {
        (Some(one), 1) => Ok(one),
        _ => Err(CertError::Several {
            name: name(role, path),
            found,
        }
        .into()),
    }
}

/// The request of a file.
pub(super) fn request(path: &Path) -> Result<Request, Error> {
    let bytes = read("request", path, MOST_REQUEST)?;
    let name = name("request", path);
    Ok(Request::read(&bytes).map_err(|source| CertError::Request { name, source })?)
}

/// The revocation list of a file.
pub(super) fn list(role: &'static str, path: &Path) -> Result<RevocationList, Error> {
    let bytes = read(role, path, MOST_LIST)?;
    let name = name(role, path);
    Ok(RevocationList::read(&bytes).map_err(|source| CertError::Crl { name, source })?)
}
