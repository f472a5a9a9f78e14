//! Layers: the blob, plain or packed, and its unpacked bytes. The first byte chooses the media type.

use std::io::Read;

use ir_sign::crypto::{Digest, HashAlgorithm};
use ir_sign::image::{Blob, Descriptor, Embedded, Image, Manifest, Platform, media};
use ir_sign::progress::Silent;
use ir_sign::store::{Error, Kind, Layout};

use super::scene::{LIMITS, Scene};

const TYPES: [&str; 5] = [
    media::LAYER,
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/octet-stream",
];

thread_local! {
    static SCENE: Scene = Scene::new();
}

pub fn run(bytes: &[u8]) {
    let Some((kind, blob)) = bytes.split_first() else {
        return;
    };
    let kind = usize::from(*kind) % TYPES.len();
    SCENE.with(|scene| {
        scene.begin();
        scene.index(&[]);
        scene.blob(TYPES[kind], blob);
        check(&scene.layout(), kind, blob);
    });
}

fn check(layout: &Layout, kind: usize, blob: &[u8]) {
    let unpacked = unpacked(kind, blob);
    let meant = unpacked.as_deref().unwrap_or(b"nothing");
    let mut last = None;
    let reader = layout.reader();
    for algorithm in [HashAlgorithm::Sha256, HashAlgorithm::Sha512] {
        let image = image(kind, blob, Digest::of(algorithm, meant));
        let findings = match reader.check_layers(&image, &Silent) {
            Ok(findings) => findings,
            Err(Error {
                kind: Kind::Bomb { .. },
                ..
            }) => {
                let size = unpacked.as_ref().map_or(u64::MAX, |u| u.len() as u64);
                assert!(size > LIMITS.layer, "{size} bytes are within the limit");
                return;
            }
            Err(e) => panic!("{e}"),
        };
        assert_eq!(findings.blobs, Ok(()), "the blob has its own digest");
        let holds = findings.diff_ids == Some(Ok(()));
        assert_eq!(holds, unpacked.is_some(), "{findings:?}");
        assert_eq!(*last.get_or_insert(holds), holds, "by {algorithm}");
        // It unpacks to something else, or not at all.
        let other = self::image(kind, blob, Digest::of(algorithm, b"something else"));
        let findings = reader.check_layers(&other, &Silent).expect("as before");
        assert!(findings.diff_ids != Some(Ok(())) || meant == b"something else");
    }
}

/// The content of a layer, by other functions of the same libraries than the program calls.
fn unpacked(kind: usize, blob: &[u8]) -> Option<Vec<u8>> {
    let most = LIMITS.layer + 1;
    match TYPES[kind] {
        media::LAYER => Some(blob.to_vec()),
        gzip if gzip.ends_with("gzip") => all(flate2::read::MultiGzDecoder::new(blob).take(most)),
        zstd if zstd.ends_with("zstd") => {
            let mut decoder = zstd::stream::read::Decoder::new(blob).ok()?;
            decoder.window_log_max(23).ok()?;
            all(decoder.take(most))
        }
        _ => None,
    }
}

/// Reads in steps of what the program reads at a time: libzstd looks at the size that a frame states only where there
/// is room for all of it, or if its last block is not empty.
fn all(mut reader: impl Read) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 64 << 10];
    let mut out = Vec::new();
    loop {
        match reader.read(&mut buffer).ok()? {
            0 => return Some(out),
            n => out.extend(&buffer[..n]),
        }
    }
}

fn image(kind: usize, blob: &[u8], diff_id: Digest) -> Image {
    let descriptor = |media_type: &'static str, bytes: &[u8]| Descriptor {
        media_type: media_type.into(),
        digest: Digest::of(HashAlgorithm::Sha256, bytes),
        size: bytes.len() as u64,
        tag: None,
        full_name: None,
        platform: None,
        embedded: Embedded::Nothing,
    };
    Image {
        name: "it".into(),
        platform: Platform {
            os: "linux".into(),
            architecture: "arm64".into(),
            variant: None,
            ..Platform::default()
        },
        manifest_blob: Blob::new(HashAlgorithm::Sha256, Vec::new()),
        manifest: Manifest {
            config: descriptor(media::CONFIG, b"{}"),
            layers: vec![descriptor(TYPES[kind], blob)],
            annotations: [].into(),
            subject: None,
            artifact_type: None,
        },
        config: Blob::new(HashAlgorithm::Sha256, b"{}".to_vec()),
        diff_ids: vec![diff_id],
    }
}
