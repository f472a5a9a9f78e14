//! Archives of `docker save` up to engine 24, converted.

use std::fs;
use std::iter;

use ir_sign::crypto::Digest;
use ir_sign::image::{Compression, Reference};
use ir_sign::progress::Silent;
use ir_sign::store::archive::{Archive, Problem};
use ir_sign::store::{Entry, Error, Kind, Limits, Selection};

use super::build::{
    LAYER, Place, Tar, blob_name, check_image, config, gzip, problem, sha256, zstd,
};

fn config_name() -> String {
    format!("{}.json", sha256(&config()).hex())
}

fn manifest(config: &str, tags: &str, layer: &str) -> String {
    format!(r#"{{"Config":"{config}","RepoTags":{tags},"Layers":["{layer}"]}}"#)
}

/// An image with the layer where `manifest.json` says, which comes last.
pub fn archive() -> Tar {
    Tar::new()
        .member(b"abc/", b'5', "", b"")
        .file("abc/layer.tar", LAYER)
        .file("abc/VERSION", b"1.0")
        .file(&config_name(), &config())
        .file("manifest.json", with_tags(r#"["hello:1.0"]"#).as_bytes())
}

fn with_tags(tags: &str) -> String {
    format!("[{}]", manifest(&config_name(), tags, "abc/layer.tar"))
}

/// Unpacks an archive that has to be good, and hands on the entries of its `index.json`.
fn entries(tar: Tar) -> Vec<Entry> {
    let place = Place::new();
    let path = place.put(&tar.end());
    let (staging, _) = place.unpack(&path).expect("a layout");
    assert_eq!(super::build::mismatches(staging.dir().path()), [""; 0]);
    let layout = staging.layout().expect("a layout");
    for entry in layout.reader().entries().expect("entries") {
        let digest = Reference::Digest(entry.descriptor.digest);
        check_image(&layout, Some(&digest)).expect("an image");
    }
    layout.reader().entries().expect("entries")
}

fn tags(entries: &[Entry]) -> Vec<Option<&str>> {
    entries.iter().map(|e| e.descriptor.tag()).collect()
}

#[test]
fn becomes_what_newer_engines_write() {
    let entries = entries(archive());
    assert_eq!(tags(&entries), [Some("1.0")]);
    let descriptor = &entries[0].descriptor;
    let platform = descriptor.platform.as_ref().expect("a platform");
    assert_eq!(platform.to_string(), "linux/arm64/v8");
    let place = Place::new();
    let path = place.put(&archive().end());
    let (staging, _) = place.unpack(&path).expect("a layout");
    let index = fs::read(staging.dir().path().join("index.json")).expect("an index");
    let index: serde_json::Value = serde_json::from_slice(&index).expect("JSON");
    assert_eq!(
        index["manifests"][0]["annotations"]["io.containerd.image.name"],
        "docker.io/library/hello:1.0"
    );
}

#[test]
fn keeps_the_config_as_it_is() {
    let place = Place::new();
    let path = place.put(&archive().end());
    let (staging, _) = place.unpack(&path).expect("a layout");
    let folder = staging.dir().path();
    let written = fs::read(folder.join(blob_name(&config()))).expect("the config");
    assert_eq!(written, config());
    let layout = staging.layout().expect("a layout");
    let target = layout
        .reader()
        .resolve(&[], &Selection::One)
        .expect("one image");
    let image = layout.reader().load(&target[0]).expect("an image");
    assert_eq!(image.config.bytes(), config());
    assert_eq!(image.manifest.layers[0].digest, sha256(LAYER));
}

#[test]
fn links_lead_to_layers() {
    let link = |to: &str| {
        Tar::new()
            .file("manifest.json", with_tags("null").as_bytes())
            .member(b"abc/layer.tar", b'2', to, b"")
            .file(&config_name(), &config())
            .file("def/layer.tar", LAYER)
    };
    assert_eq!(tags(&entries(link("../def/layer.tar"))), [None]);
    // Where an extension before the link says where it leads, the header does not.
    for (kind, content) in [
        (b'K', &b"../def/layer.tar\0"[..]),
        (b'x', b"29 linkpath=../def/layer.tar\n"),
    ] {
        let tar = Tar::new()
            .file("manifest.json", with_tags("null").as_bytes())
            .member(b"long", kind, "", content)
            .member(b"abc/layer.tar", b'2', "../none", b"")
            .file(&config_name(), &config())
            .file("def/layer.tar", LAYER);
        assert_eq!(tags(&entries(tar)), [None]);
    }
    // A link that nothing needs may lead to nothing.
    let unused = archive().member(b"x/layer.tar", b'2', "../none", b"");
    assert_eq!(entries(unused).len(), 1);
    for outside in [
        "../../layer.tar",
        "/def/layer.tar",
        "../../wt/def/layer.tar",
    ] {
        let found = problem(&link(outside).end());
        assert!(matches!(found, Problem::Link { .. }), "{found}");
    }
    for absent in ["../none", "layer.tar", "..", ""] {
        let found = problem(&link(absent).end());
        assert_eq!(found, Problem::Absent("abc/layer.tar".into()), "{absent}");
    }
    let chain = link("../ghi/layer.tar").member(b"ghi/layer.tar", b'2', "../def/layer.tar", b"");
    let found = problem(&chain.end());
    assert_eq!(found, Problem::Absent("abc/layer.tar".into()));
    for name in [
        &b"abc/layer"[..],
        b"layer.tar",
        b"manifest",
        b"x/layer.tar/y",
    ] {
        let found = problem(&archive().member(name, b'2', "../abc/layer.tar", b"").end());
        assert!(matches!(found, Problem::Kind { .. }), "{found}");
    }
    let hard = Tar::new().member(b"abc/layer.tar", b'1', "def/layer.tar", b"");
    assert!(matches!(problem(&hard.end()), Problem::Kind { .. }));
}

#[test]
fn layers_may_be_packed() {
    for (bytes, compression) in [
        (LAYER.to_vec(), Compression::None),
        (gzip(LAYER), Compression::Gzip),
        (zstd(LAYER), Compression::Zstd),
    ] {
        let tar = Tar::new()
            .file("manifest.json", with_tags("[]").as_bytes())
            .file("abc/layer.tar", &bytes)
            .file(&config_name(), &config());
        let place = Place::new();
        let path = place.put(&tar.end());
        let (staging, _) = place.unpack(&path).expect("a layout");
        let layout = staging.layout().expect("a layout");
        check_image(&layout, None).expect("an image");
        let target = layout
            .reader()
            .resolve(&[], &Selection::One)
            .expect("one image");
        let image = layout.reader().load(&target[0]).expect("an image");
        let media_type = &image.manifest.layers[0].media_type;
        assert_eq!(Compression::of_layer(media_type), Some(compression));
    }
}

#[test]
fn configs_have_the_digest_that_they_are_named_by() {
    let with = |name: &str| {
        let manifest = format!("[{}]", manifest(name, "[]", "abc/layer.tar"));
        Tar::new()
            .file("manifest.json", manifest.as_bytes())
            .file("abc/layer.tar", LAYER)
            .file(name, &config())
    };
    let hex = sha256(&config()).hex();
    let other = sha256(b"other").hex();
    for name in [
        format!("{hex}.json"),
        format!("blobs/sha256/{hex}"),
        format!("sha256:{hex}"),
        "config.json".into(),
    ] {
        assert_eq!(entries(with(&name)).len(), 1, "{name}");
    }
    for name in [
        format!("{other}.json"),
        format!("blobs/sha256/{other}"),
        format!("sha256:{other}"),
    ] {
        let found = problem(&with(&name).end());
        assert!(matches!(found, Problem::Blob { .. }), "{found}");
    }
}

#[test]
fn layers_that_are_blobs_have_their_digest_and_may_be_there_twice() {
    let with = |layer: &str, content: &[u8]| {
        let images = [
            manifest(&config_name(), "[]", layer),
            manifest(&config_name(), r#"["a:1"]"#, "abc/layer.tar"),
        ];
        Tar::new()
            .file("abc/layer.tar", LAYER)
            .file(layer, content)
            .file(&config_name(), &config())
            .file(
                "manifest.json",
                format!("[{}]", images.join(",")).as_bytes(),
            )
    };
    assert_eq!(
        tags(&entries(with(&blob_name(LAYER), LAYER))),
        [None, Some("1")]
    );
    let found = problem(&with(&blob_name(b"other"), LAYER).end());
    assert!(matches!(found, Problem::Blob { .. }), "{found}");
}

#[test]
fn several_images_keep_apart() {
    let other_config = String::from_utf8(config())
        .expect("text")
        .replace("arm64", "riscv64")
        .into_bytes();
    let other_name = format!("{}.json", sha256(&other_config).hex());
    let with = |first: &str, second: &str| {
        let images = [
            manifest(&config_name(), first, "abc/layer.tar"),
            manifest(&other_name, second, "./abc/layer.tar"),
        ];
        Tar::new()
            .file("abc/layer.tar", LAYER)
            .file(&config_name(), &config())
            .file(&other_name, &other_config)
            .file(
                "manifest.json",
                format!("[{}]", images.join(",")).as_bytes(),
            )
    };
    let found = entries(with(r#"["a:1","a:2"]"#, r#"["b:1"]"#));
    assert_eq!(tags(&found), [Some("a:1"), Some("2"), Some("b:1")]);
    assert_eq!(found[0].descriptor.digest, found[1].descriptor.digest);
    assert_ne!(found[0].descriptor.digest, found[2].descriptor.digest);
    // Both have the name, and a user who asks for it sees the choice.
    let shared = Some("docker.io/library/a:1");
    let twice = || with(r#"["a:1","b:2"]"#, r#"["docker.io/library/a:1"]"#);
    let found = entries(twice());
    assert_eq!(tags(&found), [shared, Some("2"), shared]);
    let [first, last] = [&found[0], &found[2]].map(|entry| entry.descriptor.digest.to_string());
    assert_ne!(first, last);
    let place = Place::new();
    let path = place.put(&twice().end());
    let archive = Archive::open(&path, Limits::default()).expect("an archive");
    let survey = archive.survey(&Silent).expect("images");
    let (staging, _) = place.unpack(&path).expect("a layout");
    let layout = staging.layout().expect("a layout");
    let meant = |name: &str| {
        let reference = survey.unpacked_reference(&name.parse().expect("a reference"));
        layout.reader().resolve(&[reference], &Selection::One)
    };
    for name in ["a:1", "docker.io/library/a:1"] {
        let Err(Error {
            kind: Kind::AmbiguousTag { names, .. },
            ..
        }) = meant(name)
        else {
            panic!("{name} is two images");
        };
        assert_eq!(names, [first.as_str(), &last]);
    }
    for name in ["2", "b:2", &first] {
        let targets = meant(name).expect("one image");
        assert_eq!(targets[0].descriptor.digest.to_string(), first, "{name}");
    }
}

#[test]
fn references_are_those_that_the_images_will_have() {
    let place = Place::new();
    let path = place.put(&archive().end());
    let archive = Archive::open(&path, Limits::default()).expect("an archive");
    let survey = archive.survey(&Silent).expect("an image");
    let check = |text: &str| survey.check_reference(Some(&text.parse().expect("a reference")));
    check("1.0").expect("the tag");
    check(&Digest::to_string(&sha256(b"?"))).expect("not known yet");
    check("hello:1.0").expect("the name that it had");
    check("docker.io/library/hello:1.0").expect("the name in full");
    let Err(Error {
        kind: Kind::NoSuchImage { present, .. },
        ..
    }) = check("hello:1.1")
    else {
        panic!("that is not what it will be called");
    };
    assert_eq!(present, ["1.0"]);
}

/// Configs that differ are those of several images. What is not known before it is converted passes.
#[test]
fn one_of_several_has_to_be_named() {
    let other = String::from_utf8(config()).expect("UTF-8");
    let other = other.replacen("arm64", "amd64", 1);
    let several = |names: [&str; 2], tags: [&str; 2]| {
        let images = [0, 1].map(|n| manifest(names[n], tags[n], "abc/layer.tar"));
        let place = Place::new();
        let bytes = Tar::new()
            .file("abc/layer.tar", LAYER)
            .file(names[0], &config())
            .file(names[1], other.as_bytes())
            .file(
                "manifest.json",
                format!("[{}]", images.join(",")).as_bytes(),
            );
        let archive = Archive::open(&place.put(&bytes.end()), Limits::default());
        let survey = archive.expect("an archive").survey(&Silent);
        let checked = survey.expect("images").check_reference(None);
        match checked {
            Ok(()) => None,
            Err(Error {
                kind: Kind::NotOneImage { found, present, .. },
                ..
            }) => Some((found, present)),
            Err(e) => panic!("refused otherwise: {e}"),
        }
    };
    let tags = [r#"["a:1","a:2"]"#, r#"["b:3"]"#];
    let (name, other_name) = (
        config_name(),
        format!("{}.json", sha256(other.as_bytes()).hex()),
    );
    let present = ["1", "2", "3"].map(str::to_owned).to_vec();
    assert_eq!(several([&name, &other_name], tags), Some((2, present)));
    assert_eq!(several([&name, &other_name], [tags[0], "null"]), None);
    assert_eq!(several([&name, &other_name], ["null", "null"]), None);
    assert_eq!(several([&name, "c.json"], tags), None);
}

#[test]
fn manifests_that_are_not_taken() {
    let with = |manifest: &str| problem(&archive_with(manifest));
    assert_eq!(with("[]"), Problem::NoImage);
    // It is there.
    assert!(
        Problem::NoImage
            .to_string()
            .ends_with("manifest.json that lists an image")
    );
    for bad in [
        "",
        "{}",
        "[1]",
        "[{}]",
        r#"[{"Config":1}]"#,
        r#"[{"Config":"a","Config":"b"}]"#,
    ] {
        assert!(matches!(with(bad), Problem::Document { .. }), "{bad}");
    }
    for name in ["layers", "LAYERS", "Layerſ"] {
        let disguised = with_tags("[]").replace('}', &format!(r#","{name}":[]}}"#));
        assert!(matches!(with(&disguised), Problem::Document { .. }));
    }
    let absent = |config: &str, layer: &str| with(&format!("[{}]", manifest(config, "[]", layer)));
    assert_eq!(absent("x", "abc/layer.tar"), Problem::Absent("x".into()));
    assert_eq!(absent(&config_name(), "x"), Problem::Absent("x".into()));
    for outside in ["../x", "/x", "abc", ""] {
        assert!(matches!(
            absent(&config_name(), outside),
            Problem::Absent(_)
        ));
    }
    for bad in ["hello", "hello:", "a b:1", "sha256:abc", "a@sha256:00"] {
        let found = with(&with_tags(&format!(r#"["{bad}"]"#)));
        assert_eq!(found, Problem::RepoTag(bad.into()));
    }
}

#[test]
fn a_manifest_may_be_as_long_and_name_as_many_files_as_the_limits_say() {
    let survey = |manifest: &str| {
        let place = Place::new();
        let path = place.put(&archive_with(manifest));
        let archive = Archive::open(&path, Limits::default()).expect("an archive");
        match archive.survey(&Silent) {
            Ok(_) => None,
            Err(Error {
                kind: Kind::Archive { problem, .. },
                ..
            }) => Some(problem),
            Err(other) => panic!("refused otherwise: {other}"),
        }
    };
    let with = |layers: usize, tags: usize| {
        let layers = vec![r#""abc/layer.tar""#; layers].join(",");
        let tags = vec![r#""a:1""#; tags].join(",");
        let config = config_name();
        format!(r#"[{{"Config":"{config}","RepoTags":[{tags}],"Layers":[{layers}]}}]"#)
    };
    let too_many = Some(Problem::TooManyNames(16_384));
    assert_eq!(survey(&with(16_383, 0)), None);
    assert_eq!(survey(&with(16_384, 0)), too_many);
    assert_eq!(survey(&with(10_000, 6_383)), None);
    assert_eq!(survey(&with(10_000, 6_384)), too_many);
    let limit = 1 << 20;
    let long = |length: usize| {
        let mut manifest = with_tags("[]");
        manifest.extend(iter::repeat_n(' ', length - manifest.len()));
        manifest
    };
    assert_eq!(survey(&long(limit)), None);
    let found = survey(&long(limit + 1));
    assert!(matches!(found, Some(Problem::TooLarge { .. })), "{found:?}");
}

fn archive_with(manifest: &str) -> Vec<u8> {
    Tar::new()
        .file("abc/layer.tar", LAYER)
        .file(&config_name(), &config())
        .file("manifest.json", manifest.as_bytes())
        .end()
}

#[test]
fn configs_that_are_not_taken() {
    let manifest = format!("[{}]", manifest("c.json", "[]", "abc/layer.tar"));
    let with = |config: &[u8]| {
        Tar::new()
            .file("manifest.json", manifest.as_bytes())
            .file("abc/layer.tar", LAYER)
            .file("c.json", config)
            .end()
    };
    let found = problem(&with(b"{}"));
    assert!(matches!(found, Problem::Document { .. }), "{found}");
    // Many configs may have many such, and index.json would hold them all.
    let config_text = String::from_utf8(config()).expect("UTF-8");
    let endless = config_text.replacen("linux", &"x".repeat(256), 1);
    let found = problem(&with(endless.as_bytes()));
    assert!(found.to_string().contains("os has 256 bytes"), "{found}");
    let limits = Limits {
        document: 1000,
        ..Limits::default()
    };
    let long = [config(), vec![b' '; 1000]].concat();
    let error = Place::limited(limits)
        .check(&with(&long))
        .expect_err("refused");
    assert!(
        error.to_string().contains("member \"c.json\" has "),
        "{error}"
    );
}

#[test]
fn an_index_that_would_be_too_large_to_be_read_is_not_written() {
    let bytes = archive().end();
    let place = Place::new();
    let (staging, _) = place.unpack(&place.put(&bytes)).expect("a layout");
    let index = fs::read(staging.dir().path().join("index.json")).expect("an index");
    let with = |document: usize| {
        let limits = Limits {
            document: document as u64,
            ..Limits::default()
        };
        Place::limited(limits).check(&bytes)
    };
    with(index.len()).expect("within limits");
    let error = with(index.len() - 1).expect_err("refused").to_string();
    assert!(error.contains("member \"index.json\" has "), "{error}");
}

#[test]
fn an_archive_that_loses_a_layer_meanwhile_is_refused() {
    let place = Place::new();
    let path = place.put(&archive().end());
    let opened = Archive::open(&path, Limits::default()).expect("an archive");
    let survey = opened.survey(&Silent).expect("an image");
    place.put(&Tar::new().file(&config_name(), &config()).end());
    let registry = ir_sign::store::Registry::open(place.path(), Limits::default());
    let registry = registry.expect("a registry");
    let staging = registry
        .stage(&"app".parse().expect("a name"))
        .expect("a folder");
    let error = opened
        .unpack(&survey, staging.dir(), &Silent)
        .expect_err("refused");
    assert!(error.to_string().contains("abc/layer.tar"), "{error}");
}
