//! Archives, byte by byte: as they are, and with the checksums of the tar headers made right, so that changes get past
//! them. The unpacked files have the right names, and are those that the `tar` crate finds; a refused archive leaves
//! nothing.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use ir_sign::crypto::Digest;
use ir_sign::image::Reference;
use ir_sign::progress::Silent;
use ir_sign::store::archive::Archive;
use ir_sign::store::{Error, Kind, Part, Problem, Published, Selection};

use super::scene::{LIMITS, MARKER, Scene, assert_named, name, snapshot};

thread_local! {
    static SCENE: Scene = Scene::new();
}

pub fn run(bytes: &[u8]) {
    check(bytes);
    let repaired = repaired(bytes);
    if repaired != bytes {
        check(&repaired);
    }
}

const BLOCK: usize = 512;

/// The archive with the right checksum in each header, as far as headers can be found by their sizes.
fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(block) = bytes.get_mut(at..at + BLOCK) {
        if block.iter().all(|b| *b == 0) {
            break;
        }
        let mut header = tar::Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        header.set_cksum();
        block.copy_from_slice(header.as_bytes());
        let size = header.entry_size().unwrap_or(0);
        let Ok(size) = usize::try_from(size) else {
            break;
        };
        at = at
            .saturating_add(BLOCK)
            .saturating_add(size.min(bytes.len()).next_multiple_of(BLOCK));
    }
    bytes
}

/// Takes in an archive.
pub fn check(bytes: &[u8]) {
    SCENE.with(|scene| {
        let path = scene.file("archive.tar");
        fs::write(&path, bytes).expect("written");
        let before = snapshot(&scene.file(""));
        let taken = take(scene, &path);
        if taken.is_ok() {
            let is_layout = compare(scene, &unpacked(bytes));
            look(scene, &path, is_layout);
        }
        // The same again is the same.
        let again = take(scene, &path);
        match (&taken, &again) {
            (Ok(Published::New), Ok(Published::Same)) => {}
            (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string()),
            _ => panic!("taken once: {taken:?} {again:?}"),
        }
        scene.clear();
        assert!(before == snapshot(&scene.file("")), "something is left");
    });
}

fn take(scene: &Scene, path: &Path) -> Result<Published, Error> {
    let archive = Archive::open(path, LIMITS)?;
    let survey = archive.survey(&Silent)?;
    // Whether the tags are fit to be asked for is another matter.
    let _ = survey.check_reference(None);
    let mut staging = scene.registry.stage(&name())?;
    archive.unpack(&survey, staging.dir(), &Silent)?;
    staging.publish(false)
}

/// The archive's bytes without packing.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match bytes {
        [0x1f, 0x8b, ..] => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd::stream::copy_decode(bytes, &mut out).map(|()| 0),
        _ => bytes.take(u64::MAX).read_to_end(&mut out),
    }
    .expect("it was unpacked before");
    assert!(out.len() as u64 <= LIMITS.image);
    out
}

/// Compares what became of an archive with what another reader finds in it; whether it was a layout.
fn compare(scene: &Scene, tar: &[u8]) -> bool {
    let mut members: HashMap<String, Vec<u8>> = HashMap::new();
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries().expect("a tar archive") {
        let mut entry = match entry {
            Ok(entry) => entry,
            // Go, Python and this program read a size without any digit as none, the crate does not read it.
            Err(e) if e.to_string().starts_with("numeric field was not a number") => return true,
            Err(e) => panic!("it is not a tar archive to others: {e}"),
        };
        let name = String::from_utf8(entry.path_bytes().into_owned()).expect("a text");
        let parts = name.split('/').filter(|part| !matches!(*part, "" | "."));
        let plain = parts.collect::<Vec<_>>().join("/");
        let kind = entry.header().entry_type();
        if kind.is_file() && !name.ends_with('/') || kind.is_contiguous() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("content");
            members.insert(plain, bytes);
        }
    }
    let is_layout = members.contains_key("index.json");
    let files = snapshot(&scene.app());
    let mut blobs = 0;
    for (path, bytes) in &files {
        let path = path.to_str().expect("a text");
        if bytes == b"a folder" {
            assert!(path.starts_with("blobs"));
            continue;
        }
        if path == "oci-layout" && !is_layout {
            assert_eq!(bytes, MARKER);
            continue;
        }
        if path.starts_with("blobs/") {
            assert_named(Path::new(path), bytes);
            blobs += 1;
        } else {
            assert!(["oci-layout", "index.json"].contains(&path), "{path}");
        }
        if is_layout {
            assert_eq!(members.get(path), Some(bytes), "{path}");
        }
    }
    if is_layout {
        let wanted = members.keys().filter(|name| {
            let blob = name
                .strip_prefix("blobs/")
                .and_then(|blob| blob.split_once('/'));
            blob.is_some_and(|(algorithm, hex)| {
                format!("{algorithm}:{hex}").parse::<Digest>().is_ok()
            })
        });
        assert_eq!(wanted.count(), blobs, "each blob is unpacked");
    }
    is_layout
}

/// Reads the images that have been taken in. Those that were converted are right.
fn look(scene: &Scene, archive: &Path, is_layout: bool) {
    let layout = scene.layout();
    let reader = layout.reader();
    let archive = Archive::open(archive, LIMITS).expect("it was opened before");
    let survey = archive
        .survey(&Silent)
        .expect("it was looked through before");
    for entry in reader.entries().unwrap_or_default() {
        let Some(tag) = entry.descriptor.tag().filter(|_| entry.depth == 0) else {
            continue;
        };
        let reference = Reference::Tag(tag.to_owned());
        let promised = survey.check_reference(Some(&reference)).is_ok();
        match reader.resolve(&[reference], &Selection::All) {
            Ok(_) => assert!(promised, "{tag} is there"),
            Err(Error {
                kind: Kind::NoSuchImage { .. },
                ..
            }) => panic!("{tag} is not found"),
            Err(_) => assert!(is_layout || !promised, "{tag} was promised"),
        }
    }
    let images = reader.reachable_images();
    assert!(is_layout || images.is_ok());
    for target in images.unwrap_or_default() {
        match reader.load(&target) {
            Ok(image) => {
                let _ = reader.check_layers(&image, &Silent);
            }
            // A manifest that names many layers may be too long.
            Err(Error {
                kind:
                    Kind::Part {
                        part: Part::Manifest(_),
                        problem: Problem::TooLarge { .. },
                        ..
                    },
                ..
            }) => {}
            Err(e) => assert!(is_layout, "it was made by this program: {e}"),
        }
    }
}
