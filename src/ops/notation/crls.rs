//! Revocation lists in notation's cache, so that notation verifies without a network too.
//!
//! notation looks for a list under the SHA-256 of the address that a certificate names, and uses it until the next one is due.
//! Source: notation-go's `verifier/crl`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::json;

use super::certificates::{self, read_file};
use super::error::Error;
use super::folders::{self, Folders};
use super::keys;
use super::trust::read_list;
use crate::crypto::{Digest, HashAlgorithm};
use crate::encoding::base64::base64;
use crate::files::regular::Links;
use crate::files::{self, Existing};
use crate::x509::Certificate;
use crate::x509::crl::RevocationList;

/// A list that was put into the cache.
#[derive(Clone, Debug)]
pub struct Cached {
    /// The list's file.
    pub from: PathBuf,
    /// The address under which notation finds it.
    pub url: String,
    /// The file in the cache.
    pub path: PathBuf,
    /// Until when notation uses it.
    pub until: SystemTime,
}

/// Puts lists into the cache, each under the addresses that the certificates of its issuer name: those that are given, of
/// signing keys and in trust stores; or under the one address that is given. A list that does not count now stays out.
pub fn add(
    folders: &Folders,
    paths: &[PathBuf],
    url: Option<&str>,
    chains: &[PathBuf],
    now: SystemTime,
) -> Result<Vec<Cached>, Error> {
    let known = known(folders, chains)?;
    let mut all = Vec::new();
    for path in paths {
        let list = read_list(path)?;
        let wrong = |reason: String| Error::List {
            path: path.clone(),
            reason,
        };
        list.check_time(now)
            .map_err(|fault| wrong(fault.to_string()))?;
        check_signed(&list, &known).map_err(wrong)?;
        let urls = match url {
            Some(url) => BTreeSet::from([url.to_owned()]),
            None => addresses(&list, &known),
        };
        if urls.is_empty() {
            return Err(Error::NoAddress { path: path.clone() });
        }
        let until = list.next_update();
        for url in urls {
            let name = Digest::of(HashAlgorithm::Sha256, url.as_bytes()).hex();
            all.push((
                Cached {
                    from: path.clone(),
                    url,
                    path: folders.revocation_lists().join(name),
                    until,
                },
                json!({ "baseCRL": base64(list.der()) }).to_string(),
            ));
        }
    }
    folders::make(&folders.revocation_lists())?;
    for (cached, text) in &all {
        let written = files::write(&cached.path, text.as_bytes(), 0o600, Existing::Replace);
        written.map_err(|source| Error::File {
            role: "revocation list in the cache",
            source,
        })?;
    }
    Ok(all.into_iter().map(|(cached, _)| cached).collect())
}

/// The certificates of the files, of signing keys and in trust stores, as far as they can be read.
fn known(folders: &Folders, chains: &[PathBuf]) -> Result<Vec<Certificate>, Error> {
    let mut all = Vec::new();
    for path in chains {
        all.extend(read_file(path, Links::Followed)?);
    }
    for key in keys::read(folders)?.all() {
        let files = [key.cert_path.as_deref(), key.config("certificate_chain")];
        let read = files
            .into_iter()
            .flatten()
            .map(|path| read_file(Path::new(path), Links::Followed));
        all.extend(read.flatten().flatten());
    }
    let stored = certificates::list(folders, None, None)?;
    all.extend(
        stored
            .into_iter()
            .filter_map(|stored| stored.read.ok())
            .flatten(),
    );
    Ok(all)
}

/// Refuses a list if a known issuer has its name but did not sign it.
fn check_signed(list: &RevocationList, known: &[Certificate]) -> Result<(), String> {
    let issuers = known.iter().filter(|one| one.subject() == list.issuer());
    let mut fault = None;
    for issuer in issuers {
        match list.check_issuer(issuer) {
            Ok(()) => return Ok(()),
            Err(error) => fault = Some(error.to_string()),
        }
    }
    fault.map_or(Ok(()), Err)
}

/// The addresses of lists that certificates of this issuer name.
fn addresses(list: &RevocationList, known: &[Certificate]) -> BTreeSet<String> {
    let issued = known.iter().filter(|one| one.issuer() == list.issuer());
    issued
        .flat_map(|one| one.extensions().crl_urls.clone())
        .collect()
}
