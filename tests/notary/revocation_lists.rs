//! Certificate revocation lists that openssl makes, read.

use std::time::{Duration, SystemTime};

use harness::Sandbox;
use ir_sign::x509::{Certificate, CrlError, Reason, RevocationList, Status};

use crate::pki::{self, CA, List, Made, P256, P384, P521, RSA};

fn certificate(sandbox: &Sandbox, name: &str) -> Certificate {
    let all = Certificate::read_all(&sandbox.read(format!("{name}.crt")));
    all.expect("certificates").swap_remove(0)
}

fn list(sandbox: &Sandbox) -> RevocationList {
    RevocationList::read(&sandbox.read("list.crl")).expect("a revocation list")
}

#[test]
fn a_revocation_list_is_read_as_openssl_shows_it() {
    for key in [P256, P384, P521, RSA] {
        let sandbox = Sandbox::new();
        pki::three(&sandbox, key);
        List {
            entries: &[
                ("0A5B", "260102030405Z", ",keyCompromise"),
                ("00F1", "260203030405Z", ""),
                ("7F", "260102030405Z", ",holdInstruction,1.2.840.10040.2.2"),
            ],
            ..List::OF_CA
        }
        .make(&sandbox);
        let read = list(&sandbox);
        let der = sandbox.openssl("crl -in list.crl -outform DER");
        assert_eq!(read.der(), der);
        assert_eq!(RevocationList::read(&der), Ok(read.clone()));
        assert_eq!(
            RevocationList::read(read.pem().as_bytes()),
            Ok(read.clone())
        );
        assert_eq!(read.number(), Some(&[0x10, 0x01][..]));
        let (ca, root) = (certificate(&sandbox, "ca"), certificate(&sandbox, "root"));
        assert_eq!(read.issuer(), ca.subject());
        assert_eq!(
            read.authority_key_id(),
            ca.extensions().subject_key_id.as_deref()
        );
        assert!(read.is_signed_by(ca.public_key()) && !read.is_signed_by(root.public_key()));
        assert_eq!(read.check_issuer(&ca), Ok(()));
        let fault = read.check_issuer(&root).expect_err("another issuer");
        assert!(
            fault.to_string().starts_with("it is the list of \"C=PT"),
            "{fault}"
        );
        let Status::Revoked(entry) = read.status(&[0x0a, 0x5b]) else {
            panic!("it is revoked");
        };
        assert_eq!(entry.reason, Some(Reason::KeyCompromise));
        let since = humantime::format_rfc3339(entry.since).to_string();
        assert_eq!(since, "2026-01-02T03:04:05Z");
        assert!(matches!(read.status(&[0x7f]), Status::Held(_)));
        // The content of an INTEGER: with a zero before a high bit, and not without.
        assert!(matches!(read.status(&[0, 0xf1]), Status::Revoked(e) if e.reason.is_none()));
        for other in [&[][..], &[0xf1], &[0x0a], &[0x5b], &[0x0a, 0x5b, 0]] {
            assert_eq!(read.status(other), Status::NotRevoked, "{other:?}");
        }
        let now = SystemTime::now();
        assert_eq!(read.check_time(now), Ok(()));
        let day = Duration::from_hours(24);
        for (at, reason) in [
            (now - day, "is not valid before"),
            (now + 8 * day, "is stale"),
        ] {
            let fault = read.check_time(at).expect_err("too soon or too late");
            assert!(fault.to_string().contains(reason), "{fault}");
        }
    }
}

#[test]
fn a_list_of_an_issuer_with_another_key_is_refused() {
    let sandbox = Sandbox::new();
    pki::three(&sandbox, P256);
    List::OF_CA.make(&sandbox);
    let read = list(&sandbox);
    let other = Sandbox::new();
    pki::three(&other, P256);
    let stranger = certificate(&other, "ca");
    let fault = read.check_issuer(&stranger).expect_err("another key");
    assert!(
        fault.to_string().contains("names another key of"),
        "{fault}"
    );
    // Without the key's identifier the signature tells.
    List {
        extensions: "",
        ..List::OF_CA
    }
    .make(&sandbox);
    let fault = list(&sandbox)
        .check_issuer(&stranger)
        .expect_err("another key");
    assert!(
        fault.to_string().contains("is not signed by the key of"),
        "{fault}"
    );
    // A CA that may not sign lists.
    Made {
        name: "ca",
        issuer: Some("root"),
        subject: "/C=PT/ST=Lisboa/O=IR/CN=CA",
        key: P256,
        extensions: &CA.replace(",cRLSign", ""),
        more: "",
    }
    .make(&sandbox);
    List::OF_CA.make(&sandbox);
    let without = certificate(&sandbox, "ca");
    let fault = list(&sandbox).check_issuer(&without).expect_err("no right");
    assert!(fault.to_string().contains("lacks cRLSign"), "{fault}");
    // A broken hash.
    List {
        more: "-md sha1",
        ..List::OF_CA
    }
    .make(&sandbox);
    pki::three(&sandbox, P256);
    let fault = list(&sandbox).check_issuer(&certificate(&sandbox, "ca"));
    let fault = fault.expect_err("a broken hash").to_string();
    assert!(
        fault.contains("SHA-1, which is broken") || fault.contains("another key"),
        "{fault}"
    );
}

#[test]
fn lists_that_say_less_or_more_than_all_about_their_issuer_are_refused() {
    let sandbox = Sandbox::new();
    pki::three(&sandbox, P256);
    for (extensions, reason) in [
        ("2.5.29.27=critical,DER:020101", "a delta list"),
        (
            "issuingDistributionPoint=critical,@idp\n[idp]\nindirectCRL=TRUE",
            "covers a part",
        ),
        (
            "issuingDistributionPoint=critical,@idp\n[idp]\nonlyuser=TRUE",
            "covers a part",
        ),
        (
            "1.2.3.4=critical,DER:0500",
            "has the critical extension 1.2.3.4",
        ),
        ("2.5.29.20=DER:0500", "extension 2.5.29.20 is malformed"),
        ("2.5.29.20=DER:0201FF", "extension 2.5.29.20 is malformed"),
        ("1.2.3.4=DER:0500", ""),
    ] {
        List {
            extensions,
            numbered: !extensions.starts_with("2.5.29.20"),
            ..List::OF_CA
        }
        .make(&sandbox);
        let read = RevocationList::read(&sandbox.read("list.crl"));
        match read {
            Ok(_) => assert_eq!(reason, "", "{extensions}"),
            Err(error) => {
                assert!(!reason.is_empty(), "{extensions}: {error}");
                assert!(error.to_string().contains(reason), "{extensions}: {error}");
            }
        }
    }
    // A list of version 1, as openssl makes it without extensions.
    List {
        numbered: false,
        extensions: "",
        ..List::OF_CA
    }
    .make(&sandbox);
    let error = RevocationList::read(&sandbox.read("list.crl")).expect_err("version 1");
    assert!(error.to_string().contains("of version 2"), "{error}");
    // A reason that only delta lists have.
    List {
        entries: &[("0A", "260102030405Z", ",removeFromCRL")],
        ..List::OF_CA
    }
    .make(&sandbox);
    let error = RevocationList::read(&sandbox.read("list.crl")).expect_err("refused");
    assert!(error.to_string().contains("a delta list"), "{error}");
}

#[test]
fn a_list_with_a_serial_number_twice_is_refused() {
    let sandbox = Sandbox::new();
    pki::three(&sandbox, P256);
    List {
        entries: &[("0A", "260102030405Z", ""), ("0B", "260102030406Z", "")],
        ..List::OF_CA
    }
    .make(&sandbox);
    // openssl makes no such list, so the second number is changed to the first.
    let mut der = list(&sandbox).der().to_vec();
    let second = der.windows(3).position(|part| part == [2, 1, 0x0b]);
    der[second.expect("the number is there") + 2] = 0x0a;
    let error = RevocationList::read(&der).expect_err("it is there twice");
    assert_eq!(error, CrlError::Twice("0a".into()));
}

#[test]
fn bytes_that_are_no_revocation_list_in_der_are_refused() {
    let sandbox = Sandbox::new();
    pki::three(&sandbox, P256);
    List {
        entries: &[("0A5B", "260102030405Z", ",keyCompromise")],
        ..List::OF_CA
    }
    .make(&sandbox);
    let whole = list(&sandbox);
    let der = whole.der().to_vec();
    let ca = certificate(&sandbox, "ca");
    let longer = [&*der, &[0]].concat();
    assert_eq!(RevocationList::read(&longer), Err(CrlError::TrailingBytes));
    for end in 0..der.len() {
        assert!(RevocationList::read(&der[..end]).is_err(), "{end} bytes");
    }
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 1;
        if let Ok(read) = RevocationList::read(&changed) {
            assert_ne!(read, whole);
            assert!(read.check_issuer(&ca).is_err(), "byte {at}");
        }
    }
    let text = sandbox.read("list.crl");
    for (bytes, reason) in [
        (Vec::new(), "neither DER nor PEM"),
        ([&*text, &*text].concat(), "holds 2 blocks"),
        (
            sandbox.read("ca.crt"),
            "a block \"CERTIFICATE\"; expected \"X509 CRL\"",
        ),
    ] {
        let error = RevocationList::read(&bytes)
            .expect_err("no list")
            .to_string();
        assert!(error.contains(reason), "{error}");
    }
}
