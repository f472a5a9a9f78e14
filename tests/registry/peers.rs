//! Real peers: Debian's docker-registry (distribution), and skopeo on both sides.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use harness::distribution::Distribution;
use harness::{Scene, ir_sign, oci, tool};
use ir_sign::crypto::HashAlgorithm;
use ir_sign::image::{Blob, Tag};
use ir_sign::store::remote::{
    Document, ManifestRef, Move, Options, Problem, Pushed, RemoteRepository,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::good::MANIFEST;
use super::server::{Reply, Server, repository};
use super::tls::Authority;

/// ann with the password hunter2-hunter2, by bcrypt.
const HTPASSWD: &str = "ann:$2y$05$abcdefghijklmnopqrstuuM6LdIRFtSO2kPdsnQR8QqPt6tFqthsy\n";
const BASIC: &str = "YW5uOmh1bnRlcjItaHVudGVyMg==";

fn patient() -> Options {
    Options {
        timeout: Duration::from_secs(20),
        ..Options::default()
    }
}

fn app(host: &str, options: &Options) -> RemoteRepository {
    repository(host, "team/app", options).to_write()
}

fn blob(bytes: &[u8]) -> Blob {
    Blob::new(HashAlgorithm::Sha256, bytes.to_vec())
}

/// Pushes a small image, and says its manifest.
fn push(app: &RemoteRepository, tag: &str) -> Document {
    let config =
        blob(br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#);
    let layer = blob(&vec![9; 200_000]);
    for one in [&config, &layer] {
        let pushed = app
            .push_blob(&one.digest(), one.size(), one, None)
            .expect("sent");
        assert_eq!(pushed, Pushed::Sent);
        let pushed = app
            .push_blob(&one.digest(), one.size(), one, None)
            .expect("there");
        assert_eq!(pushed, Pushed::Present);
    }
    let text = serde_json::json!({"schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.digest().to_string(), "size": config.size()},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer.digest().to_string(), "size": layer.size()}]});
    let document = Document {
        blob: blob(text.to_string().as_bytes()),
        media_type: MANIFEST.into(),
    };
    app.push_manifest(&document).expect("sent");
    let tag: Tag = tag.parse().expect("a tag");
    assert_eq!(
        app.move_tag(&tag, None, &document).expect("moved"),
        Move::Done { from: None }
    );
    document
}

#[test]
fn distribution_takes_what_is_pushed_and_gives_it_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Distribution::start(folder.path(), "", "");
    let app = app(&registry.host(), &patient());
    let document = push(&app, "1.0");
    let found = app.manifest(&ManifestRef::Tag("1.0".parse().expect("a tag")));
    let found = found.expect("an answer").expect("there");
    assert_eq!(
        (found.blob.digest(), found.media_type.as_str()),
        (document.blob.digest(), MANIFEST)
    );
    let tags = app.tags().expect("tags");
    assert_eq!(
        tags.tags.iter().map(Tag::as_str).collect::<Vec<_>>(),
        ["1.0"]
    );
    let none = repository(&registry.host(), "team/none", &patient());
    assert!(none.tags().expect("none").tags.is_empty());
    assert!(
        none.manifest(&ManifestRef::Digest(document.blob.digest()))
            .expect("none")
            .is_none()
    );
    // R45: a blob of the other repository is mounted.
    let other = repository(&registry.host(), "team/other", &patient()).to_write();
    let layer = blob(&vec![9; 200_000]);
    let pushed = other.push_blob(&layer.digest(), layer.size(), &layer, Some(app.name()));
    assert_eq!(pushed.expect("mounted"), Pushed::Mounted);
    // R57, R58: it has no list of referrers.
    let subject = document.blob.digest();
    let about = serde_json::json!({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "x/y",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": found_config(&document), "size": config_size(&document)},
        "layers": [], "subject": {"mediaType": MANIFEST, "digest": subject.to_string(), "size": document.blob.size()}});
    let about = Document {
        blob: blob(about.to_string().as_bytes()),
        media_type: MANIFEST.into(),
    };
    app.attach(&about, &subject).expect("attached");
    let referrers = app.referrers(&subject, Some("x/y")).expect("a list");
    assert_eq!(referrers.len(), 1);
    assert!(
        app.referrer(&referrers[0], &subject)
            .expect("an answer")
            .is_some()
    );
}

fn found_config(document: &Document) -> String {
    let text: serde_json::Value = serde_json::from_slice(document.blob.bytes()).expect("JSON");
    text["config"]["digest"]
        .as_str()
        .expect("a digest")
        .to_owned()
}

fn config_size(document: &Document) -> u64 {
    let text: serde_json::Value = serde_json::from_slice(document.blob.bytes()).expect("JSON");
    text["config"]["size"].as_u64().expect("a size")
}

#[test]
fn r16_distribution_with_passwords_takes_ours_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("htpasswd");
    fs::write(&file, HTPASSWD).expect("written");
    let more = format!(
        "auth: {{htpasswd: {{realm: lab, path: {}}}}}\n",
        file.display()
    );
    let registry = Distribution::start(folder.path(), "", &more);
    let auth = folder.path().join("auth.json");
    let with = |basic: &str| {
        fs::write(
            &auth,
            format!(
                r#"{{"auths":{{"{}/team":{{"auth":"{basic}"}}}}}}"#,
                registry.host()
            ),
        )
        .expect("written");
        Options {
            authfile: Some(auth.clone()),
            ..patient()
        }
    };
    push(&app(&registry.host(), &with(BASIC)), "1.0");
    let wrong = app(&registry.host(), &with("YW5uOndyb25nLXdyb25n"));
    let error = wrong
        .manifest(&ManifestRef::Tag("1.0".parse().expect("a tag")))
        .expect_err("refused");
    assert!(!error.to_string().contains("wrong-wrong"), "{error}");
}

#[test]
fn what_skopeo_pushes_is_verified_where_it_is() {
    let scene = Scene::with("umoci");
    let signed = scene.sign("app", &["-d", "latest"]).ok().stdout;
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Distribution::start(folder.path(), "", "");
    let there = format!("docker://{}/team/app:1.0", registry.host());
    let here = format!("oci:{}:latest", scene.app("app").display());
    tool(
        "skopeo",
        [
            "copy",
            "-q",
            "--preserve-digests",
            "--dest-tls-verify=false",
            &here,
            &there,
        ],
    );
    let ca = scene.text("ca.pub");
    let run = ir_sign(["verify-image", "-c", &ca, &there]).ok();
    assert_eq!(run.stdout, signed);
    let run = ir_sign(["verify-image", "-c", &scene.text("other-ca.pub"), &there]).exits(1);
    assert!(run.stdout.is_empty());
    ir_sign(["inspect-image", &there]).ok();
    // And what we push skopeo reads.
    let app = app(&registry.host(), &patient());
    let document = push(&app, "2.0");
    let raw = tool(
        "skopeo",
        [
            "inspect",
            "--raw",
            "--tls-verify=false",
            &format!("docker://{}/team/app:2.0", registry.host()),
        ],
    );
    assert_eq!(raw.stdout.as_bytes(), document.blob.bytes());
}

#[test]
fn r25_distribution_with_tls_is_believed_by_its_authority_alone() {
    let authority = Authority::new();
    authority.issue("good", "IP:127.0.0.1", &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| authority.path(name).display().to_string();
    let http = format!(
        ", tls: {{certificate: {}, key: {}}}",
        at("good.pem"),
        at("good.key")
    );
    let registry = Distribution::start(folder.path(), &http, "");
    let options = Options {
        tls_ca: Some(authority.path("ca.pem")),
        ..patient()
    };
    push(&app(&registry.host(), &options), "1.0");
    // Plain HTTP first, which it answers with 400, and then TLS by an authority that nobody knows.
    let error = app(&registry.host(), &patient())
        .tags()
        .expect_err("not believed");
    assert!(matches!(error.problem, Problem::Tls(_)), "{error}");
    let image = format!("docker://{}/team/app:1.0", registry.host());
    ir_sign(["inspect-image", "--tls-ca", &at("ca.pem"), &image]).ok();
    ir_sign(["inspect-image", &image]).exits(3);
}

/// A token as distribution takes it: ES256, with the certificate of the key.
fn token(authority: &Authority, scopes: &[String]) -> String {
    let certificate =
        CertificateDer::from_pem_file(authority.path("ca.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(authority.path("ca.key")).expect("a key");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.secret_der())
        .expect("a key");
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let access = scopes.iter().map(|scope| {
        let parts: Vec<&str> = scope.split(':').collect();
        let actions: Vec<&str> = parts[2].split(',').collect();
        serde_json::json!({"type": parts[0], "name": parts[1], "actions": actions})
    });
    let head =
        serde_json::json!({"typ": "JWT", "alg": "ES256", "x5c": [oci::base64(&certificate)]});
    let claims = serde_json::json!({"iss": "lab-issuer", "aud": "lab", "sub": "", "exp": now + 300, "nbf": now - 5, "iat": now,
        "jti": "1", "access": access.collect::<Vec<_>>()});
    let part = |bytes: &[u8]| {
        let text = oci::base64(bytes);
        text.trim_end_matches('=')
            .replace('+', "-")
            .replace('/', "_")
    };
    let text = format!(
        "{}.{}",
        part(head.to_string().as_bytes()),
        part(claims.to_string().as_bytes())
    );
    let signature = key
        .sign(&SystemRandom::new(), text.as_bytes())
        .expect("a signature");
    format!("{text}.{}", part(signature.as_ref()))
}

#[test]
fn r11_r14_distribution_with_tokens_takes_one_for_each_scope_of_ours() {
    let authority = Arc::new(Authority::new());
    let known = authority.clone();
    let service = Server::new(move |seen| {
        let token = token(&known, &seen.queries("scope"));
        Reply::ok(serde_json::json!({"token": token, "expires_in": 300}).to_string())
    });
    let folder = tempfile::tempdir().expect("a folder");
    let more = format!(
        "auth: {{token: {{realm: \"http://{}/token\", service: lab, issuer: lab-issuer, rootcertbundle: {}}}}}\n",
        service.host(),
        authority.path("ca.pem").display(),
    );
    let registry = Distribution::start(folder.path(), "", &more);
    let app = app(&registry.host(), &patient());
    push(&app, "1.0");
    let other = repository(&registry.host(), "team/other", &patient()).to_write();
    let layer = blob(&vec![9; 200_000]);
    let pushed = other.push_blob(&layer.digest(), layer.size(), &layer, Some(app.name()));
    assert_eq!(pushed.expect("mounted"), Pushed::Mounted);
    let scopes: Vec<_> = service
        .seen()
        .iter()
        .map(|seen| seen.queries("scope"))
        .collect();
    assert_eq!(
        scopes,
        [
            vec!["repository:team/app:pull,push"],
            vec!["repository:team/other:pull,push"],
            vec![
                "repository:team/other:pull,push",
                "repository:team/app:pull"
            ],
        ]
    );
}
