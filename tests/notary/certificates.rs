//! Certificates that openssl makes, read, and chains of them held against the profile of Notary Project.

use std::time::{Duration, SystemTime};

use harness::Sandbox;
use ir_sign::x509::{Certificate, CertificateError, chain};

use crate::pki::{self, CA, Made, P256, P384, P521, RSA, SIGNER};

fn read(sandbox: &Sandbox, name: &str) -> Vec<Certificate> {
    let bytes = sandbox.read(name);
    Certificate::read_all(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Why a chain is refused.
#[track_caller]
fn fault(chain: &[Certificate]) -> String {
    let fault = chain::check(chain).expect_err("it is outside the profile");
    fault.to_string()
}

#[test]
fn a_certificate_is_read_as_openssl_shows_it() {
    for key in [P256, P384, P521, RSA] {
        let sandbox = Sandbox::new();
        pki::three(&sandbox, key);
        let chain = read(&sandbox, "chain.crt");
        let [leaf, ca, root] = &*chain else {
            panic!("three certificates");
        };
        let der = sandbox.openssl("x509 -in leaf.crt -outform DER");
        assert_eq!(leaf.der(), der);
        assert_eq!(leaf.pem().as_bytes(), sandbox.read("leaf.crt"));
        let public = sandbox.openssl("pkey -in leaf.key -pubout -outform DER");
        assert_eq!(leaf.public_key().spki(), public);
        let shown = |what: &str| {
            let shown = sandbox.openssl(&format!("x509 -in leaf.crt -noout {what}"));
            String::from_utf8(shown).expect("text").trim().to_owned()
        };
        let serial = leaf.serial().iter().map(|b| format!("{b:02X}"));
        let serial: String = serial.collect();
        assert_eq!(
            shown("-serial"),
            format!("serial={}", serial.trim_start_matches("00"))
        );
        let fingerprint = shown("-fingerprint -sha256").replace(':', "");
        let hex = leaf.fingerprint().hex().to_uppercase();
        assert_eq!(fingerprint, format!("sha256 Fingerprint={hex}"));
        assert_eq!(leaf.subject().to_string(), "C=PT, ST=Lisboa, O=IR, CN=Leaf");
        assert_eq!(leaf.issuer(), ca.subject());
        assert!(leaf.is_signed_by(ca.public_key()) && !leaf.is_signed_by(root.public_key()));
        assert!(root.is_self_issued() && root.is_signed_by(root.public_key()));
        assert_eq!(chain::check(&chain), Ok(()));
        let now = SystemTime::now();
        assert_eq!(chain::check_validity(&chain, now), Ok(()));
        let day = Duration::from_hours(24);
        for (at, reason) in [
            (now - day, "is not valid before"),
            (now + 31 * day, "expired at"),
        ] {
            let fault = chain::check_validity(&chain, at).expect_err("it is too soon or too late");
            assert!(fault.to_string().contains(reason), "{fault}");
        }
    }
}

#[test]
fn a_chain_has_every_link_in_order() {
    let sandbox = Sandbox::new();
    pki::three(&sandbox, P384);
    let all = read(&sandbox, "chain.crt");
    let pick = |at: &[usize]| at.iter().map(|n| all[*n].clone()).collect::<Vec<_>>();
    for (chain, reason) in [
        (pick(&[]), "no certificate"),
        (pick(&[0]), "is missing"),
        (pick(&[0, 1]), "is missing"),
        (
            pick(&[0, 2]),
            "and \"C=PT, ST=Lisboa, O=IR, CN=Root\" follows it",
        ),
        (pick(&[0, 2, 1]), "follows it"),
        (pick(&[1, 0, 2]), "follows it"),
        (pick(&[0, 1, 2, 2]), "is not the last of the chain"),
        (pick(&[0, 0, 1, 2]), "follows it"),
        (pick(&[2]), "is a CA's, and no signer's"),
        (pick(&[1, 2]), "is a CA's, and no signer's"),
    ] {
        let fault = fault(&chain);
        assert!(fault.contains(reason), "{fault}");
    }
    // The same names, and other keys.
    let other = Sandbox::new();
    pki::three(&other, P384);
    let stranger = read(&other, "chain.crt");
    let mixed = [all[0].clone(), stranger[1].clone(), stranger[2].clone()];
    assert!(fault(&mixed).contains("is not signed by the key of"));
}

/// Makes a certificate with these extensions; of RSA 2560 if its name says so.
fn outside(sandbox: &Sandbox, name: &str, issuer: Option<&str>, extensions: &str, more: &str) {
    let key = if name.ends_with("-rsa") {
        "-algorithm RSA -pkeyopt rsa_keygen_bits:2560"
    } else {
        P256
    };
    Made {
        name,
        issuer,
        subject: &format!("/C=PT/ST=Lisboa/O=IR/CN={name}"),
        key,
        extensions,
        more,
    }
    .make(sandbox);
}

#[test]
fn a_certificate_outside_the_profile_signs_nothing() {
    let sandbox = Sandbox::new();
    let make = |name: &str, issuer: Option<&str>, extensions: &str, more: &str| {
        outside(&sandbox, name, issuer, extensions, more);
    };
    make("root", None, CA, "");
    let good = "digitalSignature";
    let mut number = 0;
    let mut leaf = |extensions: &str, more: &str, reason: &str| {
        number += 1;
        let name = format!(
            "leaf{number}{}",
            if reason.contains("RSA 2560") {
                "-rsa"
            } else {
                ""
            }
        );
        make(&name, Some("root"), extensions, more);
        let chain = [
            read(&sandbox, &format!("{name}.crt")),
            read(&sandbox, "root.crt"),
        ]
        .concat();
        if reason.is_empty() {
            assert_eq!(chain::check(&chain), Ok(()), "{extensions}");
        } else {
            let fault = fault(&chain);
            assert!(fault.contains(reason), "{extensions}: {fault}");
        }
    };
    leaf(SIGNER, "", "");
    leaf(
        "keyUsage=critical,digitalSignature,nonRepudiation\n",
        "",
        "",
    );
    leaf(
        "keyUsage=critical,digitalSignature\nbasicConstraints=CA:FALSE\n",
        "",
        "",
    );
    leaf(
        "keyUsage=critical,digitalSignature\n1.2.3.4=critical,DER:0500\n",
        "",
        "",
    );
    leaf("basicConstraints=CA:FALSE\n", "", "has no key usage");
    leaf("keyUsage=digitalSignature\n", "", "that is not critical");
    leaf(
        "keyUsage=critical,nonRepudiation\n",
        "",
        "without digitalSignature",
    );
    for other in [
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
    ] {
        leaf(&format!("keyUsage=critical,{good},{other}\n"), "", other);
    }
    for other in ["encipherOnly", "decipherOnly"] {
        leaf(&format!("keyUsage=critical,{good},{other}\n"), "", other);
    }
    for (purpose, shown) in [
        ("serverAuth", "serverAuth"),
        ("clientAuth", "clientAuth"),
        ("emailProtection", "emailProtection"),
        ("timeStamping", "timeStamping"),
        ("OCSPSigning", "OCSPSigning"),
        ("anyExtendedKeyUsage", "any purpose"),
    ] {
        let purposes = format!("extendedKeyUsage=codeSigning,{purpose}\n");
        leaf(&format!("keyUsage=critical,{good}\n{purposes}"), "", shown);
    }
    leaf(SIGNER, "-sha1", "signed with SHA-1, which is broken");
    leaf(SIGNER, "", "RSA 2560");
}

#[test]
fn a_ca_outside_the_profile_issues_nothing() {
    let sandbox = Sandbox::new();
    let make = |name: &str, issuer: Option<&str>, extensions: &str| {
        outside(&sandbox, name, issuer, extensions, "");
    };
    make("root", None, CA);
    make("short", None, &CA.replace("TRUE", "TRUE,pathlen:0"));
    let mut number = 0;
    let mut ca = |issuer: &str, extensions: &str, reason: &str| {
        number += 1;
        let name = format!("ca{number}");
        make(&name, Some(issuer), extensions);
        let leaf = format!("{name}-leaf");
        make(&leaf, Some(&name), SIGNER);
        let files = [leaf, name, issuer.into()];
        let chain = files
            .iter()
            .flat_map(|name| read(&sandbox, &format!("{name}.crt")));
        let fault = fault(&chain.collect::<Vec<_>>());
        assert!(fault.contains(reason), "{extensions}: {fault}");
    };
    let sign = "keyUsage=critical,keyCertSign\n";
    ca("short", CA, "allows 0 CAs below it, and 1 follow");
    ca("root", sign, "has no basic constraints");
    ca(
        "root",
        &format!("{sign}basicConstraints=critical,CA:FALSE\n"),
        "is not the certificate of a CA",
    );
    ca(
        "root",
        &format!("{sign}basicConstraints=CA:TRUE\n"),
        "constraints that are not critical",
    );
    ca(
        "root",
        "basicConstraints=critical,CA:TRUE\n",
        "without a key usage",
    );
    ca(
        "root",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n",
        "not critical",
    );
    ca(
        "root",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n",
        "lacks keyCertSign",
    );
}

#[test]
fn bytes_that_are_no_certificate_in_der_are_refused() {
    let sandbox = Sandbox::new();
    pki::three(&sandbox, P256);
    let der = sandbox.openssl("x509 -in leaf.crt -outform DER");
    let mut longer = der.clone();
    longer.push(0);
    assert_eq!(
        Certificate::read(&longer),
        Err(CertificateError::TrailingBytes)
    );
    for end in 0..der.len() {
        assert!(Certificate::read(&der[..end]).is_err(), "{end} bytes");
    }
    // The reader takes one encoding only, so every byte has a meaning and each change shows.
    let whole = Certificate::read(&der).expect("a certificate");
    let issuer = read(&sandbox, "ca.crt");
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 1;
        if let Ok(read) = Certificate::read(&changed) {
            assert_ne!(read, whole);
            assert!(!read.is_signed_by(issuer[0].public_key()), "byte {at}");
        }
    }
    let twice = Certificate::read_all(&[&*der, &der].concat()).expect("two in DER");
    assert_eq!(twice, [whole.clone(), whole]);
    for (text, reason) in [
        (Vec::new(), "neither DER nor PEM"),
        (b"garbage".to_vec(), "neither DER nor PEM"),
        (
            sandbox.read("leaf.key"),
            "\"PRIVATE KEY\", which is not a certificate",
        ),
        (
            [sandbox.read("leaf.crt"), sandbox.read("leaf.key")].concat(),
            "is not a certificate",
        ),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(),
            "not a DER",
        ),
        ([&*der, b"x"].concat(), "not a DER"),
    ] {
        let error = Certificate::read_all(&text)
            .expect_err("no certificate")
            .to_string();
        assert!(error.contains(reason), "{error}");
    }
}
