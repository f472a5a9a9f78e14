//! Whatever byte of a signed image changes on the disk, the image is no longer trusted, and signing
//! it again refuses and leaves everything as it is.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ir_sign::image::Reference;
use ir_sign::key::{KeyRef, KeyRing, pkcs11};
use ir_sign::ops::decryption::Encrypted;
use ir_sign::ops::endorsement::EndorsementFrom;
use ir_sign::ops::found::Found;
use ir_sign::ops::location::{Asked, Location};
use ir_sign::ops::sign::How;
use ir_sign::ops::sign_apps::SignImages;
use ir_sign::ops::verify::VerifyImages;
use ir_sign::progress::Silent;
use ir_sign::report::Verdict;
use ir_sign::store::{Limits, Selection};
use serde_json::Value;

use harness::oci::{self, blob_path};
use harness::{FIXTURES, Fixture, Scene, Snapshot, read, same, snapshot, tool, write};

/// A ring for keys in files.
fn ring() -> KeyRing {
    KeyRing::new(pkcs11::Options::default())
}

/// A signed fixture and one image of it.
struct Signed {
    scene: Scene,
    fixture: &'static Fixture,
    /// The image's digest.
    digest: String,
    before: Snapshot,
    verify: VerifyImages,
    sign: SignImages,
}

impl Signed {
    fn new(name: &str) -> Self {
        let fixture = FIXTURES.iter().find(|f| f.name == name);
        let fixture = fixture.expect("a fixture");
        let scene = Scene::with(name);
        scene
            .sign("app", &["-d", fixture.tag, "--all-platforms"])
            .ok();
        let platform = fixture.platforms.first();
        let selection = platform.map_or(Selection::One, |platform| {
            Selection::Platform(platform.parse().expect("a platform"))
        });
        let entry = oci::image(&scene.app("app"), fixture.tag, platform.copied());
        let reference: Reference = fixture.tag.parse().expect("a tag");
        let asked = Asked {
            location: Location::App {
                registry: scene.registry(),
                app: "app".parse().expect("a name"),
            },
            references: vec![reference],
        };
        let verify = VerifyImages {
            for_realms: false,
            asked: vec![asked.clone()],
            all: false,
            shard: None,
            selection: selection.clone(),
            cas: vec![KeyRef::File(scene.path("ca.pub"))],
            vendors: Vec::new(),
            config_only: false,
            decryption: Arc::default(),
            limits: Limits::default(),
        };
        let how = How {
            encrypted: Encrypted::default(),
            for_realms: false,
            replaces_other_ca: false,
            references: Vec::new(),
            all: false,
            selection,
            vendor: KeyRef::File(scene.path("vendor")),
            endorsement: EndorsementFrom::Ca(KeyRef::File(scene.path("ca"))),
            jobs: std::num::NonZeroUsize::MIN,
            limits: Limits::default(),
        };
        let sign = SignImages {
            asked: vec![asked],
            how,
        };
        let signed = Self {
            digest: entry["digest"].as_str().expect("a digest").to_owned(),
            before: snapshot(&scene.app("app")),
            verify,
            sign,
            scene,
            fixture,
        };
        assert_eq!(signed.trusted().as_ref(), Some(&signed.digest));
        assert_eq!(signed.signs(), Ok(signed.digest.clone()));
        signed.unchanged("signing again");
        signed
    }

    fn layout(&self) -> PathBuf {
        self.scene.app("app")
    }

    /// The digest of the image, if it is trusted.
    fn trusted(&self) -> Option<String> {
        let mut found = Vec::new();
        let sink = &mut |one| {
            found.push(one);
            ControlFlow::Continue(())
        };
        let totals = self.verify.run(&ring(), &Silent, sink).ok()?;
        assert_eq!(totals.images(), 1);
        let Some(Found::Verdict(Verdict::Trusted(trusted))) = found.pop() else {
            return None;
        };
        Some(trusted.report().digest.to_string())
    }

    /// Signs; the digest, or the error.
    fn signs(&self) -> Result<String, String> {
        let signed = self.sign.run(&ring(), &Silent).map_err(|e| e.to_string())?;
        let signed = signed.into_iter().next().expect("an app");
        let signed = signed.map_err(|e| e.to_string())?;
        assert_eq!(signed.images.len(), 1);
        Ok(signed.images[0].applied.new.to_string())
    }

    fn unchanged(&self, what: &str) {
        let now = snapshot(&self.layout());
        assert!(now == self.before, "{what} changed something");
    }

    /// The files that the image consists of, from the top down, by their paths in the layout.
    fn files(&self) -> Vec<PathBuf> {
        let layout = self.layout();
        let mut files = vec![PathBuf::from("index.json"), "oci-layout".into()];
        let platform = self.fixture.platforms.first().copied();
        let top = oci::tagged(&layout, self.fixture.tag);
        let image = oci::image(&layout, self.fixture.tag, platform);
        let manifest = oci::parse(&oci::blob(&layout, &image));
        let mut descriptors = vec![top, image, manifest["config"].clone()];
        descriptors.extend(manifest["layers"].as_array().expect("layers").clone());
        for descriptor in descriptors {
            let path = relative(&descriptor);
            if !files.contains(&path) {
                files.push(path);
            }
        }
        files
    }

    /// Puts everything back as it was.
    fn restore(&self) {
        let now = snapshot(&self.layout());
        let path = |name: &Path| self.layout().join(name);
        for (name, content) in &now {
            if self.before.get(name) == Some(content) {
                continue;
            }
            let path = path(name);
            // A folder here never is one of the layout's own.
            if path.is_dir() && !path.is_symlink() {
                fs::remove_dir_all(&path).expect("it goes");
            } else if path.symlink_metadata().is_ok() {
                fs::remove_file(&path).expect("it goes");
            }
        }
        for (name, content) in &self.before {
            if !path(name).exists() {
                write(path(name), content);
            }
        }
        self.unchanged("restoring");
    }

    /// Asserts that nothing that is not the image is trusted.
    fn check_verify(&self, file: &Path, what: &str) {
        let bound = file.starts_with("blobs");
        let what = format!("{} {}: {what}", self.fixture.name, file.display());
        if let Some(digest) = self.trusted() {
            assert!(!bound, "{what}: it is trusted");
            assert_eq!(digest, self.digest, "{what}: another image is trusted");
        }
    }

    /// Asserts that nothing that is not the image is signed, and puts everything back.
    fn check_sign(&self, file: &Path, what: &str) {
        let bound = file.starts_with("blobs");
        let what = format!("{} {}: {what}", self.fixture.name, file.display());
        let corrupt = snapshot(&self.layout());
        if let Ok(digest) = self.signs() {
            assert!(!bound, "{what}: it is signed");
            assert_eq!(digest, self.digest, "{what}: another image is signed");
        } else {
            let now = snapshot(&self.layout());
            assert!(now == corrupt, "{what}: refusing changed something");
        }
        self.restore();
    }
}

fn relative(descriptor: &Value) -> PathBuf {
    blob_path(
        Path::new(""),
        descriptor["digest"].as_str().expect("a digest"),
    )
}

/// One bit of every `step`th byte of the documents, and others here and there.
fn flips(name: &str, step: usize) {
    let signed = Signed::new(name);
    for file in signed.files() {
        let path = signed.layout().join(&file);
        let good = read(&path);
        let flip = |at: usize, mask: u8| {
            let mut bytes = good.clone();
            bytes[at] ^= mask;
            write(&path, &bytes);
            format!("byte {at} ^ {mask:#x}")
        };
        let is_document = good.trim_ascii_start().starts_with(b"{");
        for at in 0..good.len() {
            let last = at + 1 == good.len();
            let step = if is_document { step } else { 8 * step };
            if at % step == 0 || last {
                signed.check_verify(&file, &flip(at, 1));
            }
            if at % (16 * step) == 0 || last {
                // Another case for a letter, and what is not ASCII.
                signed.check_verify(&file, &flip(at, 0x20));
                signed.check_verify(&file, &flip(at, 0x80));
            }
            if at == 0 || at == good.len() / 2 || last {
                signed.check_sign(&file, &flip(at, 1));
            }
        }
        write(&path, &good);
    }
    signed.unchanged("flipping");
}

/// Bytes of `index.json` that lead to the image: none of them may change.
fn leading_bytes(name: &str) {
    let signed = Signed::new(name);
    let path = signed.layout().join("index.json");
    let good = read(&path);
    let text = String::from_utf8(good.clone()).expect("UTF-8");
    let entry = oci::members(&text)
        .into_iter()
        .find(|(k, _)| k == "manifests");
    let entry = oci::items(&entry.expect("entries").1).remove(0);
    let start = text.find(&entry).expect("it is in there");
    for key in ["mediaType", "digest", "size", "annotations"] {
        let (_, value) = oci::members(&entry)
            .into_iter()
            .find(|(k, _)| k == key)
            .expect("a member");
        let value = if key == "annotations" {
            signed.fixture.tag.to_owned()
        } else {
            value
        };
        let from = start + entry.rfind(&value).expect("it is in there");
        for at in from..from + value.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            write(&path, &bytes);
            assert_eq!(signed.trusted(), None, "{key}, byte {at} of index.json");
            if at == from {
                assert!(signed.signs().is_err(), "{key}, byte {at} of index.json");
            }
        }
    }
}

fn truncated_extended_replaced(name: &str) {
    let signed = Signed::new(name);
    let files = signed.files();
    for file in &files {
        let path = signed.layout().join(file);
        let good = read(&path);
        let gone = || fs::remove_file(&path).expect("it goes");
        let cut = |at: usize| write(&path, &good[..at]);
        let mut corruptions: Vec<(String, Box<dyn Fn() + '_>)> = vec![
            ("emptied".into(), Box::new(|| cut(0))),
            ("cut in half".into(), Box::new(|| cut(good.len() / 2))),
            ("its last byte cut".into(), Box::new(|| cut(good.len() - 1))),
            ("deleted".into(), Box::new(gone)),
            (
                "a folder".into(),
                Box::new(|| {
                    gone();
                    fs::create_dir(&path).expect("a folder");
                }),
            ),
            (
                "a link to the right content".into(),
                Box::new(|| {
                    let copy = signed.scene.path("copy");
                    write(&copy, &good);
                    gone();
                    symlink(copy, &path).expect("a link");
                }),
            ),
            (
                "a link to itself".into(),
                Box::new(|| {
                    gone();
                    symlink(&path, &path).expect("a link");
                }),
            ),
            (
                "a named pipe".into(),
                Box::new(|| {
                    gone();
                    tool("mkfifo", [&path]);
                }),
            ),
        ];
        for more in ["\0", "\n", " ", "x", "{}"] {
            let extended = [&good, more.as_bytes()].concat();
            let path = &path;
            let extend = move || write(path, &extended);
            corruptions.push((format!("with {more:?} at its end"), Box::new(extend)));
        }
        let others = files
            .iter()
            .chain(&files)
            .skip_while(|other| *other != file);
        for other in others.skip(1).take(2) {
            let other = read(signed.layout().join(other));
            let path = &path;
            corruptions.push(("another file".into(), Box::new(move || write(path, &other))));
        }
        for (what, corrupt) in corruptions {
            corrupt();
            signed.check_verify(file, &what);
            signed.check_sign(file, &what);
        }
        if !file.ends_with("index.json") && !file.ends_with("oci-layout") {
            continue;
        }
        for what in [
            Vec::new(),
            good[..good.len() / 2].to_vec(),
            b"null".to_vec(),
        ] {
            write(&path, what);
            assert_eq!(signed.trusted(), None);
            assert!(signed.signs().is_err());
            signed.restore();
        }
    }
}

macro_rules! for_each_fixture {
    ($($module:ident $name:literal $step:literal)*) => {$(
        mod $module {
            #[test]
            fn no_flipped_bit_is_trusted() {
                super::flips($name, $step);
            }

            #[test]
            fn no_bit_of_what_leads_to_the_image_is_free() {
                super::leading_bytes($name);
            }

            #[test]
            fn nothing_cut_longer_gone_or_in_its_place_is_trusted() {
                super::truncated_extended_replaced($name);
            }
        }
    )*};
}

// Every byte of one, and of the others as many as there is time for.
for_each_fixture! {
    umoci "umoci" 1
    buildah "buildah" 7
    skopeo_zstd "skopeo-zstd" 7
    multi "multi" 2
    nested_attest "nested-attest" 7
    sha512 "sha512" 3
    wild "wild" 7
    docker_save_new "docker-save-new" 7
    docker_types "docker-save-new-dockertypes" 7
}

/// The program's words and exit status, part by part.
#[test]
fn the_program_names_the_layout_the_part_and_the_rule() {
    let signed = Signed::new("multi");
    let layout = signed.layout().display().to_string();
    let flags = signed.fixture.one();
    let rules = [
        ("index.json", "", ""),
        ("oci-layout", "", "not an OCI image layout"),
        ("", "image index", ""),
        ("", "manifest", "image.manifest-digest"),
        ("", "config", "image.config-digest"),
        ("", "layer 1", "image.layer-blobs"),
    ];
    let files = signed.files();
    assert_eq!(files.len(), rules.len());
    for (file, (name, part, rule)) in files.iter().zip(rules) {
        let path = signed.layout().join(file);
        let good = read(&path);
        let mut bytes = good.clone();
        let last = bytes.iter().rposition(|b| *b != b'\n').expect("a byte");
        bytes[last] ^= 1;
        write(&path, &bytes);
        let parts: Vec<_> = [name, part, rule]
            .into_iter()
            .filter(|p| !p.is_empty())
            .collect();
        signed.scene.refused("app", &flags, &parts);
        signed.scene.verify("app", &flags).exits(1);
        let run = signed.scene.sign("app", &flags).exits(1);
        run.says(&[&layout]);
        // Gone, it is named too.
        if file.starts_with("blobs") {
            fs::remove_file(&path).expect("it goes");
            signed
                .scene
                .refused("app", &flags, &[part, "is not in the layout"]);
        }
        write(&path, &good);
    }
    same(&signed.before, &snapshot(&signed.layout()));
}

/// Config only means the config: layers are not looked at, and the program says so.
#[test]
fn layers_that_were_left_out_are_said_to_be() {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    let manifest = oci::manifest(&scene.app("app"), "latest", None);
    let layer = relative(&manifest["layers"][0]);
    write(scene.app("app").join(layer), "broken");
    scene.verify("app", &["-d", "latest"]).exits(1);
    let run = scene.verify("app", &["-d", "latest", "--config-only"]).ok();
    run.says(&[
        "not checked image.layer-blobs",
        "left out",
        "except for what was not checked",
    ]);
}
