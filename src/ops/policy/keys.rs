//! The keys that a policy names: from files, out of the policy itself, or from a key broker.

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::error::Error as PolicyProblem;
use crate::broker::{Broker, KbsUri};
use crate::crypto::{P384Key, PublicKey};
use crate::encoding::{go_pem, pem};
use crate::files;
use crate::ops::error::Error;
use crate::ops::resource;
use crate::trust::{Dialect, Keys};

/// No file with keys is longer.
const MOST_BYTES: usize = 4 << 20;

/// The sources of a policy's keys.
pub(super) struct KeySource<'a> {
    pub(super) dialect: Dialect,
    pub(super) broker: Option<&'a Broker>,
}

/// The bytes of a key or a ring, and its name for messages.
type Named = (String, Zeroizing<Vec<u8>>);

fn no_key(name: &str, reason: impl Into<String>) -> Error {
    let (name, reason) = (name.to_owned(), reason.into());
    PolicyProblem::NoKey { name, reason }.into()
}

fn bad_key(name: &str, reason: impl Into<String>) -> Error {
    let (name, reason) = (name.to_owned(), reason.into());
    PolicyProblem::BadKey { name, reason }.into()
}

impl KeySource<'_> {
    /// The bytes of all keys of a requirement. `instead` is the broker's resource in place of a file that is not there.
    pub(super) fn all(&self, keys: &Keys, instead: &KbsUri) -> Result<Vec<Named>, Error> {
        let data = |bytes: &Vec<u8>| ("keyData".to_owned(), Zeroizing::new(bytes.clone()));
        match keys {
            Keys::Path(path) => Ok(vec![self.file(path, Some(instead))?]),
            Keys::Paths(paths) => {
                let files = paths.iter().map(|path| self.file(path, Some(instead)));
                files.collect()
            }
            Keys::Data(bytes) => Ok(vec![data(bytes)]),
            Keys::Datas(all) => Ok(all.iter().map(data).collect()),
            Keys::Unusable(reason) => Err(bad_key("of the policy", *reason)),
        }
    }

    /// The bytes of a file or a resource that the policy names.
    pub(super) fn file(&self, text: &str, instead: Option<&KbsUri>) -> Result<Named, Error> {
        if KbsUri::is_meant(text) {
            let uri = KbsUri::parse(text).map_err(|bad| bad_key(text, bad.to_string()))?;
            return Ok((text.to_owned(), self.resource(&uri)?));
        }
        let path = match self.dialect {
            Dialect::Containers => Some(text),
            Dialect::ImageRs => path_of(text).map_err(|reason| bad_key(text, reason))?,
        };
        let is_absolute = path.unwrap_or(text).starts_with('/');
        let read = match path {
            Some(path) => files::read_regular(Path::new(path), MOST_BYTES),
            None => Err(files::Error::Io {
                path: text.into(),
                action: "open",
                source: io::ErrorKind::NotFound.into(),
            }),
        };
        match read {
            Ok(bytes) => Ok((text.to_owned(), Zeroizing::new(bytes))),
            Err(files::Error::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound && is_absolute =>
            {
                match (self.broker, instead) {
                    (Some(_), Some(uri)) => Ok((format!("{text} ({uri})"), self.resource(uri)?)),
                    _ => Err(no_key(
                        text,
                        "there is no such file, and no key broker to ask",
                    )),
                }
            }
            Err(error) => Err(no_key(text, error.to_string())),
        }
    }

    fn resource(&self, uri: &KbsUri) -> Result<Zeroizing<Vec<u8>>, Error> {
        let broker = self.broker.ok_or(resource::Error::NoBroker)?;
        Ok(broker.get(uri)?)
    }
}

/// The path that image-rs opens, which reads it as an address; `None` for one that it does not find. An address of
/// another scheme is an error.
fn path_of(text: &str) -> Result<Option<&str>, &'static str> {
    let path = match text.strip_prefix("file://") {
        Some(path) => path,
        None if text.contains("://") => return Err("image-rs takes paths, file:// and kbs://"),
        None => text,
    };
    let is_kept = |byte: u8| byte.is_ascii_graphic() && byte != b'#' && byte != b'?';
    Ok((path.starts_with('/') && path.bytes().all(is_kept)).then_some(path))
}

/// The public key in the text of a policy's key file. containers/image takes `PUBLIC KEY` and `RSA PUBLIC KEY`,
/// image-rs only the former; only the first block counts for both.
pub(super) fn public_key(named: &Named, dialect: Dialect) -> Result<PublicKey, Error> {
    let (name, bytes) = named;
    let error = |reason: &str| bad_key(name, reason);
    let missing = || error("it is not in PEM, but the keys of policies must be");
    let block = go_pem::first(bytes).ok_or_else(missing)?;
    if dialect == Dialect::ImageRs {
        // If the first block is spoilt, image-rs looks no further.
        let first = pem::blocks(bytes).and_then(|mut blocks| blocks.next());
        let is_same = first
            .is_some_and(|first| first.label == block.label && *first.content() == block.content);
        if !is_same {
            return Err(error("its first block of PEM is not whole"));
        }
    }
    let content = block.content;
    match (block.label, dialect) {
        (b"PUBLIC KEY", _) => {
            PublicKey::from_spki(&content).map_err(|bad| bad_key(name, bad.to_string()))
        }
        (b"RSA PUBLIC KEY", Dialect::Containers) => {
            PublicKey::from_pkcs1(&content).map_err(|bad| bad_key(name, bad.to_string()))
        }
        (label, _) => {
            let label = String::from_utf8_lossy(label);
            Err(bad_key(name, format!("its PEM label is {label:?}")))
        }
    }
}

/// A P-384 key of a CA or a vendor: a `SubjectPublicKeyInfo` in DER or PEM.
pub(super) fn p384_key(named: &Named) -> Result<P384Key, Error> {
    let (name, bytes) = named;
    let key = if bytes.starts_with(&[0x30]) {
        PublicKey::from_spki(bytes).map_err(|bad| bad_key(name, bad.to_string()))?
    } else {
        public_key(named, Dialect::ImageRs)?
    };
    P384Key::of(&key).ok_or_else(|| bad_key(name, format!("it is a key of {}", key.kind())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_containers_image_looks_behind_a_spoilt_block() {
        let key = include_str!("../../../tests/data/cosign/p256.pub");
        let named = |text: String| (String::new(), Zeroizing::new(text.into_bytes()));
        for dialect in [Dialect::Containers, Dialect::ImageRs] {
            let text = format!("text\n{key}text");
            assert!(public_key(&named(text), dialect).is_ok());
            let cut = key.replace("-----END", "----END");
            assert!(public_key(&named(cut.clone()), dialect).is_err());
            let behind = public_key(&named(cut + key), dialect);
            assert_eq!(behind.is_ok(), dialect == Dialect::Containers);
        }
    }

    #[test]
    fn image_rs_reads_a_path_as_an_address() {
        assert_eq!(path_of("/a/b.pub"), Ok(Some("/a/b.pub")));
        assert_eq!(path_of("file:///a/b.pub"), Ok(Some("/a/b.pub")));
        for lost in ["a.pub", "/a b", "/a#b", "/a?b", "/ä", "file://a"] {
            assert_eq!(path_of(lost), Ok(None), "{lost}");
        }
        assert!(path_of("http://127.0.0.1/x").is_err());
    }
}
