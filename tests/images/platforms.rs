//! The platform that an index states for an image: runs compare it in every spelling, and choose by it.

use serde_json::{Value, json};

use harness::oci::{self, CONFIG, LAYER, Maker, with_tag};
use harness::{Scene, read};

/// An image whose config says this too, listed so.
fn image(maker: &Maker, name: &str, stated: &Value, listed: &Value) -> Value {
    let layer = maker.blob(LAYER, name.as_bytes());
    let mut config = oci::parse(&oci::blob(&maker.dir, &maker.config(&[name.as_bytes()])));
    for (member, value) in stated.as_object().expect("an object") {
        config[member] = value.clone();
    }
    let config = maker.blob(CONFIG, config.to_string().as_bytes());
    let mut entry = maker.manifest(&config, &[layer]);
    entry["platform"] = listed.clone();
    entry
}

/// A tag of an index with such images: what each config says, and what its entry does.
fn made(images: &[(Value, Value)]) -> Scene {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    let entries: Vec<_> = images
        .iter()
        .enumerate()
        .map(|(n, (stated, listed))| image(&maker, &format!("image {n}"), stated, listed))
        .collect();
    maker.index(&[with_tag(maker.nested(&entries), "multi")]);
    scene
}

fn windows(version: &str) -> Value {
    json!({ "os": "windows", "architecture": "amd64", "os.version": version })
}

#[test]
fn a_swap_of_two_entries_of_a_signed_index_is_seen() {
    let arm = |variant: &str| json!({ "os": "linux", "architecture": "arm", "variant": variant });
    let features =
        |list: Value| json!({ "os": "windows", "architecture": "amd64", "os.features": list });
    for [a, b, swapped] in [
        [
            windows("10.0.17763.1"),
            windows("10.0.20348.1"),
            json!("os.version"),
        ],
        [arm("v6"), arm("v7"), json!("variant")],
        [
            features(json!(["win32k"])),
            features(json!(["x", "win32k"])),
            json!("os.features"),
        ],
        [
            features(json!([])),
            features(json!(["win32k"])),
            json!("os.features"),
        ],
    ] {
        let scene = made(&[(a.clone(), a.clone()), (b.clone(), b)]);
        scene.sign("app", &["--all-platforms"]).ok();
        scene.verify("app", &["--all"]).ok();
        let member = swapped.as_str().expect("a member");
        oci::replace_index(&scene.app("app"), "multi", |index| {
            let first = index["manifests"][0]["platform"][member].take();
            let second = index["manifests"][1]["platform"][member].take();
            index["manifests"][0]["platform"][member] = second;
            index["manifests"][1]["platform"][member] = first;
        });
        let run = scene.verify("app", &["--all"]).exits(1);
        run.says(&[
            "FAILED      image.manifest-digest",
            "is listed for",
            "but its config is for",
        ]);
        scene.sign("app", &["--all-platforms"]).exits(1);
    }
}

#[test]
fn an_entry_and_a_config_agree_in_every_spelling_of_what_both_state() {
    let is = |os: &str, architecture: &str| json!({ "os": os, "architecture": architecture });
    let with = |mut platform: Value, member: &str, value: Value| {
        platform[member] = value;
        platform
    };
    let arm = is("linux", "arm");
    for (config, listed, agree) in [
        (is("linux", "amd64"), is("Linux", "x86_64"), true),
        (is("linux", "aarch64"), is("linux", "arm64"), true),
        (
            is("linux", "aarch64"),
            with(is("linux", "arm64"), "variant", json!("v8")),
            true,
        ),
        (is("linux", "i386"), is("linux", "386"), true),
        (
            is("linux", "armhf"),
            with(arm.clone(), "variant", json!("7")),
            true,
        ),
        (
            is("linux", "armhf"),
            with(arm.clone(), "variant", json!("v6")),
            false,
        ),
        (is("linux", "amd64"), is("linux", "arm64"), false),
        // Many configs state no variant, and those that BuildKit wrote for Windows no version. No other member is
        // let pass so.
        (arm.clone(), with(arm.clone(), "variant", json!("v6")), true),
        (is("windows", "amd64"), windows("10.0.1"), true),
        (
            is("linux", "amd64"),
            with(is("linux", "amd64"), "os.features", json!(["x"])),
            false,
        ),
        // A part that an entry does not state may be anything.
        (windows("10.0.1"), is("windows", "amd64"), true),
        (
            windows("10.0.1"),
            with(is("windows", "amd64"), "os.version", json!("")),
            true,
        ),
        (
            with(windows("1"), "os.features", json!(["b", "a"])),
            with(windows("1"), "os.features", json!(["a", "b", "a"])),
            true,
        ),
        (is("linux", "arm64"), is("", ""), true),
        (is("linux", "arm64"), is("", "amd64"), false),
    ] {
        let scene = made(&[(config.clone(), listed.clone())]);
        let run = scene.sign("app", &["--all-platforms"]);
        assert_eq!(
            run.status,
            i32::from(!agree),
            "{config} listed as {listed}: {run:?}"
        );
        if agree {
            scene.verify("app", &["--all"]).ok();
        }
    }
}

/// As `docker manifest annotate --os-version` makes them of what `BuildKit` built.
#[test]
fn of_images_whose_configs_state_no_version_the_index_chooses() {
    let plain = json!({ "os": "windows", "architecture": "amd64" });
    let (old, new) = (windows("10.0.17763.1"), windows("10.0.20348.10"));
    let scene = made(&[(plain.clone(), old), (plain, new)]);
    scene.sign("app", &["--all-platforms"]).ok();
    scene.verify("app", &["--all"]).ok();
    let one = ["--platform", "windows(10.0.20348)/amd64"];
    let digest = scene.verify("app", &one).ok().stdout;
    let manifest = oci::parse(&read(oci::blob_path(&scene.app("app"), digest.trim())));
    assert_eq!(
        oci::blob(&scene.app("app"), &manifest["layers"][0]),
        b"image 1"
    );
}

#[test]
fn an_index_that_is_listed_for_a_version_holds_no_other() {
    for (listed, fits) in [
        (windows("10.0.1"), true),
        (json!({ "os": "windows", "architecture": "x86_64" }), true),
        (windows("10.0.2"), false),
        (
            json!({ "os": "windows", "architecture": "amd64", "variant": "v2" }),
            false,
        ),
    ] {
        let scene = Scene::new();
        let maker = Maker::new(scene.app("app"));
        let inner = image(&maker, "layer", &windows("10.0.1"), &windows("10.0.1"));
        let mut nested = maker.nested(&[inner]);
        nested["platform"] = listed;
        maker.index(&[with_tag(maker.nested(&[nested]), "multi")]);
        let run = scene.sign("app", &["--all-platforms"]);
        assert_eq!(run.status, i32::from(!fits), "{run:?}");
    }
}

#[test]
fn a_version_of_the_system_names_one_of_several_images() {
    let (old, new) = (windows("10.0.17763.1"), windows("10.0.20348.10"));
    let plain = json!({ "os": "windows", "architecture": "amd64" });
    // Where the entry does not state it the config does.
    for listed in [[old.clone(), new.clone()], [plain.clone(), plain]] {
        let [first, second] = listed;
        let names = first["os.version"].is_string();
        let scene = made(&[(old.clone(), first), (new.clone(), second)]);
        let chosen = |platform: &str| scene.sign("app", &["--platform", platform]);
        let run = chosen("windows/amd64").exits(1);
        run.says(&["has 2 images for platform windows/amd64", "name one"]);
        for none in ["windows(10.0.1)/amd64", "windows(10.0.20348.1)/amd64"] {
            chosen(none)
                .exits(1)
                .says(&["has no image for platform", none]);
        }
        let run = scene.sign("app", &[]).exits(1);
        let hint = "name one with --platform 'windows(10.0.17763.1)/amd64'";
        assert_eq!(run.stderr.contains(hint), names, "{run:?}");
        for (one, is) in [
            ("windows(10.0.17763.1)/amd64", "image 0"),
            ("windows(10.0.20348)/x86_64", "image 1"),
        ] {
            let digest = chosen(one).ok().stdout;
            scene.verify("app", &["-d", digest.trim()]).ok();
            let app = scene.app("app");
            let manifest = oci::parse(&read(oci::blob_path(&app, digest.trim())));
            let layer = oci::blob(&app, &manifest["layers"][0]);
            assert_eq!(layer, is.as_bytes());
        }
    }
}

#[test]
fn a_version_and_features_are_as_long_as_they_may_be_and_no_longer() {
    for (member, long) in [
        (
            "os.version",
            (json!("1".repeat(255)), json!("1".repeat(256))),
        ),
        (
            "os.features",
            (
                json!(["a".repeat(127), "b".repeat(127)]),
                json!(["a".repeat(127), "b".repeat(128)]),
            ),
        ),
    ] {
        let platform =
            |value: Value| json!({ "os": "linux", "architecture": "amd64", member: value });
        let (fits, too_long) = (platform(long.0), platform(long.1));
        made(&[(fits.clone(), fits.clone())])
            .sign("app", &["--all-platforms"])
            .ok();
        let what = format!("{member} has 256 bytes");
        let scene = made(&[(
            too_long.clone(),
            json!({ "os": "linux", "architecture": "amd64" }),
        )]);
        scene.refused(
            "app",
            &["-d", "multi", "--platform", "linux/amd64"],
            &["config", &what],
        );
        let scene = made(&[(fits, too_long)]);
        scene.refused(
            "app",
            &["-d", "multi", "--platform", "linux/amd64"],
            &["index", &what],
        );
    }
}

/// Libraries that know the names of architectures may mix them up.
#[test]
fn an_architecture_is_the_one_that_is_written() {
    let of = |architecture: &str| json!({ "os": "linux", "architecture": architecture });
    let names = ["armbe", "arm64be", "amd64p32", "loong64", "riscv64", "vax"];
    for (n, name) in names.into_iter().enumerate() {
        let other = names[(n + 1) % names.len()];
        let scene = made(&[(of(name), of(name)), (of(other), of(other))]);
        scene.sign("app", &["--all-platforms"]).ok();
        scene.verify("app", &["--all"]).ok();
        let scene = made(&[(of(other), of(name)), (of(name), of(other))]);
        let told = ["is listed for", name, other];
        scene.sign("app", &["--all-platforms"]).exits(1).says(&told);
        scene.verify("app", &["--all"]).exits(1).says(&told);
    }
}
