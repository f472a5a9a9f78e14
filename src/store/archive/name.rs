//! The rules for members' names, and the roles of the names.

use crate::crypto::{Digest, HashAlgorithm};
use crate::store::layout::folder::{BLOBS, INDEX_FILE, LAYOUT_FILE};
use crate::store::saved::MANIFEST_FILE;
pub(super) use crate::store::tar_header::shown;

/// The length of the longest valid name in bytes: Linux's `PATH_MAX`.
const LONGEST: usize = 4096;

/// The identity of a name: the first half of the name's SHA-256. It lets an archive with many long names take little
/// memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NameId([u8; 16]);

impl NameId {
    pub(super) fn of(name: &str) -> Self {
        let digest = Digest::of(HashAlgorithm::Sha256, name.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&digest.as_bytes()[..16]);
        Self(id)
    }
}

/// The role of a regular member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `oci-layout`.
    LayoutFile,
    /// `index.json`.
    Index,
    /// `manifest.json`.
    Manifest,
    /// A blob.
    Blob(Digest),
    /// No role in an OCI image layout.
    Other,
}

impl Place {
    /// The role of a name. A file under `blobs` has no role unless its name is a blob's (a known algorithm, and the
    /// hash).
    pub(super) fn of(name: &str) -> Self {
        match name {
            LAYOUT_FILE => Self::LayoutFile,
            INDEX_FILE => Self::Index,
            MANIFEST_FILE => Self::Manifest,
            _ => match name.split_once('/') {
                Some((BLOBS, blob)) => blob_digest(blob).map_or(Self::Other, Self::Blob),
                _ => Self::Other,
            },
        }
    }
}

fn blob_digest(name: &str) -> Option<Digest> {
    let (algorithm, hex) = name.split_once('/')?;
    format!("{algorithm}:{hex}").parse().ok()
}

/// The name that a blob has in an archive.
pub(super) fn of_blob(digest: &Digest) -> String {
    format!("{BLOBS}/{}/{}", digest.algorithm(), digest.hex())
}

/// The digest that a config's name in a `docker save` archive states: docker writes `HEX.json` and, from engine 25 on,
/// `blobs/sha256/HEX`; go-containerregistry writes `sha256:HEX`.
pub(super) fn config_digest(name: &str) -> Option<Digest> {
    let hex = name.strip_suffix(".json").unwrap_or(name);
    let sha256 = || format!("sha256:{hex}").parse().ok();
    hex.parse().ok().or_else(sha256)
}

/// A name without `.` and empty components, which all readers drop; empty for the archive's root. An error says why the
/// name is invalid.
pub(super) fn normalised(raw: &[u8]) -> Result<String, &'static str> {
    if raw.len() > LONGEST {
        return Err("has a name of more than 4096 bytes");
    }
    let name = str::from_utf8(raw).map_err(|_| "has a name that is not UTF-8")?;
    if name.contains('\0') {
        return Err("has a name with a NUL in it");
    }
    if name.starts_with('/') {
        return Err("has an absolute name");
    }
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err("has a name that leads out of its folder"),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// The target of a symbolic link, found only from names; `None` if the target is outside the archive.
pub(super) fn link_target(name: &str, target: &[u8]) -> Option<String> {
    if target.len() > LONGEST {
        return None;
    }
    let target = str::from_utf8(target).ok()?;
    if target.starts_with('/') || target.contains('\0') {
        return None;
    }
    let mut parts: Vec<_> = name.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_keep_to_the_archive() {
        assert_eq!(
            normalised(b"./blobs//sha256/./x/"),
            Ok("blobs/sha256/x".into())
        );
        assert_eq!(normalised(b"./"), Ok(String::new()));
        for bad in [
            &b"/x"[..],
            b"..",
            b"a/../b",
            b"../a",
            b"a/..",
            b"\xff",
            b"a\0b",
            &[b'a'; 4097],
        ] {
            assert!(normalised(bad).is_err(), "{bad:?} was taken");
        }
        assert!(normalised(&[b'a'; 4096]).is_ok());
    }

    #[test]
    fn links_keep_to_the_archive() {
        let of = |target: &str| link_target("id/layer.tar", target.as_bytes());
        assert_eq!(of("../other/layer.tar").as_deref(), Some("other/layer.tar"));
        assert_eq!(of("./x").as_deref(), Some("id/x"));
        assert_eq!(of("../../x"), None);
        assert_eq!(of("../../id/x"), None);
        assert_eq!(of("/x"), None);
        assert_eq!(link_target("layer.tar", b"\xff"), None);
        assert_eq!(of("a\0b"), None);
        assert!(of(&"a".repeat(4096)).is_some());
        assert_eq!(of(&"a".repeat(4097)), None);
    }

    #[test]
    fn places() {
        let digest = Digest::of(HashAlgorithm::Sha384, b"x");
        assert_eq!(Place::of(&of_blob(&digest)), Place::Blob(digest));
        assert_eq!(Place::of("blobs"), Place::Other);
        assert_eq!(Place::of("a/index.json"), Place::Other);
        let hex = digest.hex();
        for other in [
            "blobs/README".to_owned(),
            "blobs/sha256".into(),
            format!("blobs/sha256/{hex}"),
            format!("blobs/sha384/{}", hex.to_uppercase()),
            format!("blobs/sha384/{hex}/x"),
            format!("blobs/SHA384/{hex}"),
            format!("blobs/md5/{}", &hex[..32]),
        ] {
            assert_eq!(Place::of(&other), Place::Other, "{other}");
        }
    }

    #[test]
    fn configs() {
        let digest = Digest::of(HashAlgorithm::Sha256, b"x");
        let hex = digest.hex();
        for name in [format!("{hex}.json"), format!("sha256:{hex}"), hex] {
            assert_eq!(config_digest(&name), Some(digest));
        }
        assert_eq!(config_digest("config.json"), None);
    }

    proptest! {
        #[test]
        fn no_name_leads_out(raw in proptest::collection::vec(any::<u8>(), 0..30)) {
            if let Ok(name) = normalised(&raw) {
                prop_assert!(!name.starts_with('/'));
                prop_assert!(name.is_empty() || name.split('/').all(|p| !matches!(p, "" | "." | "..")));
                prop_assert_eq!(normalised(name.as_bytes()), Ok(name));
            }
        }

        #[test]
        fn no_link_leads_out(name in "[a./]{0,9}", target in "[a./]{0,9}") {
            if let Ok(name) = normalised(name.as_bytes())
                && let Some(to) = link_target(&name, target.as_bytes())
            {
                prop_assert!(to.split('/').all(|p| p != ".."));
            }
        }
    }
}
