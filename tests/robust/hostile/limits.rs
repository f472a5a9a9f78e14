//! Documents as large as they may be, before and after signing.

use harness::oci::{self, CONFIG, INDEX, LAYER, MANIFEST, Maker, with_tag};
use harness::{Scene, read, same, snapshot, write};
use serde_json::{Value, json};

use super::{good, made, signs_and_verifies};

#[test]
fn signing_fills_a_manifest_to_the_limit_and_no_further() {
    const LIMIT: usize = 4 << 20;
    let padded = |padding: usize| {
        made(|maker| {
            let (config, layer) = (maker.config(&[b"layer"]), maker.blob(LAYER, b"layer"));
            let manifest = json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
                "annotations": { "padding": "x".repeat(padding) },
            });
            vec![with_tag(maker.document(&manifest), "good")]
        })
    };
    let size = |scene: &Scene| oci::tagged(&scene.app("app"), "good")["size"].as_u64();
    let scene = padded(0);
    scene.sign("app", &[]).ok();
    let padding = LIMIT - usize::try_from(size(&scene).expect("a size")).expect("it is small");
    let scene = padded(padding);
    signs_and_verifies(&scene, &[]);
    assert_eq!(size(&scene), Some(LIMIT as u64));
    scene.prune("app").ok().says(&["removing"]);
    let scene = padded(padding + 1);
    let before = snapshot(&scene.registry());
    let run = scene.sign("app", &[]).exits(1);
    run.says(&["registry/app", "manifest", "4194305 bytes"]);
    same(&before, &snapshot(&scene.registry()));
}

/// The same for an index, which gets its media type, and for all of them together.
#[test]
fn signing_fills_an_index_to_the_limit_and_no_further() {
    const LIMIT: usize = 4 << 20;
    for nested in [false, true] {
        let flags: &[&str] = if nested { &["--all-platforms"] } else { &[] };
        let padded = |padding: usize| {
            let scene = Scene::new();
            let maker = Maker::new(scene.app("app"));
            let index = |entry: Value| {
                json!({
                    "schemaVersion": 2, "manifests": [with_tag(entry, "good")],
                    "annotations": { "padding": "x".repeat(padding) },
                })
            };
            let image = maker.image("", b"layer", b"layer");
            if nested {
                let below = maker.blob(INDEX, index(image).to_string().as_bytes());
                maker.index(&[with_tag(below, "good")]);
            } else {
                let path = maker.dir.join("index.json");
                write(path, index(image).to_string());
            }
            scene
        };
        let size = |scene: &Scene| {
            let top = read(scene.app("app").join("index.json")).len();
            if nested {
                let size = oci::tagged(&scene.app("app"), "good")["size"].as_u64();
                top + usize::try_from(size.expect("a size")).expect("it is small")
            } else {
                top
            }
        };
        let scene = padded(0);
        scene.sign("app", flags).ok();
        // The size of an index of megabytes has more digits.
        let digits = if nested {
            "4194000".len() - "300".len()
        } else {
            0
        };
        let padding = LIMIT - size(&scene) - digits;
        let scene = padded(padding);
        scene.sign("app", flags).ok();
        scene.verify("app", &["--all"]).ok();
        assert_eq!(size(&scene), LIMIT);
        let scene = padded(padding + 1);
        let before = snapshot(&scene.registry());
        let run = scene.sign("app", flags).exits(1);
        let what = if nested {
            "index.json brings the indexes to more than 4194304 bytes together"
        } else {
            "4194305 bytes"
        };
        run.says(&["registry/app", "index", what]);
        same(&before, &snapshot(&scene.registry()));
    }
}

/// It does not add members beyond those that are read either.
#[test]
fn signing_adds_no_more_members_than_are_read() {
    const MOST: usize = 48 << 10;
    let annotations = |count: usize| -> Value {
        let all = (0..count).map(|n| (n.to_string(), json!("")));
        Value::Object(all.collect())
    };
    let manifest = |count: usize| {
        made(|maker| {
            let (config, layer) = (maker.config(&[b"layer"]), maker.blob(LAYER, b"layer"));
            // With the layer itself that makes twelve.
            let manifest = json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
                "annotations": annotations(count - 12),
            });
            vec![with_tag(maker.document(&manifest), "good")]
        })
    };
    let index = |count: usize| {
        let scene = made(|maker| vec![good(maker)]);
        let path = scene.app("app").join("index.json");
        let mut index = oci::parse(&read(&path));
        index
            .as_object_mut()
            .expect("an object")
            .remove("mediaType");
        // Three here, six of the entry.
        index["annotations"] = annotations(count - 9);
        write(path, index.to_string());
        scene
    };
    let made: [(&dyn Fn(usize) -> Scene, usize); 2] = [(&manifest, 3), (&index, 1)];
    for (made, signing_adds) in made {
        signs_and_verifies(&made(MOST - signing_adds), &[]);
        for count in [MOST - signing_adds + 1, MOST] {
            let scene = made(count);
            let before = snapshot(&scene.registry());
            scene.verify("app", &[]).exits(1).says(&["is absent"]);
            scene
                .sign("app", &[])
                .exits(1)
                .says(&["more than 49152 members"]);
            same(&before, &snapshot(&scene.registry()));
        }
        let run = made(MOST + 1).verify("app", &[]).exits(1);
        run.says(&["more than 49152 members"]);
    }
}

#[test]
fn a_manifest_and_a_config_are_read_up_to_what_they_may_be_together() {
    const LIMIT: usize = 9 << 19;
    let padded = |more: usize| {
        made(|maker| {
            let mut config = oci::parse(&oci::blob(&maker.dir, &maker.config(&[b"layer"])));
            config["padding"] = json!("x".repeat(4_000_000));
            let config = maker.blob(CONFIG, config.to_string().as_bytes());
            let mut manifest = json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": config,
                "layers": [maker.blob(LAYER, b"layer")], "annotations": { "padding": "" },
            });
            let rest = LIMIT - manifest.to_string().len();
            let rest = rest
                - usize::try_from(config["size"].as_u64().expect("a size")).expect("it is small");
            manifest["annotations"]["padding"] = json!("x".repeat(rest + more));
            vec![with_tag(maker.document(&manifest), "good")]
        })
    };
    let failed = "FAILED      annotation.vendor-endorsed";
    padded(0).verify("app", &[]).exits(1).says(&[failed]);
    let refused = ["config", "image.config-digest"];
    padded(1).refused("app", &[], &refused);
    // A signed document has to be read again: the signature takes room too.
    let scene = padded(0);
    let before = snapshot(&scene.registry());
    let run = scene.sign("app", &[]).exits(1);
    run.says(&["config", "more than"]);
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn signing_changes_no_more_of_an_index_than_it_has_to() {
    let untyped = |maker: &Maker, entry: &Value| {
        let text = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string();
        maker.blob(INDEX, text.as_bytes())
    };
    let scene = made(|maker| {
        let image = good(maker);
        let other = maker.image("", b"other", b"other");
        let (above, beside) = (untyped(maker, &image), untyped(maker, &other));
        vec![image, with_tag(above, "above"), with_tag(beside, "beside")]
    });
    let layout = scene.app("app");
    let beside = oci::tagged(&layout, "beside");
    // A type is a type however it is spelt.
    let path = layout.join("index.json");
    let text = String::from_utf8(read(&path)).expect("text");
    let escaped = INDEX.replace('/', "\\/");
    write(
        &path,
        text.replacen(&format!("\"{INDEX}\""), &format!("\"{escaped}\""), 3),
    );
    let signed = scene.sign("app", &["-d", "good", "--json"]).ok().json();
    assert_eq!(signed["images"][0]["index_tags"], json!(["above"]));
    assert_eq!(oci::tagged(&layout, "beside"), beside);
    let above = oci::parse(&oci::blob(&layout, &oci::tagged(&layout, "above")));
    assert_eq!(above["mediaType"], INDEX);
    let text = String::from_utf8(read(&path)).expect("text");
    let start = format!("{{\"schemaVersion\":2,\"mediaType\":\"{escaped}\",");
    assert!(text.starts_with(&start), "{text}");
    // The type that an index lacks is added where all else is as it should be.
    let mut index = oci::index(&layout);
    index
        .as_object_mut()
        .expect("an object")
        .shift_remove("mediaType");
    write(&path, index.to_string());
    let again = scene.sign("app", &["-d", "good", "--json"]).ok();
    assert_eq!(again.json()["images"][0]["changed"], json!(false));
    assert_eq!(oci::index(&layout)["mediaType"], INDEX);
}

/// They are repeated in messages, and a longer tag could not be named.
#[test]
fn names_are_as_long_as_they_may_be_and_no_longer() {
    let tagged = |length: usize| made(|maker| vec![with_tag(good(maker), &"t".repeat(length))]);
    let scene = tagged(512);
    signs_and_verifies(&scene, &["-d", &"t".repeat(512)]);
    tagged(513).refused("app", &[], &["index.json", "tag has 513 bytes"]);
    let platform = |member: &'static str, length: usize| {
        made(move |maker| {
            let (config, layer) = (maker.config(&[b"layer"]), maker.blob(LAYER, b"layer"));
            let mut config = oci::parse(&oci::blob(&maker.dir, &config));
            config[member] = json!("x".repeat(length));
            let listed = json!({
                "os": config["os"], "architecture": config["architecture"], "variant": config["variant"],
            });
            let config = maker.blob(CONFIG, config.to_string().as_bytes());
            let mut image = maker.manifest(&config, &[layer]);
            if length <= 255 {
                image["platform"] = listed;
            }
            vec![with_tag(image, "good")]
        })
    };
    for member in ["os", "architecture", "variant"] {
        signs_and_verifies(&platform(member, 255), &[]);
        let what = format!("{member} has 256 bytes");
        let refused = ["config", &what];
        platform(member, 256).refused("app", &[], &refused);
        let scene = made(|maker| {
            let mut image = good(maker);
            image["platform"] = json!({ "os": "linux", "architecture": "amd64" });
            image["platform"][member] = json!("x".repeat(256));
            vec![image]
        });
        let refused = ["index.json", &what];
        scene.refused("app", &[], &refused);
    }
}
