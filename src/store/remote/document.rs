//! Finds the kind of document that a registry sent (R31).

use serde::Deserialize;
use serde::de::IgnoredAny;
use ureq::http::header::{CONTENT_TYPE, HeaderMap};

use super::object::{self, OBJECT};
use super::problem::shown;
use crate::image::media;

/// How deeply objects and lists may be nested.
const DEEPEST: usize = 64;

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "schemaVersion")]
    schema: Option<i64>,
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<IgnoredAny>,
}

/// The media type of a manifest, from its own field and the header; or the reason why it is not a manifest.
pub(super) fn media_type(bytes: &[u8], headers: &HeaderMap) -> Result<String, String> {
    let outside = outside(headers)?;
    let start = bytes.trim_ascii_start();
    if start.first() != Some(&b'{') {
        let is_page = start.first() == Some(&b'<');
        return Err(if is_page {
            "it is a web page (HTML)".into()
        } else {
            "it is not a JSON object".into()
        });
    }
    if is_too_deep(bytes) {
        return Err(format!("it is nested more than {DEEPEST} deep"));
    }
    let head: Head = object::read(bytes, &OBJECT).map_err(|error| shown(&error))?;
    let is_old =
        |kind: &String| kind.starts_with("application/vnd.docker.distribution.manifest.v1+");
    let kinds = [head.media_type.as_ref(), outside.as_ref()];
    if head.schema == Some(1) || head.fs_layers.is_some() || kinds.into_iter().flatten().any(is_old)
    {
        return Err("it is a manifest of docker's schema 1, which ir-sign does not read".into());
    }
    match (head.media_type, outside) {
        (Some(inside), _) if !is_media_type(&inside) => {
            Err("its own mediaType is not a media type".into())
        }
        (Some(inside), Some(outside)) if inside != outside => Err(format!(
            "it says that it is \"{}\", but the registry says \"{}\"",
            shown(&inside),
            shown(&outside),
        )),
        (Some(kind), _) | (None, Some(kind)) => Ok(kind),
        (None, None) => {
            let is_image = head.config.is_some() && head.layers.is_some();
            match (is_image, head.manifests.is_some()) {
                (true, false) => Ok(media::MANIFEST.into()),
                (false, true) => Ok(media::INDEX.into()),
                (true, true) => Err("it has the members of a manifest and of an index".into()),
                (false, false) => Err("it does not say what it is".into()),
            }
        }
    }
}

/// The type that the header names; `None` if it names none.
fn outside(headers: &HeaderMap) -> Result<Option<String>, String> {
    const VAGUE: [&str; 5] = [
        "",
        "application/json",
        "application/octet-stream",
        "binary/octet-stream",
        "text/plain",
    ];
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let Some(first) = all.next() else {
        return Ok(None);
    };
    let text = first
        .to_str()
        .map_err(|_| "its Content-Type is not text".to_owned())?;
    if all.any(|other| other != first) {
        return Err("it has two Content-Types".into());
    }
    let kind = text
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let is_vague = VAGUE.contains(&kind.as_str()) || kind == "text/html";
    if !is_vague && !is_media_type(&kind) {
        return Err("its Content-Type is not a media type".into());
    }
    Ok((!is_vague).then_some(kind))
}

/// Whether a text is `type/subtype` (RFC 6838, section 4.2).
fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c);
        (1..=127).contains(&name.len()) && name.chars().all(is_inside)
    };
    let parts = text.split_once('/');
    parts.is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}

/// Whether objects and lists are nested too deeply, whatever else is wrong with the text.
fn is_too_deep(bytes: &[u8]) -> bool {
    let (mut depth, mut within, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if within => escaped = true,
            b'"' => within = !within,
            b'{' | b'[' if !within => {
                depth += 1;
                if depth > DEEPEST {
                    return true;
                }
            }
            b'}' | b']' if !within => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::HeaderValue;

    const IMAGE: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;

    fn of(text: &str, kinds: &[&'static str]) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        for kind in kinds {
            headers.append(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        media_type(text.as_bytes(), &headers)
    }

    #[test]
    fn r31_the_body_and_the_header_say_the_same_or_one_of_them_nothing() {
        let index = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
        for (text, kinds, wanted) in [
            (IMAGE, &[][..], media::MANIFEST),
            (IMAGE, &["application/json; charset=utf-8"], media::MANIFEST),
            (IMAGE, &["text/plain"], media::MANIFEST),
            (IMAGE, &[media::MANIFEST], media::MANIFEST),
            (
                IMAGE,
                &["application/vnd.docker.distribution.manifest.v2+json"],
                "application/vnd.docker.distribution.manifest.v2+json",
            ),
            (index, &["application/octet-stream"], media::INDEX),
            (
                index,
                &["application/vnd.OCI.image.index.v1+json; charset=utf-8"],
                media::INDEX,
            ),
            (r#"{"manifests":[]}"#, &[], media::INDEX),
        ] {
            assert_eq!(of(text, kinds).as_deref(), Ok(wanted), "{text} {kinds:?}");
        }
        assert!(of(index, &[media::MANIFEST]).is_err());
        assert!(of(IMAGE, &[media::MANIFEST, media::INDEX]).is_err());
        for kind in ["x", "Basic x", "a/b/c", "a b/c", "/", "a/"] {
            assert!(of(IMAGE, &[kind]).is_err(), "{kind}");
        }
    }

    #[test]
    fn r31_what_is_no_manifest_is_refused_by_name() {
        let deep = format!(
            r#"{{"config":{{}},"layers":{}{}}}"#,
            "[".repeat(64),
            "]".repeat(64)
        );
        for (text, word) in [
            ("<!DOCTYPE html><html>", "HTML"),
            ("\n <html>", "HTML"),
            ("", "JSON"),
            ("[]", "JSON"),
            ("{", "EOF"),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#, "schema 1"),
            (
                r#"{"mediaType":"application/vnd.docker.distribution.manifest.v1+prettyjws"}"#,
                "schema 1",
            ),
            (
                r#"{"config":{},"layers":[],"manifests":[]}"#,
                "and of an index",
            ),
            (r#"{"config":{}}"#, "does not say"),
            (r#"{"config":{},"config":{},"layers":[]}"#, "config"),
            (&deep, "deep"),
        ] {
            let error = of(text, &[]).expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
        let strings = format!(
            r#"{{"config":{{}},"layers":["{}\"{}"]}}"#,
            "[".repeat(99),
            "{".repeat(99)
        );
        assert!(of(&strings, &[]).is_ok());
    }
}
