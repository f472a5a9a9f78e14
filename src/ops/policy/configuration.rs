//! The policy, and the configuration that says where signatures are: given, or at the usual places.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::Error as PolicyProblem;
use crate::broker::{Broker, KbsUri};
use crate::files;
use crate::ops::error::Error;
use crate::ops::resource;
use crate::store::Lookaside;
use crate::trust::registries_d::Lookup;
use crate::trust::{Dialect, DockerReference, Policy};

/// No policy is longer.
const MOST_POLICY: usize = 64 << 20;
/// No file of registries.d is longer.
const MOST_STORAGE: usize = 4 << 20;

/// Where a policy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyAt {
    /// A file.
    File(PathBuf),
    /// A resource of the key broker.
    Resource(KbsUri),
}

/// The folders of the user and of the system that hold configurations.
#[derive(Clone, Debug, Default)]
pub struct Homes {
    /// The user's home.
    pub home: Option<PathBuf>,
}

impl Homes {
    fn own(&self, name: &str) -> Option<PathBuf> {
        let home = self.home.as_ref()?;
        Some(home.join(".config/containers").join(name))
    }

    /// The user's, or the system's: containers-policy.json(5), containers-registries.d(5).
    fn default_of(&self, name: &str) -> PathBuf {
        let own = self.own(name).filter(|path| path.exists());
        own.unwrap_or_else(|| Path::new("/etc/containers").join(name))
    }
}

/// The text of a policy, and the file or resource that it came from.
pub(super) struct PolicyText {
    name: String,
    bytes: Vec<u8>,
}

impl PolicyText {
    /// Reads the file, or asks the key broker.
    pub(super) fn get(
        at: Option<&PolicyAt>,
        broker: Option<&Broker>,
        homes: &Homes,
    ) -> Result<Self, Error> {
        let read = |path: &Path| {
            let bytes = files::read(path, MOST_POLICY).map_err(Error::file("policy"))?;
            let name = path.display().to_string();
            Ok(Self { name, bytes })
        };
        match at {
            Some(PolicyAt::File(path)) => read(path),
            Some(PolicyAt::Resource(uri)) => {
                let broker = broker.ok_or(resource::Error::NoBroker)?;
                let bytes = broker.get(uri)?.to_vec();
                let name = uri.to_string();
                Ok(Self { name, bytes })
            }
            None => {
                let path = homes.default_of("policy.json");
                if !path.exists() {
                    return Err(PolicyProblem::NoPolicy(path).into());
                }
                read(&path)
            }
        }
    }

    /// The policy in it.
    pub(super) fn policy(&self, dialect: Dialect) -> Result<Policy<'_>, Error> {
        Policy::read(&self.bytes, dialect).map_err(|source| {
            let name = self.name.clone();
            PolicyProblem::Policy { name, source }.into()
        })
    }
}

/// The configuration of signature storage.
pub(super) struct Storage {
    lookup: Lookup,
}

/// The places of the signatures of an image in a registry.
pub(super) struct Where {
    pub(super) lookaside: Option<Lookaside>,
    pub(super) attachments: bool,
}

fn problem(name: &str, reason: impl Into<String>) -> Error {
    let (name, reason) = (name.to_owned(), reason.into());
    PolicyProblem::Storage { name, reason }.into()
}

impl Storage {
    /// Reads the given folder, or else the usual one. For image-rs without either, reads the key broker's. A folder
    /// that does not exist counts as empty.
    pub(super) fn read(
        folder: Option<&Path>,
        dialect: Dialect,
        broker: Option<&Broker>,
        homes: &Homes,
    ) -> Result<Self, Error> {
        let usual = homes.default_of("registries.d");
        let path = folder.unwrap_or(&usual);
        if let (Dialect::ImageRs, None, Some(broker), false) =
            (dialect, folder, broker, path.exists())
        {
            let uri = KbsUri::sigstore_config();
            let bytes = broker.get(&uri)?.to_vec();
            return Self::of(&[(uri.to_string(), bytes)], dialect);
        }
        Self::of(&yaml_files(path)?, dialect)
    }

    fn of(files: &[(String, Vec<u8>)], dialect: Dialect) -> Result<Self, Error> {
        let lookup = Lookup::read(files, dialect);
        let lookup = lookup.map_err(|bad| {
            let reason = format!("line {}: {}", bad.line, bad.reason);
            problem(&bad.file, reason)
        })?;
        Ok(Self { lookup })
    }

    /// The places of the signatures of an image.
    pub(super) fn of_image(&self, image: &DockerReference) -> Result<Where, Error> {
        let base = self.lookup.lookaside(image);
        if let (Some(base), Dialect::ImageRs) = (base, self.lookup.dialect())
            && !base.bytes().all(is_kept)
        {
            let name = format!("of {image}");
            let reason = format!("image-rs finds no folder by the address {base:?}");
            return Err(PolicyProblem::Stored { name, reason }.into());
        }
        let lookaside = base.map(Lookaside::parse).transpose();
        Ok(Where {
            lookaside: lookaside.map_err(|bad| problem("registries.d", bad.to_string()))?,
            attachments: self.lookup.uses_attachments(image),
        })
    }
}

/// Whether image-rs leaves this byte of an address as it is. It reads an address as browsers do, and opens what that
/// gives without undoing escapes.
fn is_kept(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"%\"<>`{}\\".contains(&byte)
}

/// The files of a folder whose names end in `.yaml`, by name.
fn yaml_files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let shown = folder.display().to_string();
    let io = |error: io::Error| problem(&shown, error.to_string());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(io)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(io)?.path();
        if path.as_os_str().as_encoded_bytes().ends_with(b".yaml") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.display().to_string();
        let bytes = files::read_regular(&path, MOST_STORAGE);
        let bytes = bytes.map_err(|error| problem(&name, error.to_string()))?;
        Ok((name, bytes))
    };
    paths.into_iter().map(read).collect()
}

/// Where containers/image looks if no configuration names a place.
pub(super) fn default_lookaside(homes: &Homes) -> Option<Lookaside> {
    if rustix::process::geteuid().is_root() {
        return Some(Lookaside::Folder("/var/lib/containers/sigstore".into()));
    }
    let home = homes.home.as_ref()?;
    Some(Lookaside::Folder(
        home.join(".local/share/containers/sigstore"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_rs_opens_an_address_as_it_is_written() {
        let place = |address: &str, dialect| {
            let text = format!("default-docker:\n  sigstore: '{address}'\n");
            let storage = Storage::of(&[("x.yaml".into(), text.into_bytes())], dialect);
            let image = DockerReference::parse("example.com/a").expect("a name");
            let found = storage.expect(address).of_image(&image);
            found.is_ok_and(|found| found.lookaside.is_some())
        };
        assert!(place("file:///srv/a", Dialect::ImageRs));
        for address in ["file:///srv/a%20b", "file:///srv/a b", "file:///srv/\u{e4}"] {
            assert!(!place(address, Dialect::ImageRs), "{address}");
            assert!(place(address, Dialect::Containers), "{address}");
        }
    }
}
