//! The rules of an image, whatever scheme signed it.

/// The manifest's bytes have the digest and size that lead to them.
pub const MANIFEST_DIGEST: &str = "image.manifest-digest";
/// The config's bytes have the digest and size that the manifest states.
pub const CONFIG_DIGEST: &str = "image.config-digest";
/// Every layer's bytes have the digest and size that the manifest states.
pub const LAYER_BLOBS: &str = "image.layer-blobs";
/// If docker's list of images lies beside `index.json`, both lead to the same images.
pub const DOCKER_LIST: &str = "image.docker-list";
/// The config lists exactly the uncompressed digests of the layers, in order.
pub const DIFF_IDS: &str = "image.diff-ids";
