//! JSON that readers could take for different things, and values that nobody should take.

use harness::oci::{self, CONFIG, INDEX, LAYER, MANIFEST, with_tag};
use harness::{Scene, ir_sign, write};
use serde_json::{Value, json};

use super::layers::packed;
use super::{good, made, with_config_text, with_index_text, with_manifest_text};

type Edit = Box<dyn Fn(&str) -> String>;

/// Edits that every document has to be refused for.
fn odd_documents() -> Vec<(&'static str, Edit)> {
    let first = |member: &'static str| {
        Box::new(move |text: &str| text.replacen('{', &format!("{{{member},"), 1)) as Edit
    };
    vec![
        ("a member twice", first(r#""x":1,"x":2"#)),
        ("a member twice, one escaped", first(r#""x":1,"\u0078":2"#)),
        (
            "a member twice, deep",
            first(r#""x":[{"y":{"z":1,"z":1}}]"#),
        ),
        ("a number that is none", first(r#""x":1e400"#)),
        ("a negative one too", first(r#""x":-1e400"#)),
        ("a lone surrogate", first(r#""x":"\ud800""#)),
        ("NaN", first(r#""x":NaN"#)),
        ("a leading zero", first(r#""x":01"#)),
        ("a control character", first("\"x\":\"\u{1}\"")),
        ("a comment", first(r#"/* */ "x":1"#)),
        (
            "a trailing comma",
            Box::new(|text| text.replacen('}', ",}", 1)),
        ),
        (
            "a second document",
            Box::new(|text| format!("{text}{text}")),
        ),
        (
            "a byte order mark",
            Box::new(|text| format!("\u{feff}{text}")),
        ),
        (
            "depth",
            Box::new(|text| {
                let (open, close) = ("[".repeat(10_000), "]".repeat(10_000));
                text.replacen('{', &format!("{{\"x\":{open}{close},"), 1)
            }),
        ),
        (
            "depth in objects",
            Box::new(|text| {
                let (open, close) = ("{\"a\":".repeat(10_000), "}".repeat(10_000));
                text.replacen('{', &format!("{{\"x\":{open}1{close},"), 1)
            }),
        ),
        ("an array", Box::new(|text| format!("[{text}]"))),
        ("a string", Box::new(|_| "\"text\"".into())),
        ("null", Box::new(|_| "null".into())),
    ]
}

#[test]
fn json_that_readers_could_take_for_something_else_is_refused() {
    for (what, edit) in odd_documents() {
        println!("{what}");
        let manifest = ["manifest", "is not valid", "image.manifest-digest"];
        with_manifest_text(&edit).refused("app", &[], &manifest);
        let config = ["config", "is not valid", "image.config-digest"];
        with_config_text(&edit).refused("app", &[], &config);
        let scene = with_index_text(&edit);
        let layout = scene.text("registry/app");
        scene.refused("app", &[], &[&layout, "index.json", "is not valid"]);
    }
}

/// There may be thousands of documents, each with megabytes of text where a name is wanted.
#[test]
fn names_without_end_are_refused_and_not_repeated() {
    let long = |size: usize| "x".repeat(size);
    let short = |scene: &Scene, parts: &[&str]| {
        scene.refused("app", &[], parts);
        for run in [scene.verify("app", &["--all"]), scene.sign("app", &[])] {
            assert!(run.stderr.len() < 4_000, "{} bytes", run.stderr.len());
        }
    };
    // A name in an entry, and one of the document itself.
    let entry = |more: String| {
        with_index_text(|text| text.replacen("\"size\"", &format!("{more},\"size\""), 1))
    };
    let platform = |os: usize, architecture: usize, variant: usize| {
        let [os, architecture, variant] = [os, architecture, variant].map(long);
        json!({ "os": os, "architecture": architecture, "variant": variant })
    };
    for (parts, what) in [
        (platform(256, 1, 1), "os has 256 bytes"),
        (platform(1, 300, 1), "architecture has 300 bytes"),
        (platform(1, 1, 1_000_000), "variant has 1000000 bytes"),
    ] {
        let scene = entry(format!("\"platform\":{parts}"));
        short(&scene, &["index.json is not valid", what]);
    }
    let tag = |size: usize| with_index_text(|text| text.replace("good", &long(size)));
    short(&tag(513), &["index.json is not valid", "tag has 513 bytes"]);
    tag(512).sign("app", &["-d", &long(512)]).ok();
    let manifest = with_manifest_text(|text| text.replace(LAYER, &long(300)));
    short(&manifest, &["manifest", "mediaType has 300 bytes"]);
    let type_inside = format!("\"mediaType\":\"{}\",\"schemaVersion\"", long(256));
    let inside = |text: &str| {
        let rest = text.replacen(&format!("\"mediaType\":\"{MANIFEST}\","), "", 1);
        rest.replacen("\"schemaVersion\"", &type_inside, 1)
    };
    short(
        &with_manifest_text(inside),
        &["manifest", "mediaType has 256 bytes"],
    );
    for (old, what) in [
        ("\"amd64\"", "architecture has 2000000 bytes"),
        ("\"linux\"", "os has 2000000 bytes"),
        ("\"layers\"", "the type of its rootfs has 2000000 bytes"),
    ] {
        let new = format!("\"{}\"", long(2_000_000));
        let scene = with_config_text(|text| text.replacen(old, &new, 1));
        short(&scene, &["config", what]);
    }
    // Of what is not a name the start is repeated, and the end, which says what is wrong.
    let number = |text: &str| {
        let wrong = format!("\"schemaVersion\":\"{}\"", long(1_000_000));
        text.replacen("\"schemaVersion\":2", &wrong, 1)
    };
    short(
        &with_manifest_text(number),
        &["manifest", "expected a number"],
    );
    let diff_id = |text: &str| text.replacen("sha256:", &long(1_000_000), 1);
    short(
        &with_config_text(diff_id),
        &["config", "xxx [... ", "not a digest"],
    );
}

/// Rust's readers would take the items for the members in the order of a type; Go's refuse such a document.
#[test]
fn a_list_in_the_place_of_an_object_is_refused() {
    let texts = |digest: &str, size: &Value| {
        let descriptor = |kind| json!([kind, digest, size, null, null, null, null, null]);
        [
            json!([2, INDEX, null, [], null, null]).to_string(),
            json!({ "schemaVersion": 2, "manifests": [descriptor(MANIFEST)] }).to_string(),
        ]
    };
    let scene = made(|maker| vec![good(maker)]);
    let path = scene.app("app").join("index.json");
    let entry = oci::tagged(&scene.app("app"), "good");
    for text in texts(entry["digest"].as_str().expect("a digest"), &entry["size"]) {
        write(&path, text);
        scene.refused("app", &[], &["index.json", "expected an object"]);
        let inspect = ["inspect-image", "-r", &scene.text("registry"), "-a", "app"];
        ir_sign(inspect).exits(1).says(&["expected an object"]);
    }
    let list_of = |text: &str, names: &[&str]| {
        let document: Value = serde_json::from_str(text).expect("JSON");
        let items: Vec<_> = names.iter().map(|name| document[*name].clone()).collect();
        Value::from(items)
    };
    let manifest = |text: &str| {
        let names = ["schemaVersion", "mediaType", "", "config", "layers", "", ""];
        list_of(text, &names).to_string()
    };
    let config = |text: &str| {
        let names = ["architecture", "os", "variant", "rootfs"];
        list_of(text, &names).to_string()
    };
    let root = |text: &str| {
        let mut document: Value = serde_json::from_str(text).expect("JSON");
        let root = document["rootfs"].to_string();
        document["rootfs"] = list_of(&root, &["type", "diff_ids"]);
        document.to_string()
    };
    let is = "is not valid: invalid type: sequence, expected an object";
    with_manifest_text(manifest).refused("app", &[], &["manifest", is]);
    with_config_text(config).refused("app", &[], &["config", is]);
    with_config_text(root).refused("app", &[], &["config", is]);
}

#[test]
fn members_in_another_case_are_refused() {
    let replace =
        |from: &'static str, to: &'static str| move |text: &str| text.replacen(from, to, 1);
    for name in [
        "schemaVersion",
        "config",
        "layers",
        "mediaType",
        "annotations",
        "subject",
    ] {
        let upper = name.to_uppercase();
        let add = |text: &str| text.replacen('{', &format!("{{\"{upper}\":null,"), 1);
        with_manifest_text(add).refused("app", &[], &["manifest", &upper]);
    }
    for name in [
        "ROOTFS",
        "Rootfs",
        "Architecture",
        "OS",
        "Config",
        "OS.Version",
    ] {
        let add = |text: &str| text.replacen('{', &format!("{{\"{name}\":null,"), 1);
        with_config_text(add).refused("app", &[], &["config", name]);
    }
    // docker would start another command than one who reads the names as they are.
    for name in ["cmd", "ENTRYPOINT", "env", "Uſer"] {
        let config = format!("{{\"config\":{{\"Cmd\":[\"a\"],\"{name}\":[\"b\"]}},");
        let add = |text: &str| text.replacen('{', &config, 1);
        with_config_text(add).refused("app", &[], &["config", name]);
    }
    with_index_text(replace("{", "{\"Manifests\":[],")).refused("app", &[], &["Manifests"]);
    // Inside of what is read by name too.
    for (name, before) in [
        ("Digest", "\"digest\""),
        ("mediatype", "\"mediaType\""),
        ("SIZE", "\"size\""),
        ("Annotations", "\"size\""),
        ("Data", "\"size\""),
        ("Platform", "\"size\""),
    ] {
        let add = |text: &str| {
            let (start, rest) = text.rsplit_once(before).expect("a member");
            format!("{start}\"{name}\":null,{before}{rest}")
        };
        with_manifest_text(add).refused("app", &[], &["manifest", name]);
        with_index_text(add).refused("app", &[], &["index.json", name]);
    }
    let platform =
        "\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\",\"OS\":null},\"size\"";
    with_index_text(replace("\"size\"", platform)).refused("app", &[], &["index.json", "\"OS\""]);
    let type_twice = replace("\"diff_ids\"", "\"Type\":null,\"diff_ids\"");
    with_config_text(type_twice).refused("app", &[], &["config", "Type"]);
    // Go takes the long s for an s.
    with_manifest_text(replace("{", "{\"layerſ\":[],")).refused("app", &[], &["layerſ"]);
    with_index_text(replace("{", "{\"manifest\\u017f\":[],")).refused("app", &[], &["manifestſ"]);
    with_config_text(replace("\"diff_ids\"", "\"diff_idſ\":[],\"diff_ids\"")).refused(
        "app",
        &[],
        &["diff_idſ"],
    );
    // In the place of the right ones.
    with_manifest_text(replace("\"layers\"", "\"Layers\"")).refused("app", &[], &["Layers"]);
    with_config_text(replace("\"diff_ids\"", "\"Diff_ids\"")).refused("app", &[], &["Diff_ids"]);
}

#[test]
fn no_document_is_two_things_at_once() {
    let add =
        |member: &'static str| move |text: &str| text.replacen('{', &format!("{{{member},"), 1);
    with_manifest_text(add(r#""manifests":[]"#)).refused("app", &[], &["\"manifests\""]);
    with_index_text(add(r#""layers":[]"#)).refused("app", &[], &["\"layers\""]);
    with_index_text(add(r#""config":{}"#)).refused("app", &[], &["\"config\""]);
    let retype = |to: &'static str| move |text: &str| text.replacen(MANIFEST, to, 1);
    for other in [INDEX, CONFIG, "application/vnd.example", ""] {
        with_manifest_text(retype(other)).refused("app", &[], &["says that it is", MANIFEST]);
        let scene = with_index_text(|text| text.replacen(INDEX, "x/y", 1));
        scene.refused("app", &[], &["index.json", "x/y"]);
    }
    // A descriptor that says index, for a manifest, and the other way round.
    let scene = with_index_text(|text| text.replacen(MANIFEST, INDEX, 1));
    scene.refused("app", &[], &["image index"]);
    let scene = made(|maker| {
        let mut entry = maker.nested(&[good(maker)]);
        entry["mediaType"] = json!(MANIFEST);
        vec![with_tag(entry, "good")]
    });
    scene.refused("app", &[], &["\"manifests\"", "image.manifest-digest"]);
    // A manifest that is nothing of both.
    let scene = with_index_text(|text| text.replacen(MANIFEST, "application/json", 1));
    scene.refused("app", &[], &["application/json", "image.manifest-digest"]);
    // A config that is an artifact's.
    let scene =
        with_manifest_text(|text| text.replacen(CONFIG, "application/vnd.oci.empty.v1+json", 1));
    scene.refused("app", &[], &["vnd.oci.empty", "image.config-digest"]);
}

#[test]
fn sizes_and_versions_that_are_wrong_are_refused() {
    const HUGE: &str = "18446744073709551615";
    for size in [
        "0",
        "1",
        "-1",
        "1.0",
        "5e0",
        "\"5\"",
        "null",
        "true",
        HUGE,
        "1e3",
        "18446744073709551616",
    ] {
        let edit = |text: &str| {
            let (before, after) = text.rsplit_once("\"size\":").expect("a size");
            let end = after.find(['}', ',']).expect("an end");
            format!("{before}\"size\":{size}{}", &after[end..])
        };
        with_manifest_text(edit).refused("app", &[], &["image.", "is not signed"][..1]);
        with_index_text(edit).refused("app", &[], &[]);
    }
    // So large together that they cannot be added up.
    let scene = with_manifest_text(|text| {
        let mut manifest = oci::parse(text.as_bytes());
        let mut layer = manifest["layers"][0].clone();
        layer["size"] = json!(u64::MAX);
        manifest["layers"] = json!([layer, layer, layer]);
        manifest.to_string()
    });
    scene.refused("app", &[], &["layer 1", HUGE, "image.layer-blobs"]);
    for version in ["1", "3", "-2", "2.0", "\"2\"", "null", "4294967298"] {
        let edit = |text: &str| {
            text.replacen(
                "\"schemaVersion\":2",
                &format!("\"schemaVersion\":{version}"),
                1,
            )
        };
        with_manifest_text(edit).refused("app", &[], &["manifest", "is not valid"]);
        with_index_text(edit).refused("app", &[], &["index.json", "is not valid"]);
    }
    let edit = |text: &str| text.replacen("\"schemaVersion\":2,", "", 1);
    with_index_text(edit).refused("app", &[], &["schemaVersion"]);
}

#[test]
fn digests_of_unknown_algorithms_and_odd_forms_are_refused() {
    let hash = "ab".repeat(32);
    for digest in [
        format!("md5:{}", "ab".repeat(16)),
        format!("blake3:{hash}"),
        format!("sha256:{}", hash.to_uppercase()),
        format!("SHA256:{hash}"),
        format!("sha256:{hash}0"),
        format!("sha512:{hash}"),
        format!("sha256:../../../../{}", &hash[..52]),
        format!("sha256:{hash}/.."),
        format!("../sha256:{hash}"),
        "sha256:".into(),
        ":".into(),
        String::new(),
        "sha256".into(),
    ] {
        println!("{digest}");
        let edit = |text: &str| {
            let (before, after) = text.rsplit_once("\"digest\":\"").expect("a digest");
            let end = after.find('"').expect("an end");
            format!("{before}\"digest\":\"{digest}{}", &after[end..])
        };
        with_manifest_text(edit).refused("app", &[], &["manifest", "is not valid"]);
        with_index_text(edit).refused("app", &[], &["index.json", "is not valid"]);
        let edit = |text: &str| {
            let at = text.find("sha256:").expect("a digest");
            format!("{}{digest}{}", &text[..at], &text[at + 71..])
        };
        with_config_text(edit).refused("app", &[], &["config", "is not valid"]);
    }
}

#[test]
fn random_bytes_are_no_document() {
    // A fixed sequence: a run is like any other.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |len: usize| {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        (0..len).map(|_| next()).collect::<Vec<u8>>()
    };
    for len in [1, 10, 1000, 100_000] {
        let bytes = random(len);
        for file in ["index.json", "oci-layout"] {
            let scene = made(|maker| vec![good(maker)]);
            write(scene.app("app").join(file), &bytes);
            scene.refused("app", &[], &[file]);
        }
        let scene = made(|maker| vec![maker.blob(MANIFEST, &bytes)]);
        scene.refused("app", &[], &["manifest", "is not valid"]);
        let scene = made(|maker| {
            let config = maker.blob(CONFIG, &bytes);
            vec![maker.manifest(&config, &[maker.blob(LAYER, b"layer")])]
        });
        scene.refused("app", &[], &["config", "is not valid"]);
        for suffix in ["+gzip", "+zstd"] {
            packed(suffix, &bytes, b"layer").refused("app", &[], &["does not unpack"]);
        }
        let scene = made(|maker| vec![with_tag(maker.blob(INDEX, &bytes), "index")]);
        scene.refused("app", &[], &["image index", "is not valid"]);
        scene.prune("app").exits(1);
    }
}
