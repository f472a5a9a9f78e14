//! Each token fixture, by a key pair and a signature that `pkcs11-tool` makes and OpenSSL verifies.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use faulty_module::log::Log;
use harness::tokens::{Fixture, Kind, Succeed};

/// The bytes before the point in the DER of a P-384 public key.
const SPKI_P384: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("signatures are short");
    [&[tag, length], content].concat()
}

/// r and s as OpenSSL wants them; not minimal numbers only if a test is very unlucky.
fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let number = &bytes[zeros..];
        let sign: &[u8] = if number[0] >= 0x80 { &[0] } else { &[] };
        tagged(2, &[sign, number].concat())
    };
    let (r, s) = signature.split_at(48);
    tagged(0x30, &[integer(r), integer(s)].concat())
}

fn signs(fixture: &Fixture) {
    fixture.generate("my-key", "0a");
    let digest = [0x5a; 48];
    let signature = fixture.sign("0a", &digest);
    assert_eq!(signature.len(), 96, "{}", fixture.kind);

    let file = |name: &str, bytes: &[u8]| {
        let path = fixture.dir.path().join(name);
        fs::write(&path, bytes).expect("the directory is ours");
        path
    };
    let said = Command::new("openssl")
        .args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey"])
        .arg(file(
            "public.der",
            &[&SPKI_P384, &fixture.point("0a")[..]].concat(),
        ))
        .arg("-in")
        .arg(file("digest.bin", &digest))
        .arg("-sigfile")
        .arg(file("signature.der", &der(&signature)))
        .succeed();
    assert!(said.contains("Verified"), "{}: {said}", fixture.kind);
}

/// Makes a token, tells how long it took, and signs with it and through the faulty module.
fn works(kind: Kind) {
    let began = Instant::now();
    let Some(fixture) = Fixture::of(kind) else {
        return;
    };
    println!("{kind}: made in {:?}", began.elapsed());
    signs(&fixture);
    let began = Instant::now();
    fixture.sign("0a", &[0x77; 48]);
    println!("{kind}: pkcs11-tool signs in {:?}", began.elapsed());

    let planned = fixture.planned("C_SignInit=CKR_DEVICE_ERROR");
    let output = fixture
        .log_in(&[
            "--sign",
            "--mechanism",
            "ECDSA",
            "--id",
            "0a",
            "--input-file",
        ])
        .arg(fixture.dir.path().join("digest"))
        .arg("--module")
        .arg(&planned.module)
        .envs(planned.env)
        .output()
        .expect("pkcs11-tool runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("CKR_DEVICE_ERROR"),
        "{said}"
    );
    let log = Log::read(&planned.log).expect("is a log");
    assert_eq!((log.count("C_SignInit"), log.attempts().count()), (1, 1));
}

#[test]
fn softhsm() {
    works(Kind::SoftHsm);
}

#[test]
fn kryoptic() {
    works(Kind::Kryoptic);
}

#[test]
fn nss() {
    works(Kind::Nss);
}

#[test]
fn tpm() {
    works(Kind::Tpm);
}

#[test]
fn p11_kit() {
    works(Kind::P11Kit);
}

#[test]
fn all_yields_each_kind_once() {
    let kinds: Vec<_> = Fixture::all().map(|fixture| fixture.kind).collect();
    let mut once = kinds.clone();
    once.dedup();
    assert_eq!(kinds, once);
    assert!(kinds.contains(&Kind::SoftHsm) || kinds.is_empty());
}

/// Processes that have the token when it is unplugged lose it, and others find no token.
#[test]
fn p11_kit_can_be_unplugged() {
    let Some(mut fixture) = Fixture::of(Kind::P11Kit) else {
        return;
    };
    fixture.generate("my-key", "0a");
    // It fails when there are none.
    let slots = |fixture: &Fixture| {
        let mut list = fixture.command("pkcs11-tool");
        list.arg("--module")
            .arg(&fixture.module)
            .arg("--list-token-slots");
        let output = list.output().expect("pkcs11-tool runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(slots(&fixture).contains("test token"));

    // This one sits in front of a call for long enough.
    let planned = fixture.planned("slow=C_SignInit:1500");
    let digest = fixture.dir.path().join("digest");
    fs::write(&digest, [1; 48]).expect("the directory is ours");
    let mut busy = fixture
        .log_in(&[
            "--sign",
            "--mechanism",
            "ECDSA",
            "--id",
            "0a",
            "--input-file",
        ])
        .arg(digest)
        .arg("--module")
        .arg(&planned.module)
        .envs(planned.env)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("pkcs11-tool runs");
    let logged_in = || {
        Log::read(&planned.log)
            .expect("is a log")
            .count("C_FindObjectsFinal")
            > 0
    };
    let limit = Instant::now() + Duration::from_secs(10);
    while !logged_in() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(5));
    }
    fixture.unplug();
    let status = busy.wait().expect("it was started");
    assert!(!status.success(), "the token was still there");
    assert!(!slots(&fixture).contains("test token"));

    fixture.replug();
    assert!(slots(&fixture).contains("test token"));
    assert_eq!(fixture.sign("0a", &[2; 48]).len(), 96);
}

#[test]
fn a_uri_names_the_token_the_key_and_the_pin() {
    let fixture = Fixture::softhsm();
    let pin = fixture.pin_file.display();
    assert_eq!(
        fixture.uri("a/b ü"),
        format!("pkcs11:token=test%20token;object=a%2Fb%20%C3%BC?pin-source=file:{pin}")
    );
}
