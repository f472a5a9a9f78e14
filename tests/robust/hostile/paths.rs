//! Names and links that lead out of the registry.

use harness::oci::blob_path;
use harness::{Scene, ir_sign, read, same, snapshot, write};
use std::fs;
use std::os::unix::fs::symlink;

use super::{good, made, signs_and_verifies};

#[test]
fn no_link_is_followed_below_the_registry() {
    for name in ["index.json", "oci-layout", "blobs", "blobs/sha256", "."] {
        let scene = made(|maker| vec![good(maker)]);
        scene.sign("app", &[]).ok();
        let path = scene.app("app");
        let path = if name == "." { path } else { path.join(name) };
        let elsewhere = scene.path("elsewhere");
        fs::rename(&path, &elsewhere).expect("it moves");
        symlink(&elsewhere, &path).expect("a link");
        let outside = snapshot(&scene.path("."));
        let text = path.display().to_string();
        scene.refused("app", &[], &[&text, "symbolic link"]);
        let run = scene.prune("app").exits(1);
        run.says(&["symbolic link"]);
        same(&outside, &snapshot(&scene.path(".")));
    }
    // A file where a folder should be is not a link.
    for name in ["blobs", "blobs/sha256", "."] {
        let scene = made(|maker| vec![good(maker)]);
        let path = scene.app("app");
        let path = if name == "." { path } else { path.join(name) };
        fs::remove_dir_all(&path).expect("it goes");
        write(&path, "a file");
        let text = path.display().to_string();
        let run = scene.verify("app", &[]).exits(3);
        run.says(&[&text, "cannot open folder: Not a directory"]);
    }
    // The registry itself is the user's word.
    let scene = made(|maker| vec![good(maker)]);
    fs::rename(scene.registry(), scene.path("elsewhere")).expect("it moves");
    symlink(scene.path("elsewhere"), scene.registry()).expect("a link");
    signs_and_verifies(&scene, &[]);
}

#[test]
fn a_link_in_the_place_of_the_blob_to_be_written_is_not_followed() {
    // Signing is deterministic, so the name of the new manifest is known beforehand.
    let scene = made(|maker| vec![good(maker)]);
    let digest = scene.sign("app", &[]).ok().stdout;
    let scene = made(|maker| vec![good(maker)]);
    let digest = digest.trim();
    let keys = ["ca", "ca.pub", "vendor", "vendor.pub"];
    assert!(keys.iter().all(|key| scene.path(key).exists()));
    let outside = scene.path("outside");
    write(&outside, "precious");
    let blob = blob_path(&scene.app("app"), digest);
    symlink(&outside, &blob).expect("a link");
    let before = snapshot(&scene.registry());
    let run = scene.sign("app", &[]);
    assert_eq!(read(&outside), b"precious");
    assert_ne!(run.status, 0);
    same(&before, &snapshot(&scene.registry()));
}

#[test]
fn a_wrong_blob_under_the_new_manifests_name_is_replaced() {
    let scene = made(|maker| vec![good(maker)]);
    let digest = scene.sign("app", &[]).ok().stdout;
    let scene = made(|maker| vec![good(maker)]);
    write(blob_path(&scene.app("app"), digest.trim()), "junk");
    assert_eq!(scene.sign("app", &[]).ok().stdout, digest);
    scene.verify("app", &[]).ok();
}

#[test]
fn app_names_do_not_leave_the_registry() {
    let scene = Scene::with("buildah");
    fs::rename(scene.app("app"), scene.path("outside")).expect("it moves");
    fs::create_dir_all(scene.registry().join("a")).expect("a folder");
    scene.unpack("buildah", "a/b");
    let before = snapshot(&scene.path("."));
    let absolute = scene.text("outside");
    for app in [
        "..",
        ".",
        "",
        "../outside",
        "a/b",
        "a/../../outside",
        "/",
        &absolute,
        "-a",
        "a\n",
    ] {
        let app_flag = format!("-a{app}");
        let registry = scene.registry().display().to_string();
        let (ca, vendor) = (scene.text("ca"), scene.text("vendor"));
        let mut sign = vec!["sign-image", "-r", &registry, "-v", &vendor, "-x", &ca];
        let ca_pub = scene.text("ca.pub");
        let mut verify = vec!["verify-image", "-r", &registry, "-c", &ca_pub];
        let mut prune = vec!["prune", "-r", &registry];
        for command in [&mut sign, &mut verify, &mut prune] {
            command.push(&app_flag);
            let run = ir_sign(command.iter()).exits(2);
            assert_eq!(run.stdout, "");
        }
    }
    same(&before, &snapshot(&scene.path(".")));
}

#[test]
fn an_app_that_is_not_there_is_no_verdict() {
    let scene = Scene::new();
    let path = scene.text("registry/none");
    scene.verify("none", &[]).exits(3).says(&[&path]);
    scene.sign("none", &[]).exits(3).says(&[&path]);
    write(scene.app("none"), "a file");
    scene.refused("none", &[], &[&path]);
}
