//! Configs: ir-sign reads the same as any reader, and a signature covers exactly these bytes.

use ir_sign::crypto::Signed;
use ir_sign::crypto::p384::signature_from_der;
use ir_sign::image::{Blob, Change, Image, media};
use ir_sign::key::Signer;
use ir_sign::report::{Outcome, Report};
use ir_sign::scheme::annotation::{Endorsement, Root, Vendor};
use ir_sign::scheme::{SignScheme, VerifyScheme};
use ir_sign::store::{Error, Kind, Part, Selection};
use serde_json::Value;

use super::json::assert_plain;
use super::scene::{ENDORSEMENT, SIGNER, Scene, ca};

const MEMBERS: [&str; 5] = ["architecture", "os", "variant", "rootfs", "config"];

thread_local! {
    static SCENE: Scene = Scene::new();
}

pub fn run(bytes: &[u8]) {
    SCENE.with(|scene| {
        scene.begin();
        let config = scene.blob(media::CONFIG, bytes);
        let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}}"#);
        scene.index(&[scene.blob(media::MANIFEST, manifest.as_bytes())]);
        let layout = scene.layout();
        let targets = layout
            .reader()
            .resolve(&[], &Selection::One)
            .expect("one image");
        match layout.reader().load(&targets[0]) {
            Ok(image) => check(image, bytes),
            Err(Error {
                kind:
                    Kind::Part {
                        part: Part::Config(_),
                        ..
                    },
                ..
            }) => {}
            Err(e) => panic!("{e}"),
        }
    });
}

fn check(image: Image, bytes: &[u8]) {
    assert_eq!(image.config.bytes(), bytes);
    assert_plain(bytes, &MEMBERS, &[]);
    let value: Value = serde_json::from_slice(bytes).expect("JSON");
    assert_eq!(value["os"], image.platform.os);
    assert_eq!(value["architecture"], image.platform.architecture);
    let variant = value["variant"].as_str().filter(|text| !text.is_empty());
    assert_eq!(variant, image.platform.variant.as_deref());
    assert_eq!(value["rootfs"]["type"], "layers");
    let diff_ids: Vec<String> = image.diff_ids.iter().map(ToString::to_string).collect();
    // An empty one may be left out, or null.
    match &value["rootfs"]["diff_ids"] {
        Value::Null => assert!(diff_ids.is_empty()),
        stated => assert_eq!(*stated, Value::from(diff_ids)),
    }
    sign(image);
}

fn sign(mut image: Image) {
    let endorsement = signature_from_der(ENDORSEMENT).expect("a signature");
    let endorsement = Endorsement::verified(*SIGNER.public_key(), ca(), endorsement);
    let vendor = Vendor::new(endorsement.expect("an endorsement"));
    let draft = vendor
        .draft(&image, Signer::public_key(&*SIGNER))
        .expect("a draft");
    let signed =
        draft.finish(|message| SIGNER.sign(message.by, Signed::Bytes(message.content.bytes())));
    let Change::Annotate(notes) = signed.expect("a key file signs") else {
        panic!("the scheme annotates");
    };
    image.manifest.annotations.extend(notes);
    assert!(trusted(&image));
    let mut other = image.config.bytes().to_vec();
    let at = usize::from(image.digest().as_bytes()[0]) % other.len();
    other[at] ^= 1;
    image.config = Blob::new(image.config.digest().algorithm(), other);
    assert!(!trusted(&image), "the signature is of other bytes too");
}

/// Whether the scheme trusts an image, with nothing else looked at.
fn trusted(image: &Image) -> bool {
    let candidate = Root::new(ca(), Vec::new()).verify(image).remove(0);
    let passed = candidate
        .checks
        .iter()
        .all(|c| c.outcome == Outcome::Passed);
    let report = Report {
        subject: image.name.clone(),
        digest: image.digest(),
        checks: candidate.checks,
        signatories: candidate.signatories,
    };
    let trusted = report.decide().is_trusted();
    assert!(passed || !trusted);
    trusted
}
