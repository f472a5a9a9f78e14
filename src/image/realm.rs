//! The rules of realms, and of the server that hands images to them, and findings against these rules.
//!
//! The server loads a whole app or none of it: it walks everything below `index.json`, signed or not
//! (`Application::import` of islet's image registry). Source of the names' forms: OCI distribution-spec 1.1, "Pulling
//! manifests".

use std::fmt;

use super::descriptor::Descriptor;
use super::media;

/// The rules for an app, and for an image of it.
pub mod rule {
    /// The file `oci-layout` states version 1.0.0.
    pub const LAYOUT_VERSION: &str = "realm.layout-version";
    /// Every index and every manifest, `index.json` too, can be read and has `schemaVersion` 2.
    pub const DOCUMENTS: &str = "realm.documents";
    /// Every index and every manifest, `index.json` too, states its OCI `mediaType`.
    pub const DOCUMENT_TYPES: &str = "realm.document-types";
    /// Every descriptor's media type is one that the server knows.
    pub const MEDIA_TYPES: &str = "realm.media-types";
    /// Every blob is in the layout.
    pub const BLOBS: &str = "realm.blobs";
    /// Every blob has as many bytes as its descriptor states.
    pub const BLOB_SIZES: &str = "realm.blob-sizes";
    /// The content that `index.json` lists has the digest that the descriptor states.
    pub const DIGESTS: &str = "realm.digests";
    /// Every tag has the form of a registry's tag.
    pub const TAG_FORM: &str = "realm.tag-form";
    /// No tag stands on two entries.
    pub const TAG_ONCE: &str = "realm.tag-once";
    /// The tag by which a realm asks for the image names its manifest.
    pub const TAG_IMAGE: &str = "realm.tag-image";

    /// The rules for a whole app, in the order of reports.
    pub const OF_APPS: [&str; 9] = [
        LAYOUT_VERSION,
        DOCUMENTS,
        DOCUMENT_TYPES,
        MEDIA_TYPES,
        BLOBS,
        BLOB_SIZES,
        DIGESTS,
        TAG_FORM,
        TAG_ONCE,
    ];

    // A realm unpacks each layer over the former: first it removes what the layer's whiteouts name, then it writes the
    // layer's members, one after the other. Any failure on the way ends it.

    /// The config of an image with layers has a `history`, which OCI leaves optional.
    pub const CONFIG_HISTORY: &str = "realm.config-history";
    /// A realm unpacks only the first member of a gzip layer (RFC 1952, section 2.2): eStargz has several.
    pub const GZIP_MEMBERS: &str = "realm.gzip-members";
    /// A realm unpacks only the first frame of a zstd layer, which must not be a skippable one (RFC 8878, section 3.1):
    /// zstd:chunked has several.
    pub const ZSTD_FRAMES: &str = "realm.zstd-frames";
    /// A layer is a tar archive that all readers read alike.
    pub const LAYER_TAR: &str = "realm.layer-tar";
    /// A layer has no sparse file in the form of old GNU tar.
    pub const LAYER_SPARSE: &str = "realm.layer-sparse";
    /// Every name in a layer leads to a place in the image, through folders and links that are there.
    pub const LAYER_PATH: &str = "realm.layer-path";
    /// No whiteout names a folder.
    pub const WHITEOUT_OF_FOLDER: &str = "realm.layer-whiteout-of-folder";
    /// Every whiteout names a file of a lower layer, and no link that leads nowhere.
    pub const WHITEOUT_OF_NOTHING: &str = "realm.layer-whiteout-of-nothing";
    /// Every opaque whiteout is in a folder that a lower layer has.
    pub const OPAQUE_OF_NOTHING: &str = "realm.layer-opaque-of-nothing";
    /// No file or link takes the place of a folder.
    pub const OVER_FOLDER: &str = "realm.layer-over-folder";
    /// No folder takes the place of a file.
    pub const FOLDER_OVER_FILE: &str = "realm.layer-folder-over-file";
    /// No link, symbolic or hard, takes the place of a file or a link.
    pub const LINK_OVER_FILE: &str = "realm.layer-link-over-file";
    /// Every hard link names a file that is there, relative to the image's root.
    pub const HARD_LINK: &str = "realm.layer-hard-link";
    /// A link's target stands where realms read it: in the header or in GNU's long form, not in a pax record.
    pub const LINK_TARGET: &str = "realm.layer-link-target";
    /// The layers have no more names than ir-sign remembers.
    pub const LAYER_NAMES: &str = "realm.layer-names";

    /// All rules that need the content of the layers.
    pub const OF_LAYERS: [&str; 14] = [
        GZIP_MEMBERS,
        ZSTD_FRAMES,
        LAYER_TAR,
        LAYER_SPARSE,
        LAYER_PATH,
        WHITEOUT_OF_FOLDER,
        WHITEOUT_OF_NOTHING,
        OPAQUE_OF_NOTHING,
        OVER_FOLDER,
        FOLDER_OVER_FILE,
        LINK_OVER_FILE,
        HARD_LINK,
        LINK_TARGET,
        LAYER_NAMES,
    ];
}

/// A finding: a rule that an app, or an image of it, breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that does not hold.
    pub rule: &'static str,
    /// Why it does not.
    pub reason: String,
}

impl Finding {
    /// A rule that does not hold, and why.
    pub fn new(rule: &'static str, reason: impl fmt::Display) -> Self {
        Self {
            rule,
            reason: reason.to_string(),
        }
    }
}

/// Whether the server serves content of this media type.
pub fn is_served(media_type: &str) -> bool {
    [media::INDEX, media::MANIFEST, media::CONFIG].contains(&media_type)
        || [media::LAYER, media::LAYER_GZIP, media::LAYER_ZSTD].contains(&media_type)
}

/// Whether the server takes a text for a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
pub fn is_tag(text: &str) -> bool {
    const LONGEST: usize = 128;
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = |c: char| first(c) || ".-".contains(c);
    text.len() <= LONGEST && text.starts_with(first) && text.chars().all(rest)
}

/// A tag that the server accepts, made from one that it refuses: of an image's full name (`localhost/hello:latest`)
/// the part after the last colon, or else after the last slash; `None` where that is not a tag either.
pub fn short_tag(tag: &str) -> Option<&str> {
    if is_tag(tag) {
        return Some(tag);
    }
    let name = tag.split_once('@').map_or(tag, |(name, _)| name);
    let last = name.rsplit('/').next()?;
    let short = last.rsplit_once(':').map_or(last, |(_, tag)| tag);
    is_tag(short).then_some(short)
}

/// The name of an entry of `index.json`: its tag, or else its digest.
pub fn called(entry: &Descriptor) -> String {
    entry
        .tag()
        .map_or_else(|| entry.digest.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_those_of_registries() {
        for good in ["latest", "1.0", "_", "A-b_c.d", &"x".repeat(128)] {
            assert!(is_tag(good), "{good}");
        }
        for bad in [
            "",
            ".a",
            "-a",
            "a/b",
            "a:b",
            "a@b",
            "a+b",
            "a b",
            "\u{e9}",
            "a\n",
            &"x".repeat(129),
        ] {
            assert!(!is_tag(bad), "{bad}");
        }
    }

    #[test]
    fn a_full_name_is_shortened_to_its_tag() {
        let digest = format!("@sha256:{}", "a".repeat(64));
        for (full, short) in [
            ("latest", Some("latest")),
            ("localhost/hello:latest", Some("latest")),
            ("127.0.0.1:5055/team/oci:2", Some("2")),
            ("127.0.0.1:5055/team/oci", Some("oci")),
            ("app/org.example.Hi/x86_64/master", Some("master")),
            ("hello:1", Some("1")),
            (&format!("localhost/hello:1{digest}"), Some("1")),
            (&format!("localhost/hello{digest}"), Some("hello")),
            ("v1.0+build", None),
            ("localhost/", None),
            ("hello:", None),
        ] {
            assert_eq!(short_tag(full), short, "{full}");
        }
    }
}
