//! A folder with all that the cases want, and the servers beside it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::cases::Case;
use super::server::{Content, Server, serve_folder, serve_registry};
use crate::place::data;

/// The registry's port: signatures speak of the name 127.0.0.1:25917.
const PORT: u16 = 25917;

/// All that the cases want: a folder, a registry that is also a proxy, and a lookaside behind HTTP.
pub struct World {
    _folder: TempDir,
    root: PathBuf,
    registry: Server,
    lookaside: Server,
    cases: Vec<Case>,
}

/// A repository of the registry.
#[derive(Deserialize)]
struct Repository {
    #[serde(rename = "repository")]
    name: String,
    tags: BTreeMap<String, String>,
    manifests: Vec<String>,
    blobs: Vec<String>,
}

impl World {
    /// Unpacks the cases and starts the servers. There is one at a time, as there is one port.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = File::open(data("policy-cases.tgz")).expect("the cases");
        let mut archive = tar::Archive::new(GzDecoder::new(file));
        archive.unpack(folder.path()).expect("they unpack");
        let root = folder.path().join("policy-cases");
        let root = root.canonicalize().expect("it is there");
        let registry = serve_registry(PORT, content(&root));
        let lookaside = serve_folder(&root.join("look"));
        let mut world = Self {
            _folder: folder,
            root,
            registry,
            lookaside,
            cases: Vec::new(),
        };
        world.fill(&world.path("rd"));
        let list = fs::read_to_string(world.path("cases.jsonl")).expect("the list");
        let read = |line: &str| serde_json::from_str(&world.filled(line)).expect(line);
        world.cases = list.lines().map(read).collect();
        world
    }

    /// The cases, with their places filled in. Agents alone are left: `@RPC:NAME@`.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// A path in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    /// The same as text.
    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// `HOST:PORT` of the registry, which is a proxy too.
    pub fn registry(&self) -> String {
        self.registry.host()
    }

    /// `HOST:PORT` of the lookaside.
    pub fn lookaside(&self) -> String {
        self.lookaside.host()
    }

    /// A text with its places filled in.
    pub fn filled(&self, text: &str) -> String {
        let root = self.root.display().to_string();
        text.replace("@D@", &root)
            .replace("@LOOK@", &self.lookaside.host())
    }

    /// Fills in the places in all files of a folder.
    fn fill(&self, folder: &Path) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                self.fill(&path);
            } else {
                let text = fs::read_to_string(&path).expect("a text");
                fs::write(&path, self.filled(&text)).expect("it is written");
            }
        }
    }
}

fn content(root: &Path) -> Content {
    let list = fs::read_to_string(root.join("registry.jsonl")).expect("the list");
    let blob = |digest: &str| {
        let (_, hex) = digest.split_once(':').expect("a digest");
        fs::read(root.join("blobs").join(hex)).expect("a blob")
    };
    let mut all = Content::new();
    for line in list.lines() {
        let one: Repository = serde_json::from_str(line).expect(line);
        let key = |name: &str| (one.name.clone(), name.to_owned());
        for digest in &one.blobs {
            all.insert(key(digest), (None, blob(digest)));
        }
        for digest in &one.manifests {
            let bytes = blob(digest);
            let value: Value = serde_json::from_slice(&bytes).expect("a manifest");
            let kind = value["mediaType"].as_str().expect("a media type");
            all.insert(key(digest), (Some(kind.to_owned()), bytes));
        }
        for (tag, digest) in &one.tags {
            let manifest = all[&key(digest)].clone();
            all.insert(key(tag), manifest);
        }
    }
    all
}
