//! Other archives that docker, podman and skopeo take, and files that people take for an archive of images.

use std::fs;

use ir_sign::progress::Silent;
use ir_sign::store::archive::{Archive, Problem};
use ir_sign::store::{Error, Kind, Limits};

use super::build::{LAYER, Place, Tar, blob_name, config, layout, problem, sha256};

fn config_name() -> String {
    format!("{}.json", sha256(&config()).hex())
}

fn saved(manifest: &str) -> Tar {
    Tar::new()
        .file("abc/layer.tar", LAYER)
        .file(&config_name(), &config())
        .file("manifest.json", manifest.as_bytes())
}

fn image(tags: &str) -> String {
    let config = config_name();
    format!(r#"{{"Config":"{config}","RepoTags":{tags},"Layers":["abc/layer.tar"]}}"#)
}

/// The tags of what an archive becomes.
fn tags(tar: Tar) -> Vec<String> {
    let place = Place::new();
    let path = place.put(&tar.end());
    let (staging, _) = place.unpack(&path).expect("a layout");
    let entries = staging.layout().expect("a layout").reader().entries();
    let entries = entries.expect("entries");
    let tags = entries.iter().filter_map(|e| e.descriptor.tag());
    tags.map(str::to_owned).collect()
}

#[test]
fn members_of_docker_archives_may_be_there_twice_with_the_same_bytes() {
    let twice = |tar: Tar| {
        tar.file("abc/VERSION", b"1.0")
            .file("abc/layer.tar", LAYER)
            .file(&config_name(), &config())
            .member(b"def/layer.tar", b'2', "../abc/layer.tar", b"")
            .member(b"def/layer.tar", b'2', "../abc/layer.tar", b"")
    };
    let one = || saved(&format!("[{}]", image(r#"["a:1"]"#))).file("abc/VERSION", b"1.0");
    assert_eq!(tags(twice(one())), ["1"]);
    for other in [
        one().file("abc/VERSION", b"1.1"),
        one().file("abc/layer.tar", b"another"),
        one().file(&config_name(), b"{}"),
        twice(one()).member(b"def/layer.tar", b'2', "../def/layer.tar", b""),
        twice(one()).file("def/layer.tar", LAYER),
    ] {
        let found = problem(&other.end());
        assert!(matches!(found, Problem::Duplicate(_)), "{found}");
    }
}

#[test]
fn a_copy_that_comes_between_survey_and_unpacking_is_refused() {
    let place = Place::new();
    let path = place.put(&layout().file("x", b"1").end());
    let archive = Archive::open(&path, Limits::default()).expect("an archive");
    let survey = archive.survey(&Silent).expect("an image");
    fs::write(&path, layout().file("x", b"1").file("x", b"1").end()).expect("written");
    let registry = ir_sign::store::Registry::open(place.path(), Limits::default());
    let registry = registry.expect("a registry");
    let staging = registry.stage(&"app".parse().expect("a name"));
    let unpacked = archive.unpack(&survey, staging.expect("staging").dir(), &Silent);
    let error = unpacked.expect_err("refused").to_string();
    assert!(error.contains("is there twice"), "{error}");
}

/// buildah writes the name that was given and docker.io's; crane lists an image for each of its names.
#[test]
fn one_image_with_one_tag_in_several_repositories_has_that_tag_once() {
    let names = r#"["docker.io/library/hello:latest","localhost/hello:latest"]"#;
    assert_eq!(tags(saved(&format!("[{}]", image(names)))), ["latest"]);
    let [one, two] = [
        r#"["a.example/x:1"]"#,
        r#"["b.example/x:1","b.example/x:2"]"#,
    ]
    .map(image);
    assert_eq!(tags(saved(&format!("[{one},{two}]"))), ["1", "2"]);
}

#[test]
fn the_members_of_manifest_json_may_be_spelt_in_another_case_where_one_alone_is_meant() {
    let lower = image(r#"["a:1"]"#)
        .replace("Config", "config")
        .replace("RepoTags", "repoTags")
        .replace("Layers", "layers");
    assert_eq!(tags(saved(&format!("[{lower}]"))), ["1"]);
    for (name, value) in [("Config", r#""x""#), ("LAYERS", "[]"), ("repotags", "[]")] {
        let both = lower.replacen('{', &format!(r#"{{"{name}":{value},"#), 1);
        let found = problem(&saved(&format!("[{both}]")).end());
        assert!(matches!(found, Problem::Document { .. }), "{name}: {found}");
    }
}

#[test]
fn other_packings_are_told_by_name() {
    for (start, told) in [
        (&b"\xfd7zXZ\0\0\x04"[..], "packed with xz"),
        (b"BZh91AY&", "packed with bzip2"),
        (b"\x5d\0\0\x80\0\xff\xff\xff", "packed with lzma"),
        (b"\x04\x22\x4d\x18dp\xb9\0", "packed with lz4"),
        (b"LZIP\x01\0\0\0", "packed with lzip"),
        (b"\x1f\x9d\x90\0\0\0\0\0", "packed with compress"),
        (b"PK\x03\x04\0\0\0\0", "a zip archive"),
        (b"7z\xbc\xaf\x27\x1c\0\0", "a 7z archive"),
    ] {
        let found = problem(&[start, &[0; 600]].concat());
        assert!(matches!(found, Problem::OtherPacking(_)), "{found}");
        assert!(
            found.to_string().starts_with(&format!("is {told}, ")),
            "{found}"
        );
    }
    assert_eq!(problem(b"BZh0 and no more"), Problem::NotTar);
}

#[test]
fn a_container_that_was_exported_is_told_to_be_a_root_file_system() {
    let folders = |names: &[&str]| {
        let add = |tar: Tar, name: &&str| tar.member(format!("{name}/").as_bytes(), b'5', "", b"");
        names.iter().fold(Tar::new(), add)
    };
    let link = |tar: Tar| tar.member(b"etc/mtab", b'2', "/proc/mounts", b"");
    for exported in [
        link(folders(&["dev", "etc", "proc", "sys"])),
        folders(&["bin"]).file(".dockerenv", b""),
        folders(&["./usr", "./bin"]).member(b"./etc/x", b'1', "./bin/x", b""),
        folders(&["/usr", "/bin", "/etc"]),
        folders(&["dev", "etc"]).file("tmp/a.tar", &vec![1; 3000]),
    ] {
        assert_eq!(problem(&exported.end()), Problem::RootFs);
    }
    let found = problem(&link(folders(&["etc", "srv"])).end());
    assert!(matches!(found, Problem::Kind { .. }), "{found}");
    // An image archive is told what is wrong with it.
    let image = layout()
        .file("usr/x", b"")
        .file("bin/x", b"")
        .file("dev/x", b"");
    let found = problem(&link(image).end());
    assert!(matches!(found, Problem::Kind { .. }), "{found}");
    assert_eq!(problem(&folders(&["etc", "srv"]).end()), Problem::NoImage);
}

#[test]
fn a_folder_of_skopeo_and_a_layout_in_a_folder_are_told_for_what_they_are() {
    let skopeo = Tar::new()
        .file("version", b"Directory Transport Version: 1.1\n")
        .file("manifest.json", br#"{"schemaVersion":2}"#);
    assert_eq!(problem(&skopeo.end()), Problem::SkopeoDir);
    let in_folder = Tar::new()
        .file("app/oci-layout", b"{}")
        .file("app/index.json", b"{}");
    let found = problem(&in_folder.end());
    let Problem::InFolder { folder, .. } = &found else {
        panic!("{found}");
    };
    assert_eq!(folder, "app");
    let place = Place::new();
    let folder = place.path().join("dir");
    fs::create_dir(&folder).expect("a folder");
    let open = || Archive::open(&folder, Limits::default()).expect_err("no archive");
    assert!(matches!(
        open(),
        Error {
            kind: Kind::NotAFile,
            ..
        }
    ));
    fs::write(folder.join("version"), "Directory Transport Version: 1.1\n").expect("written");
    assert!(matches!(
        open(),
        Error {
            kind: Kind::SkopeoDir,
            ..
        }
    ));
    let registry = ir_sign::store::Registry::open(place.path(), Limits::default());
    let opened = registry
        .expect("a registry")
        .layout(&"dir".parse().expect("a name"));
    assert!(matches!(
        opened.err(),
        Some(Error {
            kind: Kind::SkopeoDir,
            ..
        })
    ));
}

#[test]
fn a_layer_that_is_packed_otherwise_than_its_type_says_is_told_so() {
    let packed = super::build::gzip(LAYER);
    let [old, new] = [LAYER, &packed].map(sha256);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let manifest = text(super::build::manifest())
        .replace(&old.to_string(), &new.to_string())
        .replace(
            &format!("\"size\":{}", LAYER.len()),
            &format!("\"size\":{}", packed.len()),
        );
    let index = text(super::build::index(&["1.0"]))
        .replace(
            &sha256(&super::build::manifest()).to_string(),
            &sha256(manifest.as_bytes()).to_string(),
        )
        .replace(
            &format!("\"size\":{}", super::build::manifest().len()),
            &format!("\"size\":{}", manifest.len()),
        );
    let tar = Tar::new()
        .file("oci-layout", super::build::LAYOUT_FILE)
        .file("index.json", index.as_bytes())
        .file(&blob_name(&config()), &config())
        .file(&blob_name(manifest.as_bytes()), manifest.as_bytes())
        .file(&blob_name(&packed), &packed);
    let place = Place::new();
    let path = place.put(&tar.end());
    let (staging, _) = place.unpack(&path).expect("a layout");
    let layout = staging.layout().expect("a layout");
    let target = layout
        .reader()
        .resolve(&[], &ir_sign::store::Selection::One)
        .expect("one");
    let image = layout.reader().load(&target[0]).expect("an image");
    let findings = layout.reader().check_layers(&image, &Silent).expect("read");
    let Some(Err(reason)) = findings.diff_ids else {
        panic!("{findings:?}");
    };
    assert_eq!(
        reason,
        format!(
            "layer 1 ({new}) is gzip though its media type says plain: \"application/vnd.oci.image.layer.v1.tar\""
        )
    );
}
