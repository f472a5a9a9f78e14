//! Layouts that `cosign save` wrote. Their entries have no tags; the annotation `kind` says what each is.

use std::collections::HashSet;
use std::sync::Arc;

use super::tags::cosigns;
use crate::crypto::Digest;
use crate::image::Descriptor;

/// The annotation of an entry that says what it is (cosign, `pkg/oci/layout/index.go`).
pub(super) const KIND: &str = "kind";

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The image or index that was saved.
    Image,
    /// The manifest that is under the tag `sha256-HEX.sig` in a registry.
    Signatures,
    /// The manifest that is under the tag `sha256-HEX.att` in a registry.
    Attestations,
}

impl Role {
    /// The role that a value of the annotation means.
    pub(super) fn of(kind: &str) -> Option<Self> {
        match kind.strip_prefix("dev.cosignproject.cosign/")? {
            "image" | "imageIndex" => Some(Self::Image),
            "sigs" => Some(Self::Signatures),
            "atts" => Some(Self::Attestations),
            _ => None,
        }
    }
}

/// An entry of an index, and its role.
pub(super) struct Listed {
    pub(super) descriptor: Arc<Descriptor>,
    pub(super) role: Option<Role>,
}

/// The entries, and the digest of the one image that was saved. The first entry of signatures and the first of
/// attestations get the tag that they have in a registry, unless another entry has it. If several images were saved,
/// nothing says whose the signatures are, and no entry gets a tag.
pub(super) fn with_tags(
    all: impl Iterator<Item = Listed>,
) -> (Vec<Arc<Descriptor>>, Option<Digest>) {
    let mut entries = Vec::with_capacity(all.size_hint().0);
    let mut roles = Vec::new();
    for (place, listed) in all.enumerate() {
        entries.push(listed.descriptor);
        roles.extend(listed.role.map(|role| (place, role)));
    }
    let images = roles.iter().filter(|(_, role)| *role == Role::Image);
    let digests: HashSet<_> = images.map(|(place, _)| entries[*place].digest).collect();
    let [image] = digests.into_iter().collect::<Vec<_>>()[..] else {
        return (entries, None);
    };
    for (wanted, ending) in [(Role::Signatures, "sig"), (Role::Attestations, "att")] {
        let tag = cosigns(&image, ending);
        if entries.iter().any(|entry| entry.tag() == Some(&tag)) {
            continue;
        }
        // As cosign takes the first.
        let mut places = roles.iter().filter(|(_, role)| *role == wanted);
        if let Some((place, _)) = places.find(|(place, _)| entries[*place].tag.is_none()) {
            Arc::make_mut(&mut entries[*place]).tag = Some(tag);
        }
    }
    (entries, Some(image))
}

#[cfg(test)]
mod tests {
    use super::super::documents;

    /// The tags of an index with these entries: a digest's digit, and members of the annotations.
    fn tags(entries: &[(char, &str)]) -> Vec<Option<String>> {
        let entries = entries.iter().map(|(digit, annotations)| {
            let digest = digit.to_string().repeat(64);
            format!(
                r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":2,"digest":"sha256:{digest}",
                "annotations":{{{annotations}}}}}"#
            )
        });
        let entries = entries.collect::<Vec<_>>().join(",");
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#);
        let index = documents::index(text.as_bytes()).expect("an index");
        let tags = index.manifests.iter();
        tags.map(|entry| entry.tag().map(str::to_owned)).collect()
    }

    #[test]
    fn attachments_get_the_tags_of_the_only_image() {
        const IMAGE: &str = r#""kind":"dev.cosignproject.cosign/image""#;
        const SIGNATURES: &str = r#""kind":"dev.cosignproject.cosign/sigs""#;
        const ATTESTATIONS: &str = r#""kind":"dev.cosignproject.cosign/atts""#;
        let of = |digit: char, ending: &str| {
            Some(format!("sha256-{}.{ending}", digit.to_string().repeat(64)))
        };
        assert_eq!(
            tags(&[('1', IMAGE), ('2', SIGNATURES), ('3', ATTESTATIONS)]),
            [None, of('1', "sig"), of('1', "att")]
        );
        // Nothing says whose the signatures are.
        assert_eq!(
            tags(&[('1', IMAGE), ('2', SIGNATURES), ('3', IMAGE)]),
            [None, None, None]
        );
        assert_eq!(tags(&[('2', SIGNATURES)]), [None]);
        // An entry that has the tag, or another one, keeps it.
        let name = |tag: &str| format!(r#""org.opencontainers.image.ref.name":"{tag}""#);
        let taken = of('1', "sig").expect("a tag");
        assert_eq!(
            tags(&[('1', IMAGE), ('2', SIGNATURES), ('3', &name(&taken))]),
            [None, None, Some(taken)]
        );
        let both = format!("{SIGNATURES},{}", name("x"));
        assert_eq!(
            tags(&[('1', IMAGE), ('2', &both)]),
            [None, Some("x".into())]
        );
        assert_eq!(
            tags(&[('1', IMAGE), ('2', SIGNATURES), ('4', SIGNATURES)]),
            [None, of('1', "sig"), None]
        );
    }
}
