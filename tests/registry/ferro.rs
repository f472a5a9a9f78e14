//! A stranger's registry that lists referrers itself: `ferro-oci-server`, which `scripts/test` installs.

use std::time::Duration;

use harness::ferro::Ferro;
use harness::oci::{self, Maker, with_tag};
use harness::{Sandbox, Scene, ir_sign};
use ir_sign::crypto::HashAlgorithm;
use ir_sign::image::Blob;
use ir_sign::store::remote::{Document, Options, Problem, Pushed, RemoteRepository};
use serde_json::json;

use super::good::MANIFEST;
use super::program::verify;
use super::server::repository;
use super::signatures::signed;

/// A repository that the tests write into.
fn app(ferro: &Ferro) -> RemoteRepository {
    let options = Options {
        timeout: Duration::from_secs(20),
        ..Options::default()
    };
    repository(&ferro.host(), "team/app", &options).to_write()
}

#[test]
fn r56_r58_signatures_go_there_and_back_by_its_own_lists() {
    let Some(ferro) = Ferro::start() else { return };
    let sandbox = Sandbox::new();
    let layout = sandbox.path("from");
    let signed = signed(&layout);
    let there = format!("docker://{}/team/app:app", ferro.host());
    let copy = |from: &str, to: &str| {
        let run = ir_sign(["copy", "--with-signatures", "--json", from, to]).ok();
        assert_eq!(
            run.json()["along"].as_array().map(Vec::len),
            Some(6),
            "{run:?}"
        );
    };
    copy(&format!("oci:{}:app", layout.display()), &there);
    let back = sandbox.path("back");
    copy(&there, &format!("oci:{}:app", back.display()));
    assert_eq!(oci::tagged(&back, "app")["digest"], signed.image);
    // It says itself whose referrers it noted, so no fallback tag was made.
    let app = app(&ferro);
    let fallback = signed.image.replace(':', "-");
    let tags = app.tags().expect("tags");
    assert!(
        tags.tags.iter().all(|tag| tag.as_str() != fallback),
        "{tags:?}"
    );
    let subject = signed.image.parse().expect("a digest");
    let of = |kind| app.referrers(&subject, kind).expect("a list").len();
    assert_eq!(
        (of(None), of(Some("application/x-sig")), of(Some("x/y"))),
        (1, 1, 0)
    );
}

#[test]
fn r40_r42_it_takes_sha512_and_no_manifest_before_its_blobs() {
    let Some(ferro) = Ferro::start() else { return };
    let app = app(&ferro);
    let long = Blob::new(HashAlgorithm::Sha512, b"content".to_vec());
    let push = || app.push_blob(&long.digest(), long.size(), &long, None);
    assert_eq!(push().expect("sent"), Pushed::Sent);
    assert_eq!(push().expect("there"), Pushed::Present);
    let sandbox = Sandbox::new();
    let maker = Maker::new(sandbox.path("from"));
    let image = maker.image("", b"x", b"x");
    let bytes = oci::blob(&sandbox.path("from"), &image);
    let document = Document {
        blob: Blob::new(HashAlgorithm::Sha256, bytes),
        media_type: MANIFEST.into(),
    };
    let error = app
        .push_manifest(&document)
        .expect_err("its blobs are not there");
    assert!(matches!(error.problem, Problem::Lacking { .. }), "{error}");
    // A mount that it does not know is a session, and the blob is sent in it.
    maker.index(&[with_tag(image, "a")]);
    let from = format!("oci:{}:a", sandbox.path("from").display());
    let first = format!("docker://{}/team/one:a", ferro.host());
    ir_sign(["copy", &from, &first]).ok();
    let second = format!("docker://{}/team/two:a", ferro.host());
    let run = ir_sign(["copy", "--json", &first, &second]).ok();
    assert!(json!(run.json()["sent"]).as_u64() > Some(0), "{run:?}");
}

#[test]
fn an_image_is_signed_there_and_verified() {
    let Some(ferro) = Ferro::start() else { return };
    let scene = Scene::with("multi");
    let there = format!("docker://{}/team/app:1.0", ferro.host());
    let from = format!("oci:{}:multi", scene.app("app").display());
    ir_sign(["copy", &from, &there]).ok();
    let signed = super::signing::sign(&scene, &["--all-platforms", &there]).ok();
    let verified = verify(&scene, &["--all-platforms", &there]).ok();
    assert_eq!(verified.stdout, signed.stdout);
}
