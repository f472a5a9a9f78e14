//! The keys for encrypted layers, out of files and a key broker.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::Error;
use super::resource::{self, BrokerAt};
use crate::broker::{KbsUri, Resources};
use crate::files;
use crate::ocicrypt::{KEY_LEN, Keys};

/// Bytes of the largest file with keys.
const LARGEST: usize = 256 << 10;

/// Where keys for encrypted layers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file: the 32 bytes of one key, or several keys as `aa-offline_fs_kbc-keys.json` has them.
    File(PathBuf),
    /// A resource of a key broker: the 32 bytes of one key.
    Resource(KbsUri),
}

/// How signing treats encrypted layers.
#[derive(Clone, Debug, Default)]
pub struct Encrypted {
    /// The keys that open them.
    pub keys: Arc<Keys>,
    /// Whether to sign images with encrypted layers while there is no key.
    pub are_allowed: bool,
}

/// Reads all keys.
pub fn keys(sources: &[KeySource], broker: &BrokerAt) -> Result<Arc<Keys>, Error> {
    let mut keys = Keys::default();
    let mut opened = None;
    for source in sources {
        match source {
            KeySource::File(path) => {
                let role = "decryption key file";
                let bytes = files::read_secret(path, LARGEST).map_err(Error::file(role))?;
                let no_key = |reason: String| resource::Error::NoKey {
                    name: format!("decryption key file {}", path.display()),
                    reason,
                };
                if keys.add(&bytes) {
                    continue;
                }
                let several = Resources::read(&bytes).map_err(|fault| {
                    no_key(format!("has other than {KEY_LEN} bytes, and {fault}"))
                })?;
                if several.all().next().is_none() {
                    return Err(no_key("has no key".into()).into());
                }
                for (name, bytes) in several.all() {
                    if !keys.add(bytes) {
                        let reason = format!("key \"{name}\" has other than {KEY_LEN} bytes");
                        return Err(no_key(reason).into());
                    }
                }
            }
            KeySource::Resource(uri) => {
                if opened.is_none() {
                    opened = Some(broker.wanted()?);
                }
                let Some(broker) = &opened else {
                    unreachable!("it was opened just now")
                };
                if !keys.add(&broker.get(uri)?) {
                    return Err(resource::Error::NoKey {
                        name: format!("decryption key {uri}"),
                        reason: format!("has other than {KEY_LEN} bytes"),
                    }
                    .into());
                }
            }
        }
    }
    Ok(Arc::new(keys))
}
