//! The commands on images in registries: their output, requests and refusals.

use std::path::Path;
use std::sync::{Arc, Mutex};

use harness::oci::{self, REF_NAME, blob_path};
use harness::{Scene, ir_sign, read};

use super::good::Good;
use super::server::{Reply, Server};

/// A registry with all that a layout holds in its repository `app`.
pub fn serving(layout: &Path) -> (Arc<Mutex<Good>>, Server) {
    let good = Good::new();
    {
        let mut good = good.lock().expect("a lock");
        for descriptor in oci::walk(layout) {
            let digest = descriptor["digest"].as_str().expect("a digest").to_owned();
            let path = blob_path(layout, &digest);
            if !path.exists() {
                continue;
            }
            let kind = descriptor["mediaType"].as_str().expect("a type");
            let bytes = read(path);
            if kind.contains("manifest") || kind.contains("index") {
                if let Some(tag) = descriptor["annotations"][REF_NAME].as_str() {
                    good.tags.insert(tag.to_owned(), digest.clone());
                }
                good.manifests.insert(digest, (kind.to_owned(), bytes));
            } else {
                good.blobs.insert(digest, bytes);
            }
        }
    }
    let known = good.clone();
    let server = Server::new(move |seen| known.lock().expect("a lock").answer(seen));
    (good, server)
}

pub fn verify(scene: &Scene, more: &[&str]) -> harness::Run {
    let ca = scene.text("ca.pub");
    let fixed = [
        "verify-image",
        "-c",
        &ca,
        "--timeout",
        "20s",
        "--retries",
        "0",
    ];
    ir_sign(fixed.iter().chain(more))
}

#[test]
fn an_image_in_a_registry_is_verified_by_every_name_that_it_has() {
    let scene = Scene::with("umoci");
    let signed = scene.sign("app", &["-d", "latest"]).ok().stdout;
    let (_, server) = serving(&scene.app("app"));
    let host = server.host();
    let digest = signed.trim().to_owned();
    for image in [
        format!("docker://{host}/app:latest"),
        format!("docker://{host}/app"),
        format!("{host}/app:latest"),
        format!("docker://{host}/app@{digest}"),
        format!("docker://{host}/app:other@{digest}"),
    ] {
        assert_eq!(verify(&scene, &[&image]).ok().stdout, signed, "{image}");
    }
    let registry = format!("docker://{host}");
    for reference in ["latest", &digest] {
        let run = verify(&scene, &["-r", &registry, "-a", "app", "-d", reference]);
        assert_eq!(run.ok().stdout, signed);
    }
    let layout = format!("oci:{}:latest", scene.app("app").display());
    assert_eq!(verify(&scene, &[&layout]).ok().stdout, signed);
    let all = verify(&scene, &["--all", &format!("docker://{host}/app")]);
    assert_eq!(all.ok().stdout, signed);
    let shown = ir_sign(["inspect-image", &format!("docker://{host}/app")])
        .ok()
        .stdout;
    assert!(shown.contains(&digest), "{shown}");
}

#[test]
fn r3_to_verify_the_config_alone_takes_two_requests_and_three_through_an_index() {
    let scene = Scene::with("multi");
    scene.sign("app", &["-d", "multi", "--all-platforms"]).ok();
    let (_, server) = serving(&scene.app("app"));
    let image = format!("docker://{}/app:multi", server.host());
    verify(
        &scene,
        &["--config-only", "--platform", "linux/arm64", &image],
    )
    .ok();
    let log = server.log();
    assert_eq!(log.len(), 3, "{log:?}");
    let none = verify(&scene, &["--config-only", &image]).exits(1);
    assert!(none.stderr.contains("linux/arm64"), "{}", none.stderr);
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    let (_, server) = serving(&scene.app("app"));
    let image = format!("docker://{}/app", server.host());
    verify(&scene, &["--config-only", &image]).ok();
    let log = server.log();
    assert_eq!(log.len(), 2, "{log:?}");
    // And all of it takes a request a layer more.
    let layers = oci::manifest(&scene.app("app"), "latest", None)["layers"]
        .as_array()
        .map_or(0, Vec::len);
    verify(&scene, &[&image]).ok();
    assert_eq!(server.log().len(), 2 + 2 + layers);
}

#[test]
fn what_a_registry_changes_is_refused_and_what_it_keeps_back_is_not_decided() {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    let (good, server) = serving(&scene.app("app"));
    let image = format!("docker://{}/app", server.host());
    let manifest = oci::manifest(&scene.app("app"), "latest", None);
    let layer = manifest["layers"][0]["digest"]
        .as_str()
        .expect("a digest")
        .to_owned();
    let whole = good.lock().expect("a lock").blobs[&layer].clone();
    let mut other = whole.clone();
    *other.last_mut().expect("a byte") ^= 1;
    good.lock()
        .expect("a lock")
        .blobs
        .insert(layer.clone(), other);
    let run = verify(&scene, &[&image]).exits(1);
    assert!(
        run.stderr.contains("image.layer-blobs") && run.stdout.is_empty(),
        "{}",
        run.stderr
    );
    good.lock()
        .expect("a lock")
        .blobs
        .insert(layer.clone(), whole[1..].to_vec());
    verify(&scene, &[&image]).exits(1);
    good.lock().expect("a lock").blobs.remove(&layer);
    verify(&scene, &[&image]).exits(1);
    verify(&scene, &["--config-only", &image]).ok();
    // An absent tag, and an absent registry.
    verify(&scene, &[&format!("{image}:none")]).exits(3);
    let gone = server.host();
    drop(server);
    let run = verify(&scene, &[&image]).exits(3);
    assert!(run.stderr.contains(&gone), "{}", run.stderr);
    for status in [401, 403, 429, 500] {
        let server = Server::new(move |_| Reply::new(status));
        let run = verify(&scene, &[&format!("docker://{}/app", server.host())]).exits(3);
        assert!(run.stdout.is_empty());
    }
    let server = Server::new(|_| Reply::ok("<html>"));
    verify(&scene, &[&format!("docker://{}/app", server.host())]).exits(1);
}

#[test]
fn r1_names_that_are_none_are_wrong_usage_and_nobody_is_asked() {
    let scene = Scene::new();
    for image in [
        "busybox",
        "docker://example.com",
        "docker://example.com/A",
        "https://example.com/a",
        "docker-daemon:x:1",
        "dir:x",
    ] {
        verify(&scene, &[image]).exits(2);
    }
    let run = verify(&scene, &["busybox:1"]).exits(2);
    assert!(run.stderr.contains("docker://busybox:1"), "{}", run.stderr);
    for words in [
        &["docker://ann:hunter2@127.0.0.1:1/a"][..],
        &["-r", "docker://ann:hunter2@127.0.0.1:1", "-a", "a"],
    ] {
        let run = verify(&scene, words).exits(2);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    verify(&scene, &["docker://127.0.0.1:1/a:x", "--all"]).exits(2);
    verify(&scene, &["docker://127.0.0.1:1/a", "--for-realms"]).exits(2);
    verify(&scene, &["docker://127.0.0.1:1/a", "-r", "x", "-a", "y"]).exits(2);
    verify(&scene, &["docker://127.0.0.1:1/a", "-d", "x"]).exits(2);
    verify(&scene, &[]).exits(2);
}

#[test]
fn r17_credentials_come_from_the_file_that_is_named_and_are_never_shown() {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    let (good, _) = serving(&scene.app("app"));
    let server = Server::new(move |seen| match seen.header("authorization") {
        Some("Basic YW5uOmh1bnRlcjItaHVudGVyMg==") => good.lock().expect("a lock").answer(seen),
        shown => Reply::new(401)
            .header("WWW-Authenticate", "Basic realm=x")
            .body(format!("sent: {shown:?}")),
    });
    let image = format!("docker://{}/app", server.host());
    let file = scene.text("auth.json");
    let with = |auth: &str| {
        std::fs::write(
            &file,
            format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, server.host()),
        )
        .expect("written");
        verify(&scene, &["--authfile", &file, &image])
    };
    with("YW5uOmh1bnRlcjItaHVudGVyMg==").ok();
    let run = with("YW5uOmh1bnRlcjMtaHVudGVyMw==").exits(3);
    assert!(
        !run.stderr.contains("hunter3") && !run.stderr.contains("YW5uOmh1"),
        "{}",
        run.stderr
    );
    with("nonsense").exits(3);
    verify(&scene, &["--authfile", &scene.text("none"), &image]).exits(3);
}

#[test]
fn images_are_copied_to_a_registry_and_back_with_every_byte_checked() {
    let scene = Scene::with("multi");
    let signed = scene
        .sign("app", &["-d", "multi", "--all-platforms"])
        .ok()
        .stdout;
    let good = Good::new();
    let known = good.clone();
    let server = Server::new(move |seen| known.lock().expect("a lock").answer(seen));
    let here = format!("oci:{}:multi", scene.app("app").display());
    let there = format!("docker://{}/app:1.0", server.host());
    let copy = |words: &[&str]| ir_sign(["copy", "--timeout", "20s"].iter().chain(words));
    let digest = copy(&[&here, &there]).ok().stdout;
    assert_eq!(good.lock().expect("a lock").tags["1.0"], digest.trim());
    // R40: nothing was there before what it leads to, or the registry would have refused it; the tag was last.
    let puts: Vec<_> = server
        .log()
        .into_iter()
        .filter(|line| line.starts_with("PUT /v2/app/manifests/"))
        .collect();
    assert!(
        puts.last().is_some_and(|line| line.ends_with("/1.0")),
        "{puts:?}"
    );
    // Again: nothing is sent.
    let before = server.log().len();
    let run = copy(&[&here, &there]).ok();
    assert!(run.stderr.contains("0 blobs sent"), "{}", run.stderr);
    assert!(
        server.log()[before..]
            .iter()
            .all(|line| !line.starts_with("PUT") && !line.starts_with("POST"))
    );
    verify(&scene, &["--platform", "linux/arm64", &there]).ok();
    // And back, into a layout of its own.
    let back = scene.text("back");
    copy(&[&there, &format!("oci:{back}:1.0")]).ok();
    std::fs::rename(&back, scene.app("back")).expect("moved");
    assert_eq!(scene.verify("back", &["--all"]).ok().stdout, signed);
    // Another tag of the same repository, and a tag that leads elsewhere.
    copy(&[&there, &there.replace("1.0", "2.0")]).ok();
    good.lock()
        .expect("a lock")
        .manifest(Some("2.0"), super::good::MANIFEST, r#"{"layers":[]}"#);
    copy(&["--no-move", &there, &there.replace("1.0", "2.0")]).exits(1);
    let run = copy(&[&there, &there.replace("1.0", "2.0")]).ok();
    assert!(run.stderr.contains("2.0 moved from"), "{}", run.stderr);
}

#[test]
fn what_is_wrong_in_a_layout_or_a_registry_is_never_copied_whole() {
    let scene = Scene::with("umoci");
    let app = scene.app("app");
    let layer = oci::manifest(&app, "latest", None)["layers"][0]["digest"]
        .as_str()
        .expect("a digest")
        .to_owned();
    let (good, server) = serving(&app);
    let whole = read(blob_path(&app, &layer));
    let mut other = whole.clone();
    other[0] ^= 1;
    // From a registry that sends other bytes of the same length.
    good.lock()
        .expect("a lock")
        .blobs
        .insert(layer.clone(), other.clone());
    let there = format!("docker://{}/app:latest", server.host());
    let back = scene.text("back");
    ir_sign(["copy", &there, &format!("oci:{back}:x")]).exits(1);
    assert!(!Path::new(&back).join("index.json").exists());
    // From a layout whose blob is damaged: the registry gets no tag, and not the whole of the blob.
    std::fs::remove_file(blob_path(&app, &layer)).expect("removed");
    std::fs::write(blob_path(&app, &layer), &other).expect("written");
    let good = Good::new();
    let known = good.clone();
    let server = Server::new(move |seen| known.lock().expect("a lock").answer(seen));
    let there = format!("docker://{}/app:latest", server.host());
    let run = ir_sign([
        "copy",
        "--retries",
        "0",
        &format!("oci:{}:latest", app.display()),
        &there,
    ])
    .exits(1);
    assert!(run.stderr.contains(&layer), "{}", run.stderr);
    let good = good.lock().expect("a lock");
    assert!(good.tags.is_empty() && good.manifests.is_empty());
    assert!(!good.blobs.values().any(|blob| *blob == other));
}

#[test]
fn a_copy_that_is_ended_at_any_request_leaves_the_tag_as_it_was_or_moves_it() {
    let scene = Scene::with("umoci");
    let here = format!("oci:{}:latest", scene.app("app").display());
    let copied = {
        let (_, server) = serving(&scene.app("app"));
        drop(server);
        let good = Good::new();
        let known = good.clone();
        let server = Server::new(move |seen| known.lock().expect("a lock").answer(seen));
        ir_sign(["copy", &here, &format!("docker://{}/app:x", server.host())]).ok();
        server.log().len()
    };
    for end in 0..copied {
        let good = Good::new();
        let old = good.lock().expect("a lock").manifest(
            Some("x"),
            super::good::MANIFEST,
            r#"{"layers":[]}"#,
        );
        let (known, asked) = (good.clone(), std::sync::atomic::AtomicUsize::new(0));
        let server = Server::new(move |seen| {
            if asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= end {
                return Reply::raw("");
            }
            known.lock().expect("a lock").answer(seen)
        });
        let there = format!("docker://{}/app:x", server.host());
        let run = ir_sign(["copy", "--retries", "0", "--jobs", "1", &here, &there]);
        let good = good.lock().expect("a lock");
        let led = &good.tags["x"];
        // A tag that moved leads to a manifest that is there, and all that it leads to.
        let (_, manifest) = &good.manifests[led];
        let manifest = oci::parse(manifest);
        for blob in manifest["layers"]
            .as_array()
            .expect("layers")
            .iter()
            .chain(manifest.get("config"))
        {
            assert!(
                good.blobs
                    .contains_key(blob["digest"].as_str().expect("a digest"))
            );
        }
        assert!(*led == old || end + 2 >= copied, "{end} of {copied}");
        assert!(run.status == 3 || run.status == 0, "{run:?}");
    }
}
