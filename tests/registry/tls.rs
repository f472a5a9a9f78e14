//! TLS, plain HTTP and proxies: the certificates that ir-sign trusts, and the cases without TLS.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use ir_sign::class::Class;
use ir_sign::crypto::HashAlgorithm;
use ir_sign::image::Blob;
use ir_sign::store::remote::{Environment, Error, ManifestRef, Options, Problem};

use super::server::{Reply, Server, quick, repository};

const TEXT: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;

/// A CA, certificates of it for servers and clients, made by openssl.
pub struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let authority = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        authority.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-subj",
            "/CN=lab",
            "-days",
            "2",
        ]);
        authority
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, words: &[&str]) {
        let made = Command::new("openssl")
            .args(words)
            .current_dir(self.folder.path())
            .output()
            .expect("openssl runs");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }

    /// A key and a certificate for these names: `NAME.key` and `NAME.pem`.
    pub fn issue(&self, name: &str, names: &str, more: &[&str]) {
        let (key, request, certificate) = (
            format!("{name}.key"),
            format!("{name}.csr"),
            format!("{name}.pem"),
        );
        fs::write(self.path("names"), format!("subjectAltName={names}\n")).expect("written");
        self.openssl(&[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            &key,
            "-out",
            &request,
            "-subj",
            "/CN=x",
        ]);
        let words = [
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-out",
            &certificate,
            "-extfile",
            "names",
            "-days",
            "1",
        ];
        self.openssl(&[&words[..], more].concat());
    }

    pub fn server_config(&self, name: &str, wants_client: bool) -> rustls::ServerConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("versions");
        let read = |path: &Path| CertificateDer::from_pem_file(path).expect("a certificate");
        let builder = if wants_client {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(read(&self.path("ca.pem"))).expect("a root");
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
                Arc::new(roots),
                provider,
            );
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        } else {
            builder.with_no_client_auth()
        };
        let certificate = read(&self.path(&format!("{name}.pem")));
        let key = PrivateKeyDer::from_pem_file(self.path(&format!("{name}.key"))).expect("a key");
        builder
            .with_single_cert(vec![certificate], key)
            .expect("a pair")
    }

    /// A new authority, and a server to which it issued a certificate for this name or address.
    pub fn with_server(name: &str) -> (Self, Server) {
        let authority = Self::new();
        authority.issue("good", name, &[]);
        let server = authority.server("good");
        (authority, server)
    }

    /// A server with this certificate, that wants none of the client.
    fn server(&self, name: &str) -> Server {
        Server::tls(self.server_config(name, false), |_| Reply::ok(TEXT))
    }

    fn options(&self) -> Options {
        Options {
            tls_ca: Some(self.path("ca.pem")),
            ..quick()
        }
    }
}

/// Asserts that nobody believes the server, sends it a word, or tries it again (R60).
#[track_caller]
fn disbelieved(server: &Server, options: &Options) {
    let error = manifest(&server.host(), options).expect_err("not believed");
    assert!(matches!(error.problem, Problem::Tls(_)), "{error}");
    assert_eq!(error.class(), Class::Undecided);
    assert!(server.log().is_empty());
}

fn manifest(host: &str, options: &Options) -> Result<bool, Error> {
    let reference = ManifestRef::Tag("a".parse().expect("a tag"));
    Ok(repository(host, "app", options)
        .manifest(&reference)?
        .is_some())
}

#[test]
fn r25_an_own_authority_is_believed_and_no_other_certificate() {
    let (authority, server) = Authority::with_server("IP:127.0.0.1");
    // This authority is unknown, and being on this machine does not make it trusted.
    disbelieved(&server, &quick());
    disbelieved(&server, &Authority::new().options());
    assert!(manifest(&server.host(), &authority.options()).expect("believed"));
    let (authority, server) = Authority::with_server("DNS:other.example");
    disbelieved(&server, &authority.options());
}

#[test]
fn r25_a_certificate_of_yesterday_is_none() {
    let authority = Authority::new();
    authority.issue("old", "IP:127.0.0.1", &["-days", "-1"]);
    disbelieved(&authority.server("old"), &authority.options());
}

#[test]
fn r25_on_this_machine_plain_http_is_tried_and_then_tls() {
    let plain = Server::new(|_| Reply::ok(TEXT));
    assert!(manifest(&plain.host(), &quick()).expect("plain"));
    // A port of TLS answers 400 to plain HTTP, and an authority says that there is TLS.
    let (authority, inner) = Authority::with_server("IP:127.0.0.1,DNS:localhost");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let inner_port = inner.port();
    thread::spawn(move || both(&listener, inner_port));
    let folder = authority.path("certs.d");
    fs::create_dir_all(&folder).expect("made");
    fs::copy(authority.path("ca.pem"), folder.join("ca.crt")).expect("copied");
    let error = manifest(&format!("127.0.0.1:{port}"), &quick()).expect_err("not believed");
    assert!(matches!(error.problem, Problem::Tls(_)), "{error}");
    // With an authority plain HTTP is not tried at all.
    let error = manifest(&plain.host(), &authority.options()).expect_err("no TLS");
    assert!(matches!(error.problem, Problem::NoTls), "{error}");
    // A registry without TLS that answers 400 is what it is.
    let refusing = Server::new(|_| Reply::new(400).body("no"));
    let error = manifest(&refusing.host(), &quick()).expect_err("400");
    assert!(
        matches!(error.problem, Problem::Status { status: 400, .. }),
        "{error}"
    );
}

/// Answers plain HTTP with 400 as Go does, and passes TLS on.
fn both(listener: &TcpListener, inner: u16) {
    for mut stream in listener.incoming().flatten() {
        let mut first = [0; 1];
        if stream.peek(&mut first).is_ok() && first[0] != 0x16 {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
            continue;
        }
        let there = TcpStream::connect(("127.0.0.1", inner)).expect("it listens");
        pass(stream, there);
    }
}

/// Passes bytes between two connections until one ends.
fn pass(one: TcpStream, other: TcpStream) {
    for (mut from, mut to) in [
        (
            one.try_clone().expect("a copy"),
            other.try_clone().expect("a copy"),
        ),
        (other, one),
    ] {
        thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
}

#[test]
fn r26_a_folder_has_authorities_and_a_clients_certificate() {
    let authority = Authority::new();
    authority.issue("good", "IP:127.0.0.1", &[]);
    authority.issue("client", "DNS:client", &[]);
    let server = Server::tls(authority.server_config("good", true), |_| Reply::ok(TEXT));
    let home = authority.path("home");
    let own = home.join(format!(".config/containers/certs.d/{}", server.host()));
    fs::create_dir_all(&own).expect("made");
    let put = |from: &str, to: &str| {
        fs::copy(authority.path(from), own.join(to)).expect("copied");
    };
    let options = Options {
        environment: Environment::of([("HOME", &home)]),
        ..quick()
    };
    put("ca.pem", "ca.crt");
    assert!(manifest(&server.host(), &options).is_err());
    put("client.pem", "client.cert");
    let error = manifest(&server.host(), &options)
        .expect_err("no key")
        .to_string();
    assert!(error.contains("client.key"), "{error}");
    put("client.key", "client.key");
    assert!(manifest(&server.host(), &options).expect("shown"));
    // A folder that is named counts alone, with the host's own folder in it or without.
    for folder in [own.clone(), own.parent().expect("a folder").to_owned()] {
        let options = Options {
            cert_dir: Some(folder),
            ..quick()
        };
        assert!(manifest(&server.host(), &options).expect("shown"));
    }
    fs::remove_file(own.join("client.cert")).expect("removed");
    let error = manifest(&server.host(), &options)
        .expect_err("no certificate")
        .to_string();
    assert!(error.contains("client.cert"), "{error}");
    fs::write(own.join("client.cert"), "nonsense").expect("written");
    assert!(manifest(&server.host(), &options).is_err());
}

#[test]
fn r28_a_clients_certificate_is_shown_to_the_registry_alone() {
    let authority = Authority::new();
    authority.issue("good", "IP:127.0.0.1", &[]);
    authority.issue("client", "DNS:client", &[]);
    let other = Server::tls(authority.server_config("good", true), |_| Reply::ok(TEXT));
    let place = format!("https://{}/x", other.host());
    let server = Server::tls(authority.server_config("good", true), move |_| {
        Reply::new(302).header("Location", place.clone())
    });
    let folder = authority.path("certs");
    fs::create_dir_all(&folder).expect("made");
    for (from, to) in [
        ("ca.pem", "ca.crt"),
        ("client.pem", "c.cert"),
        ("client.key", "c.key"),
    ] {
        fs::copy(authority.path(from), folder.join(to)).expect("copied");
    }
    let options = Options {
        cert_dir: Some(folder),
        ..quick()
    };
    let error = manifest(&server.host(), &options).expect_err("not shown");
    assert_eq!(error.class(), Class::Undecided, "{error}");
    assert_eq!(
        (server.log().is_empty(), other.log().is_empty()),
        (false, true)
    );
}

#[test]
fn r26_cosigns_flags_name_a_clients_certificate() {
    let authority = Authority::new();
    authority.issue("good", "IP:127.0.0.1", &[]);
    authority.issue("client", "DNS:client", &[]);
    let server = Server::tls(authority.server_config("good", true), |_| Reply::new(404));
    let verify = |flags: &str| {
        let path = |name: &str| authority.path(name).display().to_string();
        let (ca, key) = (path("ca.pem"), path("good.pub"));
        let mut arguments = format!("cosign verify --key {key} --registry-cacert {ca} --retries 0");
        for word in flags.split_whitespace() {
            let word = match word.strip_prefix('@') {
                Some(name) => path(name),
                None => word.to_owned(),
            };
            arguments = format!("{arguments} {word}");
        }
        let arguments = format!("{arguments} {}/app:1", server.host());
        let words = arguments.split_whitespace();
        harness::Run::of(Command::new(harness::program()).args(words))
    };
    let public = [
        "x509", "-pubkey", "-noout", "-in", "good.pem", "-out", "good.pub",
    ];
    authority.openssl(&public);
    verify("").exits(3);
    assert!(server.log().is_empty(), "a client without a certificate");
    let pair = "--registry-client-cert @client.pem --registry-client-key @client.key";
    verify(pair).exits(3).says("there is no image");
    assert!(!server.log().is_empty());
    verify("--registry-client-cert @client.pem")
        .exits(2)
        .says("--registry-client-key");
    verify("--registry-client-cert @client.key --registry-client-key @client.key")
        .exits(3)
        .says("holds no certificate in PEM");
}

#[test]
fn r28_a_redirect_from_tls_to_plain_http_is_not_followed() {
    let authority = Authority::new();
    authority.issue("good", "IP:127.0.0.1", &[]);
    let plain = Server::new(|_| Reply::ok(TEXT));
    let place = format!("http://{}/x", plain.host());
    let server = Server::tls(authority.server_config("good", false), move |_| {
        Reply::new(302).header("Location", place.clone())
    });
    let error = manifest(&server.host(), &authority.options()).expect_err("not followed");
    assert!(matches!(error.problem, Problem::Redirect(_)), "{error}");
    assert!(plain.log().is_empty());
}

/// A proxy: what it was sent, and where it connects to whatever it is asked for.
pub fn proxy(status: &'static str, to: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = seen.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0; 1];
            while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                head.push(byte[0]);
            }
            log.lock()
                .expect("a lock")
                .push(String::from_utf8_lossy(&head).into_owned());
            let is_tunnel = head.starts_with(b"CONNECT ");
            if is_tunnel || !status.starts_with("200") {
                let _ = stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes());
            }
            if status.starts_with("200") {
                let mut there = TcpStream::connect(("127.0.0.1", to)).expect("it listens");
                if !is_tunnel {
                    there.write_all(&head).expect("sent on");
                }
                pass(stream, there);
            }
        }
    });
    (host, seen)
}

#[test]
fn r27_a_registry_is_reached_through_a_proxy_that_alone_gets_its_password() {
    let (authority, server) = Authority::with_server("DNS:registry.test");
    let (host, seen) = proxy("200 OK", server.port());
    let options = Options {
        environment: Environment::of([("https_proxy", format!("http://ann:hunter2@{host}"))]),
        ..authority.options()
    };
    assert!(manifest("registry.test", &options).expect("reached"));
    let head = seen.lock().expect("a lock")[0].clone();
    assert!(
        head.starts_with("CONNECT registry.test:443 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("Proxy-Authorization: Basic YW5uOmh1bnRlcjI="),
        "{head}"
    );
    for seen in server.seen() {
        assert_eq!(seen.header("proxy-authorization"), None);
    }
}

#[test]
fn r27_without_tls_the_proxy_is_asked_itself_and_makes_no_tunnel() {
    let server = Server::new(|seen| match seen.method.as_str() {
        "HEAD" => Reply::new(404),
        "POST" => Reply::new(202).header("Location", "/v2/app/blobs/uploads/u"),
        "PUT" => Reply::new(201),
        _ => Reply::ok(TEXT),
    });
    // TLS is tried first, through a proxy that is not there.
    let through = |proxy: &str| Options {
        environment: Environment::of([
            ("https_proxy", "http://127.0.0.1:1".into()),
            ("http_proxy", format!("http://ann:hunter2@{proxy}")),
        ]),
        allow_http: true,
        retries: 0,
        ..quick()
    };
    let (host, seen) = proxy("200 OK", server.port());
    assert!(manifest("registry.test:5000", &through(&host)).expect("reached"));
    let head = seen.lock().expect("a lock")[0].to_lowercase();
    for part in [
        "get http://registry.test:5000/v2/app/manifests/a http/1.1\r\n",
        "\r\nhost: registry.test:5000\r\n",
        "\r\nproxy-authorization: basic yw5uomh1bnrlcji=\r\n",
    ] {
        assert!(head.contains(part), "{head}");
    }
    // Each request of a connection does, one with a body too.
    let app = repository("registry.test:5000", "app", &through(&host)).to_write();
    let blob = Blob::new(HashAlgorithm::Sha256, vec![1; 300_000]);
    app.push_blob(&blob.digest(), blob.size(), &blob, None)
        .expect("sent");
    let seen = server.seen();
    assert!(seen.iter().any(|seen| seen.body == blob.bytes()));
    for seen in seen {
        assert!(
            seen.target.starts_with("http://registry.test:5000/v2/app/"),
            "{}",
            seen.target
        );
    }
    // A proxy that wants other credentials is not a registry that does.
    let (host, _) = proxy("407 Proxy Authentication Required", 1);
    let error = manifest("registry.test", &through(&host)).expect_err("refused");
    let shown = error.to_string();
    assert!(
        matches!(error.problem, Problem::ProxyCredentials { .. }),
        "{shown}"
    );
    assert!(
        shown.contains(&host) && !shown.contains("hunter2"),
        "{shown}"
    );
    assert_eq!(error.class(), Class::Undecided);
}

#[test]
fn r27_a_proxy_that_refuses_is_an_error_that_shows_no_password() {
    for status in ["407 Proxy Authentication Required", "403 Forbidden"] {
        let (host, _) = proxy(status, 1);
        let options = Options {
            environment: Environment::of([("https_proxy", format!("http://ann:hunter2@{host}"))]),
            ..quick()
        };
        let error = manifest("registry.test", &options).expect_err(status);
        assert_eq!(error.class(), Class::Undecided);
        let shown = error.to_string();
        assert!(
            shown.contains(&host) && !shown.contains("hunter2"),
            "{shown}"
        );
        assert_eq!(
            matches!(error.problem, Problem::ProxyCredentials { .. }),
            status.starts_with("407")
        );
    }
}

#[test]
fn r25_plain_http_to_others_is_for_who_allows_it() {
    // A name that only the proxy knows, so that nothing leaves this machine.
    let plain = Server::new(|_| Reply::ok(TEXT));
    let (host, seen) = proxy("200 OK", plain.port());
    let mut options = Options {
        environment: Environment::of([("all_proxy", format!("http://{host}"))]),
        ..quick()
    };
    let error = manifest("registry.test", &options).expect_err("no TLS there");
    assert!(matches!(error.problem, Problem::NoTls), "{error}");
    assert!(plain.log().iter().all(|line| !line.starts_with("GET /v2")));
    options.allow_http = true;
    assert!(manifest("registry.test", &options).expect("allowed"));
    let asked: Vec<_> = seen
        .lock()
        .expect("a lock")
        .iter()
        .map(|head| head.lines().next().map(str::to_owned))
        .collect();
    assert_eq!(
        asked.last(),
        Some(&Some(
            "GET http://registry.test/v2/app/manifests/a HTTP/1.1".to_owned()
        ))
    );
    // A certificate that is not believed is not a reason to do without.
    let (_authority, server) = Authority::with_server("DNS:registry.test");
    let (host, seen) = proxy("200 OK", server.port());
    options.environment = Environment::of([("all_proxy", format!("http://{host}"))]);
    options.timeout = Duration::from_secs(2);
    let error = manifest("registry.test", &options).expect_err("not believed");
    assert!(matches!(error.problem, Problem::Tls(_)), "{error}");
    assert_eq!(seen.lock().expect("a lock").len(), 1);
}
