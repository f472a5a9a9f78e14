//! The part of a payload that simple signing and cosign share (containers-signature(5), "JSON data").

use serde::{Deserialize, Serialize};

/// The member `critical`: each member there exactly once, and no others.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Critical {
    pub(super) identity: Identity,
    pub(super) image: Image,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// The name by which the image was signed.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    #[serde(rename = "docker-reference")]
    pub(super) docker_reference: String,
}

/// The image.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Image {
    #[serde(rename = "docker-manifest-digest")]
    pub(super) digest: String,
}
