//! Certificates, requests and revocation lists that are drafted here, signed by keys in memory, and held against openssl.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use harness::Sandbox;
use ir_sign::crypto::{Curve, Signed};
use ir_sign::key::{EcKey, Signer};
use ir_sign::x509::issue::{self, IssueError};
use ir_sign::x509::{
    Certificate, CrlUrl, Draft, Issuer, Profile, Reason, Request, RequestError, Revocation,
    RevocationList, RevokeError, Serial, Terms, Validity, chain, dn, request, revocations,
};

use crate::pki::{P256, P384, P521, RSA};

const DAY: Duration = Duration::from_hours(24);

fn sign(draft: Draft, key: &EcKey) -> Vec<u8> {
    let signature = key.sign(draft.algorithm(), Signed::Bytes(draft.message()));
    let whole = draft.finish(&signature.expect("a signature"));
    whole.expect("the key's signature")
}

fn certified(draft: Draft, by: &EcKey) -> Certificate {
    Certificate::read(&sign(draft, by)).expect("a certificate")
}

fn terms(from: SystemTime, life: Duration) -> Terms {
    Terms {
        serial: Serial::random().expect("random"),
        validity: Validity::new(from, from + life).expect("times"),
        crl_url: None,
    }
}

/// A root or a CA with its key.
struct Ca {
    key: EcKey,
    certificate: Certificate,
}

impl Ca {
    fn root(curve: Curve, path_len: Option<u8>) -> Self {
        let key = EcKey::generate(curve);
        let subject = dn::parse("C=PT, O=IR, CN=Root").expect("a name");
        let terms = terms(SystemTime::now() - DAY, 30 * DAY);
        let draft = issue::root(key.public_key(), &subject, path_len, &terms).expect("a draft");
        let certificate = certified(draft, &key);
        Self { key, certificate }
    }

    fn issuer(&self) -> Issuer<'_> {
        Issuer {
            certificate: &self.certificate,
            key: self.key.public_key(),
        }
    }

    fn issue(&self, name: &str, profile: Profile) -> Result<(EcKey, Draft), IssueError> {
        let (key, request) = requested(name);
        let terms = terms(start(), 7 * DAY);
        let now = SystemTime::now();
        let draft = issue::certificate(&request, None, profile, self.issuer(), &terms, now)?;
        Ok((key, draft))
    }

    fn ca(&self, name: &str, path_len: u8) -> Self {
        let (key, draft) = self.issue(name, Profile::Ca { path_len }).expect("a draft");
        let certificate = certified(draft, &self.key);
        Self { key, certificate }
    }

    fn signer(&self, name: &str) -> Certificate {
        let (_, draft) = self.issue(name, Profile::Signer).expect("a draft");
        certified(draft, &self.key)
    }
}

/// When the lives of all certificates begin, so that none outlives its issuer by a second.
fn start() -> SystemTime {
    static START: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);
    *START
}

fn requested(name: &str) -> (EcKey, Request) {
    let key = EcKey::generate(Curve::P384);
    let subject = dn::parse(&format!("C=PT, ST=Lisboa, O=IR, CN={name}")).expect("a name");
    let draft = request::draft(key.public_key(), &subject).expect("a draft");
    let read = Request::read(&sign(draft, &key)).expect("a request");
    (key, read)
}

fn shown(sandbox: &Sandbox, arguments: &str) -> String {
    String::from_utf8(sandbox.openssl(arguments)).expect("text")
}

/// All that openssl says, whether it fails or not.
fn said(sandbox: &Sandbox, arguments: &str) -> String {
    let mut openssl = sandbox.command("openssl");
    let output = openssl.args(arguments.split(' ')).output();
    let output = output.expect("openssl runs");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn openssl_takes_every_certificate_that_is_issued() {
    for curve in Curve::ALL {
        let sandbox = Sandbox::new();
        let root = Ca::root(curve, None);
        let ca = root.ca("CA", 0);
        let leaf = ca.signer("Leaf");
        let all = [&leaf, &ca.certificate, &root.certificate].map(Clone::clone);
        assert_eq!(chain::check(&all), Ok(()));
        for (name, certificate) in ["leaf", "ca", "root"].iter().zip(&all) {
            sandbox.write(format!("{name}.crt"), certificate.pem());
        }
        let verified =
            "verify -x509_strict -check_ss_sig -CAfile root.crt -untrusted ca.crt leaf.crt";
        assert_eq!(shown(&sandbox, verified), "leaf.crt: OK\n");
        let text = shown(&sandbox, "x509 -in leaf.crt -noout -text");
        let bits = curve.hash().title().replace("SHA-", "");
        let id = leaf
            .extensions()
            .subject_key_id
            .clone()
            .expect("an identifier");
        let colons = |id: &[u8]| {
            let all: Vec<_> = id.iter().map(|byte| format!("{byte:02X}")).collect();
            all.join(":")
        };
        let of_ca = ca.certificate.extensions().subject_key_id.clone();
        for wanted in [
            "Version: 3 (0x2)",
            "X509v3 Key Usage: critical\n                Digital Signature\n",
            "X509v3 Extended Key Usage: \n                Code Signing\n",
            &format!(
                "X509v3 Subject Key Identifier: \n                {}\n",
                colons(&id)
            ),
            &colons(&of_ca.expect("an id")),
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        assert_eq!(leaf.extensions().all.len(), 4, "and nothing else");
        let text = shown(&sandbox, "x509 -in ca.crt -noout -text");
        for wanted in [
            &format!("Signature Algorithm: ecdsa-with-SHA{bits}"),
            "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0\n",
            "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n",
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        assert!(!text.contains("Extended Key Usage"));
        let text = shown(&sandbox, "x509 -in root.crt -noout -text");
        assert!(text.contains("CA:TRUE\n"), "{text}");
        // openssl makes the same identifier.
        sandbox.write("leaf.pub", leaf.public_key().spki());
        sandbox.openssl("asn1parse -inform DER -in leaf.pub -strparse 20 -noout -out bits");
        let digest = sandbox.openssl("dgst -sha1 -binary bits");
        assert_eq!(id, digest);
    }
}

#[test]
fn a_certificate_has_the_life_the_number_and_the_address_that_were_asked_for() {
    let sandbox = Sandbox::new();
    let root = Ca::root(Curve::P384, None);
    let (_, request) = requested("Leaf");
    let mut terms = terms(start(), DAY);
    terms.serial = Serial::from_hex("ff00").expect("a number");
    terms.crl_url = Some(CrlUrl::parse("http://crl.example/root.crl").expect("an address"));
    let name = dn::parse(r"C=PT, O=A\, B, CN=Café").expect("a name");
    let draft = issue::certificate(
        &request,
        Some(&name),
        Profile::Signer,
        root.issuer(),
        &terms,
        SystemTime::now(),
    );
    let leaf = certified(draft.expect("a draft"), &root.key);
    sandbox.write("leaf.crt", leaf.pem());
    let text = shown(
        &sandbox,
        "x509 -in leaf.crt -noout -serial -subject -nameopt RFC2253,-dn_rev,utf8,-esc_msb",
    );
    assert_eq!(text, "serial=FF00\nsubject=C=PT,O=A\\, B,CN=Café\n");
    let text = shown(
        &sandbox,
        "x509 -in leaf.crt -noout -ext crlDistributionPoints",
    );
    assert!(text.contains("URI:http://crl.example/root.crl"), "{text}");
    assert_eq!(leaf.extensions().crl_urls, ["http://crl.example/root.crl"]);
    assert_eq!(leaf.not_before(), terms.validity.not_before());
    assert_eq!(leaf.not_after(), terms.validity.not_after());
    // A life into the years with four digits.
    let long = Terms {
        validity: Validity::new(SystemTime::now(), SystemTime::now() + 20000 * DAY).expect("times"),
        ..terms
    };
    let draft = issue::root(root.key.public_key(), &name, Some(3), &long).expect("a draft");
    let long = certified(draft, &root.key);
    sandbox.write("long.crt", long.pem());
    let text = shown(&sandbox, "x509 -in long.crt -noout -text");
    assert!(text.contains("CA:TRUE, pathlen:3"), "{text}");
    assert!(shown(&sandbox, "asn1parse -in long.crt").contains("GENERALIZEDTIME"));
    let verified = "verify -x509_strict -check_ss_sig -CAfile long.crt long.crt";
    assert_eq!(shown(&sandbox, verified), "long.crt: OK\n");
}

#[test]
fn a_ca_refuses_certificates_that_it_may_not_issue() {
    let root = Ca::root(Curve::P256, Some(1));
    let ca = root.ca("CA", 0);
    let refused = |ca: &Ca, profile, reason: &str| {
        let error = ca.issue("x", profile).err().expect(reason).to_string();
        assert!(error.contains(reason), "{error}");
    };
    refused(
        &ca,
        Profile::Ca { path_len: 0 },
        "allows 0 CAs below it, and 1 follow",
    );
    refused(
        &root,
        Profile::Ca { path_len: 1 },
        "allows 1 CAs below it, and 2 follow",
    );
    // A certificate that is not a CA's, and a key that is another's.
    let (key, draft) = ca.issue("Leaf", Profile::Signer).expect("a draft");
    let certificate = certified(draft, &ca.key);
    let leaf = Ca { key, certificate };
    refused(
        &leaf,
        Profile::Signer,
        "has no basic constraints, so it is not the certificate of a CA",
    );
    let stranger = Ca {
        key: EcKey::generate(Curve::P256),
        certificate: ca.certificate.clone(),
    };
    refused(
        &stranger,
        Profile::Signer,
        "the key is not that of the CA certificate",
    );
    let now = SystemTime::now();
    let (_, request) = requested("x");
    let issue = |request: &Request, subject: Option<&str>, from, life, at| {
        let subject = subject.map(|text| dn::parse(text).expect("a name"));
        let terms = terms(from, life);
        let by = ca.issuer();
        let draft = issue::certificate(request, subject.as_ref(), Profile::Signer, by, &terms, at);
        draft.expect_err("refused").to_string()
    };
    let error = issue(&request, None, now, 8 * DAY, now);
    assert!(
        error.contains("and its issuer \"C=PT, ST=Lisboa, O=IR, CN=CA\" lives from"),
        "{error}"
    );
    let error = issue(&request, None, now - DAY, 2 * DAY, now);
    assert!(error.contains("lives from"), "{error}");
    let error = issue(&request, None, now, DAY, now + 8 * DAY);
    assert!(error.contains("expired at"), "{error}");
    let error = issue(&request, None, now, DAY, now - DAY);
    assert!(error.contains("is not valid before"), "{error}");
    let error = issue(
        &request,
        Some("C=PT, ST=Lisboa, O=IR, CN=CA"),
        now,
        DAY,
        now,
    );
    assert!(error.contains("is the issuer itself"), "{error}");
    let own = request::draft(ca.key.public_key(), request.subject()).expect("a draft");
    let own = Request::read(&sign(own, &ca.key)).expect("a request");
    let error = issue(&own, None, now, DAY, now);
    assert_eq!(error, "the request is for the CA's own key");
}

#[test]
fn a_signature_of_another_key_finishes_nothing() {
    let (key, other) = (EcKey::generate(Curve::P384), EcKey::generate(Curve::P384));
    let subject = dn::parse("CN=x").expect("a name");
    let draft = request::draft(key.public_key(), &subject).expect("a draft");
    let signature = other.sign(draft.algorithm(), Signed::Bytes(draft.message()));
    assert!(
        draft
            .clone()
            .finish(&signature.expect("a signature"))
            .is_err()
    );
    let signature = key.sign(draft.algorithm(), Signed::Bytes(b"something else"));
    assert!(draft.finish(&signature.expect("a signature")).is_err());
}

#[test]
fn openssl_takes_each_request_and_its_requests_are_read() {
    let sandbox = Sandbox::new();
    let (_, request) = requested("Leaf");
    sandbox.write("our.csr", request.pem());
    let text = shown(&sandbox, "req -in our.csr -noout -verify -text");
    assert!(text.contains("Version: 1 (0x0)"), "{text}");
    assert!(
        text.contains("Subject: C = PT, ST = Lisboa, O = IR, CN = Leaf"),
        "{text}"
    );
    for (key, more) in [
        (P256, ""),
        (P384, "-sha256"),
        (P521, "-newhdr"),
        (
            RSA,
            "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest",
        ),
        (
            RSA,
            "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign",
        ),
    ] {
        sandbox.openssl(&format!("genpkey {key} -out k.key"));
        sandbox.openssl(&format!(
            "req -new -key k.key -subj /C=PT/CN=x {more} -out k.csr"
        ));
        let read = Request::read(&sandbox.read("k.csr")).expect("a request");
        let public = sandbox.openssl("pkey -in k.key -pubout -outform DER");
        assert_eq!(read.public_key().spki(), public);
        assert_eq!(read.subject().to_string(), "C=PT, CN=x");
        assert_eq!(read.asked().len(), more.matches("-addext").count());
        let der = sandbox.openssl("req -in k.csr -outform DER");
        assert_eq!(Request::read(&der), Ok(read));
    }
}

#[test]
fn requests_that_get_no_certificate_are_refused() {
    let sandbox = Sandbox::new();
    for (key, more, reason) in [
        (P256, "-sha1", "signed with SHA-1, which is broken"),
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:1024",
            "",
            "modulus has 1024 bits",
        ),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
            "",
            "a key for EC on secp256k1",
        ),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-384 -pkeyopt ec_param_enc:explicit",
            "",
            "does not name its curve",
        ),
        ("-algorithm ED25519", "", "of the kind Ed25519"),
        ("-algorithm ED448", "", "a key for"),
    ] {
        sandbox.openssl(&format!("genpkey {key} -out k.key"));
        sandbox.openssl(&format!(
            "req -new -key k.key -subj /CN=x {more} -out k.csr"
        ));
        let error = Request::read(&sandbox.read("k.csr"))
            .expect_err(key)
            .to_string();
        assert!(error.contains(reason), "{key}: {error}");
    }
    let (_, whole) = requested("x");
    let der = whole.der().to_vec();
    let longer = [&*der, &[0]].concat();
    assert_eq!(Request::read(&longer), Err(RequestError::TrailingBytes));
    for end in 0..der.len() {
        assert!(Request::read(&der[..end]).is_err(), "{end} bytes");
    }
    // The signature covers all that is signed, and there is one encoding of the rest.
    for at in 0..der.len() {
        for bit in [1, 0x80] {
            let mut changed = der.clone();
            changed[at] ^= bit;
            assert!(Request::read(&changed).is_err(), "byte {at}");
        }
    }
}

/// The list, with its file for openssl.
fn listed(sandbox: &Sandbox, ca: &Ca, draft: Draft) -> RevocationList {
    let list = RevocationList::read(&sign(draft, &ca.key)).expect("a list");
    list.check_issuer(&ca.certificate).expect("the CA's list");
    sandbox.write("list.crl", list.pem());
    let verified = said(sandbox, "crl -in list.crl -noout -CAfile ca.crt");
    assert!(verified.contains("verify OK"), "{verified}");
    list
}

#[test]
fn openssl_takes_each_revocation_list() {
    let sandbox = Sandbox::new();
    let root = Ca::root(Curve::P384, None);
    let ca = root.ca("CA", 0);
    sandbox.write("ca.crt", ca.certificate.pem());
    let leaf = ca.signer("Leaf");
    let now = SystemTime::now();
    let validity = |from| Validity::new(from, from + 7 * DAY).expect("times");
    let draft = revocations(ca.issuer(), None, &[], validity(now), now).expect("a draft");
    let first = listed(&sandbox, &ca, draft);
    assert_eq!(first.number(), Some(&[1][..]));
    assert_eq!(
        first.authority_key_id(),
        ca.certificate.extensions().subject_key_id.as_deref()
    );
    let text = shown(&sandbox, "crl -in list.crl -noout -text");
    assert!(
        text.contains("Version 2 (0x1)") && text.contains("No Revoked Certificates"),
        "{text}"
    );
    let by_number = |hex: &str, reason| Revocation {
        serial: Serial::from_hex(hex).expect("a number"),
        reason,
    };
    let of_leaf = Revocation::of(&leaf, &ca.certificate, Some(Reason::KeyCompromise));
    let new = [
        of_leaf.expect("the CA's"),
        by_number("ff01", None),
        by_number("02", Some(Reason::Unspecified)),
        by_number("03", Some(Reason::CertificateHold)),
    ];
    let draft = revocations(ca.issuer(), Some(&first), &new, validity(now), now);
    let second = listed(&sandbox, &ca, draft.expect("a draft"));
    let text = shown(&sandbox, "crl -in list.crl -noout -text");
    for wanted in [
        "X509v3 CRL Number: \n                2\n",
        "Serial Number: FF01\n",
        "Key Compromise",
        "Certificate Hold",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert_eq!(
        text.matches("X509v3 CRL Reason Code").count(),
        2,
        "where one was given"
    );
    // A week later the entries and their dates are still there, and what was held is revoked.
    let later = now + 6 * DAY;
    let new = [
        by_number("03", Some(Reason::Superseded)),
        by_number("04", None),
    ];
    let draft = revocations(ca.issuer(), Some(&second), &new, validity(later), later);
    let third = listed(&sandbox, &ca, draft.expect("a draft"));
    assert_eq!(third.number(), Some(&[3][..]));
    assert_eq!(third.entries().len(), 5);
    for (before, after) in second.entries().iter().zip(third.entries()) {
        assert_eq!((&before.serial, before.since), (&after.serial, after.since));
    }
    assert_eq!(third.entries()[3].reason, Some(Reason::Superseded));
    assert_eq!(third.entries()[4].since, validity(later).not_before());
    let refused = |previous: Option<&RevocationList>, new: &[Revocation], from, reason: &str| {
        let draft = revocations(ca.issuer(), previous, new, validity(from), now);
        let error = draft.expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    };
    let twice = [by_number("09", None), by_number("9", None)];
    refused(
        None,
        &twice,
        now,
        "serial number 09 is revoked already, or given twice",
    );
    refused(
        Some(&third),
        &new[1..],
        later,
        "serial number 04 is revoked already",
    );
    refused(Some(&third), &[], now, "the previous list was made later");
    // Others' lists and certificates.
    let other = root.ca("Other", 0);
    let draft = revocations(other.issuer(), None, &[], validity(now), now).expect("a draft");
    let foreign = RevocationList::read(&sign(draft, &other.key)).expect("a list");
    refused(
        Some(&foreign),
        &[],
        now,
        "the previous list: it is the list of",
    );
    let error = Revocation::of(&other.signer("x"), &ca.certificate, None);
    assert!(
        matches!(error, Err(RevokeError::Foreign { .. })),
        "{error:?}"
    );
}

#[test]
fn openssl_refuses_a_revoked_certificate() {
    let sandbox = Sandbox::new();
    let root = Ca::root(Curve::P384, None);
    sandbox.write("ca.crt", root.certificate.pem());
    let (good, bad) = (root.signer("Good"), root.signer("Bad"));
    sandbox.write("good.crt", good.pem());
    sandbox.write("bad.crt", bad.pem());
    let now = SystemTime::now();
    let new = Revocation::of(&bad, &root.certificate, None).expect("the root's");
    let validity = Validity::new(now, now + DAY).expect("times");
    let draft = revocations(root.issuer(), None, &[new], validity, now).expect("a draft");
    listed(&sandbox, &root, draft);
    let verify = |name: &str| {
        let line = format!("verify -crl_check -CAfile ca.crt -CRLfile list.crl {name}.crt");
        said(&sandbox, &line)
    };
    assert!(verify("good").contains("good.crt: OK"));
    assert!(verify("bad").contains("certificate revoked"));
}
