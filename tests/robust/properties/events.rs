//! Events that happen to the images, and the checks after each.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::world::{Event, Packing, Signed, Tamper, World, media_type, pack};
use harness::oci::{self, Maker, blob_path};
use harness::{read, same, snapshot, write};

const PREFIX: &str = "com.samsung.islet.image.";

impl World {
    /// Every image is trusted or refused as expected, by itself and all at once.
    pub fn check(&self) {
        let mut all = true;
        for (n, expected) in self.expected.iter().enumerate() {
            let trusted = expected.whole && matches!(expected.signed, Signed::By(_));
            all &= trusted;
            let mut flags = self.flags(n);
            flags.extend(["-c".into(), self.at("ca.pub")]);
            let run = self.run("verify-image", &flags);
            let status = i32::from(!trusted);
            assert_eq!(run.status, status, "image {n}, {expected:?}: {run:?}");
            assert_eq!(run.stdout.is_empty(), !trusted);
            if let Signed::By(vendor) = expected.signed
                && trusted
            {
                for other in 0..super::world::VENDORS {
                    let mut flags = flags.clone();
                    flags.extend(["--vendor".into(), self.at(&format!("vendor{other}.pub"))]);
                    let run = self.run("verify-image", &flags);
                    assert_eq!(run.status, i32::from(other != vendor), "{run:?}");
                }
            }
        }
        let flags = ["--all", "-c", &self.at("ca.pub")].map(str::to_owned);
        assert_eq!(self.run("verify-image", &flags).status, i32::from(!all));
    }

    pub fn take(&mut self, event: &Event) {
        let count = self.expected.len();
        match *event {
            Event::Sign { image, vendor } => self.sign(image % count, vendor),
            Event::Prune => {
                let before: Vec<Value> = (0..count).map(|n| self.manifest(n)).collect();
                if before.iter().any(|manifest| self.is_flipped(manifest)) {
                    // Nobody knows what a blob led to that is not what it was.
                    let all = snapshot(&self.layout());
                    self.run("prune", &[]).exits(1).says(&["blob sha256:"]);
                    return same(&all, &snapshot(&self.layout()));
                }
                self.run("prune", &[]).ok();
                let after: Vec<Value> = (0..count).map(|n| self.manifest(n)).collect();
                assert_eq!(before, after);
                // Nothing is left to remove.
                let once = snapshot(&self.layout());
                self.run("prune", &[]).ok();
                same(&once, &snapshot(&self.layout()));
            }
            Event::Tamper { image, how, at } => self.tamper(image % count, how, at),
        }
    }

    /// Whether a layer that is still in the manifest is not what its name says.
    fn is_flipped(&self, manifest: &Value) -> bool {
        let layers = manifest["layers"].as_array().expect("layers");
        layers.iter().any(|layer| {
            let digest = layer["digest"].as_str().expect("one");
            oci::digest(&read(blob_path(&self.layout(), digest))) != digest
        })
    }

    fn sign(&mut self, n: usize, vendor: usize) {
        let layout = self.layout();
        let text = |descriptor: &Value| {
            let bytes = oci::blob(&layout, descriptor);
            String::from_utf8(bytes).expect("JSON is UTF-8")
        };
        let manifest_before = text(&self.descriptor(n));
        let signed_before = self.descriptor(n)["digest"].clone();
        let index_before = index_text(&layout, self.nested);
        let all = snapshot(&layout);
        let mut flags = self.flags(n);
        let key = self.at(&format!("vendor{vendor}"));
        flags.extend(["-v".into(), key.clone(), "-s".into(), format!("{key}.sig")]);
        flags.extend(["-c".into(), self.at("ca.pub")]);
        // An image that was tampered with may carry a text that is not an endorsement by this CA any more.
        flags.push("--replace-endorsement".into());
        let run = self.run("sign-image", &flags);
        if !self.expected[n].whole {
            assert_eq!(run.status, 1, "{run:?}");
            same(&all, &snapshot(&layout));
            return;
        }
        let run = run.ok();
        assert_eq!(json!(run.stdout.trim()), self.descriptor(n)["digest"]);
        kept_manifest(&manifest_before, &text(&self.descriptor(n)));
        let signed = (&signed_before, &self.descriptor(n)["digest"]);
        kept_index(&index_before, &index_text(&layout, self.nested), signed);
        let again = snapshot(&layout);
        assert_eq!(self.run("sign-image", &flags).ok().stdout, run.stdout);
        same(&again, &snapshot(&layout));
        self.expected[n].signed = Signed::By(vendor);
    }

    fn tamper(&mut self, n: usize, how: Tamper, at: usize) {
        let layers = self.manifest(n)["layers"].as_array().map_or(0, Vec::len);
        let is_signed = self.expected[n].signed != Signed::No;
        let void = |signed| match signed {
            Signed::No => Signed::No,
            _ => Signed::Void,
        };
        match how {
            Tamper::Config if self.expected[n].whole => {
                self.edit(n, |manifest, maker| {
                    let mut config = oci::parse(&oci::blob(&maker.dir, &manifest["config"]));
                    config["created"] = json!(format!("{at}"));
                    let made = maker.blob("", config.to_string().as_bytes());
                    manifest["config"]["digest"] = made["digest"].clone();
                    manifest["config"]["size"] = made["size"].clone();
                });
                self.expected[n].signed = void(self.expected[n].signed);
            }
            Tamper::LayerContent if layers > 0 => {
                self.edit(n, |manifest, maker| {
                    let layer = &mut manifest["layers"][at % layers];
                    let other = pack(format!("evil {n} {at}").as_bytes(), Packing::Gzip);
                    let kind = media_type(false, Packing::Gzip);
                    *layer = maker.blob(&kind, &other);
                });
                self.expected[n].whole = false;
            }
            Tamper::LayerDropped if layers > 0 => {
                self.edit(n, |manifest, _| {
                    let list = manifest["layers"].as_array_mut().expect("layers");
                    list.remove(at % layers);
                });
                // A layer that was doubled, and is single again, is as it was signed.
                self.settle(n);
            }
            Tamper::LayerDoubled if layers > 0 => {
                self.edit(n, |manifest, _| {
                    let list = manifest["layers"].as_array_mut().expect("layers");
                    let layer = list[at % layers].clone();
                    list.insert(at % layers, layer);
                });
                self.settle(n);
            }
            Tamper::LayersSwapped if layers > 1 => {
                self.edit(n, |manifest, _| {
                    let list = manifest["layers"].as_array_mut().expect("layers");
                    list.swap(at % layers, (at + 1) % layers);
                });
                self.settle(n);
            }
            Tamper::BlobFlipped if layers > 0 => {
                let layer = &self.manifest(n)["layers"][at % layers];
                let path = blob_path(&self.layout(), layer["digest"].as_str().expect("one"));
                let mut bytes = read(&path);
                let place = at % bytes.len();
                bytes[place] ^= 1 << (at % 8);
                write(path, bytes);
                self.settle(n);
            }
            Tamper::Signature if is_signed => {
                self.edit(n, |manifest, _| {
                    let names = ["signature", "vendorpub", "vendorpub.signature"];
                    let value = &mut manifest["annotations"][format!("{PREFIX}{}", names[at % 3])];
                    let text = value.as_str().expect("hex").to_owned();
                    let place = at % text.len();
                    let digit = text[place..=place].chars().next().expect("a digit");
                    let other = if digit == '0' { "1" } else { "0" };
                    *value = json!(format!("{}{other}{}", &text[..place], &text[place + 1..]));
                });
                self.expected[n].signed = Signed::Void;
            }
            Tamper::Unsigned if is_signed => {
                self.edit(n, |manifest, _| {
                    let all = manifest["annotations"]
                        .as_object_mut()
                        .expect("annotations");
                    all.retain(|key, _| !key.starts_with(PREFIX));
                });
                self.expected[n].signed = Signed::No;
            }
            Tamper::Transplanted => self.transplant(n),
            _ => self.touch(n, how, at),
        }
    }

    /// Changes what the signature does not bind.
    fn touch(&mut self, n: usize, how: Tamper, at: usize) {
        let layers = self.manifest(n)["layers"].as_array().map_or(0, Vec::len);
        let known = self.contents[n].len().min(layers);
        match how {
            Tamper::Annotation => self.edit(n, |manifest, _| {
                manifest["annotations"][format!("note{}", at % 3)] = json!(at.to_string());
            }),
            Tamper::Member => self.edit(n, |manifest, _| manifest["x-member"] = json!([at, {}])),
            Tamper::Repacked if known > 0 && self.expected[n].whole => {
                let content = self.contents[n][at % known].clone();
                self.edit(n, |manifest, maker| {
                    let packing = [Packing::Plain, Packing::Gzip, Packing::Zstd][at % 3];
                    let kind = media_type(false, packing);
                    manifest["layers"][at % known] = maker.blob(&kind, &pack(&content, packing));
                });
            }
            Tamper::Entry => self.edit_entries(n, |entry| {
                entry["annotations"]["note"] = json!(at.to_string());
                entry["urls"] = json!(["urn:nowhere"]);
            }),
            Tamper::Garbage => {
                Maker::new(self.layout()).blob("", format!("garbage {at}").as_bytes());
            }
            Tamper::AppRenamed => {
                let before = self.layout();
                self.app = format!("app{}", at % 5);
                if self.layout() != before {
                    fs::rename(before, self.layout()).expect("renamed");
                }
            }
            // There is nothing to do this to.
            _ => {}
        }
    }

    /// Puts the annotations of another signed image on this one.
    fn transplant(&mut self, n: usize) {
        let Some(from) = (0..self.expected.len())
            .find(|m| *m != n && matches!(self.expected[*m].signed, Signed::By(_)))
        else {
            return;
        };
        let source = self.manifest(from)["annotations"].clone();
        self.edit(n, |manifest, _| {
            for (key, value) in source.as_object().expect("annotations") {
                if key.starts_with(PREFIX) {
                    manifest["annotations"][key.as_str()] = value.clone();
                }
            }
        });
        self.expected[n].signed = Signed::Void;
    }

    /// Finds out anew, by our own reading, whether layers and `diff_ids` are in order.
    fn settle(&mut self, n: usize) {
        let layout = self.layout();
        let manifest = self.manifest(n);
        let config = oci::parse(&oci::blob(&layout, &manifest["config"]));
        let unpacked = |layer: &Value| {
            let digest = layer["digest"].as_str().expect("one");
            let bytes = read(blob_path(&layout, digest));
            if oci::digest(&bytes) != digest {
                return None;
            }
            let kind = layer["mediaType"].as_str().expect("one");
            let content = if kind.ends_with("gzip") {
                let mut content = Vec::new();
                let mut from = flate2::read::GzDecoder::new(&bytes[..]);
                std::io::copy(&mut from, &mut content).ok()?;
                content
            } else if kind.ends_with("zstd") {
                zstd::decode_all(&bytes[..]).ok()?
            } else {
                bytes
            };
            Some(oci::digest(&content))
        };
        let layers = manifest["layers"].as_array().expect("layers");
        let found: Option<Vec<String>> = layers.iter().map(unpacked).collect();
        self.expected[n].whole = found.is_some_and(|f| json!(f) == config["rootfs"]["diff_ids"]);
    }
}

/// The text of `index.json`, and of the index below it where there is one.
fn index_text(layout: &Path, nested: bool) -> Vec<String> {
    let top = String::from_utf8(read(layout.join("index.json"))).expect("UTF-8");
    if !nested {
        return vec![top];
    }
    let below = oci::blob(layout, &oci::index(layout)["manifests"][0]);
    vec![top, String::from_utf8(below).expect("UTF-8")]
}

/// A document's media types as OCI's, which signing gives it.
fn modern(text: &str) -> String {
    let kinds = [
        (
            "docker.distribution.manifest.v2+json",
            "oci.image.manifest.v1+json",
        ),
        ("docker.container.image.v1+json", "oci.image.config.v1+json"),
        (
            "docker.image.rootfs.diff.tar.gzip",
            "oci.image.layer.v1.tar+gzip",
        ),
        ("docker.image.rootfs.diff.tar", "oci.image.layer.v1.tar"),
    ];
    kinds
        .iter()
        .fold(text.to_owned(), |text, (old, new)| text.replace(old, new))
}

/// All members of a manifest are there with the same text and in the same order; among the
/// annotations three are new.
fn kept_manifest(before: &str, after: &str) {
    let parts = |text: &str| {
        let (annotations, others): (Vec<_>, Vec<_>) = oci::members(text)
            .into_iter()
            .partition(|(key, _)| key == "annotations");
        let annotations = annotations.first().map(|(_, text)| oci::members(text));
        let mut annotations = annotations.unwrap_or_default();
        annotations.retain(|(key, _)| !key.starts_with(PREFIX));
        (annotations, others)
    };
    assert_eq!(parts(&modern(before)), parts(after));
    let manifest = oci::parse(after.as_bytes());
    let ours = manifest["annotations"].as_object().expect("annotations");
    assert_eq!(ours.keys().filter(|key| key.starts_with(PREFIX)).count(), 3);
}

/// All members of indexes and their entries are there as before, but for digest, size and media
/// type of what leads to the signed image.
fn kept_index(before: &[String], after: &[String], (old, new): (&Value, &Value)) {
    for (level, (before, after)) in before.iter().zip(after).enumerate() {
        let leads = |entry: &str, to: &Value| {
            let is_way = level == 0 && after != before && entry.contains("oci.image.index");
            is_way || oci::parse(entry.as_bytes())["digest"] == *to
        };
        let split = |text: &str, to: &Value| -> Vec<_> {
            let members = oci::members(text).into_iter();
            members
                .map(|(key, value)| {
                    if key != "manifests" {
                        return (key, vec![vec![(String::new(), value)]]);
                    }
                    let entry = |entry: &String| {
                        let mut members = oci::members(entry);
                        if leads(entry, to) {
                            let moved = ["digest", "size", "mediaType"];
                            members.retain(|(key, _)| !moved.contains(&key.as_str()));
                        }
                        members
                    };
                    (key, oci::items(&value).iter().map(entry).collect())
                })
                .collect()
        };
        assert_eq!(split(before, old), split(after, new), "level {level}");
    }
}
