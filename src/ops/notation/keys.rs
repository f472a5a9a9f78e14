//! The list of signing keys, read and changed.

use std::path::Path;

use super::error::Error;
use super::folders::{self, Folders};
use super::signing_keys::{NamedKey, OWN_PLUGIN, SigningKeys, SigningKeysError};
use crate::files::{self, Existing};
use crate::key::KeyRef;

const ROLE: &str = "list of signing keys";

/// The members of the configuration that the plugin knows.
pub const PLUGIN_CONFIG: [&str; 3] = ["certificate_chain", "pin_source", "pkcs11_module"];

/// Why another member is refused.
pub const KNOWN: &str = "this plugin knows certificate_chain, pin_source and pkcs11_module";

/// Reads the list. It is empty if there is no file yet.
pub fn read(folders: &Folders) -> Result<SigningKeys, Error> {
    let path = folders.signing_keys();
    let Some(bytes) = folders::read(ROLE, &path)? else {
        return Ok(SigningKeys::default());
    };
    SigningKeys::read(&bytes).map_err(|source| Error::SigningKeys { path, source })
}

/// Changes the list, wholly or not at all. No other run of this program changes it meanwhile.
pub fn edit<T>(
    folders: &Folders,
    change: impl FnOnce(&mut SigningKeys) -> Result<T, SigningKeysError>,
) -> Result<T, Error> {
    let _lock = folders.lock()?;
    let before = read(folders)?;
    let mut list = before.clone();
    let path = folders.signing_keys();
    let done = change(&mut list).map_err(|source| Error::SigningKeys {
        path: path.clone(),
        source,
    })?;
    let written = if list == before {
        files::sync_existing(&path)
    } else {
        files::write(&path, &list.to_bytes(), 0o600, Existing::Replace).map(drop)
    };
    written.map_err(|source| Error::File { role: ROLE, source })?;
    Ok(done)
}

/// A key that this program's plugin knows by this id, or another plugin's key. Paths of files become whole ones, for
/// notation runs the plugin in any folder.
pub fn of_plugin(
    name: String,
    plugin: String,
    id: String,
    config: Vec<(String, String)>,
) -> Result<NamedKey, Error> {
    let mut key = NamedKey {
        name,
        plugin_name: Some(plugin),
        id: Some(id),
        ..NamedKey::default()
    };
    let is_own = key.plugin_name.as_deref() == Some(OWN_PLUGIN);
    if is_own {
        let id = key.id.as_deref().unwrap_or_default();
        let refused = |reason: String| Error::PluginConfig {
            name: "id".into(),
            reason,
        };
        match KeyRef::try_from(id.as_ref()) {
            Ok(KeyRef::Token(_)) => {}
            Ok(KeyRef::File(_)) => {
                let reason =
                    format!("{id:?} is not a pkcs11: URI; this plugin uses only keys on tokens");
                return Err(refused(reason));
            }
            Err(error) => return Err(refused(error.to_string())),
        }
    }
    let mut all = std::collections::BTreeMap::new();
    for (name, value) in config {
        let refused = |reason: &str| Error::PluginConfig {
            name: name.clone(),
            reason: reason.into(),
        };
        if is_own && !PLUGIN_CONFIG.contains(&name.as_str()) {
            return Err(refused(KNOWN));
        }
        let value = if is_own { whole(&name, value)? } else { value };
        if all.contains_key(&name) {
            return Err(refused("is given twice"));
        }
        all.insert(name, value);
    }
    key.plugin_config = (!all.is_empty()).then_some(all);
    Ok(key)
}

/// A value of the plugin's configuration with the whole path of the file that it names.
fn whole(name: &str, value: String) -> Result<String, Error> {
    let absolute = |path: &str| {
        let path = std::path::absolute(Path::new(path));
        path.ok()
            .and_then(|path| path.into_os_string().into_string().ok())
            .ok_or_else(|| Error::PluginConfig {
                name: name.to_owned(),
                reason: "names no file".into(),
            })
    };
    match (name, value.strip_prefix("file:")) {
        ("pin_source", Some(path)) => Ok(format!("file:{}", absolute(path)?)),
        ("pin_source", None) => Ok(value),
        _ => absolute(&value),
    }
}

impl From<Error> for crate::ops::error::Error {
    fn from(error: Error) -> Self {
        Self::Notation(Box::new(error))
    }
}
