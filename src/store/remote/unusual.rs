//! Parts of manifests that some registries refuse, in words (R46).

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::manifest::Document;
use crate::image::media;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    config: Option<Typed>,
    #[serde(default)]
    layers: Vec<Typed>,
    artifact_type: Option<IgnoredAny>,
    subject: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Typed {
    media_type: String,
}

/// The parts of a manifest or an index that known registries refuse: zot refuses docker's types, Quay refuses configs
/// of types that it does not know, and ECR refuses `artifactType`, `subject` and parameters of types.
pub(super) fn parts(document: &Document) -> Vec<&'static str> {
    // The caller has read the document before.
    let Ok(about) = serde_json::from_slice::<About>(document.blob.bytes()) else {
        return Vec::new();
    };
    let types: Vec<&str> = about
        .config
        .iter()
        .chain(&about.layers)
        .map(|part| part.media_type.as_str())
        .chain([document.media_type.as_str()])
        .collect();
    let is_docker = types
        .iter()
        .any(|kind| media::oci_equivalent(kind).is_some());
    let is_other_config = about.config.as_ref().is_some_and(|config| {
        let kind = config.media_type.as_str();
        kind != media::CONFIG && media::oci_equivalent(kind) != Some(media::CONFIG)
    });
    [
        (is_docker, "Docker's media types"),
        (is_other_config, "a config that is not an image's"),
        (about.artifact_type.is_some(), "an artifactType"),
        (about.subject.is_some(), "a subject"),
        (
            types.iter().any(|kind| kind.contains(';')),
            "a media type with parameters (;)",
        ),
    ]
    .into_iter()
    .filter_map(|(has, part)| has.then_some(part))
    .collect()
}
