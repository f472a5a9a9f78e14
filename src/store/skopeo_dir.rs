//! A folder as skopeo writes it for `dir:`, read only: `manifest.json`, blobs by the hexadecimal form of their digests,
//! `HEX.manifest.json` for the manifests of an index, and `signature-N` and `HEX.signature-N` for signatures.
//!
//! Source: containers/image, `directory/directory_transport.go`.

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::access::Store;
use super::dir::{Dir, absent_is_none};
use super::error::{Error, Kind};
use super::limits::Limits;
use super::place::Place;
use super::problem::{Part, Problem};
use super::signature_file::{MOST_BYTES, MOST_FILES, SignatureFile};
use crate::crypto::{Digest, HashAlgorithm};
use crate::image::{Descriptor, Embedded, Mismatch, Reference, media};

const MANIFEST: &str = "manifest.json";

/// A folder as skopeo writes it for `dir:`. It holds one image or index, which has no name.
#[derive(Debug)]
pub struct SkopeoDir {
    place: Place,
    dir: Dir,
    entry: Arc<Descriptor>,
    /// The bytes of `manifest.json`.
    manifest: Vec<u8>,
}

/// The members by which a manifest tells its kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    media_type: Option<String>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
}

impl SkopeoDir {
    /// Opens a folder that the user named.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, Error> {
        let dir = Dir::open(path)?;
        let place = Place::File(path.to_owned());
        let manifest = absent_is_none(dir.read(MANIFEST, limits.document))?;
        let manifest = manifest.ok_or_else(|| {
            let reason = "it has no file manifest.json".into();
            Kind::NotASkopeoDir { reason }.at(place.clone())
        })?;
        let digest = Digest::of(HashAlgorithm::Sha256, &manifest);
        let media_type = kind_of(&manifest)
            .map_err(|problem| Error::part(&place, Part::Manifest(digest), problem))?;
        let entry = Arc::new(Descriptor {
            media_type: media::shared(media_type),
            digest,
            size: manifest.len() as u64,
            tag: None,
            full_name: None,
            platform: None,
            embedded: Embedded::Nothing,
        });
        Ok(Self {
            place,
            dir,
            entry,
            manifest,
        })
    }

    /// The signature files of a manifest: from 1 to the first gap.
    pub fn signatures(&self, manifest: &Digest) -> Result<Vec<SignatureFile>, Error> {
        let start = if *manifest == self.entry.digest {
            String::new()
        } else {
            format!("{}.", manifest.hex())
        };
        let mut found = Vec::new();
        for number in 1..=MOST_FILES {
            let name = format!("{start}signature-{number}");
            match absent_is_none(self.dir.read(&name, MOST_BYTES))? {
                None => return Ok(found),
                Some(bytes) => found.push(SignatureFile { name, bytes }),
            }
        }
        Err(Kind::ManySignatures { most: MOST_FILES }.at(self.place.clone()))
    }
}

/// The media type of a manifest or an index, by its own members.
fn kind_of(bytes: &[u8]) -> Result<String, Problem> {
    let head: Head = serde_json::from_slice(bytes).map_err(Problem::json)?;
    let is_manifest = head.config.is_some() && head.layers.is_some();
    match (head.media_type, is_manifest, head.manifests.is_some()) {
        (Some(kind), ..) => Ok(kind),
        (None, true, false) => Ok(media::MANIFEST.to_owned()),
        (None, false, true) => Ok(media::INDEX.to_owned()),
        (None, ..) => Err(Problem::Json("it does not say what it is".into())),
    }
}

impl Store for SkopeoDir {
    fn place(&self) -> &Place {
        &self.place
    }

    fn find(&self, reference: &Reference) -> Result<Vec<Arc<Descriptor>>, Error> {
        let is_it = |digest: &Digest| *digest == self.entry.digest;
        let found = matches!(reference, Reference::Digest(digest) if is_it(digest));
        Ok(found.then(|| self.entry.clone()).into_iter().collect())
    }

    fn entries(&self) -> Result<Vec<Arc<Descriptor>>, Error> {
        Ok(vec![self.entry.clone()])
    }

    fn open(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send + '_>, Error> {
        let digest = descriptor.digest;
        if digest == self.entry.digest {
            return Ok(Box::new(Cursor::new(&*self.manifest)));
        }
        let problem = |problem: Problem| Error::part(&self.place, Part::Blob(digest), problem);
        for name in [digest.hex(), format!("{}.manifest.json", digest.hex())] {
            let opened = match absent_is_none(self.dir.file(&name)) {
                Err(Error {
                    kind: Kind::Link | Kind::NotAFile,
                    ..
                }) => return Err(problem(Problem::NotAFile)),
                other => other?,
            };
            let Some((file, found)) = opened else {
                continue;
            };
            let expected = descriptor.size;
            if found != expected {
                return Err(problem(Mismatch::Size { expected, found }.into()));
            }
            return Ok(Box::new(file));
        }
        Err(problem(Problem::Absent(self.place.kind())))
    }

    fn referrers(&self, _subject: &Digest) -> Result<Vec<Arc<Descriptor>>, Error> {
        Ok(Vec::new())
    }

    fn has(&self, blob: &Digest) -> Option<bool> {
        let is_there = |name: &str| self.dir.file(name).is_ok();
        let hex = blob.hex();
        let is_entry = *blob == self.entry.digest;
        Some(is_entry || is_there(&hex) || is_there(&format!("{hex}.manifest.json")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const TEXT: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;

    #[test]
    fn signatures_are_read_from_1_to_the_first_gap() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("written");
        };
        let open = || SkopeoDir::open(folder.path(), Limits::default());
        assert!(matches!(
            open().expect_err("it is empty").kind,
            Kind::NotASkopeoDir { .. }
        ));
        write(MANIFEST, TEXT);
        for name in ["signature-1", "signature-2", "signature-4"] {
            write(name, name);
        }
        let other = Digest::of(HashAlgorithm::Sha256, b"x");
        write(&format!("{}.signature-1", other.hex()), "of another");
        let dir = open().expect("a folder of skopeo's");
        let names = |digest: &Digest| -> Vec<String> {
            let all = dir.signatures(digest).expect("signatures");
            all.into_iter().map(|one| one.name).collect()
        };
        assert_eq!(names(&dir.entry.digest), ["signature-1", "signature-2"]);
        assert_eq!(names(&other).len(), 1);
        for number in 3..=MOST_FILES {
            write(&format!("signature-{number}"), "x");
        }
        let error = dir.signatures(&dir.entry.digest).expect_err("too many");
        assert!(matches!(error.kind, Kind::ManySignatures { .. }));
    }

    #[test]
    fn a_manifest_that_does_not_say_what_it_is_is_refused() {
        let of = |text: &str| kind_of(text.as_bytes());
        assert_eq!(of(TEXT), Ok(media::MANIFEST.to_owned()));
        assert_eq!(of(r#"{"manifests":[]}"#), Ok(media::INDEX.to_owned()));
        assert_eq!(of(r#"{"mediaType":"x/y"}"#), Ok("x/y".to_owned()));
        for text in ["", "{}", r#"{"config":{},"layers":[],"manifests":[]}"#] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
