//! Images that real tools made, signed and verified, and read by those tools again.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use harness::oci::{
    self, CONFIG, ENDORSEMENT, INDEX, LAYER, MANIFEST, Maker, REF_NAME, SIGNATURE, VENDOR_KEY,
    with_tag,
};
use harness::{FIXTURES, Fixture, Scene, read, same, snapshot, tool, write};

/// Signs all of a fixture with an endorsement from a file, or with the CA's key.
fn sign_all(scene: &Scene, fixture: &Fixture, given: bool) -> harness::Run {
    let mut flags = vec!["-d", fixture.tag, "--json"];
    if !fixture.platforms.is_empty() {
        flags.push("--all-platforms");
    }
    if given {
        scene.sign_with("app", &scene.text("vendor.sig"), &flags)
    } else {
        scene.sign("app", &flags)
    }
}

fn each_signed(test: impl Fn(&Scene, &Fixture, &Value)) {
    for fixture in &FIXTURES {
        for given in [true, false] {
            println!("{} given={given}", fixture.name);
            let scene = Scene::with(fixture.name);
            let result = sign_all(&scene, fixture, given).ok().json();
            test(&scene, fixture, &result);
        }
    }
}

/// The platforms to ask for, `None` where the tag names one image.
fn platforms(fixture: &Fixture) -> Vec<Option<&'static str>> {
    if fixture.platforms.is_empty() {
        vec![None]
    } else {
        fixture.platforms.iter().copied().map(Some).collect()
    }
}

#[test]
fn every_fixture_signs_and_verifies() {
    each_signed(|scene, fixture, result| {
        assert_eq!(result["changed"], true);
        let mut digests = BTreeSet::new();
        for platform in platforms(fixture) {
            let mut flags = vec!["-d", fixture.tag];
            flags.extend(platform.iter().flat_map(|p| ["--platform", p]));
            let verified = scene.verify("app", &flags).ok();
            let entry = oci::image(&scene.app("app"), fixture.tag, platform);
            let digest = entry["digest"].as_str().expect("a digest").to_owned();
            assert_eq!(verified.stdout, format!("{digest}\n"));
            digests.insert(digest);
        }
        let images = result["images"].as_array().expect("images");
        let told: BTreeSet<_> = images
            .iter()
            .map(|i| i["digest"].as_str().expect("a digest").to_owned())
            .collect();
        assert_eq!(told, digests);
        scene.verify("app", &["--all"]).ok();
    });
}

#[test]
fn an_unsigned_image_is_not_trusted() {
    for fixture in &FIXTURES {
        let scene = Scene::with(fixture.name);
        let run = scene.verify("app", &fixture.one()).exits(1);
        assert_eq!(run.stdout, "");
        run.says(&["annotation.vendor-endorsed", "is absent", "NOT trusted"]);
    }
}

#[test]
fn signing_again_changes_nothing_and_says_so() {
    each_signed(|scene, fixture, first| {
        let before = snapshot(&scene.registry());
        for given in [true, false] {
            if first["endorsement"]["source"] == "made" && given {
                // A file key signs deterministically: the given one is the one that was made.
                assert_eq!(
                    oci::hex(&read(scene.path("vendor.sig"))),
                    oci::manifest(
                        &scene.app("app"),
                        fixture.tag,
                        fixture.platforms.first().copied()
                    )["annotations"][ENDORSEMENT]
                );
            }
            let again = sign_all(scene, fixture, given).ok();
            let result = again.json();
            again.says(&["already carries this signature", "nothing was changed"]);
            assert_eq!(result["changed"], false);
            for image in result["images"].as_array().expect("images") {
                assert_eq!(image["digest"], image["previous_digest"]);
                assert_eq!(image["changed"], false);
            }
            same(&before, &snapshot(&scene.registry()));
        }
    });
}

/// Asserts that objects have the same members in the same order with the same text, but for those
/// in `touched`, and but for new ones. Gives the new ones, each with the name before it.
fn kept(old: &str, new: &str, touched: &[&str]) -> Vec<(String, String)> {
    let (old, new) = (oci::members(old), oci::members(new));
    let names: Vec<_> = old.iter().map(|(key, _)| key).collect();
    let (present, added): (Vec<_>, Vec<_>) = new.iter().partition(|(key, _)| names.contains(&key));
    let order: Vec<_> = present.iter().map(|(key, _)| key).collect();
    assert_eq!(names, order, "the order of the members");
    for ((key, was), (_, is)) in old.iter().zip(present) {
        assert!(
            was == is || touched.contains(&key.as_str()),
            "{key}: {was} became {is}"
        );
    }
    let before = |key: &String| {
        let at = new.iter().position(|(k, _)| k == key).expect("it is there");
        at.checked_sub(1)
            .map_or("", |at| new[at].0.as_str())
            .to_owned()
    };
    added
        .into_iter()
        .map(|(key, _)| (before(key), key.clone()))
        .collect()
}

fn member(text: &str, key: &str) -> Option<String> {
    let mut found = oci::members(text).into_iter().filter(|(k, _)| k == key);
    found.next().map(|(_, value)| value)
}

fn string(text: &str, key: &str) -> Option<String> {
    member(text, key).map(|value| serde_json::from_str(&value).expect("a string"))
}

/// The text of a blob that a descriptor's text leads to.
fn follow(layout: &Path, descriptor: &str) -> String {
    let bytes = oci::blob(layout, &oci::parse(descriptor.as_bytes()));
    String::from_utf8(bytes).expect("UTF-8")
}

fn pairwise(old: &str, new: &str, compare: impl Fn(&str, &str)) {
    let (old, new) = (oci::items(old), oci::items(new));
    assert_eq!(old.len(), new.len(), "the number of items");
    old.iter()
        .zip(&new)
        .for_each(|(old, new)| compare(old, new));
}

/// Compares an index before and after signing, and all below it.
fn index_kept(layout: &Path, old: &str, new: &str, moved: &HashMap<String, String>) {
    let added = kept(old, new, &["manifests"]);
    match string(old, "mediaType") {
        Some(_) => assert!(added.is_empty(), "{added:?}"),
        None => assert_eq!(added, [("schemaVersion".into(), "mediaType".into())]),
    }
    assert_eq!(string(new, "mediaType").as_deref(), Some(INDEX));
    let entries = |text| member(text, "manifests").expect("entries");
    pairwise(&entries(old), &entries(new), |old, new| {
        entry_kept(layout, old, new, moved);
    });
}

fn entry_kept(layout: &Path, old: &str, new: &str, moved: &HashMap<String, String>) {
    const ATTESTED: &str = "vnd.docker.reference.digest";
    let touched = ["mediaType", "digest", "size", "data", "annotations"];
    assert_eq!(kept(old, new, &touched), []);
    if let (Some(was), Some(is)) = (member(old, "annotations"), member(new, "annotations")) {
        assert_eq!(kept(&was, &is, &[ATTESTED]), []);
        if let Some(attested) = string(&was, ATTESTED) {
            let expected = moved.get(&attested).unwrap_or(&attested);
            assert_eq!(string(&is, ATTESTED).as_ref(), Some(expected));
        }
    }
    let (was, is) = (string(old, "digest"), string(new, "digest"));
    if was == is {
        assert_eq!(kept(old, new, &["annotations"]), []);
        return;
    }
    let (old_blob, new_blob) = (follow(layout, old), follow(layout, new));
    match string(new, "mediaType").as_deref() {
        Some(INDEX) => index_kept(layout, &old_blob, &new_blob, moved),
        Some(MANIFEST) => {
            assert_eq!(moved.get(&was.expect("a digest")), is.as_ref());
            manifest_kept(&old_blob, &new_blob);
        }
        other => panic!("media type {other:?}"),
    }
}

fn manifest_kept(old: &str, new: &str) {
    let added = kept(old, new, &["mediaType", "config", "layers", "annotations"]);
    let mut expected = Vec::new();
    if member(old, "mediaType").is_none() {
        expected.push(("schemaVersion".to_owned(), "mediaType".to_owned()));
    }
    let (last, _) = oci::members(old).pop().expect("a member");
    if member(old, "annotations").is_none() {
        expected.push((last, "annotations".to_owned()));
    }
    assert_eq!(added, expected);
    assert_eq!(string(new, "mediaType").as_deref(), Some(MANIFEST));
    let of = |text, key| member(text, key).expect("it is there");
    let descriptor_kept = |old: &str, new: &str| {
        assert_eq!(kept(old, new, &["mediaType"]), []);
        let docker = "application/vnd.docker.";
        let was = string(old, "mediaType").expect("a media type");
        let is = string(new, "mediaType").expect("a media type");
        assert!(was == is || was.starts_with(docker), "{was} became {is}");
        assert!(!is.starts_with(docker), "{is}");
    };
    descriptor_kept(&of(old, "config"), &of(new, "config"));
    pairwise(&of(old, "layers"), &of(new, "layers"), descriptor_kept);
    let present = member(old, "annotations").unwrap_or_else(|| "{}".into());
    let added: Vec<_> = kept(&present, &of(new, "annotations"), &[])
        .into_iter()
        .map(|(_, key)| key)
        .collect();
    assert_eq!(added, [SIGNATURE, VENDOR_KEY, ENDORSEMENT]);
}

#[test]
fn all_that_is_not_the_signatures_keeps_its_text_and_order() {
    each_signed(|scene, fixture, result| {
        let layout = scene.app("app");
        let original = scene.unpack(fixture.name, "original");
        let images = result["images"].as_array().expect("images");
        let moved = images.iter().map(|image| {
            let text = |key: &str| image[key].as_str().expect("a digest").to_owned();
            (text("previous_digest"), text("digest"))
        });
        let text = |dir: &Path| String::from_utf8(read(dir.join("index.json"))).expect("UTF-8");
        index_kept(&layout, &text(&original), &text(&layout), &moved.collect());
    });
}

#[test]
fn the_comparison_notices_what_is_lost() {
    let old = r#"{"a":1.0,"b":[ ],"c":3}"#;
    for (new, touched) in [
        (r#"{"a":1,"b":[ ],"c":3}"#, "c"),
        (r#"{"a":1.0,"c":3,"b":[ ]}"#, "c"),
        (r#"{"a":1.0,"b":[ ]}"#, "c"),
        (r#"{"a":1.0,"b":[],"c":3}"#, "c"),
    ] {
        let noticed = std::panic::catch_unwind(|| kept(old, new, &[touched]));
        assert!(noticed.is_err(), "{new} passed");
    }
    assert_eq!(
        kept(old, r#"{"a":1.0,"n":0,"b":[ ],"c":4}"#, &["c"]),
        [("a".to_owned(), "n".to_owned())]
    );
}

#[test]
fn all_digests_sizes_and_embedded_copies_are_right() {
    each_signed(|scene, fixture, _| {
        let layout = scene.app("app");
        let descriptors = oci::walk(&layout);
        assert!(descriptors.len() > 2, "{}", descriptors.len());
        let original = scene.unpack(fixture.name, "original");
        let with_data = |found: &[Value]| found.iter().filter(|d| d.get("data").is_some()).count();
        assert_eq!(with_data(&descriptors), with_data(&oci::walk(&original)));
    });
}

#[test]
fn old_blobs_stay_and_foreign_files_too() {
    each_signed(|scene, fixture, _| {
        scene.unpack(fixture.name, "original");
        let after = snapshot(&scene.app("app"));
        for (name, content) in snapshot(&scene.app("original")) {
            if name != Path::new("index.json") {
                assert_eq!(after.get(&name), Some(&content), "{}", name.display());
            }
        }
        let temporary = after
            .keys()
            .filter(|n| n.to_string_lossy().contains(".tmp"));
        assert_eq!(temporary.count(), 0, "temporary files stay");
    });
}

#[test]
fn docker_media_types_become_those_of_oci() {
    let scene = Scene::with("docker-save-new-dockertypes");
    scene.sign("app", &[]).ok();
    let layout = scene.app("app");
    assert_eq!(oci::tagged(&layout, "1.0")["mediaType"], MANIFEST);
    let manifest = oci::manifest(&layout, "1.0", None);
    assert_eq!(manifest["mediaType"], MANIFEST);
    assert_eq!(manifest["config"]["mediaType"], CONFIG);
    let layers = [format!("{LAYER}+gzip"), LAYER.to_owned()];
    let found: Vec<_> = (0..2)
        .map(|n| &manifest["layers"][n]["mediaType"])
        .collect();
    assert_eq!(found, [&json!(layers[0]), &json!(layers[1])]);
}

#[test]
fn attestations_follow_their_image() {
    let scene = Scene::with("nested-attest");
    let layout = scene.app("app");
    let attested = || {
        let entry = oci::tagged(&layout, "1.0");
        let index = oci::parse(&oci::blob(&layout, &entry));
        let of = |e: &Value| e["annotations"]["vnd.docker.reference.digest"].clone();
        oci::entries(&index)[2..].iter().map(of).collect::<Vec<_>>()
    };
    let digest = |platform| oci::image(&layout, "1.0", Some(platform))["digest"].clone();
    let old_arm = digest("linux/arm64");
    scene.sign("app", &["--platform", "linux/amd64"]).ok();
    assert_eq!(digest("linux/arm64"), old_arm);
    assert_eq!(attested(), [digest("linux/amd64"), old_arm.clone()]);
    scene.sign("app", &["--all-platforms"]).ok();
    assert_ne!(digest("linux/arm64"), old_arm);
    assert_eq!(attested(), [digest("linux/amd64"), digest("linux/arm64")]);
}

#[test]
fn all_tags_of_an_image_move_and_are_named() {
    let scene = Scene::with("umoci");
    let run = scene.sign("app", &["-d", "stable", "--json"]).ok();
    let result = run.json();
    assert_eq!(result["images"][0]["tags"], json!(["latest", "stable"]));
    run.says(&["latest, stable"]);
    let tagged = |tag| oci::tagged(&scene.app("app"), tag)["digest"].clone();
    assert_eq!(tagged("latest"), result["images"][0]["digest"]);
    assert_eq!(tagged("latest"), tagged("stable"));
}

#[test]
fn an_image_by_two_of_its_names_is_signed_once() {
    let scene = Scene::with("umoci");
    let digest = oci::image(&scene.app("app"), "stable", None)["digest"].clone();
    let digest = digest.as_str().expect("a digest");
    let names = ["-d", "latest", "-d", "stable", "-d", digest, "-d", "latest"];
    let run = scene.sign("app", &names).ok();
    let signed = oci::image(&scene.app("app"), "latest", None)["digest"].clone();
    assert_eq!(
        run.stdout,
        format!("{}\n", signed.as_str().expect("a digest"))
    );
    let names = ["-d", "stable", "-d", "latest", "--json"];
    let result = scene.sign("app", &names).ok().json();
    assert_eq!(
        result["images"].as_array().map(Vec::len),
        Some(1),
        "{result}"
    );
}

#[test]
fn tags_that_led_to_the_signed_manifest_before_are_named_too() {
    let scene = Scene::with("umoci");
    let unsigned = oci::tagged(&scene.app("app"), "latest");
    scene.sign("app", &["-d", "latest"]).ok();
    let mut index = oci::index(&scene.app("app"));
    let entries = index["manifests"].as_array_mut().expect("entries");
    entries.push(with_tag(unsigned, "old"));
    write(scene.app("app").join("index.json"), index.to_string());
    let run = scene.sign("app", &["-d", "old", "--json"]).ok();
    let tags = run.json()["images"][0]["tags"].clone();
    assert_eq!(tags, json!(["latest", "stable", "old"]));
}

#[test]
fn the_tag_of_an_index_is_named_once() {
    let scene = Scene::with("multi");
    let result = scene
        .sign("app", &["--all-platforms", "--json"])
        .ok()
        .json();
    for image in result["images"].as_array().expect("images") {
        assert_eq!(image["index_tags"], json!(["multi"]));
        assert_eq!(image["tags"], json!([]));
    }
}

#[test]
fn referrers_of_the_unsigned_image_are_reported() {
    let scene = Scene::with("wild");
    let layout = scene.app("app");
    let before = oci::tagged(&layout, "wild");
    let run = scene.sign("app", &["-d", "wild", "--json"]).ok();
    let referrers = run.json()["referrers"].clone();
    assert_eq!(
        referrers,
        json!([{
            "digest": oci::entries(&oci::index(&layout))[1]["digest"],
            "tag": null,
            "subject": before["digest"],
        }])
    );
    run.says(&["warning:", "refers to", "the image before this change"]);
    // Nothing is replaced the second time.
    let again = scene.sign("app", &["-d", "wild", "--json"]).ok().json();
    assert_eq!(again["referrers"], json!([]));
}

/// Nothing is embedded where nothing was.
#[test]
fn data_that_is_null_stays_so() {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    let mut image = with_tag(maker.image("", b"layer", b"layer"), "good");
    image["data"] = Value::Null;
    maker.index(&[image]);
    scene.sign("app", &[]).ok();
    let signed = oci::tagged(&scene.app("app"), "good");
    assert_eq!(signed.get("data"), Some(&Value::Null));
    scene.verify("app", &[]).ok();
}

/// An index may have a subject too, and so may what refers to an index above the image.
#[test]
fn referrers_by_an_index_or_to_one_are_reported() {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    let image = maker.image("", b"layer", b"layer");
    let multi = maker.nested(std::slice::from_ref(&image));
    let refers = |document: Value, subject: &Value| {
        let mut document = document;
        document["subject"] = subject.clone();
        maker.document(&document)
    };
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] });
    let manifest = oci::parse(&oci::blob(&maker.dir, &image));
    let by_index = refers(index, &image);
    let to_index = refers(manifest, &multi);
    let tagged = with_tag(multi.clone(), "multi");
    maker.index(&[tagged, by_index.clone(), to_index.clone()]);
    let run = scene.sign("app", &["--all-platforms", "--json"]).ok();
    assert_eq!(
        run.json()["referrers"],
        json!([
            { "digest": by_index["digest"], "tag": null, "subject": image["digest"] },
            { "digest": to_index["digest"], "tag": null, "subject": multi["digest"] },
        ])
    );
}

#[test]
fn a_tag_that_spells_the_digest_is_reported_too() {
    let scene = Scene::with("buildah");
    let layout = scene.app("app");
    let mut index = oci::index(&layout);
    let mut entry = index["manifests"][0].clone();
    let digest = entry["digest"]
        .as_str()
        .expect("a digest")
        .replace(':', "-");
    let other = Maker::new(layout.clone()).image("", b"x", b"x");
    for member in ["digest", "size"] {
        entry[member] = other[member].clone();
    }
    entry["annotations"][REF_NAME] = json!(format!("{digest}.sig"));
    index["manifests"]
        .as_array_mut()
        .expect("entries")
        .push(entry);
    write(layout.join("index.json"), index.to_string());
    let run = scene.sign("app", &["-d", "1.0"]).ok();
    run.says(&[&format!("(tag {digest}.sig) refers to")]);
}

#[test]
fn one_platform_is_signed_alone() {
    for fixture in FIXTURES.iter().filter(|f| !f.platforms.is_empty()) {
        let scene = Scene::with(fixture.name);
        let layout = scene.app("app");
        let image = |p| oci::image(&layout, fixture.tag, Some(p));
        let before: Vec<_> = fixture.platforms.iter().map(|p| image(p)).collect();
        scene
            .sign("app", &["--platform", fixture.platforms[1]])
            .ok();
        for (n, platform) in fixture.platforms.iter().enumerate() {
            assert_eq!(image(platform) == before[n], n != 1, "{platform}");
            let verified = scene.verify("app", &["--platform", platform]);
            assert_eq!(verified.status, i32::from(n != 1), "{platform}");
        }
        // Not everything is signed.
        scene.verify("app", &["--all"]).exits(1);
    }
}

#[test]
fn a_platform_has_to_be_chosen_from_those_there_are() {
    for fixture in FIXTURES.iter().filter(|f| !f.platforms.is_empty()) {
        let scene = Scene::with(fixture.name);
        let layout = scene.text("registry/app");
        let all = fixture.platforms.join(", ");
        scene.refused("app", &[], &[&layout, &all, "--platform"]);
        let none = ["--platform", "linux/riscv64"];
        scene.refused("app", &none, &[&layout, &all, "no image", "linux/riscv64"]);
        // Attestations are nobody's platform.
        scene.refused("app", &["--platform", "unknown/unknown"], &[&all]);
    }
    let scene = Scene::with("buildah");
    let flags = ["--platform", "linux/arm64"];
    scene.refused("app", &flags, &["linux/amd64", "linux/arm64"]);
    scene.sign("app", &["--platform", "linux/amd64"]).ok();
    scene.sign("app", &["--all-platforms"]).ok();
}

#[test]
fn an_index_and_an_image_in_it_go_by_their_digests_too() {
    let scene = Scene::with("multi");
    let layout = scene.app("app");
    let image = oci::image(&layout, "multi", Some("linux/arm64"));
    let digest = image["digest"].as_str().expect("a digest");
    let signed = scene.sign("app", &["-d", digest]).ok().stdout;
    assert_eq!(
        scene.verify("app", &["-d", signed.trim()]).ok().stdout,
        signed
    );
    let index = oci::tagged(&layout, "multi")["digest"].clone();
    let index = index.as_str().expect("a digest");
    scene.refused("app", &["-d", index], &["linux/amd64, linux/arm64"]);
    let run = scene.sign("app", &["-d", index, "--all-platforms"]).ok();
    assert_eq!(run.stdout.lines().count(), 3);
    // The old digest leads nowhere now, and the hint says why.
    scene.refused("app", &["-d", digest], &["nothing leads to it"]);
}

/// What a realm does at launch, and what the server refuses to hand out: written from their rules,
/// with openssl for the signatures.
fn realm_accepts(scene: &Scene, tag: &str, platform: Option<&str>) {
    let layout = &scene.app("app");
    let index = oci::index(layout);
    assert_eq!(index["mediaType"], INDEX);
    let tags = oci::entries(&index).iter();
    let tags: Vec<_> = tags
        .filter_map(|e| e["annotations"][REF_NAME].as_str())
        .collect();
    assert_eq!(tags.iter().collect::<BTreeSet<_>>().len(), tags.len());
    let entry = oci::image(layout, tag, platform);
    assert_eq!(entry["mediaType"], MANIFEST);
    let manifest = oci::parse(&oci::blob(layout, &entry));
    assert_eq!(manifest["mediaType"], MANIFEST);
    assert_eq!(manifest["config"]["mediaType"], CONFIG);
    let config = oci::blob(layout, &manifest["config"]);
    let annotation = |key: &str| {
        let text = manifest["annotations"][key].as_str();
        let text = text.unwrap_or_else(|| panic!("{key} is absent"));
        let bytes = oci::unhex(text);
        assert_eq!(oci::hex(&bytes), text, "{key} is in lower case");
        bytes
    };
    let verify = |key: &str, signature: &[u8], bytes: &[u8]| {
        let (signed, message) = (scene.path("realm.sig"), scene.path("realm.bin"));
        write(&signed, signature);
        write(&message, bytes);
        let text = |path: &Path| path.display().to_string();
        let args = ["dgst", "-sha384", "-keyform", "DER", "-verify", key];
        let args = args.map(str::to_owned).into_iter();
        let rest = ["-signature".into(), text(&signed), text(&message)];
        assert_eq!(
            tool("openssl", args.chain(rest)).stdout.trim(),
            "Verified OK"
        );
    };
    let vendor = annotation(VENDOR_KEY);
    verify(&scene.text("ca.pub"), &annotation(ENDORSEMENT), &vendor);
    write(scene.path("realm.pub"), &vendor);
    verify(&scene.text("realm.pub"), &annotation(SIGNATURE), &config);
    let config = oci::parse(&config);
    let diff_ids = config["rootfs"]["diff_ids"].as_array().expect("diff_ids");
    let layers = manifest["layers"].as_array().expect("layers");
    assert_eq!(layers.len(), diff_ids.len());
    for (layer, diff_id) in layers.iter().zip(diff_ids) {
        let packed = oci::blob(layout, layer);
        let kind = layer["mediaType"].as_str().expect("a media type");
        let unpacked = match kind.strip_prefix(LAYER) {
            Some("") => packed,
            Some("+gzip") => {
                let mut all = Vec::new();
                let mut reader = flate2::read::MultiGzDecoder::new(&*packed);
                reader.read_to_end(&mut all).expect("gzip");
                all
            }
            Some("+zstd") => zstd::decode_all(&*packed).expect("zstd"),
            _ => panic!("media type {kind}"),
        };
        let stated = diff_id.as_str().expect("a digest");
        let algorithm = stated.split(':').next().expect("an algorithm");
        assert_eq!(oci::digest_with(algorithm, &unpacked), stated);
    }
}

#[test]
fn a_realm_accepts_what_was_signed() {
    each_signed(|scene, fixture, _| {
        for platform in platforms(fixture) {
            realm_accepts(scene, fixture.tag, platform);
        }
    });
}

#[test]
fn skopeo_reads_what_was_signed() {
    // skopeo 1.9 reads no sha512.
    for fixture in FIXTURES.iter().filter(|f| f.name != "sha512") {
        let scene = Scene::with(fixture.name);
        sign_all(&scene, fixture, true).ok();
        let layout = scene.app("app");
        let source = format!("oci:{}:{}", layout.display(), fixture.tag);
        let out = scene.path("out");
        let target = format!("dir:{}", out.display());
        // It would fetch the layers of `wild` from the addresses that stand in `urls`.
        if fixture.name != "wild" {
            let copy = [
                "--insecure-policy",
                "copy",
                "--quiet",
                "--all",
                &source,
                &target,
            ];
            tool("skopeo", copy);
            let top = oci::blob(&layout, &oci::tagged(&layout, fixture.tag));
            assert_eq!(read(out.join("manifest.json")), top, "{}", fixture.name);
        }
        for platform in platforms(fixture) {
            let parts: Vec<_> = platform.unwrap_or("linux/amd64").split('/').collect();
            let mut flags = vec!["--override-os", parts[0], "--override-arch", parts[1]];
            if let Some(variant) = parts.get(2) {
                flags.extend(["--override-variant", variant]);
            }
            let config = tool(
                "skopeo",
                [&flags[..], &["inspect", "--config", &source]].concat(),
            );
            assert_eq!(config.json()["architecture"], parts[1]);
        }
    }
}

/// They want a window of 32 MiB, whatever their size.
#[test]
fn layers_of_zstd_chunked_are_signed_where_their_window_may_be_had() {
    let scene = Scene::new();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/docker-save-old.tar");
    let layout = scene.app("app");
    fs::create_dir_all(&layout).expect("a folder");
    let source = format!("docker-archive:{}", archive.display());
    let target = format!("oci:{}:chunked", layout.display());
    let copy = ["--insecure-policy", "copy", "--quiet", &source, &target];
    tool(
        "skopeo",
        [&copy[..], &["--dest-compress-format", "zstd:chunked"]].concat(),
    );
    let flags = ["-d", "chunked", "--max-zstd-window", "32M"];
    let says = ["does not unpack", "raises it", flags[2]];
    scene.sign("app", &flags[..2]).exits(1).says(&says);
    scene.sign("app", &flags).ok();
    scene.verify("app", &flags).ok();
}

#[test]
fn umoci_unpacks_what_was_signed() {
    // umoci 0.4 reads single images with gzip or plain layers.
    for name in ["umoci", "buildah", "docker-save-new"] {
        let fixture = FIXTURES.iter().find(|f| f.name == name).expect("a fixture");
        let scene = Scene::with(name);
        scene.unpack(name, "original");
        sign_all(&scene, fixture, true).ok();
        let unpacked = |app: &str| {
            let image = format!("{}:{}", scene.app(app).display(), fixture.tag);
            tool("umoci", ["stat", "--image", &image]);
            let out = scene.path(&format!("bundle-{app}"));
            let bundle = out.display().to_string();
            tool(
                "umoci",
                ["unpack", "--rootless", "--image", &image, &bundle],
            );
            snapshot(&out.join("rootfs"))
        };
        let signed = unpacked("app");
        assert!(signed.contains_key(Path::new("bin/hello")), "{signed:?}");
        same(&unpacked("original"), &signed);
    }
}

#[test]
fn umoci_goes_on_working_on_what_was_signed() {
    let scene = Scene::new();
    let layout = scene.text("registry/app");
    let image = format!("{layout}:1.0");
    tool("umoci", ["init", "--layout", &layout]);
    tool("umoci", ["new", "--image", &image]);
    let tree = scene.path("tree");
    fs::create_dir(&tree).expect("a folder");
    write(tree.join("file"), "content");
    let bundle = scene.text("bundle");
    tool(
        "umoci",
        ["unpack", "--rootless", "--image", &image, &bundle],
    );
    fs::copy(tree.join("file"), Path::new(&bundle).join("rootfs/file")).expect("a file");
    tool("umoci", ["repack", "--image", &image, &bundle]);
    scene.sign("app", &["-d", "1.0"]).ok();
    let signed = scene.verify("app", &["-d", "1.0"]).ok().stdout;
    // A new tag on the signed image, and a new image beside it.
    tool("umoci", ["tag", "--image", &image, "again"]);
    tool(
        "umoci",
        [
            "config",
            "--image",
            &image,
            "--tag",
            "2.0",
            "--config.user",
            "7:7",
        ],
    );
    tool("umoci", ["gc", "--layout", &layout]);
    assert_eq!(scene.verify("app", &["-d", "again"]).ok().stdout, signed);
    // umoci drops no annotation, so the new image has a signature, over another config.
    let run = scene.verify("app", &["-d", "2.0"]).exits(1);
    run.says(&["FAILED", "annotation.config-signed"]);
    scene.sign("app", &["-d", "2.0"]).ok();
    scene.verify("app", &["--all"]).ok();
    realm_accepts(&scene, "2.0", None);
}

#[test]
fn buildah_pulls_what_was_signed_and_commits_more() {
    let scene = Scene::with("buildah");
    scene.sign("app", &[]).ok();
    let (root, run) = (scene.text("store"), scene.text("run"));
    tool("buildah", ["--version"]);
    // buildah makes a name of the path, which has to be in lower case then.
    let (here, policy) = (scene.text("."), scene.text("policy.json"));
    let buildah = |args: &[&str]| {
        let mut all = vec!["-c", r#"cd "$0" && exec buildah "$@""#, &here];
        all.extend([
            "--root",
            &root,
            "--runroot",
            &run,
            "--storage-driver",
            "vfs",
        ]);
        all.extend(args);
        tool("sh", all)
    };
    write(
        &policy,
        r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
    );
    let pull = [
        "from",
        "--quiet",
        "--signature-policy",
        &policy,
        "--name",
        "work",
    ];
    buildah(&[&pull[..], &["oci:registry/app:1.0"]].concat());
    buildah(&["config", "--label", "stage=2", "work"]);
    let commit = ["commit", "--quiet", "--signature-policy", &policy, "work"];
    buildah(&[&commit[..], &["oci:registry/app:2.0"]].concat());
    let run = scene.verify("app", &["-d", "2.0"]);
    assert_eq!(run.status, 1, "{run:?}");
    scene.sign("app", &["-d", "2.0"]).ok();
    scene.verify("app", &["--all"]).ok();
    realm_accepts(&scene, "2.0", None);
    fs::remove_dir_all(&root).expect("the store goes");
}
