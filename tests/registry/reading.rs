//! Manifests and blobs: ir-sign returns whole, requested content, and nothing else.

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ir_sign::class::Class;
use ir_sign::crypto::Digest;
use ir_sign::store::remote::{Error, ManifestRef, Problem, RemoteRepository};

use super::good::{Good, INDEX, MANIFEST, digest};
use super::server::{Reply, Server};

const TEXT: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;

fn tag(name: &str) -> ManifestRef {
    ManifestRef::Tag(name.parse().expect("a tag"))
}

fn of(text: &str) -> Digest {
    text.parse().expect("a digest")
}

/// Reads the tag `a` of a server that answers so: its type.
fn read(reply: Reply) -> Result<Option<String>, Error> {
    let server = Server::new(move |_| reply.clone());
    let document = server.app().manifest(&tag("a"))?;
    Ok(document.map(|document| document.media_type))
}

/// Reads a blob to its end.
fn all(app: &RemoteRepository, content: &[u8]) -> Result<Vec<u8>, String> {
    let blob = app.blob_of(of(&digest(content)), content.len() as u64);
    let mut blob = blob.map_err(|e| e.to_string())?.ok_or("absent")?;
    let mut bytes = Vec::new();
    blob.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    Ok(bytes)
}

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n ^ (n >> 8)).to_le_bytes()[0]).collect()
}

#[test]
fn r3_the_first_request_is_the_wanted_one_and_shows_nothing() {
    let good = Good::new();
    let config = good.lock().expect("a lock").blob(b"{}");
    let manifest = good
        .lock()
        .expect("a lock")
        .manifest(Some("a"), MANIFEST, TEXT);
    let server = Server::new(move |seen| good.lock().expect("a lock").answer(seen));
    let app = server.app();
    let found = app
        .manifest(&tag("a"))
        .expect("an answer")
        .expect("a manifest");
    assert_eq!(found.blob.digest().to_string(), manifest);
    assert_eq!(all(&app, b"{}").as_deref(), Ok(&b"{}"[..]));
    let asked = [
        "GET /v2/app/manifests/a".to_owned(),
        format!("GET /v2/app/blobs/{config}"),
    ];
    assert_eq!(server.log(), asked);
    for seen in server.seen() {
        assert_eq!(seen.header("authorization"), None);
        // R6: the connection is kept.
        assert_eq!(seen.connection, 0);
    }
}

#[test]
fn r4_r5_every_request_for_a_manifest_names_four_types_and_wants_nothing_packed() {
    let server = Server::new(|_| Reply::ok(TEXT).header("Content-Type", MANIFEST));
    let app = server.app();
    app.manifest(&tag("a")).expect("an answer");
    app.resolve(&"a".parse().expect("a tag"))
        .expect("an answer");
    for seen in server.seen() {
        let accept = seen.header("accept").expect("types");
        for kind in [
            INDEX,
            MANIFEST,
            "application/vnd.docker.distribution.manifest.list.v2+json",
            "application/vnd.docker.distribution.manifest.v2+json",
        ] {
            assert!(accept.contains(kind), "{accept}");
        }
        assert_eq!(seen.header("accept-encoding"), Some("identity"));
        let agent = seen.header("user-agent").expect("a name");
        assert!(agent.starts_with("ir-sign/"), "{agent}");
    }
    for encoding in ["gzip", "x", "identity, gzip", ""] {
        let packed = read(Reply::ok(TEXT).header("Content-Encoding", encoding));
        assert!(matches!(
            packed.expect_err(encoding).problem,
            Problem::Packed
        ));
    }
    assert!(read(Reply::ok(TEXT).header("Content-Encoding", "identity")).is_ok());
}

#[test]
fn r6_a_header_has_an_end_and_a_body_one_length() {
    let head = "HTTP/1.1 200 OK\r\n";
    let many = "X-A: b\r\n".repeat(101);
    let long = format!("X-A: {}\r\n", "b".repeat(70_000));
    let size = TEXT.len();
    for raw in [
        format!("{head}{many}Content-Length: {size}\r\n\r\n{TEXT}"),
        format!("{head}{long}Content-Length: {size}\r\n\r\n{TEXT}"),
        format!("{head}Content-Length: {size}\r\nContent-Length: 7\r\n\r\n{TEXT}"),
        format!("{head}Content-Length: x\r\n\r\n{TEXT}"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{TEXT}\r\n0\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{TEXT}xx0\r\n\r\n"),
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        String::new(),
    ] {
        let error = read(Reply::raw(raw.clone())).expect_err(&raw);
        assert_eq!(error.class(), Class::Undecided, "{raw}: {error}");
    }
    // The head of an endless header is not kept.
    let start = Instant::now();
    assert!(read(Reply::raw(format!("{head}X-A: {}", "b".repeat(10 << 20)))).is_err());
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn r30_a_manifest_has_the_digest_that_it_goes_by() {
    let server = Server::new(|_| Reply::ok(TEXT));
    let app = server.app();
    let other = ManifestRef::Digest(of(&digest(b"other")));
    let error = app.manifest(&other).expect_err("another");
    assert!(matches!(error.problem, Problem::Mismatch(_)), "{error}");
    assert_eq!(error.class(), Class::Refused);
    let own = ManifestRef::Digest(of(&digest(TEXT.as_bytes())));
    assert!(app.manifest(&own).expect("an answer").is_some());
    let long = Digest::of(ir_sign::crypto::HashAlgorithm::Sha512, TEXT.as_bytes());
    let found = app
        .manifest(&ManifestRef::Digest(long))
        .expect("an answer")
        .expect("there");
    assert_eq!(found.blob.digest(), long);
}

#[test]
fn r30_by_tag_the_digest_that_the_registry_states_holds() {
    let own = digest(TEXT.as_bytes());
    for stated in [own.clone(), "blake3:00".into(), "x".into()] {
        let found = read(Reply::ok(TEXT).header("Docker-Content-Digest", stated.clone()));
        assert!(found.is_ok(), "{stated}");
    }
    for stated in [
        digest(b"x"),
        "sha256:".into(),
        own.to_uppercase().replace("SHA", "sha"),
        format!("{own}0"),
    ] {
        let error = read(Reply::ok(TEXT).header("Docker-Content-Digest", stated.clone()))
            .expect_err(&stated);
        assert!(matches!(error.problem, Problem::Stated { .. }), "{error}");
        assert_eq!(error.class(), Class::Refused);
    }
}

#[test]
fn r30_a_manifest_over_four_mebibytes_is_not_read_to_its_end() {
    for reply in [
        Reply::ok(TEXT).header("Content-Length", "99999999999"),
        Reply::ok(TEXT).endless(),
    ] {
        let error = read(reply).expect_err("too large");
        assert!(matches!(error.problem, Problem::TooLarge { .. }), "{error}");
        assert_eq!(error.class(), Class::Refused);
    }
}

#[test]
fn r31_what_the_registry_calls_it_and_what_it_calls_itself_agree() {
    assert_eq!(
        read(Reply::ok(TEXT)).expect("read").as_deref(),
        Some(MANIFEST)
    );
    let vague = Reply::ok(TEXT).header("Content-Type", "text/plain; charset=utf-8");
    assert_eq!(read(vague).expect("read").as_deref(), Some(MANIFEST));
    for (text, kind) in [
        (
            r#"{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#,
            MANIFEST,
        ),
        (r#"{"schemaVersion":1,"fsLayers":[]}"#, "application/json"),
        ("<html><script>", "text/html"),
        (
            r#"{"config":{},"layers":[],"manifests":[]}"#,
            "application/json",
        ),
    ] {
        let error = read(Reply::ok(text).header("Content-Type", kind)).expect_err(text);
        assert!(matches!(error.problem, Problem::Document(_)), "{error}");
        assert_eq!(error.class(), Class::Refused);
    }
}

#[test]
fn r32_a_blob_comes_whole_and_with_its_length() {
    let content = content(300_000);
    for reply in [
        Reply::ok(content.clone()),
        Reply::ok(content.clone()).chunked(),
    ] {
        let server = Server::new(move |_| reply.clone());
        assert_eq!(all(&server.app(), &content).as_ref(), Ok(&content));
    }
    for reply in [
        Reply::ok(&content[1..]),
        Reply::ok([&content[..], b"x"].concat()),
        Reply::ok([&content[..], b"x"].concat()).chunked(),
        Reply::ok(content.clone()).endless(),
        Reply::new(206).body(content.clone()),
        Reply::new(204),
        Reply::new(201).body(content.clone()),
    ] {
        let server = Server::new(move |_| reply.clone());
        let error = all(&server.app(), &content).expect_err("refused");
        assert!(error.contains("blob sha256:"), "{error}");
        assert_eq!(server.log().len(), 1, "{error}");
    }
    assert_eq!(
        all(&Server::new(|_| Reply::ok("")).app(), b"").as_deref(),
        Ok(&b""[..])
    );
}

#[test]
fn r33_a_blob_that_ended_early_is_resumed_by_range() {
    let content = content(300_000);
    let good = Good::new();
    good.lock().expect("a lock").blob(&content);
    let times = AtomicUsize::new(0);
    let server = Server::new(move |seen| {
        let reply = good.lock().expect("a lock").answer(seen);
        match times.fetch_add(1, Ordering::SeqCst) {
            n @ 0..3 => reply.cut(1000 * (n + 1)),
            _ => reply,
        }
    });
    assert_eq!(all(&server.app(), &content).as_ref(), Ok(&content));
    let ranges: Vec<_> = server
        .seen()
        .iter()
        .map(|s| s.header("range").map(str::to_owned))
        .collect();
    let wanted = [
        None,
        Some("bytes=1000-"),
        Some("bytes=3000-"),
        Some("bytes=6000-"),
    ];
    assert_eq!(ranges, wanted.map(|range| range.map(str::to_owned)));
}

#[test]
fn r33_where_no_range_is_to_be_had_it_begins_again() {
    let content = content(100_000);
    for status in [200, 416] {
        let (bytes, times) = (content.clone(), AtomicUsize::new(0));
        let server = Server::new(move |seen| {
            let first = times.fetch_add(1, Ordering::SeqCst) == 0;
            match seen.header("range") {
                Some(_) if status == 416 => Reply::new(416),
                _ if first => Reply::ok(bytes.clone()).cut(7000),
                _ => Reply::ok(bytes.clone()),
            }
        });
        assert_eq!(
            all(&server.app(), &content).as_ref(),
            Ok(&content),
            "{status}"
        );
        assert!(server.log().len() <= 3);
    }
}

#[test]
fn r33_another_part_than_was_asked_for_is_refused() {
    let content = content(100_000);
    for range in [
        "bytes 0-99999/100000",
        "bytes 7000-99998/100000",
        "bytes 7000-99999/100001",
        "bytes 7000-99999/*",
        "7000-99999/100000",
        "",
    ] {
        let bytes = content.clone();
        let server = Server::new(move |seen| match seen.header("range") {
            None => Reply::ok(bytes.clone()).cut(7000),
            Some(_) => Reply::new(206)
                .body(&bytes[7000..])
                .header("Content-Range", range),
        });
        let error = all(&server.app(), &content).expect_err(range);
        assert!(error.contains("another part"), "{error}");
    }
}

#[test]
fn r33_gain_begins_the_count_of_tries_anew_and_without_gain_it_ends() {
    let content = content(100_000);
    // Twelve cuts, each after more than a tenth.
    let good = Good::new();
    good.lock().expect("a lock").blob(&content);
    let server = {
        let good = good.clone();
        Server::new(move |seen| {
            let reply = good.lock().expect("a lock").answer(seen);
            let most = reply.body.len().min(10_500);
            if most < reply.body.len() {
                reply.cut(most)
            } else {
                reply
            }
        })
    };
    assert_eq!(all(&server.app(), &content).as_ref(), Ok(&content));
    assert_eq!(server.log().len(), 10);
    let server = Server::new(move |seen| {
        let reply = good.lock().expect("a lock").answer(seen);
        reply.cut(100)
    });
    let error = all(&server.app(), &content).expect_err("it never ends");
    assert!(error.contains("ended too early"), "{error}");
    assert_eq!(server.log().len(), 4);
}

#[test]
fn r34_what_is_not_there_is_absent_whatever_the_code() {
    for body in [
        "",
        "<html>",
        r#"{"errors":[{"code":"UNKNOWN"}]}"#,
        r#"{"errors":[{"code":"NOT_FOUND"}]}"#,
    ] {
        assert!(
            read(Reply::new(404).body(body))
                .expect("an answer")
                .is_none()
        );
        let server = Server::new(move |_| Reply::new(404).body(body));
        let error = all(&server.app(), b"x").expect_err("absent");
        assert_eq!(error, "absent");
    }
}

#[test]
fn r34_a_registrys_words_are_short_and_safe() {
    let words = format!(
        r#"{{"errors":[{{"code":"DENIED","message":"\u001b[2Jtoken\n\u202eevil {}"}}]}}"#,
        "x".repeat(9999)
    );
    let error = read(Reply::new(403).body(words)).expect_err("denied");
    let shown = error.to_string();
    assert!(
        shown.contains("answers 403 (DENIED: \\u{1b}[2Jtoken \\u{202e}evil xxx"),
        "{shown}"
    );
    assert!(
        shown.len() < 800 && !shown.contains(['\u{1b}', '\n', '\u{202e}']),
        "{shown}"
    );
    assert_eq!(error.class(), Class::Undecided);
    // The run reads no more of them than it needs.
    let error = read(Reply::new(403).endless()).expect_err("denied");
    assert!(matches!(error.problem, Problem::Status { status: 403, .. }));
}
