//! The rules of realms for a config, which go beyond OCI's.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};

use crate::image::Image;
use crate::image::realm::{Finding, rule};

/// The findings that keep a realm from reading the image's config.
///
/// A realm reads the config for each layer, so it can read any config of an image without layers. OCI leaves `history`
/// and each of its members optional (OCI image-spec, "Image Configuration"); realms want the list, and accept no other
/// types.
pub fn check_config(image: &Image) -> Vec<Finding> {
    if image.manifest.layers.is_empty() {
        return Vec::new();
    }
    let reason = match serde_json::from_slice::<Document>(image.config.bytes()) {
        Ok(Document { history: Some(_) }) => return Vec::new(),
        Ok(Document { history: None }) => {
            "its config has no history, but a realm needs one".to_owned()
        }
        Err(error) => format!("its config has a history that a realm cannot read: {error}"),
    };
    vec![Finding {
        rule: rule::CONFIG_HISTORY,
        reason,
    }]
}

#[derive(serde::Deserialize)]
struct Document {
    history: Option<Vec<Step>>,
}

#[derive(serde::Deserialize)]
struct Step {
    #[serde(rename = "created")]
    _created: Option<Text>,
    #[serde(rename = "author")]
    _author: Option<Text>,
    #[serde(rename = "created_by")]
    _created_by: Option<Text>,
    #[serde(rename = "comment")]
    _comment: Option<Text>,
    #[serde(rename = "empty_layer")]
    _empty_layer: Option<bool>,
}

/// A text that the parser checks and drops.
struct Text;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Self)
    }
}

impl Visitor<'_> for Text {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Document;

    #[test]
    fn a_history_is_read_as_realms_read_it() {
        for (history, taken) in [
            (r#"{"history":[]}"#, true),
            (r#"{"history":[{}]}"#, true),
            (
                r#"{"history":[{"created":"x","created_by":"\u0079","empty_layer":true,"y":1}]}"#,
                true,
            ),
            (r#"{"history":[{"comment":null}]}"#, true),
            (r#"{"history":null}"#, false),
            (r"{}", false),
            (r#"{"history":{}}"#, false),
            (r#"{"history":[{"created":1}]}"#, false),
            (r#"{"history":[{"empty_layer":"no"}]}"#, false),
        ] {
            let read = serde_json::from_str::<Document>(history);
            let read = read.is_ok_and(|document| document.history.is_some());
            assert_eq!(read, taken, "{history}");
        }
    }
}
