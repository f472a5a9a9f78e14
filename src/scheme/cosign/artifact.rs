//! The manifest that holds a bundle and refers to the image that the bundle is about.

use serde_json::json;

use super::bundle::BUNDLE_TYPE;
use crate::crypto::HashAlgorithm;
use crate::image::{Blob, Change, Descriptor, Link, Manifest, media};

const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// A manifest that holds bundles, as it was read.
#[derive(Clone, Debug)]
pub struct BundleManifest {
    /// The bundles.
    pub bundles: Vec<Descriptor>,
}

impl BundleManifest {
    /// The bundles of a manifest; `None` if it holds none. The type of the layers decides, because some programs write
    /// another `artifactType`.
    pub fn of(manifest: &Manifest) -> Option<Self> {
        let layers = manifest.layers.iter();
        let bundles: Vec<_> = layers
            .filter(|layer| layer.media_type == BUNDLE_TYPE)
            .cloned()
            .collect();
        (!bundles.is_empty()).then_some(Self { bundles })
    }
}

/// The manifest that attaches a bundle to an image, made at a time in RFC 3339.
pub fn bundle_manifest(
    subject: &Descriptor,
    bundle: Vec<u8>,
    predicate_type: &str,
    now: &str,
) -> Change {
    let empty = Blob::new(HashAlgorithm::Sha256, b"{}".to_vec());
    let bundle = Blob::new(HashAlgorithm::Sha256, bundle);
    let to = |media_type: &str, blob: &Blob| {
        let digest = blob.digest().to_string();
        json!({ "mediaType": media_type, "size": blob.size(), "digest": digest })
    };
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::MANIFEST,
        "config": to(EMPTY, &empty),
        "layers": [to(BUNDLE_TYPE, &bundle)],
        "annotations": {
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": predicate_type,
            "org.opencontainers.image.created": now,
        },
        "subject": {
            "mediaType": subject.media_type,
            "size": subject.size,
            "digest": subject.digest.to_string(),
        },
        "artifactType": BUNDLE_TYPE,
    });
    Change::Attach {
        manifest: Blob::new(HashAlgorithm::Sha256, manifest.to_string().into_bytes()),
        blobs: vec![empty, bundle],
        by: Link::Subject {
            artifact_type: BUNDLE_TYPE.to_owned(),
        },
    }
}
