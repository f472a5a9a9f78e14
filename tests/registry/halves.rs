//! The halves of rules that no other test names: requests, output, and time limits.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Run, Sandbox, Scene, ir_sign, oci, program};
use ir_sign::class::Class;
use ir_sign::image::{Descriptor, Tag};
use ir_sign::store::remote::{ManifestRef, Options, Problem, Pushed};

use super::good::{Good, INDEX, MANIFEST, digest};
use super::program::{serving, verify};
use super::server::{Reply, Server, quick, repository};
use super::tls::Authority;
use super::writing::{blob, good, push};

const TEXT: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;

fn tag(name: &str) -> Tag {
    name.parse().expect("a tag")
}

#[test]
fn r2_with_a_digest_nobody_asks_for_the_tag() {
    let scene = Scene::with("umoci");
    let signed = scene.sign("app", &["-d", "latest"]).ok().stdout;
    let (_, server) = serving(&scene.app("app"));
    let image = format!("docker://{}/app:gone@{}", server.host(), signed.trim());
    assert_eq!(verify(&scene, &[&image]).ok().stdout, signed);
    assert!(server.log().iter().all(|line| !line.contains("gone")));
}

#[test]
fn r2_docker_io_is_asked_at_its_own_host_and_under_library() {
    let authority = Authority::new();
    authority.issue("good", "DNS:registry-1.docker.io", &[]);
    let server = Server::tls(authority.server_config("good", false), |_| Reply::ok(TEXT));
    let (proxy, heads) = super::tls::proxy("200 OK", server.port());
    let ca = authority.path("ca.pem").display().to_string();
    let mut command = Command::new(program());
    command.args([
        "inspect-image",
        "--retries",
        "0",
        "--tls-ca",
        &ca,
        "docker://busybox:1",
    ]);
    command.env("HTTPS_PROXY", format!("http://{proxy}"));
    let _ = command.output().expect("it runs");
    let heads = heads.lock().expect("a lock");
    assert!(
        heads[0].starts_with("CONNECT registry-1.docker.io:443 "),
        "{heads:?}"
    );
    assert_eq!(server.log()[0], "GET /v2/library/busybox/manifests/1");
}

#[test]
fn r4_lists_are_asked_for_as_json_too() {
    let server = Server::new(|_| Reply::ok("{}"));
    let app = server.app();
    let _ = app.tags();
    let _ = app.referrers(&digest(b"x").parse().expect("a digest"), None);
    for seen in server
        .seen()
        .iter()
        .filter(|seen| !seen.path().contains("manifests"))
    {
        let accept = seen.header("accept").unwrap_or("*/*");
        assert!(
            accept.contains("application/json") || accept == "*/*",
            "{accept}"
        );
    }
}

#[test]
fn r5_a_blob_that_is_packed_on_its_way_is_refused() {
    let server = Server::new(|_| Reply::ok("x").header("Content-Encoding", "gzip"));
    let app = server.app();
    let asked = app.blob_of(digest(b"x").parse().expect("a digest"), 1);
    let error = asked.expect_err("packed");
    assert!(matches!(error.problem, Problem::Packed), "{error}");
    assert_eq!(server.seen()[0].header("accept-encoding"), Some("identity"));
}

/// A registry with a token service, whose challenge has this scope; the service refuses two scopes at once.
fn with_scope(challenge: &'static str) -> Server {
    let (good, _) = good();
    Server::new(move |seen| {
        if seen.path() == "/token" {
            return match seen.queries("scope").len() {
                1 => Reply::ok(r#"{"token":"t"}"#),
                _ => Reply::new(401),
            };
        }
        if seen.header("authorization").is_some() {
            return good.lock().expect("a lock").answer(seen);
        }
        let host = seen.header("host").expect("a host");
        let text = format!("Bearer realm=\"http://{host}/token\"{challenge}");
        Reply::new(401).header("WWW-Authenticate", text)
    })
}

#[test]
fn r13_whatever_scope_a_challenge_names_ours_is_asked_for() {
    for challenge in [
        "",
        ",scope=\"repository:app:push,pull\"",
        ",scope=\"repository:user/image:pull\"",
        ",scope=\"repository:another:pull,push\"",
        ",scope=\"\"",
    ] {
        let server = with_scope(challenge);
        assert_eq!(push(&server, &blob(b"x")).expect(challenge), Pushed::Sent);
        let seen = server.seen();
        let tokens: Vec<_> = seen.iter().filter(|seen| seen.path() == "/token").collect();
        assert_eq!(tokens.len(), 1);
        assert_eq!(tokens[0].queries("scope"), ["repository:app:pull,push"]);
    }
}

#[test]
fn r14_where_no_token_is_given_for_both_repositories_the_blob_is_sent() {
    let server = with_scope("");
    let from = repository(&server.host(), "base", &quick()).name().clone();
    let blob = blob(b"x");
    let app = server.app().to_write();
    let pushed = app.push_blob(&blob.digest(), 1, &blob, Some(&from));
    assert_eq!(pushed.expect("sent"), Pushed::Sent);
    let seen = server.seen();
    let mut mounts = seen.iter().filter(|seen| seen.query("mount").is_some());
    assert!(mounts.all(|seen| seen.header("authorization").is_none()));
}

#[test]
fn r15_an_upload_that_meets_a_401_sends_its_body_from_the_start() {
    let (good, _) = good();
    let age = AtomicUsize::new(0);
    let server = Server::new(move |seen| {
        if seen.path() == "/token" {
            return Reply::ok(format!(r#"{{"token":"t{}"}}"#, age.load(Ordering::SeqCst)));
        }
        // The token ends right before the bytes come.
        if seen.method == "PUT" && seen.header("authorization") == Some("Bearer t0") {
            age.store(1, Ordering::SeqCst);
        }
        let wanted = format!("Bearer t{}", age.load(Ordering::SeqCst));
        if seen.header("authorization") == Some(&wanted) {
            return good.lock().expect("a lock").answer(seen);
        }
        let host = seen.header("host").expect("a host");
        Reply::new(401).header(
            "WWW-Authenticate",
            format!("Bearer realm=\"http://{host}/token\""),
        )
    });
    let blob = blob(&vec![7; 300_000]);
    assert_eq!(push(&server, &blob).expect("sent"), Pushed::Sent);
    let bodies: Vec<_> = server
        .seen()
        .into_iter()
        .filter(|seen| seen.method == "PUT")
        .collect();
    assert_eq!(bodies.len(), 2);
    assert!(bodies.iter().all(|seen| seen.body == blob.bytes()));
}

#[test]
fn r17_the_variables_of_podman_and_docker_lead_to_their_files() {
    let sandbox = Sandbox::new();
    let server = Server::new(|seen| match seen.header("authorization") {
        Some("Basic YW5uOmh1bnRlcjItaHVudGVyMg==") => Reply::new(404),
        _ => Reply::new(401).header("WWW-Authenticate", "Basic realm=x"),
    });
    let text = format!(
        r#"{{"auths":{{"{}":{{"auth":"YW5uOmh1bnRlcjItaHVudGVyMg=="}}}}}}"#,
        server.host()
    );
    for (variable, folder, file) in [
        ("DOCKER_CONFIG", "docker", "docker/config.json"),
        ("XDG_CONFIG_HOME", "config", "config/containers/auth.json"),
        ("XDG_RUNTIME_DIR", "runtime", "runtime/containers/auth.json"),
        ("REGISTRY_AUTH_FILE", "named.json", "named.json"),
    ] {
        let path = sandbox.path(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        sandbox.write(file, &text);
        let mut command = Command::new(program());
        command.args([
            "inspect-image",
            &format!("docker://{}/app:1", server.host()),
        ]);
        for other in [
            "DOCKER_CONFIG",
            "XDG_CONFIG_HOME",
            "XDG_RUNTIME_DIR",
            "REGISTRY_AUTH_FILE",
        ] {
            command.env_remove(other);
        }
        command.env("HOME", sandbox.path("nowhere"));
        command.env(variable, sandbox.path(folder));
        let run = Run::from(command.output().expect("it runs")).exits(3);
        assert!(
            run.stderr.contains("there is no image"),
            "{variable}: {}",
            run.stderr
        );
    }
}

#[test]
fn r19_r20_a_helper_hears_the_host_alone_and_json_shows_no_secret() {
    let sandbox = Sandbox::new();
    let server = Server::new(|seen| {
        let sent = seen.header("authorization").unwrap_or_default().to_owned();
        Reply::new(401)
            .header("WWW-Authenticate", "Basic realm=x")
            .body(sent)
    });
    let heard = sandbox.path("heard");
    let script = format!(
        "#!/bin/sh\necho \"$@\" > {0}; cat >> {0}; echo '{{\"Username\":\"ann\",\"Secret\":\"hunter2-hunter2\"}}'\n",
        heard.display()
    );
    std::fs::create_dir(sandbox.path("bin")).expect("made");
    sandbox.write("bin/docker-credential-lab", script);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(sandbox.path("bin/docker-credential-lab"), mode).expect("set");
    sandbox.write("auth.json", r#"{"credsStore":"lab"}"#);
    let auth = sandbox.path("auth.json").display().to_string();
    let image = format!("docker://{}/app:1", server.host());
    for words in [
        &["inspect-image", "--json"][..],
        &["verify-image", "--json", "-c", "ca.pub"],
    ] {
        harness::copy_keys(&sandbox.path("."));
        let mut command = Command::new(program());
        command.args(words).args(["--authfile", &auth, &image]);
        let path = std::env::var("PATH").expect("a path");
        command.env("PATH", format!("{}:{path}", sandbox.path("bin").display()));
        command.current_dir(sandbox.path("."));
        let run = Run::from(command.output().expect("it runs")).exits(3);
        for text in [&run.stdout, &run.stderr] {
            assert!(
                !text.contains("hunter2") && !text.contains("YW5uOmh1"),
                "{text}"
            );
        }
    }
    let heard = std::fs::read_to_string(heard).expect("it was asked");
    assert_eq!(heard, format!("get\n{}\n", server.host()));
    // It was shown to the registry, and never again after it was refused.
    assert_eq!(server.log().len(), 4);
}

#[test]
fn r25_the_systems_roots_are_those_that_the_variables_name() {
    let (authority, server) = Authority::with_server("IP:127.0.0.1");
    let image = format!("docker://{}/app:1", server.host());
    let run = |variable: &str, value: &std::path::Path| {
        let mut command = Command::new(program());
        command.args(["inspect-image", "--retries", "0", &image]);
        command.env(variable, value);
        Run::from(command.output().expect("it runs"))
    };
    let folder = authority.path("roots");
    std::fs::create_dir(&folder).expect("made");
    std::fs::copy(authority.path("ca.pem"), folder.join("ca.pem")).expect("copied");
    harness::tool("openssl", ["rehash", &folder.display().to_string()]);
    // The port answers nothing to plain HTTP, so TLS is tried next.
    for (variable, value) in [
        ("SSL_CERT_FILE", authority.path("ca.pem")),
        ("SSL_CERT_DIR", folder),
    ] {
        let shown = run(variable, &value);
        assert!(
            !shown.stderr.contains("TLS"),
            "{variable}: {}",
            shown.stderr
        );
    }
    assert!(!server.log().is_empty());
}

#[test]
fn r28_a_head_follows_too() {
    for status in [301, 302, 303, 307, 308] {
        let found = digest(b"x");
        let server = Server::new(move |seen| match seen.path() {
            "/there" => Reply::new(200).header("Docker-Content-Digest", found.clone()),
            _ => Reply::new(status).header("Location", "/there"),
        });
        let led = server.app().resolve(&tag("a")).expect("an answer");
        assert_eq!(
            led.map(|led| led.to_string()),
            Some(digest(b"x")),
            "{status}"
        );
        assert_eq!(server.log(), ["HEAD /v2/app/manifests/a", "HEAD /there"]);
    }
}

#[test]
fn r29_what_is_sent_follows_within_the_origin_alone() {
    for status in [307, 308] {
        let (good, _) = good();
        let server = Server::new(move |seen| {
            let mut moved = seen.clone();
            match seen.target.strip_prefix("/moved") {
                Some(rest) => {
                    moved.target = rest.to_owned();
                    good.lock().expect("a lock").answer(&moved)
                }
                None if seen.method == "HEAD" => Reply::new(404),
                None => Reply::new(status).header("Location", format!("/moved{}", seen.target)),
            }
        });
        let blob = blob(&vec![3; 100_000]);
        assert_eq!(
            push(&server, &blob).expect("sent"),
            Pushed::Sent,
            "{status}"
        );
        let sent = server.seen().into_iter().rfind(|seen| seen.method == "PUT");
        assert_eq!(sent.expect("sent").body, blob.bytes());
    }
    let other = Server::new(|_| Reply::new(201));
    for (status, place) in [
        (307, format!("http://{}/u", other.host())),
        (308, format!("http://{}/u", other.host())),
        (301, "/moved".to_owned()),
        (302, "/moved".to_owned()),
        (303, "/moved".to_owned()),
    ] {
        for refusing in ["POST", "PUT"] {
            let place = place.clone();
            let server = Server::new(move |seen| match seen.method.as_str() {
                "HEAD" => Reply::new(404),
                method if method == refusing => {
                    Reply::new(status).header("Location", place.clone())
                }
                "POST" => Reply::new(202).header("Location", "/u"),
                _ => Reply::new(204),
            });
            let error = push(&server, &blob(b"x")).expect_err("not followed");
            assert!(
                matches!(error.problem, Problem::Redirect(_)),
                "{status}: {error}"
            );
            assert_eq!(error.class(), Class::Undecided);
            assert!(server.log().iter().all(|line| !line.ends_with("/moved")));
        }
    }
    assert!(other.log().is_empty());
}

#[test]
fn r29_storage_that_refuses_a_head_has_nothing_and_a_blob_is_resumed_at_the_registry() {
    let storage = Server::new(
        |seen| match (seen.method.as_str(), seen.query("n").as_deref()) {
            ("HEAD", _) => Reply::new(403),
            // Each address is good for once.
            (_, Some("1")) => Reply::ok(vec![7; 100_000]).cut(60_000),
            (_, Some("2")) => Reply::new(206)
                .body(vec![7; 40_000])
                .header("Content-Range", "bytes 60000-99999/100000"),
            _ => Reply::new(403),
        },
    );
    let place = format!("http://{}/blob?n=", storage.host());
    let asked = AtomicUsize::new(0);
    let (good, _) = good();
    let server = Server::new(move |seen| match seen.method.as_str() {
        "HEAD" => Reply::new(307).header("Location", format!("{place}0")),
        "GET" => {
            let n = asked.fetch_add(1, Ordering::SeqCst) + 1;
            Reply::new(307).header("Location", format!("{place}{n}"))
        }
        _ => good.lock().expect("a lock").answer(seen),
    });
    assert_eq!(push(&server, &blob(b"x")).expect("sent"), Pushed::Sent);
    let content = vec![7; 100_000];
    let name = digest(&content).parse().expect("a digest");
    let app = server.app();
    let mut reader = app
        .blob_of(name, 100_000)
        .expect("an answer")
        .expect("there");
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("resumed");
    assert_eq!(bytes, content);
    let ranges: Vec<_> = storage
        .seen()
        .iter()
        .filter(|seen| seen.method == "GET")
        .map(|seen| seen.header("range").map(str::to_owned))
        .collect();
    assert_eq!(ranges, [None, Some("bytes=60000-".to_owned())]);
}

#[test]
fn r30_once_its_digest_is_known_nobody_asks_for_the_tag_again() {
    let scene = Scene::with("multi");
    scene.sign("app", &["-d", "multi", "--all-platforms"]).ok();
    let (_, server) = serving(&scene.app("app"));
    let image = format!("docker://{}/app:multi", server.host());
    verify(&scene, &["--all-platforms", &image]).ok();
    let to = format!("oci:{}", scene.text("to"));
    ir_sign(["copy", &image, &to]).ok();
    let asked = server
        .log()
        .iter()
        .filter(|line| line.ends_with("/manifests/multi"))
        .count();
    assert_eq!(asked, 2, "once a run: {:?}", server.log());
}

#[test]
fn r31_what_a_descriptor_states_of_a_manifest_holds() {
    let server = Server::new(|_| Reply::ok(TEXT).header("Content-Type", MANIFEST));
    let descriptor = |kind: &'static str, size: usize| Descriptor {
        media_type: kind.into(),
        digest: digest(TEXT.as_bytes()).parse().expect("a digest"),
        size: size as u64,
        tag: None,
        full_name: None,
        platform: None,
        embedded: ir_sign::image::Embedded::Nothing,
    };
    let app = server.app();
    let own = descriptor(MANIFEST, TEXT.len());
    assert!(app.manifest_of(&own).expect("it holds").is_some());
    for other in [
        descriptor(INDEX, TEXT.len()),
        descriptor(MANIFEST, TEXT.len() + 1),
    ] {
        let error = app.manifest_of(&other).expect_err("it does not");
        assert_eq!(error.class(), Class::Refused, "{error}");
    }
}

#[test]
fn r32_addresses_that_an_image_names_for_its_layers_are_never_visited() {
    let elsewhere = Server::new(|_| Reply::ok("x"));
    let scene = Scene::new();
    let maker = oci::Maker::new(scene.app("app"));
    let config = maker.config(&[b"layer"]);
    let mut layer = maker.blob(
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        b"layer",
    );
    layer["urls"] = serde_json::json!([format!("http://{}/layer", elsewhere.host())]);
    let image = maker.manifest(&config, &[layer]);
    maker.index(&[oci::with_tag(image, "a")]);
    let (good, server) = serving(&scene.app("app"));
    let image = format!("docker://{}/app:a", server.host());
    let to = format!("oci:{}", scene.text("to"));
    ir_sign(["copy", &image, &to]).ok();
    good.lock().expect("a lock").blobs.remove(&digest(b"layer"));
    let to = format!("oci:{}", scene.text("other"));
    ir_sign(["copy", &image, &to]).exits(1);
    verify(&scene, &[&image]).exits(1);
    assert!(elsewhere.log().is_empty());
}

#[test]
fn r56_a_list_of_referrers_is_followed_to_its_last_page() {
    let entry = |n: usize| serde_json::json!({"mediaType": MANIFEST, "digest": digest(&[n.to_le_bytes()[0]]), "size": 1});
    let server = Server::new(move |seen| {
        let n: usize = seen
            .query("page")
            .map_or(0, |n| n.parse().expect("a number"));
        let list =
            serde_json::json!({"mediaType": INDEX, "manifests": [entry(2 * n), entry(2 * n + 1)]});
        let reply = Reply::ok(list.to_string());
        if n == 2 {
            return reply;
        }
        reply.header(
            "Link",
            format!("<{}?page={}>; rel=\"next\"", seen.path(), n + 1),
        )
    });
    let subject = digest(b"x").parse().expect("a digest");
    assert_eq!(
        server
            .app()
            .referrers(&subject, None)
            .expect("a list")
            .len(),
        6
    );
    assert_eq!(server.log().len(), 3);
}

#[test]
fn r57_an_entry_that_does_not_say_its_kind_is_not_left_out() {
    let entry = |kind: Option<&str>| serde_json::json!({"mediaType": MANIFEST, "digest": digest(kind.unwrap_or("").as_bytes()), "size": 1, "artifactType": kind});
    let list = serde_json::json!({"mediaType": INDEX, "manifests": [entry(Some("sig")), entry(None), entry(Some("other"))]}).to_string();
    let server = Server::new(move |_| Reply::ok(list.clone()));
    let subject = digest(b"x").parse().expect("a digest");
    let found = server
        .app()
        .referrers(&subject, Some("sig"))
        .expect("a list");
    let kinds: Vec<_> = found
        .iter()
        .map(|one| one.artifact_type.as_deref())
        .collect();
    assert_eq!(kinds, [Some("sig"), None]);
}

#[test]
fn r60_r61_answers_in_plain_text_with_bare_line_feeds_are_read_and_tried_again() {
    let asked = AtomicUsize::new(0);
    let server = Server::new(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::raw(
            "HTTP/1.1 429 Too Many Requests\nContent-Type: text/plain\nContent-Length: 4\n\nslow",
        ),
        1 => Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        _ => Reply::ok(TEXT),
    });
    let reference = ManifestRef::Tag(tag("a"));
    let first = server.app().manifest(&reference);
    // An answer with a malformed body has come already, and the run does not ask for it again.
    let error = first.expect_err("malformed");
    assert_eq!(error.class(), Class::Undecided, "{error}");
    assert_eq!(server.log().len(), 2);
}

#[test]
fn r62_a_handshake_and_an_upload_that_stand_still_end_in_time() {
    let options = Options {
        timeout: Duration::from_millis(400),
        retries: 0,
        ..quick()
    };
    // A port where somebody listens and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    let authority = Authority::new();
    let by_tls = Options {
        tls_ca: Some(authority.path("ca.pem")),
        ..options.clone()
    };
    let start = Instant::now();
    let error = repository(&host, "app", &by_tls)
        .tags()
        .expect_err("silent");
    assert!(matches!(error.problem, Problem::Slow { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(3), "{error}");
    // One that takes the header of an upload and none of its bytes.
    let stuck = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = stuck.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for mut stream in stuck.incoming().flatten() {
            thread::spawn(move || {
                let mut buffer = [0; 2048];
                while let Ok(1..) = stream.read(&mut buffer) {
                    let text = String::from_utf8_lossy(&buffer).into_owned();
                    if text.starts_with("PUT") {
                        thread::sleep(Duration::from_secs(5));
                        return;
                    }
                    let answer = if text.starts_with("HEAD") {
                        "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n"
                    } else {
                        "HTTP/1.1 202 X\r\nLocation: /u\r\nContent-Length: 0\r\n\r\n"
                    };
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
        }
    });
    let large = blob(&vec![1; 40 << 20]);
    let app = repository(&host, "app", &options).to_write();
    let start = Instant::now();
    let error = app
        .push_blob(&large.digest(), large.size(), &large, None)
        .expect_err("stuck");
    assert!(matches!(error.problem, Problem::Slow { .. }), "{error}");
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn r63_what_has_another_size_or_type_is_refused_and_what_is_cut_off_undecided() {
    let scene = Scene::with("umoci");
    scene.sign("app", &["-d", "latest"]).ok();
    let layer = oci::manifest(&scene.app("app"), "latest", None)["layers"][0].clone();
    let layer = layer["digest"].as_str().expect("a digest").to_owned();
    let answers = |reply: fn(Reply) -> Reply| {
        let (good, _) = serving(&scene.app("app"));
        let layer = layer.clone();
        let server = Server::new(move |seen| {
            let answer = good.lock().expect("a lock").answer(seen);
            if seen.path().ends_with(&layer) {
                reply(answer)
            } else {
                answer
            }
        });
        verify(&scene, &[&format!("docker://{}/app", server.host())]).status
    };
    assert_eq!(answers(|reply| reply), 0);
    assert_eq!(answers(|reply| Reply::ok(&reply.body[1..])), 1);
    assert_eq!(
        answers(|reply| Reply::ok([&reply.body[..], b"x"].concat())),
        1
    );
    assert_eq!(answers(|reply| reply.cut(3)), 3);
    assert_eq!(answers(|_| Reply::new(503)), 3);
    assert_eq!(answers(|_| Reply::raw("")), 3);
}

/// The most memory that a copy of an image with a layer of so many bytes takes, in KiB.
fn peak(bytes: usize) -> u64 {
    let sandbox = Sandbox::new();
    let maker = oci::Maker::new(sandbox.path("from"));
    let content = vec![0_u8; bytes];
    let image = maker.image("", &content, &content);
    maker.index(&[oci::with_tag(image, "a")]);
    let (_, server) = serving(&sandbox.path("from"));
    let mut child = Command::new(program())
        .args(["copy", "--timeout", "20s"])
        .arg(format!("docker://{}/app:a", server.host()))
        .arg(format!("oci:{}", sandbox.path("to").display()))
        .stdout(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut most = 0;
    while child.try_wait().expect("a child").is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let line = status.unwrap_or_default();
        let line = line.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let found = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        most = found.unwrap_or(0).max(most);
        thread::sleep(Duration::from_millis(1));
    }
    assert!(child.wait().expect("it ends").success());
    most
}

#[test]
fn r63_memory_does_not_grow_with_blobs() {
    let (small, large) = (peak(4 << 20), peak(96 << 20));
    assert!(
        small > 0 && large < small + 4096,
        "{small} KiB and {large} KiB"
    );
}

#[test]
fn r46_copy_changes_no_type_and_signing_makes_dockers_types_those_of_oci() {
    let scene = Scene::with("umoci");
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let (good, server) = serving(&scene.app("app"));
    {
        let mut good = good.lock().expect("a lock");
        let led = good.tags["latest"].clone();
        let mut text = oci::parse(&good.manifests[&led].1);
        text["mediaType"] = docker.into();
        text["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json".into();
        for layer in text["layers"].as_array_mut().expect("layers") {
            layer["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip".into();
        }
        good.manifest(Some("docker"), docker, &text.to_string());
    }
    let target = Good::new();
    let known = target.clone();
    let there = Server::new(move |seen| known.lock().expect("a lock").answer(seen));
    let image = format!("docker://{}/app:docker", server.host());
    let run = ir_sign(["copy", &image, &format!("docker://{}/app:x", there.host())]).ok();
    assert_eq!(
        target.lock().expect("a lock").manifests[run.stdout.trim()].0,
        docker
    );
    let put = there.seen().into_iter().rfind(|seen| seen.method == "PUT");
    assert_eq!(put.expect("sent").header("content-type"), Some(docker));
    super::signing::sign(&scene, &[&image]).ok();
    let put = server.seen().into_iter().rfind(|seen| seen.method == "PUT");
    let put = put.expect("sent");
    assert_eq!(put.header("content-type"), Some(MANIFEST));
    assert_eq!(oci::parse(&put.body)["mediaType"], MANIFEST);
}
