//! Manifests attached to images: a scheme of a few lines enters with only a draft, and readers of layouts find its
//! result.

use harness::oci::{self, blob_path};
use harness::{Scene, read, same, snapshot, tool};
use ir_sign::crypto::p384::{ALGORITHM, signature_from_der};
use ir_sign::crypto::{Digest, HashAlgorithm, P384Key, Prehash, PublicKey, Signed};
use ir_sign::image::{Blob, Change, Descriptor, Image, Link, Reference, media};
use ir_sign::key::pkcs11::Options;
use ir_sign::key::{KeyRef, KeyRing, P384Signer};
use ir_sign::scheme::{self, Draft, Message, SignScheme};
use ir_sign::store::{Kind, Layout, Limits, Problem, Reader, Registry, Selection, Target};
use serde_json::json;

const TYPE: &str = "application/vnd.example.toy.signature";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Signs the manifest as it lies, and attaches the signature as a referrer, or by a tag that spells the digest.
struct Toy {
    by_tag: bool,
    replaces: Option<Digest>,
}

const REFERRER: Toy = Toy {
    by_tag: false,
    replaces: None,
};

fn tag_of(subject: &Digest) -> String {
    format!("{}-{}.toy", subject.algorithm(), subject.hex())
}

impl SignScheme for Toy {
    type Subject = Image;

    fn draft<'a>(&'a self, image: &Image, _: &PublicKey) -> Result<Draft<'a>, scheme::Error> {
        let subject = image.manifest_blob.clone();
        let message = Message {
            by: ALGORITHM,
            content: subject.clone(),
        };
        Ok(Draft::new(vec![message], move |signatures| {
            self.attach(&subject, &signatures[0].to_bytes())
        }))
    }
}

impl Toy {
    fn attach(&self, subject: &Blob, signature: &[u8]) -> Change {
        let signature = Blob::new(HashAlgorithm::Sha256, signature.to_vec());
        let empty = Blob::new(HashAlgorithm::Sha256, b"{}".to_vec());
        let to = |media_type: &str, blob: &Blob| {
            let digest = blob.digest().to_string();
            json!({ "mediaType": media_type, "digest": digest, "size": blob.size() })
        };
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": media::MANIFEST,
            "artifactType": TYPE,
            "config": to(EMPTY, &empty),
            "layers": [to("application/octet-stream", &signature)],
            "annotations": { "org.example.made-by": "toy" },
        });
        let by = if self.by_tag {
            Link::Tag {
                tag: tag_of(&subject.digest()),
                replaces: self.replaces,
            }
        } else {
            manifest["subject"] = to(media::MANIFEST, subject);
            Link::Subject {
                artifact_type: TYPE.to_owned(),
            }
        };
        Change::Attach {
            manifest: Blob::new(HashAlgorithm::Sha256, manifest.to_string().into_bytes()),
            blobs: vec![empty, signature],
            by,
        }
    }

    /// Whether one of the manifests has a signature of the image by the key.
    fn verifies(reader: &Reader<'_>, image: &Image, key: &P384Key, found: &[Descriptor]) -> bool {
        let message = Prehash::sha384(image.manifest_blob.bytes());
        found.iter().any(|descriptor| {
            let (_, manifest) = reader.manifest(descriptor).expect("a manifest");
            assert_eq!(manifest.artifact_type.as_deref(), Some(TYPE));
            let layer = reader.blob(&manifest.layers[0]).expect("a signature");
            let signature = signature_from_der(layer.bytes()).expect("DER");
            key.verifies(&message, &signature)
        })
    }
}

fn open(scene: &Scene) -> Layout {
    let registry = Registry::open(&scene.registry(), Limits::default()).expect("a registry");
    let app = "app".parse().expect("a name");
    registry.layout(&app).expect("a layout")
}

fn image(reader: &Reader<'_>, tag: &str) -> Image {
    let tag: Reference = tag.parse().expect("a tag");
    let selected = reader.resolve(&[tag], &Selection::One).expect("one image");
    reader.load(&selected[0]).expect("an image")
}

fn signer(scene: &Scene) -> P384Signer {
    let ring = KeyRing::new(Options::default());
    let key = KeyRef::File(scene.path("vendor"));
    ring.signer(&key).expect("a key")
}

/// Signs an image in the toy's way; whether anything was written.
fn sign(scene: &Scene, toy: &Toy, tag: &str) -> Result<bool, Kind> {
    let signer = signer(scene);
    let mut layout = open(scene);
    let edit = {
        let reader = layout.reader();
        let image = image(&reader, tag);
        let draft = toy
            .draft(&image, signer.signer().public_key())
            .expect("a draft");
        let sign = |message: &Message| {
            let content = Signed::Bytes(message.content.bytes());
            signer.signer().sign(message.by, content)
        };
        let change = draft.finish(sign).expect("a signature");
        reader.edit(&image, &change).map_err(|e| e.kind)?
    };
    let applied = layout.apply(&[edit]).map_err(|e| e.kind)?;
    assert_eq!(applied.images[0].old, applied.images[0].new);
    Ok(applied.changed)
}

fn referrers(reader: &Reader<'_>, subject: &Digest) -> Vec<Descriptor> {
    let found = reader.referrers(subject).expect("referrers").into_iter();
    found.map(|descriptor| (*descriptor).clone()).collect()
}

#[test]
fn a_scheme_that_attaches_enters_by_its_draft_alone() {
    for fixture in ["umoci", "sha512"] {
        let tag = if fixture == "umoci" {
            "latest"
        } else {
            "sha512"
        };
        let scene = Scene::with(fixture);
        let digest = oci::tagged(&scene.app("app"), tag)["digest"].clone();
        assert!(sign(&scene, &REFERRER, tag).expect("it is signed"));
        let layout = open(&scene);
        let reader = layout.reader();
        let image = image(&reader, tag);
        assert_eq!(
            image.digest().to_string(),
            digest.as_str().expect("a digest")
        );
        let found = referrers(&reader, &image.digest());
        assert_eq!(found.len(), 1);
        let key = *signer(&scene).public_key();
        assert!(Toy::verifies(&reader, &image, &key, &found));
        let other = KeyRing::new(Options::default());
        let other = other
            .public(&KeyRef::File(scene.path("other-vendor.pub")))
            .expect("a key");
        assert!(!Toy::verifies(&reader, &image, &other, &found));
        // The entry is as other tools write it: no tag, its kind and the manifest's annotations.
        let index = oci::index(&scene.app("app"));
        let entry = oci::entries(&index).last().expect("an entry");
        assert_eq!(entry["artifactType"], TYPE);
        assert_eq!(
            entry["annotations"],
            json!({ "org.example.made-by": "toy" })
        );
        // A file's key makes the same signature again, and nothing changes.
        drop(layout);
        let before = snapshot(&scene.registry());
        assert!(!sign(&scene, &REFERRER, tag).expect("it is there"));
        same(&before, &snapshot(&scene.registry()));
        // It disturbs nothing: the only image is still the only one, and no file is left over.
        scene.sign("app", &["-d", tag]).ok();
        scene.verify("app", &["-d", tag]).ok();
        let prune = scene.prune("app").ok();
        assert!(!prune.stderr.contains(&found[0].digest.to_string()));
        assert!(blob_path(&scene.app("app"), &found[0].digest.to_string()).exists());
    }
}

#[test]
fn an_attachment_by_tag_is_found_by_it_and_moves_with_it() {
    let scene = Scene::with("umoci");
    let by_tag = |replaces| Toy {
        by_tag: true,
        replaces,
    };
    let count = || oci::entries(&oci::index(&scene.app("app"))).len();
    let entries = count();
    assert!(sign(&scene, &by_tag(None), "latest").expect("it is signed"));
    let layout = open(&scene);
    let reader = layout.reader();
    let image = image(&reader, "latest");
    let tag: Reference = tag_of(&image.digest()).parse().expect("a tag");
    let store: &dyn ir_sign::store::Store = &layout;
    let found = store.find(&tag).expect("the tag");
    assert_eq!(found.len(), 1);
    let attached = (*found[0]).clone();
    let key = *signer(&scene).public_key();
    assert!(Toy::verifies(
        &reader,
        &image,
        &key,
        std::slice::from_ref(&attached)
    ));
    assert!(referrers(&reader, &image.digest()).is_empty());
    drop(layout);
    assert!(!sign(&scene, &by_tag(None), "latest").expect("it is there"));
    // A new attachment replaces the old one only if the run has read that one.
    let next = json!({ "schemaVersion": 2, "mediaType": media::MANIFEST, "artifactType": TYPE,
        "config": { "mediaType": EMPTY, "digest": attached.digest.to_string(), "size": attached.size },
        "layers": [] });
    let next = Blob::new(HashAlgorithm::Sha256, next.to_string().into_bytes());
    let attach = |replaces| {
        let mut layout = open(&scene);
        let by = Link::Tag {
            tag: tag_of(&image.digest()),
            replaces,
        };
        let edit = layout
            .reader()
            .attach("latest", image.digest(), &next, &[], &by);
        layout.apply(&[edit.expect("an edit")])
    };
    let before = snapshot(&scene.registry());
    for replaces in [None, Some(image.digest())] {
        let error = attach(replaces).expect_err("another one is there");
        assert!(matches!(error.kind, Kind::Lost { .. }), "{error}");
    }
    same(&before, &snapshot(&scene.registry()));
    assert!(attach(Some(attached.digest)).expect("it moves").changed);
    let layout = open(&scene);
    let store: &dyn ir_sign::store::Store = &layout;
    assert_eq!(store.find(&tag).expect("the tag")[0].digest, next.digest());
    assert_eq!(count(), entries + 1);
}

#[test]
fn attachments_that_could_not_be_found_or_read_are_refused() {
    let scene = Scene::with("umoci");
    let layout = open(&scene);
    let reader = layout.reader();
    let image = image(&reader, "latest");
    let Change::Attach {
        manifest,
        blobs,
        by,
    } = REFERRER.attach(&image.manifest_blob, b"a signature")
    else {
        panic!("a toy attaches");
    };
    let edit = |manifest: &Blob, blobs: &[Blob], by: &Link| {
        let error = reader
            .attach("latest", image.digest(), manifest, blobs, by)
            .expect_err("it is refused");
        let Kind::Part { problem, .. } = error.kind else {
            panic!("{error}");
        };
        problem
    };
    let changed = |edit: fn(&mut serde_json::Value)| {
        let mut value = serde_json::from_slice(manifest.bytes()).expect("JSON");
        edit(&mut value);
        Blob::new(HashAlgorithm::Sha256, value.to_string().into_bytes())
    };
    assert!(matches!(
        edit(&manifest, &blobs[..1], &by),
        Problem::Absent(_)
    ));
    let other = changed(|m| m["subject"]["digest"] = m["config"]["digest"].clone());
    assert!(matches!(edit(&other, &blobs, &by), Problem::Subject(_)));
    let other = changed(|m| m["artifactType"] = "application/vnd.other".into());
    assert!(matches!(
        edit(&other, &blobs, &by),
        Problem::ArtifactType { .. }
    ));
    let other = changed(|m| m["mediaType"] = media::INDEX.into());
    assert!(matches!(
        edit(&other, &blobs, &by),
        Problem::MediaTypes { .. }
    ));
    let other = changed(|m| m["layers"][0]["size"] = 1.into());
    assert!(matches!(edit(&other, &blobs, &by), Problem::Mismatch(_)));
    let tag = Link::Tag {
        tag: image.digest().to_string(),
        replaces: None,
    };
    assert!(matches!(
        edit(&manifest, &blobs, &tag),
        Problem::DigestTag(_)
    ));
}

/// skopeo reads what is attached by a tag, and copies it whole.
#[test]
fn skopeo_copies_what_is_attached() {
    let scene = Scene::with("umoci");
    let toy = Toy {
        by_tag: true,
        replaces: None,
    };
    sign(&scene, &toy, "latest").expect("it is signed");
    let subject = oci::tagged(&scene.app("app"), "latest")["digest"].clone();
    let subject: Digest = subject
        .as_str()
        .expect("a digest")
        .parse()
        .expect("a digest");
    let from = format!("oci:{}:{}", scene.text("registry/app"), tag_of(&subject));
    let copy = scene.text("copy");
    tool(
        "skopeo",
        ["copy", "--quiet", &from, &format!("oci:{copy}:copied")],
    )
    .ok();
    let [ours, theirs] = [
        (scene.app("app"), tag_of(&subject)),
        (scene.path("copy"), "copied".into()),
    ]
    .map(|(layout, tag)| {
        read(blob_path(
            &layout,
            oci::tagged(&layout, &tag)["digest"]
                .as_str()
                .expect("a digest"),
        ))
    });
    assert_eq!(ours, theirs);
}
