//! Folders: temporary ones, what is in them, and whether that changed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder in memory where there is such a place: the tests write much.
pub fn temp_dir() -> TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory)
        .or_else(|_| tempfile::tempdir())
        .expect("a temporary folder")
}

pub fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::write(path, bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

pub fn set_mode(path: &Path, mode: u32) {
    let permissions = fs::Permissions::from_mode(mode);
    fs::set_permissions(path, permissions).expect("permissions");
}

/// All that is in a folder: kinds, content, link targets.
pub type Snapshot = BTreeMap<PathBuf, Vec<u8>>;

pub fn snapshot(dir: &Path) -> Snapshot {
    let mut all = Snapshot::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("metadata");
            let content = if metadata.is_dir() {
                folders.push(path.clone());
                b"folder".to_vec()
            } else if metadata.is_symlink() {
                fs::read_link(&path)
                    .expect("a link")
                    .into_os_string()
                    .into_encoded_bytes()
            } else if !metadata.is_file() || metadata.len() > 64 << 20 {
                format!("{:o} {}", metadata.mode(), metadata.len()).into_bytes()
            } else {
                read(&path)
            };
            let name = path.strip_prefix(dir).expect("it is in there").to_owned();
            all.insert(name, content);
        }
    }
    all
}

/// Asserts that two snapshots are equal, naming what differs.
#[track_caller]
pub fn same(before: &Snapshot, after: &Snapshot) {
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let differing: Vec<_> = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .collect();
    assert!(differing.is_empty(), "these changed: {differing:?}");
}
