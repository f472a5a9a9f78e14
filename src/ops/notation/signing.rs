//! From a name in the key list, or a plugin's name of a key, to the key and its certificates.

use std::path::{Path, PathBuf};

use super::certificates::read_file;
use super::error::Error;
use super::folders::Folders;
use super::keys;
use super::signing_keys::{KeyPlace, NamedKey, OWN_PLUGIN};
use crate::files::regular::{self, Links};
use crate::key::KeyRef;
use crate::key::pin::PinSource;
use crate::x509::Certificate;

/// A signing key, and where its certificates and its PIN come from.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// The key.
    pub key: KeyRef,
    /// The file of its certificates, its own first. Without one they are its token's.
    pub certificates: Option<PathBuf>,
    /// The source of its token's PIN.
    pub pin_source: Option<PinSource>,
    /// Its token's module.
    pub module: Option<PathBuf>,
}

impl SigningKey {
    /// The key of this name in the key list, or the list's default; `more` goes before its plugin's configuration.
    pub fn named(
        folders: &Folders,
        name: Option<&str>,
        more: &[(String, String)],
    ) -> Result<Self, Error> {
        let wrong = |source| Error::SigningKeys {
            path: folders.signing_keys(),
            source,
        };
        let list = keys::read(folders)?;
        let named = list.get(name).map_err(wrong)?;
        match named.place().map_err(wrong)? {
            KeyPlace::Path { key, certificates } => Ok(Self {
                key: reference(key)?,
                certificates: Some(certificates.into()),
                ..Self::of_config(&NamedKey::default(), more)?
            }),
            KeyPlace::Plugin { plugin, .. } if plugin != OWN_PLUGIN => Err(Error::OtherPlugin {
                name: named.name.clone(),
                plugin: plugin.to_owned(),
                own: OWN_PLUGIN,
            }),
            KeyPlace::Plugin { id, .. } => Ok(Self {
                key: token(id)?,
                ..Self::of_config(named, more)?
            }),
        }
    }

    /// The key that this program's plugin knows by this id.
    pub fn of_plugin(plugin: &str, id: &str, config: &[(String, String)]) -> Result<Self, Error> {
        if plugin != OWN_PLUGIN {
            return Err(Error::OtherPlugin {
                name: id.to_owned(),
                plugin: plugin.to_owned(),
                own: OWN_PLUGIN,
            });
        }
        Ok(Self {
            key: token(id)?,
            ..Self::of_config(&NamedKey::default(), config)?
        })
    }

    fn of_config(key: &NamedKey, more: &[(String, String)]) -> Result<Self, Error> {
        for (at, (name, _)) in more.iter().enumerate() {
            let wrong = |reason: &str| Error::PluginConfig {
                name: name.clone(),
                reason: reason.into(),
            };
            if !keys::PLUGIN_CONFIG.contains(&name.as_str()) {
                return Err(wrong(keys::KNOWN));
            }
            if more[..at].iter().any(|(other, _)| other == name) {
                return Err(wrong("is given twice"));
            }
        }
        let value = |name: &str| {
            let given = more.iter().find(|(own, _)| own == name);
            let given = given.map(|(_, value)| value.as_str());
            given.or_else(|| key.config(name)).map(str::to_owned)
        };
        let pin_source = value("pin_source").map(|text| {
            text.parse().map_err(|error| Error::PluginConfig {
                name: "pin_source".into(),
                reason: format!("{error}"),
            })
        });
        Ok(Self {
            key: KeyRef::File(PathBuf::new()),
            certificates: value("certificate_chain").map(PathBuf::from),
            pin_source: pin_source.transpose()?,
            module: value("pkcs11_module").map(PathBuf::from),
        })
    }

    /// Refuses a key file that is not a regular file, before anything waits for a pipe.
    pub fn check_file(&self) -> Result<(), Error> {
        match &self.key {
            KeyRef::File(path) => {
                regular::open(path, Links::Followed)
                    .map(|_| ())
                    .map_err(|source| Error::File {
                        role: "key file",
                        source,
                    })
            }
            KeyRef::Token(_) => Ok(()),
        }
    }

    /// The certificates of the file, if there is one.
    pub fn read_certificates(&self) -> Result<Option<Vec<Certificate>>, Error> {
        let read = |path: &PathBuf| read_file(path, Links::Followed);
        self.certificates.as_ref().map(read).transpose()
    }
}

/// A key by its path or URI.
fn reference(text: &str) -> Result<KeyRef, Error> {
    KeyRef::try_from(Path::new(text).as_os_str()).map_err(|error| Error::PluginConfig {
        name: "id".into(),
        reason: error.to_string(),
    })
}

/// A key on a token by its URI: the plugin has no other keys.
fn token(text: &str) -> Result<KeyRef, Error> {
    match reference(text)? {
        key @ KeyRef::Token(_) => Ok(key),
        KeyRef::File(_) => Err(Error::PluginConfig {
            name: "id".into(),
            reason: format!("{text:?} is not a pkcs11: URI; this plugin uses only keys on tokens"),
        }),
    }
}
