//! The one image of an index that containers/image takes for a platform.
//!
//! Source: containers/image, `internal/manifest/oci_index.go` and `internal/pkg/platform/platform_matcher.go`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::Error as PolicyProblem;
use crate::image::{Descriptor, Platform, media};
use crate::ops::error::Error;
use crate::store::{Reader, Selected};

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    platform: Option<Text>,
    annotations: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Text {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

/// The annotation of an image whose layers are compressed with zstd. containers/image prefers it.
const ZSTD: &str = "io.github.containers.compression.zstd";

/// Variants from the most capable on, which an image for the later ones may have.
const ARM: [&str; 4] = ["v8", "v7", "v6", "v5"];
const ARM64: [&str; 1] = ["v8"];

/// The wanted variants, the best first. If the user wants none, an image without one is the best.
fn variants(wanted: &Platform) -> Vec<&str> {
    let order: &[&str] = match wanted.architecture.as_str() {
        "arm" => &ARM,
        "arm64" => &ARM64,
        _ => &[],
    };
    match wanted.variant.as_deref().unwrap_or_default() {
        "" => [""].iter().chain(order).copied().collect(),
        variant => {
            let known = order.iter().position(|known| *known == variant);
            let list = known.map_or_else(|| vec![variant], |at| order[at..].to_vec());
            list.into_iter().chain([""]).collect()
        }
    }
}

/// How well an entry fits, the best first; `None` if it does not.
fn rank(
    entry: &Entry,
    wanted: &Platform,
    variants: &[&str],
    takes_any: bool,
) -> Option<(usize, bool)> {
    let place = match &entry.platform {
        Some(Text {
            os,
            architecture,
            variant,
        }) => {
            let is =
                |text: &Option<String>, wanted: &str| text.as_deref().unwrap_or_default() == wanted;
            if !is(os, &wanted.os) || !is(architecture, &wanted.architecture) {
                return None;
            }
            variants.iter().position(|known| is(variant, known))?
        }
        None if takes_any => usize::MAX,
        None => return None,
    };
    let annotations = entry.annotations.as_ref();
    let zstd = annotations.and_then(|all| all.get(ZSTD)?.as_deref());
    Some((place, !(takes_any && zstd == Some("true"))))
}

/// The image that counts for the platform. An index inside the index does not count.
pub(super) fn chosen(
    reader: &Reader<'_>,
    name: String,
    index: &Descriptor,
    wanted: &Platform,
) -> Result<Selected, Error> {
    let (blob, below) = reader.index(index)?;
    let refused = |reason: String| PolicyProblem::Index {
        name: name.clone(),
        reason,
    };
    let read: Index = serde_json::from_slice(blob.bytes()).map_err(|e| refused(e.to_string()))?;
    let variants = variants(wanted);
    // In docker's lists an image without a platform fits no platform.
    let takes_any = index.media_type.as_ref() == media::INDEX;
    let ranked = read.manifests.iter().filter_map(|entry| {
        let rank = rank(entry, wanted, &variants, takes_any)?;
        Some((rank, entry))
    });
    let best = ranked.min_by_key(|(rank, _)| *rank);
    let Some((_, best)) = best else {
        let reason = format!("containers/image finds no image for {wanted} in its index");
        return Err(refused(reason).into());
    };
    let descriptor = below
        .into_iter()
        .find(|d| d.digest.to_string() == best.digest);
    let descriptor = descriptor.ok_or_else(|| refused("its index has no such image".into()))?;
    if media::is_index(&descriptor.media_type) {
        let reason = "its index leads to another index, from which containers/image takes no image";
        return Err(refused(reason.into()).into());
    }
    Ok(Selected { name, descriptor })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().expect("a platform")
    }

    fn best(wanted: &str, entries: &str) -> Option<String> {
        let read: Vec<Entry> = serde_json::from_str(entries).expect("entries");
        let wanted = platform(wanted);
        let variants = variants(&wanted);
        let ranked = read.into_iter().filter_map(|entry| {
            let rank = rank(&entry, &wanted, &variants, true)?;
            Some((rank, entry.digest))
        });
        ranked
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, digest)| digest)
    }

    #[test]
    fn variants_count_as_containers_image_orders_them() {
        let entries = r#"[
            {"digest":"a","platform":{"os":"linux","architecture":"amd64","variant":"v2"}},
            {"digest":"b","platform":{"os":"linux","architecture":"arm","variant":"v6"}},
            {"digest":"c","platform":{"os":"linux","architecture":"arm","variant":"v7"}},
            {"digest":"d","platform":{"os":"linux","architecture":"arm64","variant":"v8"}},
            {"digest":"e","platform":{"os":"linux","architecture":"s390x"}},
            {"digest":"f","platform":{"os":"linux","architecture":"s390x","os.version":"1"}},
            {"digest":"g","platform":{"os":"linux","architecture":"s390x"},
             "annotations":{"io.github.containers.compression.zstd":"true"}}]"#;
        for (wanted, found) in [
            ("linux/amd64", None),
            ("linux/amd64/v2", Some("a")),
            ("linux/arm", Some("c")),
            ("linux/arm/v6", Some("b")),
            ("linux/arm64", Some("d")),
            ("linux/s390x", Some("g")),
            ("windows/amd64", None),
        ] {
            assert_eq!(best(wanted, entries).as_deref(), found, "{wanted}");
        }
        let without =
            r#"[{"digest":"a"},{"digest":"b","platform":{"os":"linux","architecture":"amd64"}}]"#;
        assert_eq!(best("linux/amd64", without).as_deref(), Some("b"));
        assert_eq!(best("linux/arm64", without).as_deref(), Some("a"));
    }
}
