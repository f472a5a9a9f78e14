//! Images by name, wherever they are: `oci:DIR`, archives, several at once, and the flags that mean the same.

use std::path::Path;

use harness::oci::{self, blob_path};
use harness::{Run, Scene, ir_sign, read, same, snapshot, tool, write};

fn verify(scene: &Scene, images: &[&str], more: &[&str]) -> Run {
    let ca = scene.text("ca.pub");
    let args = ["verify-image", "-c", &ca];
    ir_sign(args.iter().chain(images).chain(more))
}

fn sign(scene: &Scene, images: &[&str], more: &[&str]) -> Run {
    let keys = ["vendor", "vendor.sig", "ca.pub"].map(|name| scene.text(name));
    let [vendor, signature, ca] = &keys;
    let args = ["sign-image", "-v", vendor, "-s", signature, "-c", ca];
    ir_sign(args.iter().chain(images).chain(more))
}

/// The layout of an app, as an image's name without its tag.
fn oci(scene: &Scene, app: &str) -> String {
    format!("oci:{}", scene.app(app).display())
}

/// A tar archive of an app's layout, packed by the option.
fn archive(scene: &Scene, app: &str, name: &str, packing: &[&str]) -> String {
    let (archive, layout) = (scene.text(name), scene.app(app).display().to_string());
    let args = ["-cf", &archive, "-C", &layout, "."];
    tool("tar", packing.iter().chain(&args)).ok();
    archive
}

#[test]
fn a_layout_by_name_is_the_app_by_its_flags() {
    let scene = Scene::with("umoci");
    let image = format!("{}:latest", oci(&scene, "app"));
    let signed = sign(&scene, &[&image], &["--json"]).ok();
    let digest = signed.json()["images"][0]["digest"].clone();
    let digest = digest.as_str().expect("a digest");
    for flags in [&["-d", "latest"][..], &[], &["--all"]] {
        let by_flags = scene.verify("app", flags).ok();
        assert_eq!(by_flags.stdout.trim(), digest, "{flags:?}");
    }
    for image in [
        image.clone(),
        oci(&scene, "app"),
        format!("{}/", oci(&scene, "app")),
        format!("{}/.", oci(&scene, "app")),
        format!("{}@{digest}", oci(&scene, "app")),
    ] {
        assert_eq!(
            verify(&scene, &[&image], &[]).ok().stdout.trim(),
            digest,
            "{image}"
        );
    }
    let by_name = verify(&scene, &[&image], &["--json"]).ok();
    let by_flags = scene.verify("app", &["-d", "latest", "--json"]).ok();
    assert_eq!(by_name.json(), by_flags.json());
    // Both ways of signing leave the same bytes.
    let before = snapshot(&scene.registry());
    scene
        .sign("app", &["-d", "latest"])
        .ok()
        .says(&["nothing was changed"]);
    same(&before, &snapshot(&scene.registry()));
    let of_name = ir_sign(["inspect-image", &image]).ok().stdout;
    let registry = scene.registry().display().to_string();
    let flags = [
        "inspect-image",
        "-r",
        &registry,
        "-a",
        "app",
        "-d",
        "latest",
    ];
    assert_eq!(of_name, ir_sign(flags).ok().stdout);
}

#[test]
fn a_tag_with_colons_follows_the_first_one() {
    let scene = Scene::with("umoci");
    let index = scene.app("app").join("index.json");
    let mut renamed = oci::index(&scene.app("app"));
    renamed["manifests"][0]["annotations"][oci::REF_NAME] = "localhost:5000/hello:latest".into();
    write(index, renamed.to_string());
    let image = format!("{}:localhost:5000/hello:latest", oci(&scene, "app"));
    sign(&scene, &[&image], &[]).ok();
    verify(&scene, &[&image], &[]).ok();
}

#[test]
fn a_name_and_the_flags_at_once_are_wrong_usage() {
    let scene = Scene::with("umoci");
    let registry = scene.registry().display().to_string();
    let image = oci(&scene, "app");
    for flags in [
        &["-r", &*registry, "-a", "app"][..],
        &["-d", "latest"],
        &["-r", &registry],
        &["-a", "app"],
    ] {
        verify(&scene, &[&image], flags).exits(2);
        sign(&scene, &[&image], flags).exits(2);
        ir_sign(["inspect-image", &image].iter().chain(flags)).exits(2);
    }
    for flags in [
        &[][..],
        &["-r", &registry],
        &["-a", "app"],
        &["-d", "latest"],
    ] {
        verify(&scene, &[], flags).exits(2);
    }
    // All of a place, and one of it.
    let one = format!("{image}:latest");
    verify(&scene, &[&one], &["--all"])
        .exits(2)
        .says(&["--all"]);
}

#[test]
fn names_of_what_is_not_read_are_wrong_usage_and_say_what_to_do() {
    let scene = Scene::with("umoci");
    for image in [
        "docker://localhost:5000/team/hello:1.0",
        "localhost:5000/team/hello:1.0",
    ] {
        let run = sign(&scene, &[image], &["--for-realms"]);
        run.exits(2).says(&["localhost:5000/team/hello"]);
        sign(&scene, &[image], &["--all"]).exits(2).says(&["--all"]);
    }
    for image in [
        "busybox",
        "docker://",
        "oci:",
        "dir:x",
        "containers-storage:x",
        "oci:a:sha256:00",
    ] {
        verify(&scene, &[image], &[]).exits(2);
    }
    let archive = archive(&scene, "app", "image.tar", &[]);
    let image = format!("oci-archive:{archive}");
    let before = snapshot(&scene.path("."));
    let hint = sign(&scene, &[&image], &[]).exits(2).hint();
    assert!(hint.contains("ir-sign extract-sign-image"), "{hint}");
    verify(&scene, &[&image], &["--for-realms"])
        .exits(2)
        .says(&["registry directory"]);
    same(&before, &snapshot(&scene.path(".")));
    verify(&scene, &["oci:nowhere/at-all"], &[]).exits(3);
    verify(&scene, &["oci-archive:nowhere.tar"], &[]).exits(3);
}

#[test]
fn signed_images_are_verified_in_archives_of_any_packing() {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    let digest = scene.verify("app", &[]).ok().stdout;
    for (name, packing) in [
        ("image.tar", &[][..]),
        ("image.tar.gz", &["--gzip"]),
        ("image.tar.zst", &["--zstd"]),
    ] {
        let archive = archive(&scene, "app", name, packing);
        let before = snapshot(&scene.path("."));
        for image in [
            format!("oci-archive:{archive}"),
            format!("oci-archive:{archive}:latest"),
            format!("oci-archive:{archive}@{}", digest.trim()),
        ] {
            assert_eq!(
                verify(&scene, &[&image], &[]).ok().stdout,
                digest,
                "{image}"
            );
        }
        let all = format!("oci-archive:{archive}");
        verify(&scene, &[&all], &["--all"]).ok();
        let other = format!("oci-archive:{archive}:other");
        verify(&scene, &[&other], &[]).exits(3).says(&["latest"]);
        let other = scene.text("other-ca.pub");
        ir_sign(["verify-image", "-c", &other, &all]).exits(1);
        let inspected = ir_sign(["inspect-image", &all]).ok();
        assert!(
            inspected.stdout.contains(digest.trim()),
            "{}",
            inspected.stdout
        );
        same(&before, &snapshot(&scene.path(".")));
    }
}

#[test]
fn faults_of_an_archive_are_refused_as_in_a_layout() {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    let layout = scene.app("app");
    let manifest = oci::manifest(&layout, "latest", None);
    let path = |descriptor: &serde_json::Value| {
        blob_path(&layout, descriptor["digest"].as_str().expect("a digest"))
    };
    let tagged = oci::tagged(&layout, "latest");
    for (part, rule) in [
        (path(&manifest["layers"][0]), "image.layer-blobs"),
        (path(&manifest["config"]), "image.config-digest"),
        (path(&tagged), "image.manifest-digest"),
    ] {
        let good = read(&part);
        let mut bad = good.clone();
        *bad.last_mut().expect("bytes") ^= 1;
        for (bytes, packing) in [
            (bad.clone(), &[][..]),
            (bad, &["--gzip"]),
            (good[1..].into(), &[]),
        ] {
            write(&part, bytes);
            let image = archive(&scene, "app", "bad.tar", packing);
            let image = format!("oci-archive:{image}:latest");
            verify(&scene, &[&image], &[]).exits(1).says(&[rule]);
        }
        std::fs::remove_file(&part).expect("it was there");
        let image = archive(&scene, "app", "bad.tar", &[]);
        let image = format!("oci-archive:{image}:latest");
        verify(&scene, &[&image], &[])
            .exits(1)
            .says(&["is not in the archive"]);
        write(&part, good);
    }
    // A file that is cut short is not an archive.
    let whole = archive(&scene, "app", "whole.tar.gz", &["--gzip"]);
    let bytes = read(&whole);
    write(&whole, &bytes[..bytes.len() / 2]);
    verify(&scene, &[&format!("oci-archive:{whole}")], &[]).exits(1);
}

#[test]
fn archives_of_docker_are_read_by_the_names_in_them() {
    let scene = Scene::new();
    for (name, reference) in [
        ("docker-save-old", "hello:1.0"),
        ("docker-save-old", "docker.io/library/hello:1.0"),
        ("docker-save-new", "1.0"),
    ] {
        let file = harness::data(&format!("{name}.tar"));
        let image = format!("docker-archive:{}:{reference}", file.display());
        let run = ir_sign(["inspect-image", &image, "--json"]).ok();
        let entries = run.json()["entries"].as_array().expect("entries").len();
        assert_eq!(entries, 1, "{image}");
        assert!(run.json()["realms"].is_null());
        // Nobody signs what docker saved.
        verify(&scene, &[&image], &[])
            .exits(1)
            .says(&["annotation.vendor-endorsed"]);
        let missing = format!("docker-archive:{}:nothing:1.0", file.display());
        ir_sign(["inspect-image", &missing]).exits(3).says(&["1.0"]);
    }
    let old = harness::data("docker-save-old.tar");
    let old = format!("oci-archive:{}", old.display());
    verify(&scene, &[&old], &[])
        .exits(1)
        .says(&["is not an OCI image layout"]);
    scene.unpack("umoci", "app");
    let layout = archive(&scene, "app", "layout.tar", &[]);
    let layout = format!("docker-archive:{layout}");
    verify(&scene, &[&layout], &[])
        .exits(1)
        .says(&["manifest.json"]);
}

#[test]
fn an_archive_whose_two_lists_differ_is_refused() {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    let layout = scene.app("app");
    let other =
        br#"{"architecture":"arm64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    write(layout.join("other.json"), other);
    write(
        layout.join("manifest.json"),
        r#"[{"Config":"other.json","RepoTags":["hello:latest"],"Layers":[]}]"#,
    );
    let image = archive(&scene, "app", "two.tar", &[]);
    for transport in ["oci-archive", "docker-archive"] {
        let image = format!("{transport}:{image}");
        verify(&scene, &[&image], &[])
            .exits(1)
            .says(&["image.docker-list"]);
    }
}

#[test]
fn several_images_have_one_report_each_and_the_worst_status() {
    let scene = Scene::new();
    for app in ["one", "two", "unsigned"] {
        scene.unpack("umoci", app);
    }
    let [one, two, unsigned] =
        ["one", "two", "unsigned"].map(|app| format!("{}:latest", oci(&scene, app)));
    let signed = sign(&scene, &[&one, &two], &["--json"]).ok();
    let of_each = signed.json()["signed"].clone();
    assert_eq!(of_each.as_array().expect("apps").len(), 2);
    let archive = archive(&scene, "one", "one.tar", &[]);
    let archived = format!("oci-archive:{archive}");
    let nowhere = format!("{}:latest", oci(&scene, "nowhere"));

    let all = verify(&scene, &[&one, &two, &archived], &["--json"]).ok();
    let images = all.json()["images"].clone();
    let names = images.as_array().expect("reports").iter();
    let names: Vec<_> = names
        .map(|image| image["reference"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, [one.as_str(), &two, &format!("{archived}:latest")]);

    let run = verify(&scene, &[&one, &nowhere, &two], &[]).exits(3);
    assert_eq!(run.stdout.lines().count(), 2, "{}", run.stdout);
    let run = verify(&scene, &[&nowhere, &unsigned, &one], &["--json"]).exits(1);
    assert_eq!(run.json()["trusted"], false);
    assert_eq!(run.json()["images"].as_array().expect("reports").len(), 2);
    assert_eq!(run.json()["errors"].as_array().expect("errors").len(), 1);

    let shown = ir_sign(["inspect-image", &one, &archived]).ok().stdout;
    for name in [&one, &archived] {
        assert!(shown.contains(&format!("{name}:\n")), "{shown}");
    }
    let run = ir_sign(["inspect-image", &one, &nowhere, "--json"]).exits(3);
    assert_eq!(run.json()["images"][0]["image"], one.as_str());
    assert_eq!(run.json()["errors"].as_array().expect("errors").len(), 1);

    // One that cannot be signed keeps no other from being signed.
    let bad = format!("{}:absent", oci(&scene, "one"));
    sign(&scene, &[&bad, &unsigned], &[]).exits(3);
    verify(&scene, &[&unsigned], &[]).ok();
    let output = scene.text("endorsement.der");
    ir_sign(["inspect-image", &one, &two, "--endorsement", &output]).exits(2);
    assert!(!Path::new(&output).exists());
}

#[test]
fn all_platforms_of_a_tag_are_verified() {
    let scene = Scene::with("multi");
    scene.sign("app", &["-d", "multi", "--all-platforms"]).ok();
    let image = format!("{}:multi", oci(&scene, "app"));
    let run = verify(&scene, &[&image], &["--all-platforms"]).ok();
    assert_eq!(run.stdout.lines().count(), 3);
    let by_flags = scene
        .verify("app", &["-d", "multi", "--all-platforms"])
        .ok();
    assert_eq!(run.stdout, by_flags.stdout);
    verify(
        &scene,
        &[&image],
        &["--all-platforms", "--platform", "linux/arm64"],
    )
    .exits(2);
    // One that does not hold decides.
    let entry = oci::image(&scene.app("app"), "multi", Some("linux/arm64"));
    let path = blob_path(
        &scene.app("app"),
        entry["digest"].as_str().expect("a digest"),
    );
    let mut bytes = read(&path);
    *bytes.last_mut().expect("bytes") ^= 1;
    write(&path, bytes);
    let run = verify(&scene, &[&image], &["--all-platforms"]).exits(1);
    assert_eq!(run.stdout.lines().count(), 2);
}

#[test]
fn all_images_of_a_layout_are_signed_at_once() {
    let scene = Scene::with("nested-attest");
    let image = oci(&scene, "app");
    let run = sign(&scene, &[&image], &["--all"]).ok();
    let verified = scene.verify("app", &["--all"]).ok();
    assert_eq!(run.stdout, verified.stdout);
    assert_eq!(run.stdout.lines().count(), 2);
    scene
        .sign("app", &["--all"])
        .ok()
        .says(&["nothing was changed"]);
    for flags in [
        &["--all", "-d", "1.0"][..],
        &["--all", "--platform", "linux/arm64"],
    ] {
        scene.sign("app", flags).exits(2);
    }
    let one = format!("{image}:1.0");
    sign(&scene, &[&one], &["--all"]).exits(2).says(&["--all"]);
}

#[test]
fn any_of_several_cas_is_trusted() {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    let image = oci(&scene, "app");
    let [ca, other] = ["ca.pub", "other-ca.pub"].map(|name| scene.text(name));
    let verify = |cas: &[&String]| {
        let cas = cas.iter().flat_map(|ca| ["-c", ca]);
        ir_sign(["verify-image", &image].into_iter().chain(cas))
    };
    for cas in [&[&ca][..], &[&ca, &other], &[&other, &ca]] {
        verify(cas).ok();
    }
    verify(&[&other])
        .exits(1)
        .says(&["annotation.vendor-endorsed"]);
    verify(&[&other, &other]).exits(1);
    verify(&[]).exits(2);
}
