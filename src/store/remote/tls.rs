//! The certificates to trust, and the client's own: the system's roots, `--tls-ca`, `certs.d` (R25, R26).
//!
//! Sources: containers-certs.d(5); docker's "Verify repository client with certificates".

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ureq::tls::{
    Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider, parse_pem,
};

use super::environment::{ClientFiles, Options};
use crate::files;

/// Bytes of the largest file with certificates, and how many files a folder may have.
const LARGEST: usize = 4 << 20;
const MOST_FILES: usize = 1000;

/// Why the program could not read certificates or keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file cannot be read.
    #[error("{0}")]
    File(#[from] files::Error),
    /// The folder cannot be read.
    #[error("{}: cannot read: {source}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no certificate in the file.
    #[error("{}: holds no certificate in PEM", .0.display())]
    NoCertificate(PathBuf),
    /// The file holds no private key that the client can use without a password.
    #[error("{}: holds no unencrypted private key in PEM", .0.display())]
    NoKey(PathBuf),
    /// A client's certificate has no key beside it, or a key no certificate.
    #[error("{}: has no {} beside it", .file.display(), .lacking.display())]
    Alone {
        /// The file that is there.
        file: PathBuf,
        /// The file that is not.
        lacking: PathBuf,
    },
    /// There are several client's certificates, and the client can show only one.
    #[error("{}: holds several client certificates", .0.display())]
    Several(PathBuf),
    /// The system's roots cannot be read.
    #[error("the system's certificate authorities cannot be read")]
    NoRoots,
}

/// The settings of `certs.d` for an origin.
#[derive(Debug, Default)]
struct Folder {
    roots: Vec<Certificate<'static>>,
    client: Option<ClientCert>,
}

/// Whether the user's settings say that an origin on this machine speaks TLS (R25).
pub(super) fn is_configured(options: &Options, host: &str) -> bool {
    options.tls_ca.is_some() || options.client.is_some() || folder(options, host).is_some()
}

/// The settings for an origin; only the registry itself gets a client's certificate (R28).
pub(super) fn config(
    options: &Options,
    host: &str,
    is_registry: bool,
) -> Result<TlsConfig, TlsError> {
    let mut roots = system_roots()?;
    if let Some(path) = &options.tls_ca {
        roots.extend(certificates(path)?);
    }
    let found = match folder(options, host) {
        Some(path) => read_folder(&path)?,
        None => Folder::default(),
    };
    roots.extend(found.roots);
    let client = match &options.client {
        Some(files) if is_registry => {
            let ClientFiles { certificate, key } = &**files;
            let key = private_key(key)?;
            Some(ClientCert::new_with_certs(&certificates(certificate)?, key))
        }
        Some(_) | None => found.client.filter(|_| is_registry),
    };
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(provider))
        .root_certs(RootCerts::new_with_certs(&roots))
        .client_cert(client)
        .build())
}

/// The system's roots, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`; read once, and only if a connection uses TLS.
fn system_roots() -> Result<Vec<Certificate<'static>>, TlsError> {
    static ROOTS: OnceLock<Option<Vec<Certificate<'static>>>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        // A system without any is one on which `--tls-ca` says it all.
        if found.certs.is_empty()
            && !found.errors.is_empty()
            && std::env::var_os("SSL_CERT_FILE").is_some()
        {
            return None;
        }
        let owned =
            |der: &rustls::pki_types::CertificateDer<'_>| Certificate::from_der(der).to_owned();
        Some(found.certs.iter().map(owned).collect())
    });
    roots.clone().ok_or(TlsError::NoRoots)
}

/// The folder of `certs.d` for an origin: the first that exists.
fn folder(options: &Options, host: &str) -> Option<PathBuf> {
    if let Some(named) = &options.cert_dir {
        let inside = named.join(host);
        return Some(if inside.is_dir() {
            inside
        } else {
            named.clone()
        });
    }
    let config = options.environment.config_home();
    let own = config.map(|config| config.join("containers/certs.d"));
    let all = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
    let mut places = own.into_iter().chain(all);
    places.find_map(|place| {
        let folder = place.join(host);
        folder.is_dir().then_some(folder)
    })
}

fn read_folder(folder: &Path) -> Result<Folder, TlsError> {
    let failed = |source| TlsError::Folder {
        path: folder.to_owned(),
        source,
    };
    let mut found = Folder::default();
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)?.take(MOST_FILES) {
        names.push(entry.map_err(failed)?.path());
    }
    names.sort();
    for path in &names {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("crt") => found.roots.extend(certificates(path)?),
            Some("cert") => {
                let key = path.with_extension("key");
                if !names.contains(&key) {
                    let file = path.clone();
                    return Err(TlsError::Alone { file, lacking: key });
                }
                if found.client.is_some() {
                    return Err(TlsError::Several(folder.to_owned()));
                }
                let key = private_key(&key)?;
                found.client = Some(ClientCert::new_with_certs(&certificates(path)?, key));
            }
            Some("key") => {
                let certificate = path.with_extension("cert");
                if !names.contains(&certificate) {
                    return Err(TlsError::Alone {
                        file: path.clone(),
                        lacking: certificate,
                    });
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The certificates of a file in PEM; at least one.
fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, TlsError> {
    let text = files::read(path, LARGEST)?;
    let mut found = Vec::new();
    for item in parse_pem(&text) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(TlsError::NoCertificate(path.to_owned())),
        }
    }
    if found.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKey<'static>, TlsError> {
    let text = files::read_wiped(path, LARGEST)?;
    PrivateKey::from_pem(&text).map_err(|_| TlsError::NoKey(path.to_owned()))
}
