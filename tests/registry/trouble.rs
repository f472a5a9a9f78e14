//! The run waits for trouble that passes, and ends in time where it does not pass.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use ir_sign::class::Class;
use ir_sign::store::remote::{Error, ManifestRef, Options, Problem};

use super::server::{Reply, Server, quick, repository};

const TEXT: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;

fn manifest(server: &Server, options: &Options) -> Result<bool, Error> {
    let reference = ManifestRef::Tag("a".parse().expect("a tag"));
    let found = server.app_with(options).manifest(&reference)?;
    Ok(found.is_some())
}

/// A server that answers so at first, so many times, and then well.
fn at_first(times: usize, reply: Reply) -> Server {
    let asked = AtomicUsize::new(0);
    Server::new(move |_| {
        if asked.fetch_add(1, Ordering::SeqCst) < times {
            reply.clone()
        } else {
            Reply::ok(TEXT)
        }
    })
}

#[test]
fn r60_what_may_pass_is_asked_for_three_times_more() {
    for reply in [
        Reply::new(408),
        Reply::new(429),
        Reply::new(500),
        Reply::new(502),
        Reply::new(503),
        Reply::raw(""),
        Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"),
    ] {
        let server = at_first(3, reply.clone());
        assert!(
            manifest(&server, &quick()).expect("in the end"),
            "{reply:?}"
        );
        assert_eq!(server.log().len(), 4);
        let server = at_first(4, reply.clone());
        let error = manifest(&server, &quick()).expect_err("no more");
        assert_eq!(error.class(), Class::Undecided, "{error}");
        assert_eq!(server.log().len(), 4, "{reply:?}");
        let options = Options {
            retries: 0,
            ..quick()
        };
        let server = at_first(1, reply);
        assert!(manifest(&server, &options).is_err());
        assert_eq!(server.log().len(), 1);
    }
}

#[test]
fn r60_what_will_not_pass_is_asked_for_once() {
    for status in [403, 405, 410, 418, 501] {
        let server = at_first(9, Reply::new(status));
        let error = manifest(&server, &quick()).expect_err("an error");
        assert!(
            matches!(error.problem, Problem::Status { status: s, .. } if s == status),
            "{error}"
        );
        assert_eq!(server.log().len(), 1, "{status}");
    }
    let server = at_first(9, Reply::new(404));
    assert!(!manifest(&server, &quick()).expect("absent"));
    assert_eq!(server.log().len(), 1);
}

#[test]
fn r60_a_registry_that_is_not_there_is_an_error_that_names_it() {
    let server = Server::new(|_| Reply::new(200));
    let host = server.host();
    drop(server);
    let app = repository(&host, "app", &quick());
    let error = app.tags().expect_err("nobody");
    assert!(matches!(error.problem, Problem::Connect(_)), "{error}");
    assert!(error.to_string().contains(&host), "{error}");
    assert_eq!(error.class(), Class::Undecided);
}

#[test]
fn r61_a_registry_is_left_alone_as_long_as_it_wants_but_not_too_long() {
    let options = Options {
        backoff: Duration::ZERO,
        ..quick()
    };
    let soon = httpdate(SystemTime::now() + Duration::from_secs(2));
    for (header, least) in [
        ("1", 1000),
        (soon.as_str(), 0),
        ("0", 0),
        ("soon", 0),
        ("-7", 0),
        ("", 0),
    ] {
        let server = at_first(1, Reply::new(429).header("Retry-After", header));
        let start = Instant::now();
        assert!(manifest(&server, &options).expect("in the end"), "{header}");
        let waited = start.elapsed().as_millis();
        assert!(
            (least..least + 2500).contains(&waited),
            "{header}: {waited} ms"
        );
    }
    for header in ["3", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let server = at_first(1, Reply::new(503).header("Retry-After", header));
        let start = Instant::now();
        let error = manifest(&server, &options).expect_err("later");
        assert!(matches!(error.problem, Problem::Later { .. }), "{error}");
        assert!(error.to_string().contains("seconds"), "{error}");
        assert_eq!(server.log().len(), 1);
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}

/// A date as headers have it.
fn httpdate(at: SystemTime) -> String {
    let seconds = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let date = std::process::Command::new("date")
        .args([
            "-u",
            "-d",
            &format!("@{seconds}"),
            "+%a, %d %b %Y %H:%M:%S GMT",
        ])
        .env("LC_ALL", "C")
        .output()
        .expect("date runs");
    String::from_utf8(date.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

#[test]
fn r62_silence_and_what_drips_end_in_time() {
    let options = Options {
        timeout: Duration::from_millis(300),
        retries: 1,
        ..quick()
    };
    let long = format!("{{\"config\":{{}},\"layers\":[{}]}}", " ".repeat(5000));
    for reply in [
        Reply::silence(),
        // The header takes too long as a whole.
        Reply::ok(TEXT).drip(Duration::from_millis(20)),
        // And the body goes on silently.
        Reply::raw(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{TEXT}"
        )),
    ] {
        let server = at_first(9, reply);
        let start = Instant::now();
        let error = manifest(&server, &options).expect_err("too slow");
        assert_eq!(error.class(), Class::Undecided);
        assert!(start.elapsed() < Duration::from_secs(4), "{error}");
    }
    // A body of which too little comes: each byte in time, and no KiB.
    let server = Server::new(move |_| Reply::ok(long.clone()));
    assert!(manifest(&server, &options).expect("fast enough"));
}

#[test]
fn r62_a_body_that_drips_ends_though_it_is_never_silent() {
    use std::io::Write;
    use std::net::TcpListener;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
                while stream.write_all(b" ").is_ok() {
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
        }
    });
    let options = Options {
        timeout: Duration::from_millis(300),
        retries: 0,
        ..quick()
    };
    let app = repository(&host, "app", &options);
    let start = Instant::now();
    let error = app
        .manifest(&ManifestRef::Tag("a".parse().expect("a tag")))
        .expect_err("too slow");
    assert!(matches!(error.problem, Problem::Slow { .. }), "{error}");
    let took = start.elapsed();
    assert!(took < Duration::from_millis(1500), "{took:?}");
}

#[test]
fn r63_what_did_not_arrive_is_not_what_is_wrong() {
    let class = |reply: Reply| {
        let options = Options {
            retries: 0,
            ..quick()
        };
        manifest(&at_first(9, reply), &options)
            .expect_err("an error")
            .class()
    };
    assert_eq!(class(Reply::ok("<html>")), Class::Refused);
    assert_eq!(
        class(Reply::ok(TEXT).header(
            "Docker-Content-Digest",
            format!("sha256:{}", "0".repeat(64))
        )),
        Class::Refused
    );
    for reply in [
        Reply::new(500),
        Reply::new(403),
        Reply::raw(""),
        Reply::ok(TEXT).cut(5),
    ] {
        assert_eq!(class(reply), Class::Undecided);
    }
}
