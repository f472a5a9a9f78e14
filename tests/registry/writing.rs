//! Pushing: blobs before manifests before tags, and what registries demand on the way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ir_sign::class::Class;
use ir_sign::crypto::{Digest, HashAlgorithm};
use ir_sign::image::{Blob, Tag};
use ir_sign::store::remote::{Document, ManifestRef, Move, Problem, Pushed, fallback_tag};

use super::good::{Good, INDEX, MANIFEST, digest};
use super::server::{Reply, Seen, Server};

pub fn good() -> (Arc<Mutex<Good>>, Server) {
    let good = Good::new();
    let known = good.clone();
    (
        good,
        Server::new(move |seen| known.lock().expect("a lock").answer(seen)),
    )
}

pub fn blob(bytes: &[u8]) -> Blob {
    Blob::new(HashAlgorithm::Sha256, bytes.to_vec())
}

fn manifest(text: &str) -> Document {
    Document {
        blob: blob(text.as_bytes()),
        media_type: MANIFEST.into(),
    }
}

pub fn push(server: &Server, blob: &Blob) -> Result<Pushed, ir_sign::store::remote::Error> {
    // Forty megabytes take their time on a busy machine.
    let patient = ir_sign::store::remote::Options {
        timeout: std::time::Duration::from_secs(20),
        ..super::server::quick()
    };
    server
        .app_with(&patient)
        .to_write()
        .push_blob(&blob.digest(), blob.size(), blob, None)
}

fn tag(name: &str) -> Tag {
    name.parse().expect("a tag")
}

#[test]
fn r41_r42_a_blob_is_sent_whole_unless_it_is_there() {
    let (good, server) = good();
    let blob = blob(&vec![7; 300_000]);
    assert_eq!(push(&server, &blob).expect("sent"), Pushed::Sent);
    assert_eq!(push(&server, &blob).expect("there"), Pushed::Present);
    assert_eq!(
        good.lock().expect("a lock").blobs[&blob.digest().to_string()],
        blob.bytes()
    );
    let seen = server.seen();
    let digest = blob.digest().to_string().replace(':', "%3A");
    let methods: Vec<_> = seen.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["HEAD", "POST", "PUT", "HEAD"]);
    // The query is kept byte for byte.
    assert_eq!(
        seen[2].target,
        format!("/v2/app/blobs/uploads/upload-1?_state=a%2Fb==0&digest={digest}")
    );
    assert_eq!(seen[2].header("content-length"), Some("300000"));
    assert_eq!(seen[2].header("transfer-encoding"), None);
    // No POST with a body.
    assert_eq!(
        (seen[1].header("content-length"), seen[1].body.len()),
        (Some("0"), 0)
    );
}

#[test]
fn r41_a_registry_without_head_gets_the_blob() {
    for status in [404, 405, 403] {
        let (good, _) = good();
        let server = Server::new(move |seen| match seen.method.as_str() {
            "HEAD" => Reply::new(status),
            _ => good.lock().expect("a lock").answer(seen),
        });
        assert_eq!(push(&server, &blob(b"x")).expect("sent"), Pushed::Sent);
    }
    // A blob of that name with another length is another one.
    let server = Server::new(|seen| match seen.method.as_str() {
        "HEAD" => Reply::ok("other length"),
        "POST" => Reply::new(202).header("Location", "/u"),
        _ => Reply::new(201),
    });
    assert_eq!(push(&server, &blob(b"x")).expect("sent"), Pushed::Sent);
}

#[test]
fn r42_a_location_may_be_relative_or_without_a_scheme() {
    for location in ["/u?a=b", "?a=b", "u", "//HOST/u?a=b", "http://HOST/u"] {
        let server = Server::new(move |seen| match seen.method.as_str() {
            "HEAD" => Reply::new(404),
            "POST" => {
                let host = seen.header("host").expect("a host");
                Reply::new(202).header("Location", location.replace("HOST", host))
            }
            _ => Reply::new(201),
        });
        assert_eq!(push(&server, &blob(b"x")).expect(location), Pushed::Sent);
        let target = &server.seen()[2].target;
        let mark = if location.contains('?') { "&" } else { "?" };
        assert!(
            target.contains(&format!("{mark}digest=sha256%3A")),
            "{target}"
        );
    }
}

#[test]
fn r42_a_sha512_blob_says_so_from_the_start() {
    let (_, server) = good();
    let blob = Blob::new(HashAlgorithm::Sha512, b"x".to_vec());
    push(&server, &blob).expect("sent");
    let post = &server.seen()[1].target;
    assert_eq!(post, "/v2/app/blobs/uploads/?digest-algorithm=sha512");
}

#[test]
fn r43_another_origin_takes_the_bytes_and_gets_no_credentials() {
    let other = Server::new(|_| Reply::new(201));
    let place = format!("http://{}/u?sig=x", other.host());
    let server =
        Server::new(
            move |seen| match (seen.method.as_str(), seen.header("authorization")) {
                (_, None) => Reply::new(401).header("WWW-Authenticate", "Basic realm=x"),
                ("HEAD", _) => Reply::new(404),
                _ => Reply::new(202).header("Location", place.clone()),
            },
        );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("auth.json");
    std::fs::write(
        &file,
        format!(
            r#"{{"auths":{{"{}":{{"auth":"YW5uOmh1bnRlcjI="}}}}}}"#,
            server.host()
        ),
    )
    .expect("written");
    let options = ir_sign::store::remote::Options {
        authfile: Some(file),
        ..super::server::quick()
    };
    let blob = blob(b"bytes");
    let app = server.app_with(&options).to_write();
    app.push_blob(&blob.digest(), blob.size(), &blob, None)
        .expect("sent");
    let seen = &other.seen()[0];
    assert_eq!(
        (seen.header("authorization"), &seen.body[..]),
        (None, &b"bytes"[..])
    );
    assert_eq!(seen.query("sig").as_deref(), Some("x"));
}

#[test]
fn r43_a_registry_that_wants_pieces_gets_pieces() {
    let content = vec![5; 40 << 20];
    let blob = blob(&content);
    // By its word from the start, or because the whole is too much.
    for (least, too_large) in [(Some(17 << 20), false), (None, true)] {
        let (good, _) = good();
        let known = good.clone();
        let server = Server::new(move |seen| {
            if too_large && seen.method == "PUT" && !seen.body.is_empty() {
                return Reply::new(413);
            }
            let reply = known.lock().expect("a lock").answer(seen);
            match (least, seen.method.as_str()) {
                (Some(least), "POST") => reply.header("OCI-Chunk-Min-Length", least.to_string()),
                _ => reply,
            }
        });
        assert_eq!(push(&server, &blob).expect("sent"), Pushed::Sent);
        let patches: Vec<_> = server
            .seen()
            .into_iter()
            .filter(|seen| seen.method == "PATCH")
            .collect();
        let piece = least.unwrap_or(16 << 20);
        let ranges: Vec<_> = patches
            .iter()
            .map(|seen| seen.header("content-range").map(str::to_owned))
            .collect();
        let wanted = [(0, piece), (piece, 2 * piece), (2 * piece, 40 << 20)];
        assert_eq!(
            ranges,
            wanted.map(|(from, to)| Some(format!("{from}-{}", to - 1)))
        );
        assert_eq!(good.lock().expect("a lock").blobs.len(), 1);
    }
}

#[test]
fn r43_a_session_that_is_gone_is_begun_again_once() {
    let (good, _) = good();
    let asked = AtomicUsize::new(0);
    let server = Server::new(move |seen| {
        if seen.method == "PUT" && asked.fetch_add(1, Ordering::SeqCst) == 0 {
            return Reply::new(404);
        }
        good.lock().expect("a lock").answer(seen)
    });
    assert_eq!(push(&server, &blob(b"x")).expect("sent"), Pushed::Sent);
    let server = Server::new(|seen| match seen.method.as_str() {
        "POST" => Reply::new(202).header("Location", "/u"),
        _ => Reply::new(404),
    });
    let error = push(&server, &blob(b"x")).expect_err("gone");
    assert!(matches!(error.problem, Problem::Location(_)), "{error}");
    let posts = server
        .log()
        .iter()
        .filter(|line| line.starts_with("POST"))
        .count();
    assert_eq!(posts, 2);
}

#[test]
fn r43_a_location_that_is_no_address_is_refused() {
    for location in [
        None,
        Some("file:///x"),
        Some("http://u:p@127.0.0.1/"),
        Some("http://127.0.0.1:0/"),
    ] {
        let server = Server::new(move |seen| match seen.method.as_str() {
            "POST" => location.map_or(Reply::new(202), |l| Reply::new(202).header("Location", l)),
            _ => Reply::new(404),
        });
        let error = push(&server, &blob(b"x")).expect_err("refused");
        assert!(matches!(error.problem, Problem::Location(_)), "{error}");
    }
}

#[test]
fn r44_a_blob_that_was_taken_for_another_is_an_error_and_a_refused_one_given_up() {
    let server = Server::new(|seen| match seen.method.as_str() {
        "POST" => Reply::new(202).header("Location", "/u"),
        "PUT" => Reply::new(201).header("Docker-Content-Digest", digest(b"other")),
        _ => Reply::new(404),
    });
    let error = push(&server, &blob(b"x")).expect_err("another");
    assert!(matches!(error.problem, Problem::Taken { .. }), "{error}");
    assert_eq!(error.class(), Class::Refused);
    let server = Server::new(|seen| match seen.method.as_str() {
        "POST" => Reply::new(202).header("Location", "/u"),
        "PUT" => Reply::new(403),
        _ => Reply::new(404),
    });
    assert!(push(&server, &blob(b"x")).is_err());
    assert_eq!(server.log().last().map(String::as_str), Some("DELETE /u"));
}

#[test]
fn r45_a_blob_is_mounted_where_the_registry_can_do_that() {
    let from = |server: &Server| server.app().name().clone();
    let mount = |post: Reply| {
        let (good, _) = good();
        let server = Server::new(move |seen: &Seen| match seen.query("mount") {
            Some(_) => post.clone(),
            None => good.lock().expect("a lock").answer(seen),
        });
        let blob = blob(b"x");
        let app = super::server::repository(&server.host(), "other/app", &super::server::quick())
            .to_write();
        let pushed = app.push_blob(&blob.digest(), 1, &blob, Some(&from(&server)));
        (pushed.map_err(|error| error.to_string()), server.log())
    };
    let (pushed, log) = mount(Reply::new(201));
    assert_eq!(pushed, Ok(Pushed::Mounted));
    let digest = digest(b"x").replace(':', "%3A");
    assert_eq!(
        log[1],
        format!("POST /v2/other/app/blobs/uploads/?mount={digest}&from=app")
    );
    // A session instead, as some always answer: it is used.
    let (pushed, log) = mount(Reply::new(202).header("Location", "/v2/app/blobs/uploads/none"));
    assert!(
        pushed.is_err()
            && log
                .iter()
                .any(|line| line.starts_with("PUT /v2/app/blobs/uploads/none?digest=")),
        "{log:?}"
    );
    for status in [400, 404, 405] {
        let (_, log) = mount(Reply::new(status));
        assert!(
            log.iter()
                .any(|line| line == "POST /v2/other/app/blobs/uploads/"),
            "{log:?}"
        );
    }
}

#[test]
fn r13_r14_a_write_asks_for_both_from_the_start_and_a_mount_for_both_repositories() {
    let (good, _) = good();
    let server = Server::new(move |seen| {
        if seen.path() == "/token" {
            return Reply::ok(r#"{"token":"t"}"#);
        }
        if seen.header("authorization").is_none() {
            let host = seen.header("host").expect("a host");
            let challenge =
                format!("Bearer realm=\"http://{host}/token\",scope=\"repository:app:pull\"");
            return Reply::new(401).header("WWW-Authenticate", challenge);
        }
        if seen.query("mount").is_some() {
            return Reply::new(201);
        }
        good.lock().expect("a lock").answer(seen)
    });
    let blob = blob(b"x");
    let app = server.app().to_write();
    let other = super::server::repository(&server.host(), "base", &super::server::quick())
        .name()
        .clone();
    assert_eq!(
        app.push_blob(&blob.digest(), 1, &blob, Some(&other))
            .expect("mounted"),
        Pushed::Mounted
    );
    let scopes: Vec<_> = server
        .seen()
        .iter()
        .filter(|seen| seen.path() == "/token")
        .map(|seen| seen.queries("scope"))
        .collect();
    assert_eq!(
        scopes,
        [
            vec!["repository:app:pull,push"],
            vec!["repository:app:pull,push", "repository:base:pull"]
        ]
    );
}

#[test]
fn r46_a_manifest_goes_as_it_is_and_under_its_own_type() {
    let (good, server) = good();
    let app = server.app().to_write();
    let document = manifest(r#"{"layers" : [ ],  "x":1.0e2}"#);
    app.push_manifest(&document).expect("sent");
    let seen = &server.seen()[0];
    assert_eq!(seen.header("content-type"), Some(MANIFEST));
    assert_eq!(seen.body, document.blob.bytes());
    assert_eq!(
        seen.target,
        format!("/v2/app/manifests/{}", document.blob.digest())
    );
    assert_eq!(good.lock().expect("a lock").manifests.len(), 1);
    // R40: not before what it leads to.
    let lacking = manifest(&format!(
        r#"{{"config":{{"digest":"{}"}},"layers":[]}}"#,
        digest(b"x")
    ));
    let error = app
        .push_manifest(&lacking)
        .expect_err("lacking")
        .to_string();
    assert!(error.contains("MANIFEST_BLOB_UNKNOWN"), "{error}");
}

#[test]
fn r47_an_answer_that_is_lost_is_looked_up() {
    for lost in [Reply::raw(""), Reply::new(500)] {
        let good = Good::new();
        let known = good.clone();
        let server = Server::new(move |seen| {
            let reply = known.lock().expect("a lock").answer(seen);
            if seen.method == "PUT" {
                lost.clone()
            } else {
                reply
            }
        });
        let app = server.app().to_write();
        let sent = app.push_manifest(&manifest(r#"{"layers":[]}"#));
        // A status is an answer; silence is looked up.
        assert_eq!(
            sent.is_ok(),
            !server.log().iter().all(|line| line.starts_with("PUT"))
        );
        assert_eq!(good.lock().expect("a lock").manifests.len(), 1);
    }
    // A tag that cannot be moved and leads there already.
    let document = manifest(r#"{"layers":[]}"#);
    let text = document.blob.bytes().to_vec();
    let server = Server::new(move |seen| match seen.method.as_str() {
        "PUT" => Reply::new(400).body(r#"{"errors":[{"code":"TAG_INVALID"}]}"#),
        _ => Reply::ok(text.clone()).header("Content-Type", MANIFEST),
    });
    assert!(server.app().to_write().push_manifest(&document).is_ok());
}

#[test]
fn r48_a_tag_moves_only_from_where_it_was() {
    let (good, server) = good();
    let app = server.app().to_write();
    let (first, second, third) = (
        manifest(r#"{"n":1,"layers":[]}"#),
        manifest(r#"{"n":2,"layers":[]}"#),
        manifest(r#"{"n":3,"layers":[]}"#),
    );
    let moved = app.move_tag(&tag("a"), None, &first).expect("an answer");
    assert_eq!(moved, Move::Done { from: None });
    let old = first.blob.digest();
    let moved = app
        .move_tag(&tag("a"), Some(&old), &second)
        .expect("an answer");
    assert_eq!(moved, Move::Done { from: Some(old) });
    let put = server
        .seen()
        .into_iter()
        .rfind(|seen| seen.method == "PUT")
        .expect("sent");
    assert_eq!(put.header("if-match"), Some(format!("\"{old}\"").as_str()));
    // Somebody else was there: nothing is written.
    let before = server
        .log()
        .iter()
        .filter(|line| line.starts_with("PUT"))
        .count();
    let moved = app
        .move_tag(&tag("a"), Some(&old), &third)
        .expect("an answer");
    assert_eq!(
        moved,
        Move::Lost {
            found: Some(second.blob.digest())
        }
    );
    let after = server
        .log()
        .iter()
        .filter(|line| line.starts_with("PUT"))
        .count();
    assert_eq!(before, after);
    // And it leads there already.
    let moved = app
        .move_tag(&tag("a"), Some(&old), &second)
        .expect("an answer");
    assert_eq!(
        moved,
        Move::Done {
            from: Some(second.blob.digest())
        }
    );
    assert_eq!(
        good.lock().expect("a lock").tags["a"],
        second.blob.digest().to_string()
    );
}

#[test]
fn r48_a_tag_that_another_takes_right_after_is_seen_and_one_that_does_not_move_too() {
    let (good, _) = good();
    let other = good
        .lock()
        .expect("a lock")
        .manifest(None, MANIFEST, r#"{"n":9,"layers":[]}"#);
    let known = good.clone();
    let server = Server::new(move |seen| {
        let mut good = known.lock().expect("a lock");
        let reply = good.answer(seen);
        if seen.method == "PUT" {
            good.tags.insert("a".into(), other.clone());
        }
        reply
    });
    let document = manifest(r#"{"n":1,"layers":[]}"#);
    let moved = server
        .app()
        .to_write()
        .move_tag(&tag("a"), None, &document)
        .expect("an answer");
    assert_eq!(
        moved,
        Move::Lost {
            found: Some(digest(br#"{"n":9,"layers":[]}"#).parse().expect("a digest"))
        }
    );
    let server = Server::new(|seen| match seen.method.as_str() {
        "PUT" => Reply::new(201),
        _ => Reply::new(404),
    });
    let error = server
        .app()
        .to_write()
        .move_tag(&tag("a"), None, &document)
        .expect_err("unmoved");
    assert!(matches!(error.problem, Problem::Unmoved { .. }), "{error}");
    assert_eq!(error.class(), Class::Undecided);
}

fn about(subject: &Digest, number: u32) -> Document {
    manifest(&serde_json::json!({"mediaType": MANIFEST, "artifactType": "sig", "layers": [], "annotations": {"n": number.to_string()}, "subject": {"mediaType": MANIFEST, "digest": subject.to_string(), "size": 7}}).to_string())
}

#[test]
fn r58_a_manifest_is_attached_by_the_registry_or_under_the_fallback_tag() {
    for lists in [true, false] {
        let (good, server) = good();
        good.lock().expect("a lock").lists_referrers = lists;
        let app = server.app().to_write();
        let subject = blob(b"subject").digest();
        for number in 0..3 {
            app.attach(&about(&subject, number), &subject)
                .expect("attached");
        }
        // Again: nothing more.
        app.attach(&about(&subject, 0), &subject).expect("attached");
        let found = app.referrers(&subject, Some("sig")).expect("a list");
        assert_eq!(found.len(), 3, "{lists}");
        assert!(found.iter().all(|one| one.annotations.contains_key("n")));
        let tag = fallback_tag(&subject).expect("a tag");
        assert_eq!(
            good.lock().expect("a lock").tags.contains_key(tag.as_str()),
            !lists
        );
    }
}

#[test]
fn r58_a_registry_that_says_it_noted_it_and_lists_nothing_gets_the_tag() {
    let (good, _) = good();
    let known = good.clone();
    let subject = blob(b"subject").digest();
    let server = Server::new(move |seen| {
        let reply = known.lock().expect("a lock").answer(seen);
        if seen.method == "PUT" {
            reply.header("OCI-Subject", subject.to_string())
        } else {
            reply
        }
    });
    server
        .app()
        .to_write()
        .attach(&about(&subject, 1), &subject)
        .expect("attached");
    let tag = fallback_tag(&subject).expect("a tag");
    assert!(good.lock().expect("a lock").tags.contains_key(tag.as_str()));
}

#[test]
fn r58_what_is_in_the_list_stays_as_it_is_and_what_is_no_list_is_not_replaced() {
    let (good, server) = good();
    let subject = blob(b"subject").digest();
    let tag = fallback_tag(&subject).expect("a tag");
    let entry =
        serde_json::json!({"mediaType": MANIFEST, "digest": digest(b"x"), "size": 1}).to_string();
    let text = format!(r#"{{"mediaType":"{INDEX}", "manifests":[ {entry} ],"x": 1.50}}"#);
    good.lock().expect("a lock").manifest(None, MANIFEST, "x");
    good.lock()
        .expect("a lock")
        .manifest(Some(tag.as_str()), INDEX, &text);
    let app = server.app().to_write();
    app.attach(&about(&subject, 1), &subject).expect("attached");
    let now = app
        .manifest(&ManifestRef::Tag(tag.clone()))
        .expect("an answer")
        .expect("there");
    let now = String::from_utf8(now.blob.bytes().to_vec()).expect("text");
    assert!(now.contains(&entry) && now.contains(r#""x":1.50"#), "{now}");
    good.lock()
        .expect("a lock")
        .manifest(Some(tag.as_str()), MANIFEST, r#"{"layers":[]}"#);
    let error = app
        .attach(&about(&subject, 2), &subject)
        .expect_err("no list");
    assert!(matches!(error.problem, Problem::Fallback), "{error}");
}

#[test]
fn r58_two_that_attach_at_once_both_stay() {
    let (good, _) = good();
    let subject = blob(b"subject").digest();
    let tag = fallback_tag(&subject).expect("a tag");
    let (known, name, times) = (good.clone(), tag.to_string(), AtomicUsize::new(0));
    let server = Server::new(move |seen| {
        let mut good = known.lock().expect("a lock");
        let reply = good.answer(seen);
        // Another one puts its own list there right after ours, twice.
        if seen.method == "PUT"
            && seen.path().ends_with(&name)
            && times.fetch_add(1, Ordering::SeqCst) < 2
        {
            let n = times.load(Ordering::SeqCst);
            let other = format!(r#"{{"n":{n}}}"#);
            let other = good.manifest(None, MANIFEST, &other);
            let entry = serde_json::json!({"mediaType": MANIFEST, "digest": other, "size": 7});
            let text = serde_json::json!({"mediaType": INDEX, "manifests": [entry]}).to_string();
            good.manifest(Some(&name), INDEX, &text);
        }
        reply
    });
    let app = server.app().to_write();
    app.attach(&about(&subject, 1), &subject).expect("attached");
    assert_eq!(app.referrers(&subject, None).expect("a list").len(), 2);
}
