//! `tests/data/builders.tgz`: what real image builders wrote, and what becomes of each.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flate2::read::GzDecoder;
use serde::Deserialize;
use tempfile::TempDir;

use crate::place::data;

/// In which form a builder left its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An archive as the builder wrote it.
    Archive,
    /// A layout's folder, packed by tar.
    Layout,
    /// A folder of skopeo's own kind (`dir:`), packed by tar.
    Dir,
}

/// The expected result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// It is signed, and realms get it.
    Served,
    /// It is signed with a warning; signed for realms they get it.
    ForRealms,
    /// It is signed with a warning: the server loads it, and no realm can unpack it.
    NotUnpacked,
    /// It is signed with a warning, and nothing makes a server load it.
    NotServed,
    /// It is not signed.
    Refused,
    /// It is signed, or refused with a hint.
    Either,
}

/// One output of a builder.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    pub name: String,
    pub kind: Kind,
    /// The arguments of the signing command besides keys.
    pub args: Vec<String>,
    /// How many images are signed then.
    pub images: usize,
    pub expected: Expected,
    #[serde(default)]
    pub reason: String,
}

impl Case {
    /// The tar archive.
    pub fn archive(&self) -> PathBuf {
        folder().join(format!("{}.tar", self.name))
    }

    /// Unpacks the folder that was packed as `app`.
    pub fn unpack(&self, app: &Path) {
        assert_ne!(self.kind, Kind::Archive, "{}", self.name);
        let file = File::open(self.archive()).expect("it is there");
        let mut archive = tar::Archive::new(file);
        archive.unpack(app).expect("it unpacks");
    }
}

fn folder() -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let unpacked = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let file = File::open(data("builders.tgz")).expect("the archive");
        let mut archive = tar::Archive::new(GzDecoder::new(file));
        archive.unpack(folder.path()).expect("it unpacks");
        folder
    });
    unpacked.path().join("builders")
}

/// All outputs.
pub fn cases() -> Vec<Case> {
    let list = std::fs::read_to_string(folder().join("builders.jsonl")).expect("the list");
    let cases: Vec<Case> = list
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect();
    assert!(cases.len() > 100, "{}", cases.len());
    cases
}
