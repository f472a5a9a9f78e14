//! A registry for one input, in memory where there is such a place, and the keys of the tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ir_sign::crypto::P384Key;
use ir_sign::encoding::hex::hex;
use ir_sign::image::AppName;
use ir_sign::key::file::FileKey;
use ir_sign::ops::location::{Asked, Location};
use ir_sign::store::{Layout, Limits, Registry};
use sha2::{Digest, Sha256, Sha384, Sha512};
use tempfile::TempDir;

pub const CA: &[u8] = include_bytes!("../../tests/data/keys/ca.pub");
pub const VENDOR: &[u8] = include_bytes!("../../tests/data/keys/vendor.pub");
pub const ENDORSEMENT: &[u8] = include_bytes!("../../tests/data/keys/vendor.pub.sig");
const VENDOR_KEY: &[u8] = include_bytes!("../../tests/data/keys/vendor.prv");

/// The vendor's private key.
pub static SIGNER: LazyLock<FileKey> =
    LazyLock::new(|| FileKey::from_sec1(VENDOR_KEY).expect("a private key"));

/// The CA's public key.
pub fn ca() -> P384Key {
    P384Key::from_spki(CA).expect("a public key")
}

/// The limits: low, so that an input that takes much shows.
pub const LIMITS: Limits = Limits {
    document: 64 << 10,
    documents: 96 << 10,
    index_depth: 4,
    entries: 12 << 10,
    indexes: 128 << 10,
    layer: 256 << 10,
    image: 1 << 20,
    members: 64,
    window: 8 << 20,
    signed_window: 8 << 20,
};

pub const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// A folder with keys, and with a registry in it in which an app may be.
pub struct Scene {
    folder: TempDir,
    pub registry: Registry,
}

impl Scene {
    pub fn new() -> Self {
        let folder = folder();
        let at = folder.path().join("registry");
        fs::create_dir(&at).expect("a folder");
        for (name, bytes) in [
            ("ca.pub", CA),
            ("vendor.prv", VENDOR_KEY),
            ("vendor.pub.sig", ENDORSEMENT),
        ] {
            fs::write(folder.path().join(name), bytes).expect("written");
        }
        Self {
            registry: Registry::open(&at, LIMITS).expect("a registry"),
            folder,
        }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn root(&self) -> PathBuf {
        self.file("registry")
    }

    pub fn app(&self) -> PathBuf {
        self.file("registry/app")
    }

    /// Removes the app.
    pub fn clear(&self) {
        if self.app().symlink_metadata().is_ok() {
            fs::remove_dir_all(self.app()).expect("removed");
        }
    }

    /// Makes an app without images, in the place of any other.
    pub fn begin(&self) {
        self.clear();
        fs::create_dir_all(self.app().join("blobs/sha256")).expect("folders");
        self.write("oci-layout", MARKER);
    }

    /// Writes a file of the app.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.app().join(name), bytes).expect("written");
    }

    /// Puts a blob into the app, and says what leads to it.
    pub fn blob(&self, media_type: &str, bytes: &[u8]) -> String {
        let name = sha256(bytes);
        self.write(&format!("blobs/sha256/{name}"), bytes);
        format!(
            r#"{{"mediaType":"{media_type}","digest":"sha256:{name}","size":{}}}"#,
            bytes.len()
        )
    }

    /// Writes the app's `index.json` with these entries.
    pub fn index(&self, entries: &[String]) {
        let entries = entries.join(",");
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#);
        self.write("index.json", index.as_bytes());
    }

    /// Opens the app's layout, which has to be one.
    pub fn location(&self) -> Location {
        Location::App {
            registry: self.root(),
            app: name(),
        }
    }

    /// The only image there is.
    pub fn asked(&self) -> Asked {
        Asked {
            location: self.location(),
            references: Vec::new(),
        }
    }

    pub fn layout(&self) -> Layout {
        self.registry.layout(&name()).expect("a layout")
    }
}

/// The app's name.
pub fn name() -> AppName {
    "app".parse().expect("a name")
}

/// A folder of its own: where `TMPDIR` says, else in memory.
pub fn folder() -> TempDir {
    let elsewhere = std::env::var_os("TMPDIR").is_some();
    let in_memory = || tempfile::tempdir_in("/dev/shm");
    if elsewhere {
        tempfile::tempdir().expect("a folder")
    } else {
        in_memory()
            .or_else(|_| tempfile::tempdir())
            .expect("a folder")
    }
}

/// All files and links below a folder, with what they hold.
pub fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        let Ok(entries) = fs::read_dir(&at) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("an entry").path();
            let kind = path.symlink_metadata().expect("metadata").file_type();
            let name = path
                .strip_prefix(folder)
                .expect("it is in there")
                .to_owned();
            if kind.is_dir() {
                folders.push(path);
                found.insert(name, b"a folder".to_vec());
            } else if kind.is_file() {
                found.insert(name, fs::read(&path).expect("bytes"));
            } else {
                found.insert(name, b"neither file nor folder".to_vec());
            }
        }
    }
    found
}

/// Asserts that a file among the blobs has the name that its bytes give it.
pub fn assert_named(path: &Path, bytes: &[u8]) {
    let mut parts = path.iter().rev().map(|part| part.to_str().expect("text"));
    let (name, algorithm) = (parts.next(), parts.next());
    let wanted = match algorithm {
        Some("sha256") => hex(&Sha256::digest(bytes)),
        Some("sha384") => hex(&Sha384::digest(bytes)),
        Some("sha512") => hex(&Sha512::digest(bytes)),
        _ => panic!("{}: not among the blobs", path.display()),
    };
    assert_eq!(name, Some(&*wanted), "{}", path.display());
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
