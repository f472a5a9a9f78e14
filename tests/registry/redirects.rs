//! Where an answer sends one: credentials go nowhere else, and no chain is endless.

use ir_sign::store::remote::{Environment, ManifestRef, Options, Problem};

use super::server::{Reply, Seen, Server, quick};

const TEXT: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
/// ann:hunter2-hunter2
const BASIC: &str = "Basic YW5uOmh1bnRlcjItaHVudGVyMg==";

fn tag() -> ManifestRef {
    ManifestRef::Tag("a".parse().expect("a tag"))
}

/// Settings with a password for the server.
fn with_password(server: &Server) -> (tempfile::TempDir, Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("auth.json");
    let text = format!(
        r#"{{"auths":{{"{}":{{"auth":"YW5uOmh1bnRlcjItaHVudGVyMg=="}}}}}}"#,
        server.host()
    );
    std::fs::write(&file, text).expect("written");
    let options = Options {
        authfile: Some(file),
        environment: Environment::default(),
        ..quick()
    };
    (folder, options)
}

fn asks(seen: &Seen) -> Option<Reply> {
    let is_shown = seen.header("authorization") == Some(BASIC);
    (!is_shown).then(|| Reply::new(401).header("WWW-Authenticate", "Basic realm=x"))
}

#[test]
fn r28_within_the_origin_credentials_go_along() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::new(move |seen| {
            asks(seen).unwrap_or_else(|| match seen.path() {
                "/v2/app/manifests/a" => Reply::new(status).header("Location", "/there?x"),
                _ => Reply::ok(TEXT),
            })
        });
        let (_folder, options) = with_password(&server);
        let found = server
            .app_with(&options)
            .manifest(&tag())
            .expect("an answer");
        assert!(found.is_some(), "{status}");
        assert_eq!(
            server.log().last().map(String::as_str),
            Some("GET /there?x")
        );
    }
}

#[test]
fn r28_nothing_that_is_the_registrys_goes_to_another_origin() {
    for by_name in [false, true] {
        let other = Server::new(|_| Reply::ok(TEXT));
        // The same machine by another name or port is another origin.
        let name = if by_name { "localhost" } else { "127.0.0.1" };
        let place = format!("http://{name}:{}/there?X-Amz-Signature=s", other.port());
        let server = Server::new(move |seen| {
            asks(seen).unwrap_or_else(|| {
                Reply::new(307)
                    .header("Location", place.clone())
                    .header("Set-Cookie", "a=b")
            })
        });
        let (_folder, options) = with_password(&server);
        assert!(
            server
                .app_with(&options)
                .manifest(&tag())
                .expect("an answer")
                .is_some()
        );
        for seen in other.seen() {
            for header in ["authorization", "cookie", "proxy-authorization", "referer"] {
                assert_eq!(seen.header(header), None, "{header}");
            }
        }
        assert_eq!(other.log(), ["GET /there?X-Amz-Signature=s"]);
    }
}

#[test]
fn r28_a_request_that_has_left_its_origin_does_not_bring_credentials_back() {
    let back: std::sync::Arc<std::sync::OnceLock<String>> = std::sync::Arc::default();
    let other = {
        let back = back.clone();
        Server::new(move |_| Reply::new(302).header("Location", back.get().expect("set").clone()))
    };
    let place = format!("http://{}/x", other.host());
    let server = Server::new(move |seen| match seen.path() {
        "/chosen" => Reply::ok(TEXT),
        _ => asks(seen).unwrap_or_else(|| Reply::new(302).header("Location", place.clone())),
    });
    back.set(format!("http://{}/chosen", server.host()))
        .expect("once");
    let (_folder, options) = with_password(&server);
    assert!(
        server
            .app_with(&options)
            .manifest(&tag())
            .expect("an answer")
            .is_some()
    );
    let chosen = server
        .seen()
        .into_iter()
        .find(|seen| seen.path() == "/chosen");
    assert_eq!(chosen.expect("asked").header("authorization"), None);
}

#[test]
fn r28_another_origin_that_wants_credentials_gets_none() {
    let other = Server::new(|_| Reply::new(401).header("WWW-Authenticate", "Basic realm=x"));
    let place = format!("http://{}/there", other.host());
    let server = Server::new(move |seen| {
        asks(seen).unwrap_or_else(|| Reply::new(302).header("Location", place.clone()))
    });
    let (_folder, options) = with_password(&server);
    let error = server.app_with(&options).manifest(&tag()).expect_err("no");
    assert!(matches!(error.problem, Problem::Redirect(_)), "{error}");
    assert_eq!(other.log().len(), 1);
}

#[test]
fn r28_chains_circles_and_other_schemes_end() {
    let refused = |location: &'static str, most: usize| {
        let server = Server::new(move |seen| {
            let number: usize = seen.query("n").map_or(0, |n| n.parse().expect("a number"));
            Reply::new(302).header("Location", location.replace('N', &(number + 1).to_string()))
        });
        let error = server.app().manifest(&tag()).expect_err(location);
        assert!(
            matches!(error.problem, Problem::Redirect(_)),
            "{location}: {error}"
        );
        assert!(
            server.log().len() <= most,
            "{location}: {}",
            server.log().len()
        );
    };
    refused("/x?n=N", 11);
    refused("/x", 2);
    refused("/v2/app/manifests/a", 1);
    for location in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "http://u:p@127.0.0.1/",
        "http://127.0.0.1:0/",
        "unix:/x",
    ] {
        refused(location, 1);
    }
    let server = Server::new(|_| Reply::new(302));
    assert!(server.app().manifest(&tag()).is_err());
}

#[test]
fn r20_an_error_shows_no_query_of_where_it_was_sent() {
    let other = Server::new(|_| Reply::new(403).body("<Error>SignatureDoesNotMatch</Error>"));
    let place = format!("http://{}/there?X-Amz-Signature=hunter2", other.host());
    let server = Server::new(move |_| Reply::new(302).header("Location", place.clone()));
    let error = server.app().manifest(&tag()).expect_err("no").to_string();
    assert!(
        !error.contains("hunter2") && error.contains("403"),
        "{error}"
    );
}
