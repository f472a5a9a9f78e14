//! Passwords and tokens go to the registry, and nowhere else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ir_sign::class::Class;
use ir_sign::store::remote::{Error, ManifestRef, Options, Problem};

use super::server::{Reply, Seen, Server, pairs, quick};

const TEXT: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
const PASSWORD: &str = "hunter2-hunter2";
/// ann:hunter2-hunter2
const BASIC: &str = "YW5uOmh1bnRlcjItaHVudGVyMg==";

fn manifest(server: &Server, options: &Options) -> Result<bool, Error> {
    let reference = ManifestRef::Tag("a".parse().expect("a tag"));
    Ok(server.app_with(options).manifest(&reference)?.is_some())
}

/// Settings with this entry for the server.
fn with(server: &Server, entry: &str) -> (tempfile::TempDir, Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("auth.json");
    std::fs::write(
        &file,
        format!(r#"{{"auths":{{"{}":{entry}}}}}"#, server.host()),
    )
    .expect("written");
    let options = Options {
        authfile: Some(file),
        ..quick()
    };
    (folder, options)
}

fn password() -> String {
    format!(r#"{{"auth":"{BASIC}"}}"#)
}

/// A registry that wants a token of a service at `/token`, which answers so; tokens that it takes begin with `good`.
fn with_service(service: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
    let host: Arc<Mutex<String>> = Arc::default();
    let known = host.clone();
    let server = Server::new(move |seen| {
        if seen.path() == "/token" {
            return service(seen);
        }
        let token = seen
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "));
        if token.is_some_and(|token| token.starts_with("good")) {
            return Reply::ok(TEXT);
        }
        let host = known.lock().expect("a lock").clone();
        let challenge = format!(
            r#"Bearer realm="http://{host}/token?kept=1",service="lab x",scope="repository:another:push,pull""#
        );
        Reply::new(401).header("WWW-Authenticate", challenge)
    });
    *host.lock().expect("a lock") = server.host();
    server
}

#[test]
fn r11_r13_a_token_is_asked_for_with_the_password_and_scopes_of_ours() {
    let server = with_service(|_| Reply::ok(r#"{"token":"good-1"}"#));
    let (_folder, options) = with(&server, &password());
    assert!(manifest(&server, &options).expect("an answer"));
    let seen = &server.seen()[1];
    assert_eq!(seen.method, "GET");
    for (name, value) in [("kept", "1"), ("service", "lab x"), ("account", "ann")] {
        assert_eq!(seen.query(name).as_deref(), Some(value));
    }
    assert_eq!(seen.queries("scope"), ["repository:app:pull"]);
    assert_eq!(
        seen.header("authorization"),
        Some(format!("Basic {BASIC}").as_str())
    );
    assert_eq!(
        server.seen()[2].header("authorization"),
        Some("Bearer good-1")
    );
    // R3: nothing was shown before it was asked for, and three requests are all there are.
    assert_eq!(server.seen()[0].header("authorization"), None);
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn r11_without_a_password_the_token_is_an_anonymous_one() {
    let server = with_service(|_| Reply::ok(r#"{"access_token":"good-2","expires_in":300}"#));
    assert!(manifest(&server, &quick()).expect("an answer"));
    let seen = &server.seen()[1];
    assert_eq!(
        (seen.header("authorization"), seen.query("account")),
        (None, None)
    );
}

#[test]
fn r3_what_worked_is_shown_at_once_from_then_on() {
    let server = with_service(|_| Reply::ok(r#"{"token":"good"}"#));
    let app = server.app();
    for _ in 0..3 {
        app.manifest(&ManifestRef::Tag("a".parse().expect("a tag")))
            .expect("an answer");
    }
    let log = server.log();
    assert_eq!(log.iter().filter(|line| line.contains("/token")).count(), 1);
    assert_eq!(log.len(), 5, "{log:?}");
}

#[test]
fn r11_what_is_no_token_is_an_error_and_reaches_no_header() {
    for body in [
        "",
        "[]",
        "{}",
        r#"{"token":"a b"}"#,
        r#"{"token":"x\r\nX-Evil: y"}"#,
        "<html>",
    ] {
        let server = with_service(move |_| Reply::ok(body));
        let error = manifest(&server, &quick()).expect_err(body);
        assert!(matches!(error.problem, Problem::Token(_)), "{error}");
        assert!(
            server
                .seen()
                .iter()
                .all(|seen| seen.header("x-evil").is_none()
                    && seen.header("authorization").is_none())
        );
    }
    let server = with_service(|_| Reply::ok("{").endless());
    let error = manifest(&server, &quick()).expect_err("endless");
    assert!(
        matches!(error.problem, Problem::TooLarge { limit } if limit == 1 << 20),
        "{error}"
    );
}

#[test]
fn r12_an_identity_token_is_posted_and_goes_by_no_other_way() {
    for refused in [None, Some(404), Some(405)] {
        let server = with_service(move |seen| match (seen.method.as_str(), refused) {
            ("POST", Some(status)) => Reply::new(status),
            _ => Reply::ok(r#"{"access_token":"good"}"#),
        });
        let (_folder, options) = with(
            &server,
            r#"{"auth":"YW5uOg==","identitytoken":"id/en+tity"}"#,
        );
        assert!(manifest(&server, &options).expect("an answer"));
        let posted = &server.seen()[1];
        let body = String::from_utf8(posted.body.clone()).expect("text");
        let form = [
            ("grant_type", "refresh_token"),
            ("service", "lab x"),
            ("client_id", "ir-sign"),
            ("scope", "repository:app:pull"),
            ("refresh_token", "id/en+tity"),
        ];
        let form: Vec<_> = form
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        assert_eq!(pairs(&body), form);
        assert_eq!(
            posted.header("content-type"),
            Some("application/x-www-form-urlencoded")
        );
        let others = server
            .seen()
            .into_iter()
            .filter(|seen| seen.method == "GET");
        for seen in others {
            assert!(!seen.target.contains("tity"), "{}", seen.target);
        }
    }
}

#[test]
fn r15_a_token_that_is_refused_is_renewed_once() {
    let asked = AtomicUsize::new(0);
    let tokens = Arc::new(AtomicUsize::new(0));
    let server = {
        let tokens = tokens.clone();
        with_service(move |_| {
            tokens.fetch_add(1, Ordering::SeqCst);
            // The first one is not good for long.
            let name = if asked.fetch_add(1, Ordering::SeqCst) == 0 {
                "bad"
            } else {
                "good"
            };
            Reply::ok(format!(r#"{{"token":"{name}"}}"#))
        })
    };
    let error = manifest(&server, &quick()).expect_err("refused");
    assert!(
        matches!(error.problem, Problem::Credentials { .. }),
        "{error}"
    );
    assert_eq!(error.class(), Class::Undecided);
    // A token that was good until now is renewed in mid-work.
    let app = server.app();
    let reference = ManifestRef::Tag("a".parse().expect("a tag"));
    assert!(app.manifest(&reference).expect("good").is_some());
    assert_eq!(tokens.load(Ordering::SeqCst), 2);
}

#[test]
fn r15_in_mid_work_a_401_is_met_with_a_new_token() {
    let age = Arc::new(AtomicUsize::new(0));
    let valid = age.clone();
    let server = Server::new(move |seen| {
        if seen.path() == "/token" {
            return Reply::ok(format!(
                r#"{{"token":"t{}","expires_in":3600}}"#,
                age.load(Ordering::SeqCst)
            ));
        }
        let wanted = format!("Bearer t{}", age.load(Ordering::SeqCst));
        if seen.header("authorization") == Some(&wanted) {
            return Reply::ok(TEXT);
        }
        let host = seen.header("host").expect("a host").to_owned();
        Reply::new(401).header(
            "WWW-Authenticate",
            format!("Bearer realm=\"http://{host}/token\""),
        )
    });
    let app = server.app();
    let reference = ManifestRef::Tag("a".parse().expect("a tag"));
    assert!(app.manifest(&reference).expect("good").is_some());
    valid.store(1, Ordering::SeqCst);
    assert!(app.manifest(&reference).expect("renewed").is_some());
    assert_eq!(server.log().len(), 6);
}

#[test]
fn r15_a_password_that_is_refused_is_not_sent_again() {
    let server = Server::new(|_| {
        Reply::new(401)
            .header("WWW-Authenticate", "Basic realm=x")
            .body("no entry")
    });
    let (_folder, options) = with(&server, &password());
    let error = manifest(&server, &options).expect_err("refused");
    assert!(
        matches!(error.problem, Problem::Credentials { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("no entry"), "{error}");
    let shown = server
        .seen()
        .iter()
        .filter(|seen| seen.header("authorization").is_some())
        .count();
    assert_eq!((shown, server.log().len()), (1, 2));
    let error = manifest(&server, &quick()).expect_err("nothing known");
    assert!(
        matches!(error.problem, Problem::Anonymous { .. }),
        "{error}"
    );
    assert_eq!(error.class(), Class::Undecided);
}

#[test]
fn r15_403_is_final() {
    let server = with_service(|_| Reply::new(403).body("denied"));
    assert!(manifest(&server, &quick()).is_err());
    assert_eq!(server.log().len(), 2);
}

#[test]
fn r16_a_token_service_that_sends_one_on_gets_the_password_and_no_other() {
    let other = Server::new(|_| Reply::ok(r#"{"token":"good"}"#));
    let place = format!("http://{}/t?x=y", other.host());
    for status in [302, 307] {
        let place = place.clone();
        let server = with_service(move |_| Reply::new(status).header("Location", place.clone()));
        let (_folder, options) = with(&server, &password());
        assert!(manifest(&server, &options).expect("an answer"));
    }
    for seen in other.seen() {
        assert_eq!(
            (seen.header("authorization"), seen.target.as_str()),
            (None, "/t?x=y")
        );
    }
    // A posted body goes nowhere else at all.
    let before = other.log().len();
    let server = with_service(move |seen| match seen.method.as_str() {
        "POST" => Reply::new(307).header("Location", place.clone()),
        _ => Reply::ok(r#"{"token":"good"}"#),
    });
    let (_folder, options) = with(&server, r#"{"identitytoken":"identity"}"#);
    let error = manifest(&server, &options).expect_err("elsewhere");
    assert!(matches!(error.problem, Problem::Redirect(_)), "{error}");
    assert_eq!(other.log().len(), before);
}

#[test]
fn r16_a_realm_that_is_no_address_gets_nothing() {
    for realm in [
        "file:///etc/passwd",
        "http://u:p@127.0.0.1/",
        "/token",
        "x",
        "unix:/var/run",
    ] {
        let challenge = format!("Bearer realm=\"{realm}\"");
        let server =
            Server::new(move |_| Reply::new(401).header("WWW-Authenticate", challenge.clone()));
        let (_folder, options) = with(&server, &password());
        let error = manifest(&server, &options).expect_err(realm);
        assert!(matches!(error.problem, Problem::Realm(_)), "{error}");
        assert_eq!(server.log().len(), 1);
    }
}

#[test]
fn r18_a_token_for_the_registry_itself_goes_there_as_it_is() {
    let server = with_service(|_| Reply::new(500));
    let (_folder, options) = with(&server, r#"{"registrytoken":"good-own"}"#);
    assert!(manifest(&server, &options).expect("an answer"));
    assert_eq!(server.log().len(), 2);
}

/// A registry's answer to a request and the secret that came with it.
type Echo = fn(&Seen, &str) -> Reply;

#[test]
fn r20_no_error_repeats_what_was_sent() {
    let echo = |seen: &Seen| {
        let value = seen.header("authorization").unwrap_or_default();
        value.to_owned()
    };
    let ways: [Echo; 7] = [
        |_, value| Reply::new(403).body(format!("you sent {value}")),
        |_, value| {
            Reply::new(401)
                .body(value)
                .header("WWW-Authenticate", "Basic realm=x")
        },
        |_, value| Reply::ok(TEXT).header("Content-Type", value),
        |_, value| Reply::ok(TEXT).header("Docker-Content-Digest", format!("sha256:{value}")),
        |_, value| {
            Reply::ok(format!(
                r#"{{"mediaType":"{value}","config":{{}},"layers":[]}}"#
            ))
            .header("Content-Type", "x/y")
        },
        |_, _| {
            Reply::new(403).body(format!(
                r#"{{"errors":[{{"message":"hunter2-h\u0075nter2 {PASSWORD}"}}]}}"#
            ))
        },
        |_, value| Reply::new(403).body(format!("{}{value}", " ".repeat(9000))),
    ];
    for (n, way) in ways.into_iter().enumerate() {
        let server = Server::new(move |seen| match echo(seen).as_str() {
            "" => Reply::new(401).header("WWW-Authenticate", "Basic realm=x"),
            value => way(seen, value),
        });
        let (_folder, options) = with(&server, &password());
        let error = manifest(&server, &options).expect_err("an error");
        let (shown, debug) = (error.to_string(), format!("{error:?}"));
        for text in [shown, debug] {
            assert!(
                !text.contains(PASSWORD) && !text.contains(BASIC),
                "{n}: {text}"
            );
        }
    }
}

#[test]
fn r20_a_token_that_is_echoed_is_not_shown_either() {
    let server = with_service(|_| Reply::ok(r#"{"token":"secret-token"}"#));
    let error = manifest(&server, &quick()).expect_err("refused");
    assert!(!error.to_string().contains("secret-token"), "{error}");
    let server = with_service(|seen| {
        Reply::new(403).body(seen.header("authorization").unwrap_or("nothing").to_owned())
    });
    let (_folder, options) = with(&server, &password());
    let error = manifest(&server, &options)
        .expect_err("refused")
        .to_string();
    assert!(
        !error.contains(BASIC) && error.contains("are hidden"),
        "{error}"
    );
}
