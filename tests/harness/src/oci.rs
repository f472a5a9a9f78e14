//! Layouts read and made without the code under test.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::folder::{read, write};
pub use crate::hex::{hex, unhex};

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

pub const SIGNATURE: &str = "com.samsung.islet.image.signature";
pub const VENDOR_KEY: &str = "com.samsung.islet.image.vendorpub";
pub const ENDORSEMENT: &str = "com.samsung.islet.image.vendorpub.signature";

pub fn digest_with(algorithm: &str, bytes: &[u8]) -> String {
    let hash = match algorithm {
        "sha256" => hex(&Sha256::digest(bytes)),
        "sha384" => hex(&Sha384::digest(bytes)),
        "sha512" => hex(&Sha512::digest(bytes)),
        other => panic!("algorithm {other}"),
    };
    format!("{algorithm}:{hash}")
}

pub fn digest(bytes: &[u8]) -> String {
    digest_with("sha256", bytes)
}

pub fn blob_path(layout: &Path, digest: &str) -> PathBuf {
    let (algorithm, hash) = digest.split_once(':').expect("a digest");
    layout.join("blobs").join(algorithm).join(hash)
}

pub fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

/// A blob's bytes, whose digest and size are those of the descriptor, and whose copy in `data` too.
pub fn blob(layout: &Path, descriptor: &Value) -> Vec<u8> {
    let stated = descriptor["digest"].as_str().expect("a digest");
    let bytes = read(blob_path(layout, stated));
    let algorithm = stated.split(':').next().expect("an algorithm");
    assert_eq!(digest_with(algorithm, &bytes), stated);
    assert_eq!(descriptor["size"], json!(bytes.len()), "size of {stated}");
    if let Some(data) = descriptor.get("data") {
        assert_eq!(*data, json!(base64(&bytes)), "data of {stated}");
    }
    bytes
}

pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let at = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for n in 0..4 {
            let digit = (group >> (18 - 6 * n) & 63) as usize;
            text.push(if n <= chunk.len() {
                char::from(DIGITS[digit])
            } else {
                '='
            });
        }
    }
    text
}

pub fn index(layout: &Path) -> Value {
    parse(&read(layout.join("index.json")))
}

pub fn entries(index: &Value) -> &Vec<Value> {
    index["manifests"].as_array().expect("entries")
}

pub fn is_index(descriptor: &Value) -> bool {
    descriptor["mediaType"] == INDEX
}

/// Every descriptor that `index.json` leads to, in order, with all on the way checked against
/// digest and size. What the layout lacks is passed over.
pub fn walk(layout: &Path) -> Vec<Value> {
    let mut found = Vec::new();
    let mut todo = entries(&index(layout)).clone();
    while let Some(descriptor) = todo.pop() {
        if blob_path(layout, descriptor["digest"].as_str().expect("a digest")).exists() {
            let bytes = blob(layout, &descriptor);
            let kind = descriptor["mediaType"].as_str().expect("a media type");
            if is_index(&descriptor) {
                todo.extend(entries(&parse(&bytes)).iter().cloned());
            } else if kind.contains("manifest") {
                let manifest = parse(&bytes);
                todo.push(manifest["config"].clone());
                todo.extend(manifest["layers"].as_array().expect("layers").clone());
            }
        }
        found.push(descriptor);
    }
    found
}

/// The entry with a tag.
pub fn tagged(layout: &Path, tag: &str) -> Value {
    let index = index(layout);
    let mut found = entries(&index)
        .iter()
        .filter(|e| e["annotations"][REF_NAME] == tag);
    let entry = found.next().expect("an entry with the tag").clone();
    assert!(found.next().is_none(), "two entries have the tag {tag}");
    entry
}

/// The image's descriptor under a tag, of one platform (`os/arch[/variant]`) where it has several.
pub fn image(layout: &Path, tag: &str, platform: Option<&str>) -> Value {
    let entry = tagged(layout, tag);
    let Some(platform) = platform.filter(|_| is_index(&entry)) else {
        return entry;
    };
    let nested = parse(&blob(layout, &entry));
    let of = |e: &Value| {
        let part = |key: &str| e["platform"][key].as_str().map(str::to_owned);
        let parts = ["os", "architecture", "variant"].map(part);
        parts.into_iter().flatten().collect::<Vec<_>>().join("/")
    };
    let found = entries(&nested).iter().find(|e| of(e) == platform);
    found.expect("an entry for the platform").clone()
}

pub fn manifest(layout: &Path, tag: &str, platform: Option<&str>) -> Value {
    parse(&blob(layout, &image(layout, tag, platform)))
}

/// An object's members, in order, each with its very text.
pub fn members(text: &str) -> Vec<(String, String)> {
    struct Members(Vec<(String, String)>);
    impl<'de> Deserialize<'de> for Members {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct All;
            impl<'de> Visitor<'de> for All {
                type Value = Members;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                    let mut all = Vec::new();
                    while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
                        all.push((key, value.get().to_owned()));
                    }
                    Ok(Members(all))
                }
            }
            deserializer.deserialize_map(All)
        }
    }
    serde_json::from_str::<Members>(text).expect("an object").0
}

/// An array's items, each with its very text.
pub fn items(text: &str) -> Vec<String> {
    let items: Vec<Box<RawValue>> = serde_json::from_str(text).expect("an array");
    items.iter().map(|item| item.get().to_owned()).collect()
}

/// Makes layouts, right or wrong.
pub struct Maker {
    pub dir: PathBuf,
}

impl Maker {
    pub fn new(dir: PathBuf) -> Self {
        fs::create_dir_all(dir.join("blobs/sha256")).expect("folders");
        write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
        Self { dir }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Adds a blob; its descriptor.
    pub fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = digest(bytes);
        write(blob_path(&self.dir, &digest), bytes);
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }

    pub fn document(&self, document: &Value) -> Value {
        let media_type = document["mediaType"].as_str().expect("a media type");
        self.blob(media_type, document.to_string().as_bytes())
    }

    /// Adds a config for layers that unpack to these.
    pub fn config(&self, unpacked: &[&[u8]]) -> Value {
        let diff_ids: Vec<_> = unpacked.iter().map(|bytes| digest(bytes)).collect();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        self.blob(CONFIG, config.to_string().as_bytes())
    }

    pub fn manifest(&self, config: &Value, layers: &[Value]) -> Value {
        self.document(&json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        }))
    }

    /// An image whose one layer is packed as `suffix` says.
    pub fn image(&self, suffix: &str, packed: &[u8], unpacked: &[u8]) -> Value {
        let layer = self.blob(&format!("{LAYER}{suffix}"), packed);
        self.manifest(&self.config(&[unpacked]), &[layer])
    }

    /// Writes `index.json`.
    pub fn index(&self, entries: &[Value]) {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
        write(self.dir.join("index.json"), index.to_string());
    }

    pub fn nested(&self, entries: &[Value]) -> Value {
        self.document(&json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }))
    }
}

/// A descriptor as an entry with a tag.
pub fn with_tag(mut descriptor: Value, tag: &str) -> Value {
    descriptor["annotations"][REF_NAME] = json!(tag);
    descriptor
}

/// Puts another manifest in the place of the only one, with all digests right again, as somebody
/// could who can write the layout.
pub fn replace_manifest(layout: &Path, tag: &str, edit: impl FnOnce(&mut Value)) {
    replace(layout, tag, manifest(layout, tag, None), edit);
}

/// The same for the index that a tag names.
pub fn replace_index(layout: &Path, tag: &str, edit: impl FnOnce(&mut Value)) {
    let index = parse(&blob(layout, &tagged(layout, tag)));
    replace(layout, tag, index, edit);
}

fn replace(layout: &Path, tag: &str, mut document: Value, edit: impl FnOnce(&mut Value)) {
    edit(&mut document);
    let entry = Maker::new(layout.to_owned()).document(&document);
    let mut index = index(layout);
    for old in index["manifests"].as_array_mut().expect("entries") {
        if old["annotations"][REF_NAME] == tag {
            for member in ["mediaType", "digest", "size"] {
                old[member] = entry[member].clone();
            }
        }
    }
    write(layout.join("index.json"), index.to_string());
}
