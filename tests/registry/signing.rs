//! `sign-image` in a registry: manifests before indexes before tags, and one endorsement a vendor.

use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Run, Scene, ir_sign, oci};

use super::good::{MANIFEST, digest};
use super::program::{serving, verify};
use super::server::{Reply, Server};

/// Signs with a given endorsement unless `more` has the CA's key.
pub fn sign(scene: &Scene, more: &[&str]) -> Run {
    let (vendor, endorsement, ca) = (
        scene.text("vendor"),
        scene.text("vendor.sig"),
        scene.text("ca.pub"),
    );
    let mut words = vec![
        "sign-image",
        "-v",
        &vendor,
        "--timeout",
        "20s",
        "--retries",
        "0",
    ];
    if !more.contains(&"-x") && !more.contains(&"-s") {
        words.extend(["-s", &endorsement, "-c", &ca]);
    }
    words.extend(more);
    ir_sign(words)
}

#[test]
fn an_image_is_signed_where_it_is_and_its_tag_moves() {
    let scene = Scene::with("umoci");
    let (good, server) = serving(&scene.app("app"));
    let image = format!("docker://{}/app:latest", server.host());
    let old = good.lock().expect("a lock").tags["latest"].clone();
    let run = sign(&scene, &[&image]).ok();
    let new = run.stdout.trim().to_owned();
    assert_eq!(good.lock().expect("a lock").tags["latest"], new);
    assert!(run.stderr.contains(&old), "{}", run.stderr);
    assert_eq!(verify(&scene, &[&image]).ok().stdout, run.stdout);
    // The old one is there still, by its digest, and not signed.
    verify(&scene, &[&format!("docker://{}/app@{old}", server.host())]).exits(1);
    // Again: the signature is there, and nothing changes.
    let before = server.log().len();
    let again = sign(&scene, &[&image]).ok();
    assert_eq!(again.stdout, run.stdout);
    assert!(
        again.stderr.contains("nothing was changed"),
        "{}",
        again.stderr
    );
    assert!(
        server.log()[before..]
            .iter()
            .all(|line| line.starts_with("GET"))
    );
    // As the layout is signed, so is the repository.
    assert_eq!(
        scene
            .sign_with("app", &scene.text("vendor.sig"), &["-d", "latest"])
            .ok()
            .stdout,
        run.stdout
    );
}

#[test]
fn all_platforms_of_an_image_are_signed_with_the_index_above_them() {
    let scene = Scene::with("multi");
    let (good, server) = serving(&scene.app("app"));
    let image = format!("docker://{}/app:multi", server.host());
    let old = good.lock().expect("a lock").tags["multi"].clone();
    sign(&scene, &[&image]).exits(1);
    let run = sign(&scene, &["--all-platforms", &image]).ok();
    assert_eq!(run.stdout.lines().count(), 3);
    let tag = good.lock().expect("a lock").tags["multi"].clone();
    assert_ne!(tag, old);
    for platform in ["linux/amd64", "linux/arm64", "linux/arm/v7"] {
        verify(&scene, &["--platform", platform, &image]).ok();
    }
    // R40: each manifest was there before the index, and the index before the tag.
    let puts: Vec<_> = server
        .log()
        .into_iter()
        .filter(|line| line.starts_with("PUT"))
        .collect();
    assert!(
        puts[puts.len() - 2].ends_with(&tag) && puts[puts.len() - 1].ends_with("/multi"),
        "{puts:?}"
    );
}

#[test]
fn all_tags_of_a_repository_are_signed_one_after_another() {
    let scene = Scene::with("multi");
    let (good, server) = serving(&scene.app("app"));
    let repository = format!("docker://{}/app", server.host());
    // The tag of an artifact is none of an image.
    let signed = ir_sign([
        "cosign",
        "sign",
        "-q",
        "--key",
        &scene.text("vendor"),
        "--new-bundle-format=false",
        &format!("{repository}:multi"),
    ]);
    signed.ok();
    let tags: Vec<String> = good.lock().expect("a lock").tags.keys().cloned().collect();
    let images = tags
        .iter()
        .filter(|tag| !tag.starts_with("sha256-"))
        .count();
    assert!(images < tags.len(), "{tags:?}");
    let run = sign(&scene, &["--all", &repository]).ok();
    assert!(run.stdout.lines().count() >= images, "{}", run.stdout);
    verify(&scene, &["--all", &repository]).ok();
    let json = sign(&scene, &["--all", &repository, "--json"]).ok().json();
    assert_eq!(json["signed"].as_array().map(Vec::len), Some(images));
    sign(&scene, &["--all", &format!("{repository}:multi")]).exits(2);
}

#[test]
fn an_image_that_is_named_by_its_digest_moves_no_tag() {
    let scene = Scene::with("umoci");
    let (good, server) = serving(&scene.app("app"));
    let old = good.lock().expect("a lock").tags["latest"].clone();
    let place = format!("docker://{}/app", server.host());
    let new = sign(&scene, &[&format!("{place}@{old}")]).ok().stdout;
    assert_eq!(good.lock().expect("a lock").tags["latest"], old);
    verify(&scene, &[&format!("{place}@{}", new.trim())]).ok();
}

#[test]
fn r48_a_tag_that_others_move_is_signed_anew_and_given_up_after_three_times() {
    for (moves, status) in [(1, 0), (2, 0), (3, 3)] {
        let scene = Scene::with("umoci");
        let (good, _) = serving(&scene.app("app"));
        let known = good.clone();
        let tried = AtomicUsize::new(0);
        let server = Server::new(move |seen| {
            let mut good = known.lock().expect("a lock");
            // Right before our PUT of the tag somebody else moves it: our HEAD sees it.
            if seen.method == "HEAD"
                && seen.path().ends_with("manifests/latest")
                && tried.fetch_add(1, Ordering::SeqCst) < moves
            {
                let n = tried.load(Ordering::SeqCst);
                let text = String::from_utf8(good.manifests[&good.tags["latest"]].1.clone())
                    .expect("text");
                let text = format!("{}{}", text.trim_end(), " ".repeat(n));
                good.manifest(Some("latest"), MANIFEST, &text);
            }
            good.answer(seen)
        });
        let image = format!("docker://{}/app:latest", server.host());
        let run = sign(&scene, &[&image]).exits(status);
        if status == 0 {
            assert_eq!(
                good.lock().expect("a lock").tags["latest"],
                run.stdout.trim()
            );
            verify(&scene, &[&image]).ok();
        } else {
            assert!(
                run.stdout.is_empty() && run.stderr.contains("latest"),
                "{}",
                run.stderr
            );
            assert!(
                server
                    .log()
                    .iter()
                    .all(|line| line != "PUT /v2/app/manifests/latest")
            );
        }
    }
}

#[test]
fn r59_the_endorsement_in_use_is_found_among_the_tags_and_never_made_twice() {
    let scene = Scene::with("umoci");
    // Signed in the layout, with an endorsement that the CA made there.
    scene.sign("app", &["-d", "latest"]).ok();
    let (good, server) = serving(&scene.app("app"));
    let signed = good.lock().expect("a lock").tags["latest"].clone();
    let other = Scene::with("buildah");
    let (theirs, _) = serving(&other.app("app"));
    {
        let (mut good, theirs) = (good.lock().expect("a lock"), theirs.lock().expect("a lock"));
        good.blobs.extend(theirs.blobs.clone());
        good.manifests.extend(theirs.manifests.clone());
        let tag = theirs.tags.values().next().expect("a tag").clone();
        good.tags.insert("other".into(), tag);
    }
    let image = format!("docker://{}/app:other", server.host());
    let run = sign(&scene, &["-x", &scene.text("ca"), &image]).ok();
    let annotation = |digest: &str| {
        let manifest = oci::parse(&good.lock().expect("a lock").manifests[digest].1);
        manifest["annotations"]["com.samsung.islet.image.vendorpub.signature"].clone()
    };
    assert_eq!(annotation(run.stdout.trim()), annotation(&signed));
    assert!(annotation(&signed).is_string());
    // Another one that is given is refused on the image that carries one.
    let another = scene.another_endorsement("another.sig");
    let run = sign(
        &scene,
        &["-s", &another, "-c", &scene.text("ca.pub"), &image],
    );
    assert!([0, 1].contains(&run.status));
}

#[test]
fn r59_where_there_are_too_many_tags_nothing_is_written() {
    let scene = Scene::with("umoci");
    let (good, server) = serving(&scene.app("app"));
    {
        let mut good = good.lock().expect("a lock");
        for n in 0..205 {
            good.manifest(Some(&format!("a{n}")), MANIFEST, &format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{n}}},"layers":[]}}"#, digest(b"x")));
        }
    }
    let image = format!("docker://{}/app:latest", server.host());
    let run = sign(&scene, &["-x", &scene.text("ca"), &image]).exits(3);
    assert!(run.hint().contains("-s"), "{}", run.stderr);
    assert!(server.log().iter().all(|line| !line.starts_with("PUT")));
    // With the endorsement that is given nothing is searched.
    sign(&scene, &[&image]).ok();
    assert!(!server.log().last().expect("asked").contains("tags/list"));
    // A repository that lists no tags decides nothing.
    let (good, _) = serving(&Scene::with("umoci").app("app"));
    let server = Server::new(move |seen| match seen.path() {
        "/v2/app/tags/list" => Reply::new(403),
        _ => good.lock().expect("a lock").answer(seen),
    });
    let image = format!("docker://{}/app:latest", server.host());
    let run = sign(&scene, &["-x", &scene.text("ca"), &image]).exits(3);
    assert!(run.stderr.contains("cannot be listed"), "{}", run.stderr);
}

#[test]
fn signatures_of_others_that_do_not_follow_are_told() {
    let scene = Scene::with("umoci");
    let (good, server) = serving(&scene.app("app"));
    let old = good.lock().expect("a lock").tags["latest"].clone();
    let name = format!("{}.sig", old.replace(':', "-"));
    good.lock()
        .expect("a lock")
        .manifest(Some(&name), MANIFEST, r#"{"layers":[]}"#);
    let run = sign(&scene, &[&format!("docker://{}/app:latest", server.host())]).ok();
    assert!(run.stderr.contains(&name), "{}", run.stderr);
}

#[test]
fn a_signing_that_is_ended_at_any_request_leaves_the_old_image_or_the_new_one() {
    let scene = Scene::with("umoci");
    let whole = {
        let (_, server) = serving(&scene.app("app"));
        sign(&scene, &[&format!("docker://{}/app:latest", server.host())]).ok();
        server.log().len()
    };
    for end in 0..whole {
        let (good, _) = serving(&scene.app("app"));
        let old = good.lock().expect("a lock").tags["latest"].clone();
        let (known, asked) = (good.clone(), AtomicUsize::new(0));
        let server = Server::new(move |seen| {
            // The request arrives, and its answer never does.
            let reply = known.lock().expect("a lock").answer(seen);
            if asked.fetch_add(1, Ordering::SeqCst) >= end {
                Reply::raw("")
            } else {
                reply
            }
        });
        let run = sign(&scene, &[&format!("docker://{}/app:latest", server.host())]);
        assert!([0, 3].contains(&run.status), "{run:?}");
        let led = good.lock().expect("a lock").tags["latest"].clone();
        let known = good.clone();
        let server = Server::new(move |seen| known.lock().expect("a lock").answer(seen));
        let image = format!("docker://{}/app:latest", server.host());
        if led == old {
            assert_ne!(run.status, 0);
            verify(&scene, &[&image]).exits(1);
        } else {
            verify(&scene, &[&image]).ok();
        }
    }
}
