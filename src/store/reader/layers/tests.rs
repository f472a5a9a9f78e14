//! Tests of how much of an image the reader reads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::crypto::{Digest, HashAlgorithm};
use crate::image::{Blob, Descriptor, Embedded, Image, Manifest, media};
use crate::progress::Progress;
use crate::store::dir::Dir;
use crate::store::layout::folder::Layout;
use crate::store::limits::Limits;

/// Counts the bytes that a reader reads.
#[derive(Default)]
struct Counted(AtomicU64);

impl Progress for Counted {
    fn begin(&self, _: &str, _: u64) {}
    fn skip(&self, _: u64) {}
    fn advance(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

fn descriptor(media_type: &'static str, digest: Digest, size: u64) -> Descriptor {
    Descriptor {
        media_type: media_type.into(),
        digest,
        size,
        tag: None,
        full_name: None,
        platform: None,
        embedded: Embedded::Nothing,
    }
}

#[test]
fn beyond_the_limit_of_an_image_no_layer_is_read() {
    const SIZE: usize = 100_000;
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    };
    std::fs::create_dir_all(folder.path().join("blobs/sha256")).expect("folders");
    write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    write("index.json", br#"{"schemaVersion":2,"manifests":[]}"#);
    let layers = (0..32).map(|n| {
        let bytes = vec![n; SIZE];
        let digest = Digest::of(HashAlgorithm::Sha256, &bytes);
        write(&format!("blobs/sha256/{}", digest.hex()), &bytes);
        descriptor(media::LAYER, digest, SIZE as u64)
    });
    let layers: Vec<_> = layers.collect();
    let limits = Limits {
        image: 4 * SIZE as u64,
        ..Limits::default()
    };
    let dir = Dir::open(folder.path()).expect("a folder");
    let layout = Layout::open(dir, limits).expect("a layout");
    let config = Blob::new(HashAlgorithm::Sha256, Vec::new());
    let image = Image {
        name: "image".into(),
        platform: "linux/amd64".parse().expect("a platform"),
        diff_ids: layers.iter().map(|layer| layer.digest).collect(),
        manifest: Manifest {
            config: descriptor(media::CONFIG, config.digest(), 0),
            layers,
            annotations: BTreeMap::new(),
            subject: None,
            artifact_type: None,
        },
        manifest_blob: config.clone(),
        config,
    };
    let read = Counted::default();
    let error = layout
        .reader()
        .check_layers(&image, &read)
        .expect_err("too large");
    assert!(error.to_string().contains("the image"), "{error}");
    let read = read.0.into_inner();
    assert!(read <= limits.image, "{read} bytes are read");
}
