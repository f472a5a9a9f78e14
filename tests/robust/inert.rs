//! Pass over what nobody could run, and nothing else; remove what nothing leads to, and nothing else.

use std::fs;

use serde_json::{Value, json};

use harness::oci::{self, CONFIG, INDEX, LAYER, MANIFEST, Maker, blob_path, digest, with_tag};
use harness::{Scene, ir_sign, same, snapshot};

const IN_TOTO: &str = "application/vnd.in-toto+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const STATEMENT: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v0.1"}"#;

/// Text of JSON that is an archive with one file too, in the oldest form of tar: all fields of its header are text.
fn archive_in_json() -> Vec<u8> {
    let mut text = vec![b'x'; 1024];
    text[0] = b'"';
    for (at, field) in [
        (100, "0000755 "),
        (108, "0000000 "),
        (116, "0000000 "),
        (124, "00000001000 "),
        (136, "00000000000 "),
        (156, "0"),
    ] {
        text[at..at + field.len()].copy_from_slice(field.as_bytes());
    }
    text[148..156].fill(b' ');
    *text.last_mut().expect("text") = b'"';
    let sum: u32 = text[..512].iter().map(|b| u32::from(*b)).sum();
    text[148..155].copy_from_slice(format!("{sum:07o}").as_bytes());
    text
}

#[test]
fn the_archive_in_json_is_both() {
    let text = archive_in_json();
    serde_json::from_slice::<Value>(&text).expect("JSON");
    let mut archive = tar::Archive::new(&text[..]);
    let files = archive
        .entries()
        .expect("an archive")
        .map(|file| file.expect("a file").size());
    assert_eq!(files.collect::<Vec<_>>(), [512]);
}

/// A manifest with a config of this type and content, and a layer.
fn manifest(maker: &Maker, config: (&str, &[u8]), layer: (&str, &[u8])) -> Value {
    let [config, layer] = [config, layer].map(|(kind, bytes)| maker.blob(kind, bytes));
    maker.document(&json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
        "subject": maker.image("", b"layer", b"layer"),
    }))
}

fn unknown(mut entry: Value) -> Value {
    entry["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    entry
}

/// What runs: containerd takes a config of any type, skopeo and podman layers of any type, and both unpack what is in
/// the layer. The same whether it refers to an image by itself or attests in an index.
#[test]
fn layers_that_a_runtime_could_unpack_are_not_passed_over() {
    type Case<'a> = (&'a str, &'a [u8], &'a str, &'a [u8], bool);
    let tar = archive_in_json();
    let image = |maker: &Maker, layer: &[u8]| oci::blob(&maker.dir, &maker.config(&[layer]));
    let cases: [Case<'_>; 16] = [
        ("image", b"", IN_TOTO, STATEMENT, true),
        (
            "image",
            b"",
            "application/vnd.dev.cosign.simplesigning.v1+json",
            STATEMENT,
            true,
        ),
        (EMPTY, b"{}", IN_TOTO, STATEMENT, true),
        (EMPTY, b"{}", "application/octet-stream", b"anything", true),
        (
            "application/x-foo",
            b"{}",
            "application/cose",
            b"\xd2",
            true,
        ),
        (
            "application/x-foo",
            b"{\"some\":1}",
            IN_TOTO,
            STATEMENT,
            true,
        ),
        // Files.
        ("image", b"", LAYER, b"files", false),
        ("image", b"", LAYER, STATEMENT, false),
        ("application/x-foo", b"{}", LAYER, b"files", false),
        ("application/x-foo", b"{\"some\":1}", LAYER, b"files", false),
        // Layers of other types that are unpacked all the same.
        ("image", b"", "application/x-evil", b"files", false),
        ("image", b"", IN_TOTO, b"\x1f\x8bfiles", false),
        ("image", b"", IN_TOTO, &tar, false),
        ("image", b"", IN_TOTO, b"{\"a\":1}{", false),
        (
            "application/x-foo",
            b"{\"some\":1}",
            "application/x-evil",
            b"files",
            false,
        ),
        (
            "application/x-foo",
            b"[]",
            "application/x-evil",
            b"files",
            false,
        ),
    ];
    for (config_type, config, layer_type, layer, passed) in cases {
        for nested in [false, true] {
            let scene = Scene::new();
            let maker = Maker::new(scene.app("app"));
            let other = match config_type {
                "image" => manifest(&maker, (CONFIG, &image(&maker, layer)), (layer_type, layer)),
                kind => manifest(&maker, (kind, config), (layer_type, layer)),
            };
            let good = maker.image("", b"layer", b"layer");
            let other = if nested {
                with_tag(maker.nested(&[good.clone(), unknown(other)]), "multi")
            } else {
                other
            };
            maker.index(&[with_tag(good, "good"), other]);
            scene.sign("app", &["-d", "good"]).ok();
            let run = scene.verify("app", &["--all"]);
            let what = format!("{config_type} {layer_type} {}", layer.escape_ascii());
            assert_eq!(run.status, i32::from(!passed), "{what}, {nested}: {run:?}");
            assert_eq!(
                run.stderr.contains("not a runnable image"),
                passed,
                "{what}: {run:?}"
            );
        }
    }
}

/// The artifact that `oras push` leaves in a layout beside an image. Its tag or platform may be asked for.
#[test]
fn an_artifact_beside_an_image_is_passed_over_unless_something_names_it() {
    type Place = fn(&Maker, Value, Value) -> Vec<Value>;
    let on = |mut entry: Value| {
        entry["platform"] = json!({ "os": "linux", "architecture": "amd64" });
        entry
    };
    let places: [(Place, bool, &[u8]); 5] = [
        (
            |_, good, other| vec![with_tag(good, "good"), other],
            true,
            b"{}",
        ),
        (
            |_, good, other| vec![with_tag(good, "good"), other],
            false,
            b"{\"some\":1}",
        ),
        (
            |_, good, other| vec![with_tag(good, "good"), with_tag(other, "other")],
            false,
            b"{}",
        ),
        (
            |maker, good, other| vec![with_tag(maker.nested(&[good, other]), "good")],
            true,
            b"{}",
        ),
        (
            |maker, good, other| vec![with_tag(maker.nested(&[good, other]), "good")],
            false,
            b"[]",
        ),
    ];
    let look = |place: Place, passed: bool, config: &[u8], edit: fn(Value) -> Value| {
        let scene = Scene::new();
        let maker = Maker::new(scene.app("app"));
        let other = edit(manifest(&maker, (EMPTY, config), ("text/plain", b"a text")));
        let good = on(maker.image("", b"layer", b"layer"));
        let digest = good["digest"].as_str().expect("a digest").to_owned();
        let entries = place(&maker, good, other);
        maker.index(&entries);
        scene.sign("app", &["-d", &digest]).ok();
        let run = scene.verify("app", &["--all"]);
        assert_eq!(run.status, i32::from(!passed), "{run:?}");
        assert_eq!(
            run.stderr.contains("not a runnable image"),
            passed,
            "{run:?}"
        );
    };
    for (place, passed, config) in places {
        look(place, passed, config, |entry| entry);
    }
    look(places[3].0, false, b"{}", |mut entry| {
        entry["platform"] = json!({ "os": "linux", "architecture": "arm64" });
        entry
    });
}

/// A statement counts by its bytes: as long as it may be, in the layout, and with its digest.
#[test]
fn a_statement_that_is_not_there_as_stated_is_not_passed_over() {
    let long = format!("{{\"predicate\":\"{}\"}}", "x".repeat(6 << 20));
    for (content, edit, passed) in [
        (long.as_bytes(), None, true),
        (STATEMENT, Some(b"".as_slice()), false),
        (
            STATEMENT,
            Some(br#"{"_type":"https://in-toto.io/Statement/v0.2"}"#.as_slice()),
            false,
        ),
    ] {
        let scene = Scene::new();
        let maker = Maker::new(scene.app("app"));
        let config = oci::blob(&maker.dir, &maker.config(&[content]));
        let other = manifest(&maker, (CONFIG, &config), (IN_TOTO, content));
        maker.index(&[with_tag(maker.image("", b"layer", b"layer"), "good"), other]);
        let path = blob_path(&maker.dir, &digest(content));
        match edit {
            Some(b"") => fs::remove_file(path).expect("removed"),
            Some(bytes) => fs::write(path, bytes).expect("written"),
            None => {}
        }
        scene.sign("app", &["-d", "good"]).ok();
        let run = scene.verify("app", &["--all"]);
        assert_eq!(run.status, i32::from(!passed), "{run:?}");
    }
}

/// docker's reader takes a name in any case, and the last one.
#[test]
fn names_that_docker_reads_are_in_one_case_at_any_depth() {
    let check = json!({ "Test": ["CMD"], "Interval": 1, "Retries": 2 });
    let execution = json!({
        "Healthcheck": check, "ExposedPorts": { "80/tcp": {}, "80/TCP": {} }, "Volumes": { "/a": {}, "/A": {} },
        "Labels": { "test": "1", "Test": "2", "cmd": "3" }, "Cmd": ["a"], "OnBuild": null,
    });
    let good = json!({
        "config": execution, "container_config": execution, "docker_version": "1", "comment": "",
        "history": [{ "created_by": "a", "empty_layer": true }, { "comment": "b" }],
        "x-unknown": { "Test": 1, "test": 2 },
    });
    let made = |edit: &dyn Fn(&mut Value)| {
        let scene = Scene::new();
        let maker = Maker::new(scene.app("app"));
        let mut config = oci::parse(&oci::blob(&maker.dir, &maker.config(&[b"layer"])));
        for (name, value) in good.as_object().expect("an object") {
            config[name] = value.clone();
        }
        edit(&mut config);
        let config = maker.blob(CONFIG, config.to_string().as_bytes());
        let layer = maker.blob(LAYER, b"layer");
        maker.index(&[with_tag(maker.manifest(&config, &[layer]), "good")]);
        scene
    };
    made(&|_| ()).sign("app", &[]).ok();
    // Where, the name that docker knows, and others that it takes for it.
    for row in [
        "/config/Healthcheck Test: test TEST teſt",
        "/config/Healthcheck StartPeriod: startperiod ſtartPeriod StartPERIOD",
        "/config/Healthcheck StartInterval: startInterval STARTINTERVAL startinterval",
        "/config Shell: shell SHELL ſhell",
        "/config NetworkDisabled: networkDisabled NetworKDisabled networkdisabled",
        "/container_config/Healthcheck Test: test TEST teſt",
        "/container_config Cmd: cmd CMD cMD",
        "/history/1 empty_layer: Empty_Layer EMPTY_LAYER empty_Layer",
        "/history/0 created_by: Created_By CREATED_BY created_BY",
        " container_config: Container_Config CONTAINER_CONFIG container_Config",
        " docker_version: Docker_Version DOCKER_VERSION docKer_version",
        " os.features: OS.features os.Features os.featureſ",
        "/rootfs diff_ids: Diff_Ids DIFF_IDS diff_idſ",
    ] {
        let (known, names) = row.split_once(": ").expect("a row");
        let (place, known) = known.split_once(' ').expect("a place");
        for name in names.split(' ') {
            let scene = made(&|config| {
                let place = config.pointer_mut(place).expect("an object");
                place[name] = json!(null);
            });
            let is = format!("has a member \"{name}\", which docker takes for \"{known}\"");
            scene.refused("app", &[], &["config", &is]);
        }
    }
    // As Microsoft's base images have it.
    let scene = made(&|config| {
        let members = config.as_object_mut().expect("an object");
        let rootfs = members.remove("rootfs").expect("a member");
        members.insert("rootfS".into(), rootfs);
    });
    let run = scene.sign("app", &[]).exits(1);
    run.says(&[
        "\"rootfS\", which docker takes for \"rootfs\"",
        "Microsoft's base images have it",
    ]);
}

/// The content below an absent index or manifest is unknown.
#[test]
fn prune_removes_nothing_while_a_document_is_absent_unless_it_is_named() {
    for case in [
        "manifest",
        "index",
        "below an index",
        "of another type",
        "subject",
    ] {
        let scene = Scene::new();
        let maker = Maker::new(scene.app("app"));
        let mut lost = match case {
            "index" => maker.nested(&[maker.image("", b"kept", b"kept")]),
            _ => maker.image("", b"kept", b"kept"),
        };
        let name = lost["digest"].as_str().expect("a digest").to_owned();
        fs::remove_file(blob_path(&maker.dir, &name)).expect("removed");
        let good = with_tag(maker.image("", b"layer", b"layer"), "good");
        let entry = match case {
            "below an index" => with_tag(maker.nested(&[lost]), "multi"),
            "of another type" => {
                lost["mediaType"] = json!("application/vnd.oci.artifact.manifest.v1+json");
                lost
            }
            "subject" => maker.document(&json!({
                "schemaVersion": 2, "mediaType": INDEX, "manifests": [], "subject": lost,
            })),
            _ => lost,
        };
        maker.index(&[good, entry]);
        let before = snapshot(&scene.registry());
        let prune = |more: &[&str]| {
            let mut args = scene.prune_args("app");
            args.extend(more.iter().map(|arg| (*arg).to_owned()));
            ir_sign(args)
        };
        let other = digest(b"other");
        for more in [&[][..], &["--dry-run"], &["--absent", &other]] {
            let run = prune(more).exits(1);
            run.says(&["lacks ", &name, "--absent"]);
            same(&before, &snapshot(&scene.registry()));
        }
        let run = prune(&[]);
        let (_, flags) = run
            .stderr
            .trim_end()
            .rsplit_once("only it led to: ")
            .expect("a hint");
        prune(&[&["--dry-run"], &flags.split(' ').collect::<Vec<_>>()[..]].concat()).ok();
        prune(&["--absent", "all"]).ok().says(&["removing"]);
        assert!(!blob_path(&maker.dir, &digest(b"kept")).exists(), "{case}");
        scene.verify("app", &["-d", "good"]).exits(1);
        scene.sign("app", &["-d", "good"]).ok();
    }
}

/// A layer or a config leads to nothing.
#[test]
fn prune_goes_on_where_a_layer_is_absent() {
    let scene = Scene::new();
    let maker = Maker::new(scene.app("app"));
    let image = maker.image("", b"layer", b"layer");
    maker.blob(LAYER, b"left");
    maker.index(&[with_tag(image, "good")]);
    fs::remove_file(blob_path(&maker.dir, &digest(b"layer"))).expect("removed");
    scene
        .prune("app")
        .ok()
        .says(&["removing", &digest(b"left")]);
}
