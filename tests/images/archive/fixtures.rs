//! Archives as other tools write them, plain and packed.

use std::fs;
use std::path::Path;

use ir_sign::image::Reference;
use ir_sign::progress::Silent;
use ir_sign::store::archive::Archive;
use ir_sign::store::{Error, Kind, Limits};

use super::build::{Place, check_image, check_images, gzip, mismatches, zstd};

/// Each archive with a tag in it.
const FIXTURES: [(&str, &str); 11] = [
    ("umoci", "stable"),
    ("buildah", "1.0"),
    ("skopeo-zstd", "zstd"),
    ("multi", "multi"),
    ("nested-attest", "1.0"),
    ("sha512", "sha512"),
    ("wild", "wild"),
    ("docker-save-old", "1.0"),
    ("docker-save-old-engine", "1.0"),
    ("docker-save-new", "1.0"),
    ("docker-save-new-dockertypes", "1.0"),
];

fn fixture(name: &str) -> Vec<u8> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    fs::read(data.join(format!("{name}.tar"))).expect("a fixture")
}

fn reference(tag: &str) -> Reference {
    tag.parse().expect("a tag")
}

#[test]
fn all_are_taken_plain_and_packed() {
    for (name, tag) in FIXTURES {
        let plain = fixture(name);
        for bytes in [gzip(&plain), zstd(&plain), plain] {
            let place = Place::new();
            let path = place.put(&bytes);
            let survey = Archive::open(&path, Limits::default())
                .and_then(|archive| archive.survey(&Silent))
                .expect(name);
            survey.check_reference(Some(&reference(tag))).expect(name);
            let (staging, _) = place.unpack(&path).expect(name);
            assert_eq!(mismatches(staging.dir().path()), [""; 0], "{name}");
            let layout = staging.layout().expect(name);
            check_image(&layout, Some(&reference(tag))).expect(name);
            check_images(&layout).expect(name);
        }
    }
}

#[test]
fn unpacking_restores_every_file() {
    let place = Place::new();
    let path = place.put(&fixture("wild"));
    let (staging, _) = place.unpack(&path).expect("a layout");
    let mut archive = tar::Archive::new(fs::File::open(&path).expect("a file"));
    let reference = place.path().join("reference");
    archive.unpack(&reference).expect("a tar archive");
    let theirs = fs::read_dir(reference.join("blobs/sha256")).expect("blobs");
    let ours = fs::read_dir(staging.dir().path().join("blobs/sha256")).expect("blobs");
    assert_eq!(theirs.count(), ours.count());
    for name in ["oci-layout", "index.json"] {
        let read = |folder: &Path| fs::read(folder.join(name)).expect("a file");
        assert_eq!(read(&reference), read(staging.dir().path()));
    }
}

#[test]
fn a_reference_is_missed_before_anything_is_written() {
    for (name, _) in FIXTURES {
        let place = Place::new();
        let path = place.put(&fixture(name));
        let archive = Archive::open(&path, Limits::default()).expect(name);
        let survey = archive.survey(&Silent).expect(name);
        let missing = survey.check_reference(Some(&reference("none")));
        let Err(Error {
            kind: Kind::NoSuchImage { present, .. },
            ..
        }) = missing
        else {
            panic!("{name} has \"none\": {missing:?}");
        };
        assert!(!present.is_empty(), "{name}");
    }
}

#[test]
fn a_digest_may_be_that_of_a_blob() {
    let place = Place::new();
    let path = place.put(&fixture("multi"));
    let archive = Archive::open(&path, Limits::default()).expect("an archive");
    let survey = archive.survey(&Silent).expect("a layout");
    let arm = "sha256:2dab9999ed82ae0c6dd230c0680d081bca616803979634d53bdd3c05a5a3e8ea";
    survey
        .check_reference(Some(&reference(arm)))
        .expect("in the index below");
    let other = format!("sha256:{}", "0".repeat(64));
    let missing = survey.check_reference(Some(&reference(&other)));
    assert!(
        matches!(
            missing,
            Err(Error {
                kind: Kind::NoSuchImage { .. },
                ..
            })
        ),
        "{missing:?}"
    );
}
