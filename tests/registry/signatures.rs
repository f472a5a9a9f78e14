//! `copy --with-signatures`: what refers to an image goes along in all directions, and what refers to that.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use harness::oci::{self, Maker, with_tag};
use harness::{Sandbox, ir_sign};
use serde_json::{Value, json};

use super::good::{Good, INDEX, MANIFEST};
use super::server::Server;

/// The digests of an image with all that belongs to it.
pub struct Signed {
    pub image: String,
    /// Referrers, and what refers to those.
    pub referrers: Vec<String>,
    /// Cosign's tags, and where they lead.
    pub tags: Vec<(String, String)>,
}

fn name(descriptor: &Value) -> String {
    descriptor["digest"].as_str().expect("a digest").to_owned()
}

/// Makes a layout with an image for two platforms, `app`: a signature of its index, a signature of one of its
/// manifests, an attestation of the first signature, cosign's tags for both, and an image that has nothing to do with it.
pub fn signed(layout: &Path) -> Signed {
    let maker = Maker::new(layout.to_owned());
    let first = maker.image("", b"first", b"first");
    let second = maker.image("", b"second", b"second");
    let index = maker.nested(&[first.clone(), second]);
    let refers = |subject: &Value, kind: &str| {
        let config = maker.blob("application/vnd.oci.empty.v1+json", b"{}");
        let layer = maker.blob("application/x", kind.as_bytes());
        maker.document(&json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind,
            "config": config, "layers": [layer], "subject": subject, "annotations": { "of": kind },
        }))
    };
    let of_index = refers(&index, "application/x-sig");
    let of_child = refers(&first, "application/x-child-sig");
    let of_signature = refers(&of_index, "application/x-att");
    let tagged = |about: &Value, ending: &str| {
        let config = maker.blob(
            "application/vnd.oci.image.config.v1+json",
            ending.as_bytes(),
        );
        let manifest = maker.document(&json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [],
        }));
        with_tag(
            manifest,
            &format!("{}.{ending}", name(about).replace(':', "-")),
        )
    };
    let by_tag = [
        tagged(&index, "sig"),
        tagged(&first, "att"),
        tagged(&of_index, "sig"),
    ];
    let other = maker.image("", b"other", b"other");
    let mut entries = vec![with_tag(index.clone(), "app"), with_tag(other, "other")];
    entries.extend([of_index.clone(), of_child.clone(), of_signature.clone()]);
    entries.extend(by_tag.clone());
    maker.index(&entries);
    let tag = |entry: &Value| {
        let tag = entry["annotations"][oci::REF_NAME].as_str().expect("a tag");
        (tag.to_owned(), name(entry))
    };
    Signed {
        image: name(&index),
        referrers: [of_index, of_child, of_signature]
            .iter()
            .map(name)
            .collect(),
        tags: by_tag.iter().map(tag).collect(),
    }
}

/// An empty registry, with lists of referrers or without.
fn empty(lists: bool) -> (Arc<Mutex<Good>>, Server) {
    let good = Good::new();
    good.lock().expect("a lock").lists_referrers = lists;
    let known = good.clone();
    let server = Server::new(move |seen| known.lock().expect("a lock").answer(seen));
    (good, server)
}

/// The registry's list of the referrers of an image, and of their own referrers.
fn referrers(server: &Server, digest: &str, found: &mut BTreeSet<String>) {
    let subject = digest.parse().expect("a digest");
    let app = server.app();
    for one in app.referrers(&subject, None).expect("a list") {
        let digest = one.descriptor.digest.to_string();
        assert!(
            one.artifact_type.is_some() && one.annotations.contains_key("of"),
            "{one:?}"
        );
        assert!(app.referrer(&one, &subject).expect("an answer").is_some());
        if found.insert(digest.clone()) {
            referrers(server, &digest, found);
        }
    }
}

/// Asserts that a registry has the image and all that belongs to it.
fn has_all(good: &Mutex<Good>, server: &Server, signed: &Signed) {
    let mut found = BTreeSet::new();
    {
        let good = good.lock().expect("a lock");
        assert_eq!(good.tags["app"], signed.image);
        for (tag, digest) in &signed.tags {
            assert_eq!(good.tags.get(tag), Some(digest));
        }
        assert!(!good.tags.contains_key("other"));
    }
    referrers(server, &signed.image, &mut found);
    let children = oci::parse(&good.lock().expect("a lock").manifests[&signed.image].1);
    for child in children["manifests"].as_array().expect("a list") {
        referrers(server, &name(child), &mut found);
    }
    let wanted: BTreeSet<_> = signed.referrers.iter().cloned().collect();
    assert_eq!(found, wanted);
}

/// The entries of a layout by digest, and the tag of each.
fn entries(layout: &Path) -> BTreeSet<(String, Option<String>)> {
    let index = oci::index(layout);
    let tag = |entry: &Value| {
        entry["annotations"][oci::REF_NAME]
            .as_str()
            .map(str::to_owned)
    };
    let all = oci::entries(&index).iter();
    all.map(|entry| (name(entry), tag(entry))).collect()
}

#[test]
fn r57_r58_signatures_go_to_registries_between_them_and_back() {
    for (first, second) in [(true, false), (false, true), (true, true), (false, false)] {
        let sandbox = Sandbox::new();
        let layout = sandbox.path("from");
        let signed = signed(&layout);
        let (one, here) = empty(first);
        let (two, there) = empty(second);
        let copy = |from: &str, to: &str| {
            let run = ir_sign(["copy", "--with-signatures", "--json", from, to]).ok();
            assert_eq!(
                run.json()["along"].as_array().map(Vec::len),
                Some(6),
                "{run:?}"
            );
        };
        let at = |server: &Server| format!("docker://{}/app:app", server.host());
        copy(&format!("oci:{}:app", layout.display()), &at(&here));
        has_all(&one, &here, &signed);
        copy(&at(&here), &at(&there));
        has_all(&two, &there, &signed);
        // Again: all is there, and lists grow no longer.
        let before = two.lock().expect("a lock").manifests.len();
        copy(&at(&here), &at(&there));
        has_all(&two, &there, &signed);
        assert_eq!(two.lock().expect("a lock").manifests.len(), before);
        let back = sandbox.path("back");
        copy(&at(&there), &format!("oci:{}:app", back.display()));
        let mut wanted = entries(&layout);
        wanted.retain(|(_, tag)| tag.as_deref() != Some("other"));
        assert_eq!(entries(&back), wanted);
        // And out of an archive.
        let archive = format!("oci-archive:{}:app", sandbox.path("a.tar").display());
        copy(&at(&there), &archive);
        let again = sandbox.path("again");
        copy(&archive, &format!("oci:{}:app", again.display()));
        assert_eq!(entries(&again), wanted);
    }
}

#[test]
fn without_the_flag_nothing_goes_along_and_of_one_platform_only_its_own() {
    let sandbox = Sandbox::new();
    let layout = sandbox.path("from");
    signed(&layout);
    let (good, server) = empty(false);
    let from = format!("oci:{}:app", layout.display());
    let to = format!("docker://{}/app:app", server.host());
    ir_sign(["copy", &from, &to]).ok();
    let good = good.lock().expect("a lock");
    assert_eq!(good.tags.keys().collect::<Vec<_>>(), ["app"]);
    assert_eq!(good.manifests.len(), 3);
}

#[test]
fn an_image_comes_from_a_registry_so_that_realms_get_it() {
    let sandbox = Sandbox::new();
    let layout = sandbox.path("from");
    signed(&layout);
    let (_, server) = empty(false);
    let there = format!("docker://{}/app:app", server.host());
    ir_sign(["copy", &format!("oci:{}:app", layout.display()), &there]).ok();
    let to = format!("oci:{}:1.0", sandbox.path("registry/app").display());
    std::fs::create_dir(sandbox.path("registry")).expect("made");
    let run = ir_sign(["copy", "--for-realms", "--json", &there, &to]).ok();
    let json = run.json();
    assert_eq!(json["realms"], json!([]), "{json}");
    // Of the two images that the tag names neither can be meant.
    assert_eq!(json["mended"][0]["kind"], "several", "{json}");
    let platforms = ["--platform", "linux/amd64"];
    let run = ir_sign(
        ["copy", "--for-realms", &there, &to]
            .iter()
            .chain(&platforms),
    );
    run.exits(1);
}

#[test]
fn no_move_leaves_every_tag_where_it_is_cosigns_too() {
    let sandbox = Sandbox::new();
    let layout = sandbox.path("from");
    let signed = signed(&layout);
    let (tag, _) = signed.tags[0].clone();
    let from = format!("oci:{}:app", layout.display());
    for taken in ["app", &tag] {
        let (good, server) = empty(true);
        let old = good
            .lock()
            .expect("a lock")
            .manifest(Some(taken), MANIFEST, r#"{"layers":[]}"#);
        let to = format!("docker://{}/app:app", server.host());
        let copy =
            |more: &[&str]| ir_sign(["copy", "--with-signatures", &from, &to].iter().chain(more));
        let run = copy(&["--no-move"])
            .exits(1)
            .says(taken)
            .says("--no-move keeps it there");
        assert!(run.stdout.is_empty());
        assert_eq!(good.lock().expect("a lock").tags[taken], old);
        assert_eq!(
            good.lock().expect("a lock").tags.contains_key("app"),
            taken == "app"
        );
        copy(&[]).ok().says(&format!("{taken} moved from {old}"));
        copy(&["--no-move"]).ok();
    }
}

#[test]
fn a_malformed_entry_of_the_list_under_the_fallback_tag_hides_no_bundle() {
    let sandbox = Sandbox::new();
    sandbox.unpack("umoci", "app");
    sandbox.openssl("ecparam -name prime256v1 -genkey -noout -out k.pem");
    sandbox.openssl("pkey -in k.pem -pubout -out k.pub");
    let (good, server) = empty(false);
    let image = format!("{}/app:1", server.host());
    sandbox
        .run(&format!("copy oci:registry/app:latest docker://{image}"))
        .ok();
    let sign = format!("cosign sign --key k.pem --new-bundle-format=true {image}");
    sandbox.run(&sign).ok();
    let verify = format!("cosign verify --key k.pub {image}");
    sandbox.run(&verify).ok();

    let subject = good.lock().expect("a lock").tags["1"].clone();
    let fallback = subject.replace(':', "-");
    let list = |good: &Good| oci::parse(&good.manifests[&good.tags[&fallback]].1);
    let sound = list(&good.lock().expect("a lock"));
    let bundle = sound["manifests"][0].clone();
    // A manifest that is not JSON, and a digest of something else than what is there.
    let torn = good.lock().expect("a lock").manifest(None, MANIFEST, "{");
    let changed = |name: &str, value: Value| {
        let mut entry = bundle.clone();
        entry[name] = value;
        entry
    };
    for bad in [
        json!("text"),
        json!(null),
        json!({}),
        changed("digest", json!("sha256:12")),
        changed("size", json!("12")),
        changed("size", json!(12)),
        changed("annotations", json!([])),
        json!({ "mediaType": MANIFEST, "digest": torn, "size": 1 }),
    ] {
        let mut mixed = sound.clone();
        let entries = mixed["manifests"].as_array_mut().expect("a list");
        entries.insert(0, bad.clone());
        let mixed = mixed.to_string();
        good.lock()
            .expect("a lock")
            .manifest(Some(&fallback), INDEX, &mixed);
        let run = sandbox.run(&verify);
        assert_eq!(run.status, 0, "{bad}: {}", run.stderr);
        assert!(run.stderr.contains("bundle"), "{bad}: {}", run.stderr);
        // Alone it is refused, and the report says why.
        let alone = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [bad] });
        let alone = alone.to_string();
        good.lock()
            .expect("a lock")
            .manifest(Some(&fallback), INDEX, &alone);
        sandbox.run(&verify).exits(1).says("cosign.form: ");
    }
    // A list that is none at all hides its bundles.
    let none = r#"{"schemaVersion":2,"manifests":7}"#;
    good.lock()
        .expect("a lock")
        .manifest(Some(&fallback), INDEX, none);
    sandbox.run(&verify).exits(1);
}
