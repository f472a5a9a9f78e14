//! The first steps of a new user: names that lead nowhere, registries that are absent or refuse, and the advice for
//! these.

use std::time::Instant;

use harness::{Run, Sandbox, Scene, ir_sign, oci, program};

use super::good::{Good, INDEX, MANIFEST};
use super::program::serving;
use super::server::{Reply, Server};

/// The hint that was given; nothing where none was.
fn hint(run: &Run) -> String {
    let mut lines = run.stderr.lines();
    let found = lines.find_map(|line| line.strip_prefix("hint: "));
    found.unwrap_or_default().to_owned()
}

fn inspect(image: &str) -> Run {
    ir_sign(["inspect-image", "--retries", "0", image])
}

fn serve(good: &std::sync::Arc<std::sync::Mutex<Good>>) -> Server {
    let known = good.clone();
    Server::new(move |seen| known.lock().expect("a lock").answer(seen))
}

#[test]
fn a_tag_that_is_not_there_names_those_that_are() {
    let good = Good::new();
    {
        let mut good = good.lock().expect("a lock");
        for tag in ["1.0", "1.0.1"] {
            good.manifest(Some(tag), MANIFEST, r#"{"layers":[]}"#);
        }
        let beside = format!("sha256-{}.sig", "a".repeat(64));
        good.manifest(Some(&beside), MANIFEST, r#"{"layers":[]}"#);
    }
    let server = serve(&good);
    let app = format!("docker://{}/app", server.host());
    let run = inspect(&app).exits(3);
    let run = run.says("no image \"latest\" (there are: 1.0, 1.0.1");
    assert!(!run.stderr.contains(".sig"), "{}", run.stderr);
    assert_eq!(
        hint(&run),
        format!(
            "a name without a tag means the tag \"latest\": name one that is there, as in {app}:1.0"
        )
    );
    let run = inspect(&format!("{app}:1.1")).exits(3);
    assert_eq!(hint(&run), format!("did you mean {app}:1.0?"));
    let run = inspect(&format!("{app}:nothing-alike")).exits(3);
    assert_eq!(
        hint(&run),
        format!("name one that is there, as in {app}:1.0")
    );
    // As a source of a copy, and for signing, too.
    let scene = Scene::new();
    let to = format!("oci:{}", scene.text("to"));
    assert!(hint(&ir_sign(["copy", &app, &to]).exits(3)).contains("latest"));
    // A repository that is not there, and one that nobody may list: the tag is absent all the same.
    let run = inspect(&format!("docker://{}/none:1.0", server.host())).exits(3);
    assert!(hint(&run).contains("repository's name"), "{run:#?}");
    for list in [
        Reply::new(403),
        Reply::new(500),
        Reply::ok("<html>"),
        Reply::raw(""),
    ] {
        let server = Server::new(move |seen| match seen.path() {
            "/v2/app/tags/list" => list.clone(),
            _ => Reply::new(404),
        });
        let run = inspect(&format!("docker://{}/app:1.0", server.host())).exits(3);
        run.says("there is no image \"1.0\"");
    }
}

#[test]
fn of_very_many_tags_one_page_is_read_and_some_are_told() {
    let server = Server::new(|seen| match seen.path() {
        "/v2/app/tags/list" => {
            let tags: Vec<_> = (0..100).map(|n| format!("v{n}")).collect();
            let page = serde_json::json!({"tags": tags}).to_string();
            Reply::ok(page).header("Link", "</v2/app/tags/list?last=v99>; rel=\"next\"")
        }
        _ => Reply::new(404),
    });
    let run = inspect(&format!("docker://{}/app:w", server.host())).exits(3);
    run.says("v19 and more)");
    let lists = server
        .log()
        .iter()
        .filter(|line| line.contains("tags/list"))
        .count();
    assert_eq!(lists, 1);
}

#[test]
fn r60_a_host_that_nobody_knows_is_told_at_once() {
    let start = Instant::now();
    let run = ir_sign(["inspect-image", "docker://no-such-host.invalid/app:1.0"]).exits(3);
    let took = start.elapsed();
    assert!(
        run.stderr.contains("no-such-host.invalid"),
        "{}",
        run.stderr
    );
    // Where nothing resolves names at all, it may be another day.
    if run.stderr.contains("there is no host") {
        assert!(took.as_millis() < 900, "{took:?}");
        assert!(hint(&run).contains("spelt right"), "{run:#?}");
    }
}

#[test]
fn a_registry_that_is_not_there_is_waited_for_in_words() {
    let gone = Server::new(|_| Reply::new(404)).host();
    let image = format!("docker://{gone}/app:1.0");
    let run = inspect(&image).exits(3).says("no server listens there");
    assert!(hint(&run).contains("port"), "{run:#?}");
    // The second wait is the first one that is long enough to be told.
    let run = ir_sign(["inspect-image", "--retries", "2", &image]).exits(3);
    assert!(run.stderr.contains("trying again in 2 s"), "{}", run.stderr);
    let run = ir_sign(["inspect-image", "--retries", "2", "-q", &image]).exits(3);
    assert!(!run.stderr.contains("trying again"), "{}", run.stderr);
}

#[test]
fn who_has_not_logged_in_is_told_how() {
    let server = Server::new(|_| Reply::new(401).header("WWW-Authenticate", "Basic realm=x"));
    let run = inspect(&format!("docker://{}/app:1.0", server.host())).exits(3);
    let login = format!("podman login {}", server.host());
    assert!(hint(&run).contains(&login), "{run:#?}");
}

#[test]
fn r27_mirrors_of_others_are_not_asked_and_a_hint_names_them() {
    let asked = Server::new(|_| Reply::new(404));
    let gone = Server::new(|_| Reply::new(404)).host();
    let sandbox = Sandbox::new();
    let file = "config/containers/registries.conf";
    std::fs::create_dir_all(sandbox.path("config/containers")).expect("a folder");
    let text = format!(
        "[[registry]]\nlocation = \"{gone}\"\n[[registry.mirror]]\nlocation = \"{}/hub\"\n",
        asked.host()
    );
    sandbox.write(file, &text);
    let run = |image: &str| {
        let mut command = std::process::Command::new(program());
        command.args(["inspect-image", "--retries", "0", image]);
        command.env("XDG_CONFIG_HOME", sandbox.path("config"));
        Run::from(command.output().expect("it runs")).exits(3)
    };
    let told = hint(&run(&format!("docker://{gone}/team/app:1.0")));
    assert!(
        told.contains(&format!("docker://{}/hub/team/app", asked.host()))
            && told.contains(&sandbox.path(file).display().to_string()),
        "{told}"
    );
    assert!(asked.log().is_empty(), "the mirror was asked");
    // Nothing is said of it where the mirrors are another host's.
    let other = Server::new(|_| Reply::new(404)).host();
    assert!(!hint(&run(&format!("docker://{other}/app:1.0"))).contains("mirror"));
}

#[test]
fn r46_what_some_registries_refuse_of_a_manifest_is_told_in_words() {
    let scene = Scene::with("umoci");
    let maker = oci::Maker::new(scene.app("odd"));
    let layer = maker.blob("application/x;a=b", b"x");
    let image = maker.image("", b"content", b"content");
    let config = maker.blob("application/vnd.odd+json", b"{}");
    let odd = maker.document(&serde_json::json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/x",
        "config": config, "layers": [layer], "subject": image,
    }));
    let docker = maker.document(&serde_json::json!({
        "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": config, "layers": [],
    }));
    maker.index(&[
        oci::with_tag(odd, "odd"),
        oci::with_tag(docker, "docker"),
        oci::with_tag(image, "plain"),
    ]);
    for (status, code) in [(400, "MANIFEST_INVALID"), (415, "UNSUPPORTED"), (405, "")] {
        let good = Good::new();
        let server = Server::new(move |seen| match (seen.method.as_str(), seen.path()) {
            ("PUT", path) if path.contains("/manifests/") => {
                Reply::new(status).body(format!(r#"{{"errors":[{{"code":"{code}"}}]}}"#))
            }
            _ => good.lock().expect("a lock").answer(seen),
        });
        let copy = |tag: &str| {
            let from = format!("oci:{}:{tag}", scene.app("odd").display());
            ir_sign([
                "copy",
                "--retries",
                "0",
                &from,
                &format!("docker://{}/app:x", server.host()),
            ])
            .exits(3)
        };
        let run = copy("odd")
            .says("an artifactType")
            .says("a subject")
            .says("(;)");
        let run = run.says("a config that is not an image's").says(code);
        assert!(
            hint(&run).contains("copy changes no media type"),
            "{run:#?}"
        );
        copy("docker").says("Docker's media types");
        let plain = copy("plain").says(&status.to_string());
        assert!(
            !plain.stderr.contains("some registries"),
            "{}",
            plain.stderr
        );
    }
}

#[test]
fn a_repository_that_has_to_be_made_first_is_told() {
    let scene = Scene::with("umoci");
    let server = Server::new(|_| {
        Reply::new(404)
            .body(r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no such repository"}]}"#)
    });
    let from = format!("oci:{}:latest", scene.app("app").display());
    let run = ir_sign(["copy", &from, &format!("docker://{}/app:x", server.host())]).exits(3);
    assert!(
        hint(&run).contains("make the repository there first"),
        "{run:#?}"
    );
}

#[test]
fn r41_a_registry_that_says_it_has_a_blob_and_has_not_gets_all_of_them_once() {
    let scene = Scene::with("multi");
    let from = format!("oci:{}:multi", scene.app("app").display());
    // It says of everything that it is there.
    let lying = |is_stubborn: bool| {
        let (whole, _) = serving(&scene.app("app"));
        let good = Good::new();
        let known = good.clone();
        let server = Server::new(move |seen| {
            if seen.method == "HEAD" && !seen.path().ends_with("/x") {
                return whole.lock().expect("a lock").answer(seen);
            }
            if is_stubborn && seen.method == "PUT" && seen.path().contains("/manifests/") {
                return Reply::new(404).body(r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#);
            }
            known.lock().expect("a lock").answer(seen)
        });
        (good, server)
    };
    let (good, server) = lying(false);
    let to = format!("docker://{}/app:x", server.host());
    let run = ir_sign(["copy", "--retries", "0", &from, &to]).ok();
    let good = good.lock().expect("a lock");
    assert_eq!(good.tags["x"], run.stdout.trim());
    let (kind, index) = &good.manifests[run.stdout.trim()];
    assert_eq!(kind, INDEX);
    for child in oci::parse(index)["manifests"].as_array().expect("a list") {
        let digest = child["digest"].as_str().expect("a digest");
        let manifest = oci::parse(&good.manifests[digest].1);
        for blob in manifest["layers"].as_array().expect("layers") {
            assert!(
                good.blobs
                    .contains_key(blob["digest"].as_str().expect("a digest"))
            );
        }
    }
    assert!(run.stderr.contains("10 blobs sent"), "{}", run.stderr);
    // One that goes on lying gets them once, and not for ever.
    let (_, server) = lying(true);
    let to = format!("docker://{}/app:x", server.host());
    let run = ir_sign(["copy", "--retries", "0", &from, &to]).exits(3);
    run.says("MANIFEST_BLOB_UNKNOWN");
    let posts = server
        .log()
        .iter()
        .filter(|line| line.starts_with("POST"))
        .count();
    assert_eq!(posts, 6, "{:?}", server.log());
}

#[test]
fn r49_a_blob_that_turns_out_wrong_on_its_way_leaves_no_upload() {
    let scene = Scene::with("umoci");
    let app = scene.app("app");
    let layer = oci::manifest(&app, "latest", None)["layers"][0].clone();
    let path = oci::blob_path(&app, layer["digest"].as_str().expect("a digest"));
    let mut bytes = harness::read(&path);
    bytes[0] ^= 1;
    std::fs::remove_file(&path).expect("removed");
    harness::write(&path, bytes);
    let good = Good::new();
    let server = serve(&good);
    let from = format!("oci:{}:latest", app.display());
    let to = format!("docker://{}/app:x", server.host());
    ir_sign(["copy", "--retries", "0", "--jobs", "1", &from, &to]).exits(1);
    assert_eq!(good.lock().expect("a lock").open_uploads(), 0);
    assert!(server.log().iter().any(|line| line.starts_with("DELETE")));
}
