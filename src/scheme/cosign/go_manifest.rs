//! The manifest under a tag `.sig` as containers/image reads it. This refuses everything that containers/image refuses.
//!
//! Source: containers/image, `manifest/oci.go`, `internal/manifest/common.go` and `docker/docker_client.go`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::encoding::base64::unbase64_of_go;
use crate::encoding::strict::{Shape, check_shape};
use crate::scheme::malformed::Malformed;

const WHAT: &str = "manifest that containers/image takes";

/// The members that containers/image looks for. Go takes them in any case; this takes only the usual one.
const SHAPE: Shape = Shape::Object(&[
    ("schemaVersion", &Shape::Any),
    ("mediaType", &Shape::Any),
    ("artifactType", &Shape::Any),
    ("config", &DESCRIPTOR),
    ("layers", &Shape::List(&DESCRIPTOR)),
    ("subject", &DESCRIPTOR),
    ("annotations", &Shape::Any),
    ("fsLayers", &Shape::Any),
    ("history", &Shape::Any),
    ("manifests", &Shape::Any),
]);
const DESCRIPTOR: Shape = Shape::Object(&[
    ("mediaType", &Shape::Any),
    ("digest", &Shape::Any),
    ("size", &Shape::Any),
    ("urls", &Shape::Any),
    ("annotations", &Shape::Any),
    ("data", &Shape::Any),
    ("platform", &PLATFORM),
    ("artifactType", &Shape::Any),
]);
const PLATFORM: Shape = Shape::Object(&[
    ("architecture", &Shape::Any),
    ("os", &Shape::Any),
    ("os.version", &Shape::Any),
    ("os.features", &Shape::Any),
    ("variant", &Shape::Any),
]);

type Annotations = Option<BTreeMap<String, Option<String>>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Text {
    #[serde(rename = "schemaVersion")]
    _schema_version: Option<i64>,
    #[serde(rename = "artifactType")]
    _artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Option<Descriptor>>>,
    subject: Option<Descriptor>,
    #[serde(rename = "annotations")]
    _annotations: Annotations,
    #[serde(flatten)]
    others: Others,
}

/// Members of other kinds of manifests.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Others {
    fs_layers: Option<IgnoredAny>,
    history: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
}

impl Others {
    fn check(&self) -> Result<(), Malformed> {
        let members = [
            ("fsLayers", self.fs_layers.is_some()),
            ("history", self.history.is_some()),
            ("manifests", self.manifests.is_some()),
        ];
        match members.iter().find(|(_, is_there)| *is_there) {
            None => Ok(()),
            Some((name, _)) => {
                let reason = format!("its member {name:?} makes it another kind of manifest too");
                Err(Malformed::new(WHAT, reason))
            }
        }
    }
}

#[derive(Deserialize)]
struct Descriptor {
    urls: Option<Vec<Option<String>>>,
    #[serde(rename = "annotations")]
    _annotations: Annotations,
    data: Option<String>,
    #[serde(rename = "platform")]
    _platform: Option<Platform>,
    #[serde(rename = "artifactType")]
    _artifact_type: Option<String>,
}

/// Only the types of its members count.
#[derive(Deserialize)]
struct Platform {
    #[serde(rename = "architecture")]
    _architecture: Option<String>,
    #[serde(rename = "os")]
    _os: Option<String>,
    #[serde(rename = "os.version")]
    _os_version: Option<String>,
    #[serde(rename = "os.features")]
    _os_features: Option<Vec<Option<String>>>,
    #[serde(rename = "variant")]
    _variant: Option<String>,
}

/// Checks that an image's manifest is of no other kind too, for which containers/image refuses it.
pub fn check_kind(bytes: &[u8]) -> Result<(), Malformed> {
    const MEMBERS: Shape = Shape::Object(&[
        ("fsLayers", &Shape::Any),
        ("history", &Shape::Any),
        ("manifests", &Shape::Any),
    ]);
    check_shape(bytes, &MEMBERS).map_err(Malformed::refused(WHAT))?;
    let others: Others = serde_json::from_slice(bytes).map_err(Malformed::json(WHAT))?;
    others.check()
}

/// Checks that containers/image would read the manifest, and fetch its layers from the registry.
pub fn check_as_go(bytes: &[u8]) -> Result<(), Malformed> {
    check_shape(bytes, &SHAPE).map_err(Malformed::refused(WHAT))?;
    let text: Text = serde_json::from_slice(bytes).map_err(Malformed::json(WHAT))?;
    text.others.check()?;
    let layers = text.layers.unwrap_or_default();
    let layers = layers.iter().flatten();
    if layers
        .clone()
        .any(|layer| layer.urls.as_ref().is_some_and(|urls| !urls.is_empty()))
    {
        let reason = "a layer has \"urls\", but ir-sign fetches layers only from the registry";
        return Err(Malformed::new(WHAT, reason));
    }
    let all = layers.chain(&text.config).chain(&text.subject);
    let mut data = all.filter_map(|descriptor| descriptor.data.as_deref());
    if data.any(|data| unbase64_of_go(data).is_none()) {
        return Err(Malformed::new(WHAT, "a member \"data\" is not base64"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"schemaVersion":2,"mediaType":"m","config":{"digest":"d"},"layers":[{"mediaType":"l","annotations":{"a":"b"},"urls":[]}]}"#;

    #[test]
    fn a_manifest_is_of_one_kind() {
        assert!(check_kind(GOOD.as_bytes()).is_ok());
        for (member, is_refused) in [
            ("\"history\":[]", true),
            ("\"History\":[]", true),
            ("\"fsLayers\":1", true),
            ("\"manifests\":[]", true),
            ("\"manifests\":null", false),
        ] {
            let changed = GOOD.replacen('{', &format!("{{{member},"), 1);
            assert_eq!(
                check_kind(changed.as_bytes()).is_err(),
                is_refused,
                "{member}"
            );
        }
    }

    #[test]
    fn manifests_that_containers_image_refuses_are_refused() {
        assert!(check_as_go(GOOD.as_bytes()).is_ok());
        for (old, new) in [
            (r#","layers""#, r#","manifests":[],"layers""#),
            (r#","layers""#, r#","history":[],"layers""#),
            (r#","layers""#, r#","fsLayers":1,"layers""#),
            (r#","layers""#, r#","Layers":[],"layers""#),
            (r#""mediaType":"l""#, r#""MediaType":"l""#),
            (r#""urls":[]"#, r#""urls":["http://127.0.0.1/x"]"#),
            (r#""urls":[]"#, r#""urls":"x""#),
            (r#""urls":[]"#, r#""data":"!""#),
            (r#""urls":[]"#, r#""platform":[]"#),
            (r#""urls":[]"#, r#""platform":{"os":1}"#),
            (r#""urls":[]"#, r#""platform":{"OS":"x"}"#),
            (r#""b""#, "1"),
            (r#"{"digest":"d"}"#, "[]"),
            (":2,", r#":"2","#),
        ] {
            let changed = GOOD.replacen(old, new, 1);
            assert_ne!(changed, GOOD);
            assert!(check_as_go(changed.as_bytes()).is_err(), "{changed}");
        }
        for (old, new) in [
            (
                r#","layers""#,
                r#","manifests":null,"subject":null,"layers""#,
            ),
            (r#""urls":[]"#, r#""urls":null,"data":"QUJD","platform":{}"#),
            (r#""b""#, "null"),
        ] {
            let changed = GOOD.replacen(old, new, 1);
            assert_ne!(changed, GOOD);
            assert!(check_as_go(changed.as_bytes()).is_ok(), "{changed}");
        }
    }
}
