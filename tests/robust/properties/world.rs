//! A registry with random images, and the expected verdicts.

use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Value, json};

use harness::oci::{self, CONFIG, LAYER, MANIFEST, Maker};
use harness::{Run, ir_sign, temp_dir, write};

pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
pub const ARCHITECTURES: [&str; 4] = ["amd64", "arm64", "s390x", "riscv64"];
pub const VENDORS: usize = 2;

/// How a layer is packed.
#[derive(Clone, Copy, Debug)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// An image before it is signed.
#[derive(Clone, Debug)]
pub struct Picture {
    pub layers: Vec<(Vec<u8>, Packing)>,
    pub docker: bool,
    /// Raw text of a member that is nobody's.
    pub member: &'static str,
    pub annotation: String,
    pub tags: usize,
}

#[derive(Clone, Debug)]
pub enum Event {
    Sign {
        image: usize,
        vendor: usize,
    },
    Prune,
    Tamper {
        image: usize,
        how: Tamper,
        at: usize,
    },
}

/// Changes by somebody who can write the layout, with all digests right again but where the change
/// is a wrong one.
#[derive(Clone, Copy, Debug)]
pub enum Tamper {
    // The parts that the signature binds.
    Config,
    LayerContent,
    LayerDropped,
    LayerDoubled,
    LayersSwapped,
    BlobFlipped,
    Signature,
    Unsigned,
    Transplanted,
    // The parts that it does not bind.
    Annotation,
    Member,
    Repacked,
    Entry,
    Garbage,
    AppRenamed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Signed {
    By(usize),
    Void,
    No,
}

/// The expected state of an image.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Whether blobs and `diff_ids` are in order.
    pub whole: bool,
    pub signed: Signed,
}

pub fn packing() -> impl Strategy<Value = Packing> {
    prop_oneof![
        Just(Packing::Plain),
        Just(Packing::Gzip),
        Just(Packing::Zstd)
    ]
}

pub fn picture() -> impl Strategy<Value = Picture> {
    let layer = (prop::collection::vec(any::<u8>(), 0..300), packing());
    let member = prop::sample::select(vec![
        "",
        r#","x-number":1.500e+2"#,
        r#" , "x-\u00e9" : [ 1,2 , {"b":1,"a":-0} ]"#,
        r#","artifactType":"application/vnd.example+type""#,
    ]);
    (
        prop::collection::vec(layer, 0..4),
        any::<bool>(),
        member,
        "\\PC{0,12}",
        1_usize..3,
    )
        .prop_map(|(layers, docker, member, annotation, tags)| Picture {
            layers,
            docker,
            member,
            annotation,
            tags,
        })
}

pub fn event() -> impl Strategy<Value = Event> {
    let tamper = prop::sample::select(vec![
        Tamper::Config,
        Tamper::LayerContent,
        Tamper::LayerDropped,
        Tamper::LayerDoubled,
        Tamper::LayersSwapped,
        Tamper::BlobFlipped,
        Tamper::Signature,
        Tamper::Unsigned,
        Tamper::Transplanted,
        Tamper::Annotation,
        Tamper::Member,
        Tamper::Repacked,
        Tamper::Entry,
        Tamper::Garbage,
        Tamper::AppRenamed,
    ]);
    prop_oneof![
        4 => (any::<usize>(), 0..VENDORS).prop_map(|(image, vendor)| Event::Sign { image, vendor }),
        1 => Just(Event::Prune),
        3 => (any::<usize>(), tamper, any::<usize>())
            .prop_map(|(image, how, at)| Event::Tamper { image, how, at }),
    ]
}

pub fn pack(bytes: &[u8], packing: Packing) -> Vec<u8> {
    match packing {
        Packing::Plain => bytes.to_vec(),
        Packing::Gzip => {
            let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            to.write_all(bytes).expect("packed");
            to.finish().expect("packed")
        }
        Packing::Zstd => zstd::encode_all(bytes, 1).expect("packed"),
    }
}

pub fn media_type(docker: bool, packing: Packing) -> String {
    match (docker, packing) {
        (true, Packing::Plain) => DOCKER_LAYER.to_owned(),
        (true, _) => format!("{DOCKER_LAYER}.gzip"),
        (false, Packing::Plain) => LAYER.to_owned(),
        (false, Packing::Gzip) => format!("{LAYER}+gzip"),
        (false, Packing::Zstd) => format!("{LAYER}+zstd"),
    }
}

/// A registry with one app, its keys, and what is expected of it.
pub struct World {
    pub root: tempfile::TempDir,
    pub app: String,
    /// Whether one tag names them all, by their platforms.
    pub nested: bool,
    pub contents: Vec<Vec<Vec<u8>>>,
    pub expected: Vec<Expected>,
}

impl World {
    pub fn new(pictures: &[Picture], nested: bool) -> Self {
        let root = temp_dir();
        let at = |name: &str| root.path().join(name).display().to_string();
        ir_sign(["gen-key", "-o", &at("ca"), "--public", &at("ca.pub")]).ok();
        for n in 0..VENDORS {
            let key = at(&format!("vendor{n}"));
            let (public, signature) = (format!("{key}.pub"), format!("{key}.sig"));
            ir_sign(["gen-key", "-o", &key, "--public", &public]).ok();
            ir_sign(["endorse", "-k", &at("ca"), "-f", &public, "-s", &signature]).ok();
        }
        let mut world = Self {
            root,
            app: "app".into(),
            nested,
            contents: Vec::new(),
            expected: Vec::new(),
        };
        let maker = Maker::new(world.layout());
        let mut entries = Vec::new();
        for (n, picture) in pictures.iter().enumerate() {
            let entry = world.image(&maker, n, picture);
            if nested {
                entries.push(entry);
                continue;
            }
            for alias in 0..picture.tags {
                entries.push(oci::with_tag(entry.clone(), &format!("t{n}.{alias}")));
            }
        }
        if nested {
            let index = maker.nested(&entries);
            entries = vec![oci::with_tag(index, "all")];
        }
        maker.index(&entries);
        world
    }

    pub fn image(&mut self, maker: &Maker, n: usize, picture: &Picture) -> Value {
        let docker = picture.docker;
        let mut contents = Vec::new();
        let mut layers = Vec::new();
        for (number, (bytes, packing)) in picture.layers.iter().enumerate() {
            let packing = match packing {
                Packing::Zstd if docker => Packing::Gzip,
                other => *other,
            };
            // No two images, and no two layers, have a blob in common.
            let content = [format!("{n} {number} ").as_bytes(), bytes].concat();
            layers.push(maker.blob(&media_type(docker, packing), &pack(&content, packing)));
            contents.push(content);
        }
        let diff_ids: Vec<String> = contents.iter().map(|bytes| oci::digest(bytes)).collect();
        let config = json!({
            "architecture": ARCHITECTURES[n], "os": "linux", "author": picture.annotation,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let kind = if docker { DOCKER_CONFIG } else { CONFIG };
        let config = maker.blob(kind, config.to_string().as_bytes());
        let kind = if docker { DOCKER_MANIFEST } else { MANIFEST };
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers,
        });
        if !picture.annotation.is_empty() {
            manifest["annotations"] = json!({ "z": picture.annotation, "a": "1" });
        }
        let mut text = manifest.to_string();
        text.insert_str(text.len() - 1, picture.member);
        let mut entry = maker.blob(kind, text.as_bytes());
        entry["platform"] = json!({ "os": "linux", "architecture": ARCHITECTURES[n] });
        self.contents.push(contents);
        self.expected.push(Expected {
            whole: true,
            signed: Signed::No,
        });
        entry
    }

    pub fn at(&self, name: &str) -> String {
        self.root.path().join(name).display().to_string()
    }

    pub fn layout(&self) -> PathBuf {
        self.root.path().join("registry").join(&self.app)
    }

    /// The flags that name an image.
    pub fn flags(&self, n: usize) -> Vec<String> {
        if !self.nested {
            return vec!["-d".into(), format!("t{n}.0")];
        }
        let platform = format!("linux/{}", ARCHITECTURES[n]);
        vec!["-d".into(), "all".into(), "--platform".into(), platform]
    }

    pub fn run(&self, command: &str, more: &[String]) -> Run {
        let mut args = vec![command.to_owned(), "-r".into(), self.at("registry")];
        args.extend(["-a".into(), self.app.clone()]);
        args.extend_from_slice(more);
        ir_sign(args)
    }

    pub fn descriptor(&self, n: usize) -> Value {
        if self.nested {
            let platform = format!("linux/{}", ARCHITECTURES[n]);
            oci::image(&self.layout(), "all", Some(&platform))
        } else {
            oci::tagged(&self.layout(), &format!("t{n}.0"))
        }
    }

    pub fn manifest(&self, n: usize) -> Value {
        oci::parse(&oci::blob(&self.layout(), &self.descriptor(n)))
    }

    /// Changes the entries of an image, wherever they are.
    pub fn edit_entries(&self, n: usize, edit: impl Fn(&mut Value)) {
        let layout = self.layout();
        let of = self.descriptor(n)["digest"].clone();
        let change = |document: &mut Value| {
            let entries = document["manifests"].as_array_mut().expect("entries");
            entries
                .iter_mut()
                .filter(|e| e["digest"] == of)
                .for_each(&edit);
        };
        let mut index = oci::index(&layout);
        if self.nested {
            let mut nested = oci::parse(&oci::blob(&layout, &index["manifests"][0]));
            change(&mut nested);
            let made = Maker::new(layout.clone()).document(&nested);
            for member in ["digest", "size"] {
                index["manifests"][0][member] = made[member].clone();
            }
        } else {
            change(&mut index);
        }
        write(layout.join("index.json"), index.to_string());
    }

    /// Changes the manifest of an image, with all digests right again.
    pub fn edit(&self, n: usize, edit: impl FnOnce(&mut Value, &Maker)) {
        let maker = Maker::new(self.layout());
        let mut manifest = self.manifest(n);
        edit(&mut manifest, &maker);
        let made = maker.document(&manifest);
        self.edit_entries(n, |entry| {
            for member in ["mediaType", "digest", "size"] {
                entry[member] = made[member].clone();
            }
        });
    }
}
