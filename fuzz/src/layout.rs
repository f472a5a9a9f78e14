//! A layout from a recipe: looked at, verified, signed, verified again and pruned. Another implementation agrees that a
//! trusted image is signed, a newly signed image is trusted, and a refused layout stays as it was.

use std::fs;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Component, Path};
use std::sync::Arc;

use ir_sign::crypto::Digest;
use ir_sign::key::pkcs11::Options;
use ir_sign::key::{KeyRef, KeyRing};
use ir_sign::ops::decryption::Encrypted;
use ir_sign::ops::endorsement::EndorsementFrom;
use ir_sign::ops::found::Found;
use ir_sign::ops::inspect::Inspect;
use ir_sign::ops::sign::How;
use ir_sign::ops::sign_apps::SignImages;
use ir_sign::ops::signed::SignedImages;
use ir_sign::ops::verify::VerifyImages;
use ir_sign::progress::Silent;
use ir_sign::report::Verdict;
use ir_sign::scheme::annotation::{ENDORSEMENT, SIGNATURE, VENDOR_KEY};
use ir_sign::store::Selection;
use serde_json::Value;

use super::annotation::{decoded, verifies};
use super::recipe;
use super::scene::{CA, LIMITS, Scene, assert_named, name, sha256, snapshot};

thread_local! {
    static SCENE: Scene = Scene::new();
}

pub fn run(bytes: &[u8]) {
    SCENE.with(|scene| {
        build(scene, bytes);
        check(scene);
    });
}

/// Writes the recipe's files that can be written into the app's folder.
fn build(scene: &Scene, recipe: &[u8]) {
    scene.begin();
    for part in recipe::parts(recipe) {
        let Ok(name) = str::from_utf8(&part.name) else {
            continue;
        };
        let plain = |c: Component<'_>| matches!(c, Component::Normal(_));
        let path = scene.app().join(name);
        if name.is_empty() || name.contains('\0') || !Path::new(name).components().all(plain) {
            continue;
        }
        if let Some(parent) = path.parent() {
            let _ = fs::create_dir_all(parent);
        }
        // A name may be too long, or a folder's.
        let _ = match part.kind {
            b'2' => std::os::unix::fs::symlink("/dev/null", &path),
            _ => fs::write(&path, &part.content),
        };
    }
}

fn check(scene: &Scene) {
    let before = snapshot(&scene.root());
    let inspect = || {
        Inspect {
            location: scene.location(),
            reference: None,
            limits: LIMITS,
        }
        .run(&Silent)
    };
    let inspected = inspect();
    let verified = [
        verify(scene, true, Selection::One, false),
        verify(scene, false, Selection::All, false),
        verify(scene, true, Selection::One, true),
        verify(
            scene,
            false,
            Selection::Platform("linux/arm64".parse().expect("a platform")),
            true,
        ),
    ];
    for verified in &verified[..2] {
        assert_trusted(scene, verified.as_ref(), true);
    }
    for verified in &verified[2..] {
        assert_trusted(scene, verified.as_ref(), false);
    }
    assert!(inspected.is_ok() || verified[0].is_none());
    assert!(before == snapshot(&scene.root()), "reading changes nothing");

    let signed = sign(scene);
    let after = snapshot(&scene.root());
    match signed {
        None => assert!(before == after, "what is refused was changed"),
        Some(signed) => {
            assert_eq!(signed.changed, before != after);
            for (path, bytes) in &after {
                if !path.ends_with("index.json") && !before.contains_key(path) {
                    assert_named(path, bytes);
                }
            }
            let kept = |path: &Path| path.ends_with("app/index.json");
            let lost = before
                .iter()
                .find(|(path, bytes)| !kept(path) && after.get(*path) != Some(*bytes));
            assert_eq!(lost.map(|(path, _)| path), None, "a blob was changed");
            let verified = verify(scene, false, Selection::All, false);
            let verified = verified.expect("what is signed is verified");
            assert_eq!(verified.len(), signed.images.len());
            for verdict in &verified {
                assert!(
                    matches!(verdict, Some(Verdict::Trusted(_))),
                    "signed and not trusted"
                );
            }
            assert_trusted(scene, Some(&verified), true);
            let again = sign(scene).expect("it was signed before");
            assert!(!again.changed, "signed twice");
        }
    }
    prune(scene);
}

/// A verdict on each image; `None` for one that could not be decided.
type Verdicts = Vec<Option<Verdict>>;

fn verify(scene: &Scene, all: bool, selection: Selection, config_only: bool) -> Option<Verdicts> {
    let verify = VerifyImages {
        asked: vec![scene.asked()],
        all,
        shard: None,
        selection,
        cas: vec![KeyRef::File(scene.file("ca.pub"))],
        vendors: Vec::new(),
        for_realms: false,
        config_only,
        decryption: Arc::default(),
        limits: LIMITS,
    };
    let mut verdicts = Vec::new();
    let sink = &mut |found| {
        match found {
            Found::Verdict(verdict) => verdicts.push(Some(verdict)),
            Found::Failed { .. } => verdicts.push(None),
            _ => {}
        }
        ControlFlow::Continue(())
    };
    let ring = KeyRing::new(Options::default());
    let totals = verify.run(&ring, &Silent, sink).ok()?;
    assert_eq!(totals.images(), verdicts.len());
    Some(verdicts)
}

fn sign(scene: &Scene) -> Option<SignedImages> {
    let sign = SignImages {
        asked: vec![scene.asked()],
        how: How {
            encrypted: Encrypted::default(),
            for_realms: false,
            replaces_other_ca: false,
            references: Vec::new(),
            all: false,
            selection: Selection::All,
            vendor: KeyRef::File(scene.file("vendor.prv")),
            endorsement: EndorsementFrom::File {
                signature: scene.file("vendor.pub.sig"),
                ca: KeyRef::File(scene.file("ca.pub")),
            },
            limits: LIMITS,
            jobs: NonZeroUsize::MIN,
        },
    };
    let signed = sign.run(&KeyRing::new(Options::default()), &Silent);
    signed.ok()?.pop()?.ok()
}

/// Removes what nothing leads to; whatever was verified before is verified the same.
fn prune(scene: &Scene) {
    let verdicts = || {
        let verified = verify(scene, true, Selection::One, false)?;
        let verdict = |verdict| matches!(verdict, Some(Verdict::Trusted(_)));
        Some(verified.into_iter().map(verdict).collect::<Vec<_>>())
    };
    let before = verdicts();
    let Ok(layout) = scene.registry.layout(&name()) else {
        return;
    };
    if let Ok(pruned) = layout.prune(&[], &Silent, |_| true) {
        for (digest, _) in &pruned.blobs {
            assert!(!path_of(scene, &digest.to_string()).exists());
        }
        let layout = scene.registry.layout(&name()).expect("it is there still");
        let again = layout.prune(&[], &Silent, |_| true).expect("once more");
        assert_eq!(again.blobs, [], "pruned twice");
    }
    assert_eq!(before, verdicts(), "something was pruned that is needed");
}

/// Asserts of all that is trusted that it is so by a reading of its own.
fn assert_trusted(scene: &Scene, verified: Option<&Verdicts>, with_layers: bool) {
    for verdict in verified.into_iter().flatten() {
        let Some(Verdict::Trusted(trusted)) = verdict else {
            continue;
        };
        let manifest = blob(scene, &trusted.report().digest.to_string());
        let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
        let config = blob(scene, text(&manifest["config"]["digest"]));
        let note = |key: &str| text(&manifest["annotations"][key]);
        let vendor = decoded(note(VENDOR_KEY));
        assert!(verifies(CA, &vendor, note(ENDORSEMENT)), "who endorsed it?");
        assert!(
            verifies(&vendor, &config, note(SIGNATURE)),
            "who signed it?"
        );
        let config: Value = serde_json::from_slice(&config).expect("JSON");
        let diff_ids = config["rootfs"]["diff_ids"].as_array().expect("a list");
        let layers = manifest["layers"].as_array().expect("a list");
        if with_layers {
            assert_eq!(diff_ids.len(), layers.len());
            for (layer, diff_id) in layers.iter().zip(diff_ids) {
                assert_layer(&blob(scene, text(&layer["digest"])), text(diff_id));
            }
        }
    }
}

fn assert_layer(packed: &[u8], diff_id: &str) {
    let gzip = |bytes| {
        let mut out = Vec::new();
        let mut decoder = flate2::read::MultiGzDecoder::new(bytes);
        std::io::Read::read_to_end(&mut decoder, &mut out).map(|_| out)
    };
    let as_it_is = Some(packed.to_vec());
    let contents = [as_it_is, gzip(packed).ok(), zstd::decode_all(packed).ok()];
    let wanted: Digest = diff_id.parse().expect("a digest");
    let fits = |bytes: &Vec<u8>| Digest::of(wanted.algorithm(), bytes) == wanted;
    assert!(contents.iter().flatten().any(fits), "not what was signed");
}

/// A blob, which has the digest that it is asked for by.
fn blob(scene: &Scene, digest: &str) -> Vec<u8> {
    let path = path_of(scene, digest);
    let bytes = fs::read(&path).expect("a blob");
    assert_named(&path, &bytes);
    if let Some(hash) = digest.strip_prefix("sha256:") {
        assert_eq!(hash, sha256(&bytes));
    }
    bytes
}

fn path_of(scene: &Scene, digest: &str) -> std::path::PathBuf {
    let (algorithm, hash) = digest.split_once(':').expect("a digest");
    scene.app().join("blobs").join(algorithm).join(hash)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
