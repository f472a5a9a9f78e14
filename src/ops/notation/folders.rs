//! The folders of notation's configuration, and the files in them.
//!
//! Source: notation's "Directory structure" guide. notation falls back to folders below the current one where it finds no
//! home; this program does not: it would read another configuration in each folder.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::error::Error;
use crate::files::regular::Links;
use crate::files::{self, regular};

/// No file of the configuration is longer.
pub const MOST: usize = 4 << 20;

/// The folders of notation's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// `signingkeys.json`, trust policies and trust stores.
    pub config: PathBuf,
    /// Plugins.
    pub libexec: PathBuf,
    /// Revocation lists.
    pub cache: PathBuf,
}

impl Folders {
    /// The folders that these variables of the environment name: `NOTATION_CONFIG`, `NOTATION_LIBEXEC` and
    /// `NOTATION_CACHE`, else those below `XDG_CONFIG_HOME` and `XDG_CACHE_HOME`, else those below `HOME`.
    pub fn of(variable: impl Fn(&'static str) -> Option<OsString>) -> Result<Self, Error> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let home = |own: &'static str, xdg: &'static str, below: &str| {
            if let Some(folder) = set(own) {
                return Ok(PathBuf::from(folder));
            }
            let base = match (set(xdg), set("HOME")) {
                (Some(base), _) if Path::new(&base).is_absolute() => PathBuf::from(base),
                (Some(_), _) => return Err(Error::RelativeHome { variable: xdg }),
                (None, Some(home)) => Path::new(&home).join(below),
                (None, None) => return Err(Error::NoHome { own, xdg }),
            };
            Ok(base.join("notation"))
        };
        let config = home("NOTATION_CONFIG", "XDG_CONFIG_HOME", ".config")?;
        Ok(Self {
            libexec: set("NOTATION_LIBEXEC").map_or_else(|| config.clone(), PathBuf::from),
            cache: home("NOTATION_CACHE", "XDG_CACHE_HOME", ".cache")?,
            config,
        })
    }

    /// The list of signing keys.
    pub fn signing_keys(&self) -> PathBuf {
        self.config.join("signingkeys.json")
    }

    /// The trust stores: a folder for each type, in each a folder for each store.
    pub fn trust_stores(&self) -> PathBuf {
        self.config.join("truststore/x509")
    }

    /// The trust policy of images: the newer name, which notation 1.3 does not know, before the older one.
    pub fn trust_policies(&self) -> [PathBuf; 2] {
        ["trustpolicy.oci.json", "trustpolicy.json"].map(|name| self.config.join(name))
    }

    /// The program that notation runs for keys of this program.
    pub fn plugin(&self) -> PathBuf {
        self.libexec.join("plugins/ir-sign/notation-ir-sign")
    }

    /// Revocation lists, each under the SHA-256 of its address.
    pub fn revocation_lists(&self) -> PathBuf {
        self.cache.join("crl")
    }

    /// Lets no other run change the configuration at the same time, until the file is closed.
    pub fn lock(&self) -> Result<File, Error> {
        make(&self.config)?;
        let failed = |source| Error::Folder {
            path: self.config.clone(),
            action: "lock",
            source,
        };
        let folder = File::open(&self.config).map_err(failed)?;
        rustix::fs::flock(&folder, FlockOperation::LockExclusive)
            .map_err(|error| failed(error.into()))?;
        Ok(folder)
    }
}

/// Reads a file of the configuration: a regular file, not behind a link, as notation requires. `None` if there is none.
pub fn read(role: &'static str, path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match regular::read(path, MOST, Links::Refused) {
        Err(files::Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        read => read
            .map(Some)
            .map_err(|source| Error::File { role, source }),
    }
}

/// Makes a folder and those above it, only for their owner. It syncs them, because the files in a folder are lost with
/// it.
pub fn make(path: &Path) -> Result<(), Error> {
    let above = files::parent_of(path);
    if path.is_dir() {
        // The run that made it may have been killed before it synced it.
        return sync(
            &above,
            &[ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem],
        );
    }
    make(&above)?;
    match DirBuilder::new().mode(0o700).create(path) {
        // Another run was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made.map_err(|source| Error::Folder {
            path: path.to_owned(),
            action: "make",
            source,
        })?,
    }
    sync(&above, &[])
}

/// Makes the names in a folder durable. Ignores errors that show that the user cannot have made any of the names.
fn sync(path: &Path, harmless: &[ErrorKind]) -> Result<(), Error> {
    match files::sync_dir(path) {
        Err(files::Error::Io { source, .. }) if harmless.contains(&source.kind()) => Ok(()),
        synced => synced.map_err(|source| Error::File {
            role: "folder",
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)]) -> Result<Folders, Error> {
        Folders::of(|name| {
            let found = set.iter().find(|(own, _)| *own == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_most_exact_variable_names_a_folder() {
        let all = [
            ("HOME", "/h"),
            ("XDG_CONFIG_HOME", "/x"),
            ("XDG_CACHE_HOME", "/y"),
            ("NOTATION_CONFIG", "c"),
            ("NOTATION_CACHE", "d"),
            ("NOTATION_LIBEXEC", "e"),
        ];
        for (set, wanted) in [
            (
                &all[..1],
                [
                    "/h/.config/notation",
                    "/h/.config/notation",
                    "/h/.cache/notation",
                ],
            ),
            (&all[..3], ["/x/notation", "/x/notation", "/y/notation"]),
            (&all[..5], ["c", "c", "d"]),
            (&all[..], ["c", "e", "d"]),
        ] {
            let folders = of(set).expect("folders");
            let [config, libexec, cache] = wanted.map(PathBuf::from);
            assert_eq!(
                folders,
                Folders {
                    config,
                    libexec,
                    cache
                }
            );
        }
    }

    #[test]
    fn without_a_home_there_is_no_configuration() {
        assert!(matches!(of(&[("HOME", "")]), Err(Error::NoHome { .. })));
        let relative = of(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "x")]);
        assert!(matches!(relative, Err(Error::RelativeHome { .. })));
    }
}
