//! Trust policies, trust stores, and decisions on signatures whose certificates openssl made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ir_sign::image::Descriptor;
use ir_sign::report::Outcome;
use ir_sign::scheme::notary::{Envelope, Format};
use ir_sign::trust::notary::{
    Decision, Question, Revocations, Standing, Store, StoreFault, StoreKind, Stores, TrustPolicy,
    check_store, decide, rule,
};
use ir_sign::x509::Certificate;
use serde_json::{Value, json};

use crate::pki::{self, CA, Made, P256, SIGNER};
use crate::signer::{AUTHENTIC, EXPIRY, SCHEME, Signer, TIME, image, payload_text, protected};

const IDENTITY: &str = "x509.subject: C=PT, ST=Lisboa, O=IR";

fn statement() -> Value {
    json!({
        "name": "all",
        "registryScopes": ["*"],
        "signatureVerification": {"level": "strict"},
        "trustStores": ["ca:acme"],
        "trustedIdentities": [IDENTITY],
    })
}

fn document(statements: &[Value]) -> Value {
    json!({"version": "1.0", "trustPolicies": statements})
}

/// A policy with one statement, some members of which are others.
fn with(change: &Value) -> Result<TrustPolicy, String> {
    let mut statement = statement();
    for (name, value) in change.as_object().expect("an object") {
        statement[name] = value.clone();
    }
    read(&document(&[statement]))
}

fn read(document: &Value) -> Result<TrustPolicy, String> {
    TrustPolicy::read(document.to_string().as_bytes()).map_err(|error| error.to_string())
}

#[track_caller]
fn invalid(result: Result<TrustPolicy, String>, reason: &str) {
    let error = result.expect_err(reason);
    assert!(error.contains(reason), "{reason}: {error}");
}

#[test]
fn a_policy_that_breaks_a_rule_is_invalid_as_a_whole() {
    let level = |level: &str| json!({"signatureVerification": {"level": level}});
    let overriding = |level: &str, over: Value| json!({"signatureVerification": {"level": level, "override": over}});
    let stores = |stores: Value| json!({"trustStores": stores});
    let identities = |identities: Value| json!({"trustedIdentities": identities});
    let scopes = |scopes: Value| json!({"registryScopes": scopes});
    for (change, reason) in [
        (json!({"name": ""}), "number 1 has no name"),
        (json!({"name": null}), "number 1 has no name"),
        (json!({"signatureVerification": null}), "no level"),
        (json!({"signatureVerification": {}}), "no level"),
        (level(""), "no level \"\""),
        (level("Strict"), "no level \"Strict\""),
        (level("loose"), "no level \"loose\""),
        (level("skip"), "verifies nothing, but names"),
        (
            overriding("strict", json!({"integrity": "log"})),
            "integrity cannot be overridden",
        ),
        (
            overriding("strict", json!({"authenticity": "skip"})),
            "authenticity cannot be skipped",
        ),
        (
            overriding("strict", json!({"expiry": "skip"})),
            "expiry cannot be skipped",
        ),
        (
            overriding("strict", json!({"expiry": "x"})),
            "no action \"x\"",
        ),
        (
            overriding("strict", json!({"x": "log"})),
            "no validation \"x\"",
        ),
        (
            json!({"signatureVerification": {"level": "strict", "verifyTimestamp": "never"}}),
            "no verifyTimestamp \"never\"",
        ),
        (stores(json!([])), "no trust store or"),
        (stores(Value::Null), "no trust store or"),
        (stores(json!(["acme"])), "is not TYPE:NAME"),
        (stores(json!(["foo:acme"])), "an unknown type"),
        (stores(json!(["CA:acme"])), "an unknown type"),
        (stores(json!(["ca:"])), "other characters"),
        (stores(json!(["ca:a/b"])), "other characters"),
        (stores(json!(["ca:.."])), "other characters"),
        (stores(json!(["ca:a b"])), "other characters"),
        (identities(json!([])), "no trusted identity"),
        (identities(json!([""])), "is empty"),
        (identities(json!(["*", IDENTITY])), "other identities too"),
        (identities(json!([IDENTITY, IDENTITY])), "contains another"),
        (
            identities(json!([IDENTITY, format!("{IDENTITY}, CN=x")])),
            "contains another",
        ),
        (identities(json!(["x509.subject: C=PT, O=IR"])), "has no ST"),
        (
            identities(json!(["x509.subject: C=PT+ST=a, O=IR"])),
            "joined by",
        ),
        (
            identities(json!(["x509.subject: C=PT, ST=a, O=b, O=c"])),
            "two attributes O",
        ),
        (scopes(json!([])), "no scope"),
        (scopes(json!(["*", "local/x"])), "others too"),
        (
            scopes(json!(["local/*"])),
            "\"local/*\" is neither a repository",
        ),
        (
            scopes(json!(["example.com/a:1"])),
            "is neither a repository",
        ),
        (scopes(json!(["local/x", "local/x"])), "\"local/x\" twice"),
        (json!({"Name": "all"}), "\"name\" to notation"),
        (json!({"trustStores": "ca:acme"}), "expected a list"),
    ] {
        invalid(with(&change), reason);
    }
    let once = "\"level\":\"strict\"";
    let twice = format!("{once},\"override\":{{\"expiry\":\"log\",\"expiry\":\"log\"}}");
    let text = document(&[statement()]).to_string().replace(once, &twice);
    let error = TrustPolicy::read(text.as_bytes())
        .expect_err("twice")
        .to_string();
    assert!(error.contains("twice"), "{error}");
}

#[test]
fn a_policy_is_one_document_of_statements_with_names_and_scopes_of_their_own() {
    let other = |change: Value| {
        let mut other = statement();
        other["name"] = "other".into();
        other["registryScopes"] = json!(["local/x"]);
        for (name, value) in change.as_object().expect("an object") {
            other[name] = value.clone();
        }
        read(&document(&[statement(), other]))
    };
    other(json!({})).expect("two statements");
    invalid(other(json!({"name": "all"})), "two statements \"all\"");
    invalid(other(json!({"registryScopes": ["*"]})), "\"*\" twice");
    // An error in a statement for something else.
    invalid(other(json!({"trustStores": ["x"]})), "statement \"other\"");
    for (change, reason) in [
        (json!({"trustPolicies": [statement()]}), "version is \"\""),
        (
            json!({"version": "1.1", "trustPolicies": [statement()]}),
            "\"1.1\"",
        ),
        (
            json!({"version": 1.0, "trustPolicies": [statement()]}),
            "expected a string",
        ),
        (json!({"version": "1.0"}), "no statement"),
        (
            json!({"version": "1.0", "trustPolicies": []}),
            "no statement",
        ),
        (json!([]), "an object"),
        (Value::Null, "null"),
    ] {
        invalid(read(&change), reason);
    }
    for text in ["", "{", "\u{feff}{}", "{}{}"] {
        assert!(TrustPolicy::read(text.as_bytes()).is_err(), "{text:?}");
    }
    // Members that nobody knows are told of.
    let mut document = document(&[statement()]);
    document["zzz"] = 1.into();
    document["trustPolicies"][0]["signatureVerification"]["overide"] = json!({});
    let policy = read(&document).expect("notation takes it");
    assert_eq!(policy.unknown, ["zzz", "all.signatureVerification.overide"]);
}

#[test]
fn the_statement_for_the_very_repository_counts_before_the_one_for_all() {
    let mut named = statement();
    named["name"] = "named".into();
    named["registryScopes"] = json!(["local/x", "127.0.0.1:5000/a/b"]);
    let found = |statements: &[Value], repository: &str| {
        let policy = read(&document(statements)).expect("a policy");
        let found = policy.for_repository(repository);
        found.map(|one| one.name.clone())
    };
    let both = [statement(), named.clone()];
    for (repository, name) in [
        ("local/x", "named"),
        ("127.0.0.1:5000/a/b", "named"),
        ("127.0.0.1:5000/a", "all"),
        ("local/x/y", "all"),
        ("local/X", "all"),
    ] {
        assert_eq!(
            found(&both, repository).as_deref(),
            Some(name),
            "{repository}"
        );
    }
    assert_eq!(found(&[named], "local/y"), None);
}

/// Trust stores by their names. A store that is not there is one that cannot be used.
struct Shelf<'a>(&'a [(&'a str, &'a [Certificate])]);

impl Stores for Shelf<'_> {
    fn certificates(&self, store: &Store) -> Result<Arc<[Certificate]>, StoreFault> {
        let name = store.to_string();
        let found = self.0.iter().find(|(known, _)| *known == name);
        let fault = |reason: &str| StoreFault {
            store: name.clone(),
            reason: reason.into(),
        };
        let (_, certificates) = found.ok_or_else(|| fault("not there"))?;
        Ok((*certificates).into())
    }
}

/// A revocation list that says the same of every certificate.
struct Says(Standing);

impl Revocations for Says {
    fn standing(&self, _: &Certificate, _: &Certificate, _: SystemTime) -> Standing {
        self.0.clone()
    }

    fn foreign(&self, _: &[Certificate]) -> Vec<String> {
        Vec::new()
    }
}

/// All that a decision depends on.
struct Scene {
    signer: Signer,
    policy: Value,
    protected: Value,
    standing: Standing,
    metadata: BTreeMap<String, String>,
    artifact: Descriptor,
    now: SystemTime,
}

impl Scene {
    fn new() -> Self {
        Self {
            signer: Signer::new(),
            policy: statement(),
            protected: protected(),
            standing: Standing::Unknown,
            metadata: BTreeMap::new(),
            artifact: image(),
            now: SystemTime::now(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let jws = self
            .signer
            .jws(&self.protected.to_string(), &payload_text());
        jws.to_string().into_bytes()
    }

    fn decide(&self) -> Result<Decision, StoreFault> {
        let root = &self.signer.chain[2..];
        let stores = [
            ("ca:acme", root),
            ("signingAuthority:acme", root),
            ("tsa:acme", root),
        ];
        self.decide_with(&self.bytes(), &stores)
    }

    fn decide_with(
        &self,
        bytes: &[u8],
        stores: &[(&str, &[Certificate])],
    ) -> Result<Decision, StoreFault> {
        let policy = read(&document(std::slice::from_ref(&self.policy))).expect("a policy");
        decide(
            Envelope::read(Format::Jws, bytes).as_ref(),
            &Question {
                statement: policy.for_any().expect("a wildcard"),
                stores: &Shelf(stores),
                lists: &Says(self.standing.clone()),
                artifact: &self.artifact,
                metadata: &self.metadata,
                now: self.now,
            },
        )
    }

    #[track_caller]
    fn fails(&self, rule: &str, reason: &str) {
        let decision = self.decide().expect("decided");
        let (found, why) = decision.failure().expect("it fails");
        assert_eq!(found, rule, "{why}");
        assert!(why.contains(reason), "{reason}: {why}");
        assert!(!decision.holds());
        // The report has each rule once, in order, and ir-sign does not check the rules after a failure.
        let rules: Vec<_> = decision.checks.iter().map(|check| check.rule).collect();
        assert_eq!(rules, rule::ALL);
        let at = rules
            .iter()
            .position(|known| *known == rule)
            .expect("a rule");
        let blocked = |check: &ir_sign::report::Check| check.outcome == Outcome::Blocked;
        assert!(decision.checks[at + 1..].iter().all(blocked));
    }

    /// At each level: whether it holds, and the warning that it does not refuse.
    #[track_caller]
    fn at_levels(&mut self, rule: &str, wanted: [(&str, bool); 3]) {
        for (level, holds) in wanted {
            self.policy["signatureVerification"]["level"] = level.into();
            let decision = self.decide().expect("decided");
            assert_eq!(decision.holds(), holds, "{level}: {decision:?}");
            let warned = decision.warnings().any(|(known, _)| known == rule);
            assert_eq!(warned, holds, "{level}: {decision:?}");
        }
    }
}

#[test]
fn a_signature_by_a_trusted_signer_holds_until_its_certificates_end() {
    let scene = Scene::new();
    let decision = scene.decide().expect("decided");
    assert!(decision.holds(), "{decision:?}");
    assert!(decision.warnings().next().is_none() && decision.failure().is_none());
    let leaf = &scene.signer.chain[0];
    assert_eq!(
        decision.subject.as_deref(),
        Some("C=PT, ST=Lisboa, O=IR, CN=Leaf")
    );
    assert_eq!(
        decision.holds_until,
        Some(
            scene
                .signer
                .chain
                .iter()
                .map(Certificate::not_after)
                .min()
                .expect("three")
        )
    );
    let signatory = decision.signatory.expect("a signer");
    assert_eq!(signatory.fingerprint, leaf.public_key().fingerprint());
    // Two certificates name nowhere to ask.
    assert_eq!(decision.notes.len(), 2);
}

#[test]
fn envelopes_that_are_malformed_or_not_intact_are_refused_at_every_level() {
    let mut scene = Scene::new();
    let good = scene.bytes();
    let tampered = String::from_utf8(good.clone()).expect("text");
    let at = tampered.find("\"payload\":\"").expect("a payload") + 20;
    let mut tampered = tampered.into_bytes();
    tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
    let root = scene.signer.chain[2..].to_vec();
    for level in ["strict", "permissive", "audit"] {
        scene.policy["signatureVerification"]["level"] = level.into();
        for bytes in [&b"{}"[..], &tampered] {
            let decision = scene
                .decide_with(bytes, &[("ca:acme", &root)])
                .expect("decided");
            assert_eq!(decision.failure().expect("it fails").0, rule::INTEGRITY);
            assert!(decision.signatory.is_none() && !decision.holds());
        }
    }
}

#[test]
fn a_signature_that_wants_a_plugin_is_refused_at_every_level() {
    let mut scene = Scene::new();
    let plugin = "io.cncf.notary.verificationPlugin";
    scene.protected[plugin] = "p".into();
    scene.protected["crit"] = json!([SCHEME, plugin]);
    for level in ["strict", "audit"] {
        scene.policy["signatureVerification"]["level"] = level.into();
        scene.fails(rule::PLUGIN, "the plugin \"p\"");
    }
}

#[test]
fn a_chain_is_trusted_by_a_certificate_of_it_that_a_store_of_the_right_type_holds() {
    let mut scene = Scene::new();
    let chain = scene.signer.chain.clone();
    let other = Signer::new();
    let bytes = scene.bytes();
    for (certificates, holds) in [
        (&chain[2..], true),
        (&chain[1..2], true),
        (&chain[..1], true),
        (&other.chain[2..], false),
    ] {
        let decision = scene.decide_with(&bytes, &[("ca:acme", certificates)]);
        assert_eq!(decision.expect("decided").holds(), holds);
    }
    scene.policy["trustStores"] = json!(["signingAuthority:acme"]);
    scene.fails(rule::TRUST_STORE, "no trust store of the type \"ca\"");
    scene.policy["trustStores"] = json!(["ca:other", "ca:acme"]);
    let stores = [("ca:other", &other.chain[2..]), ("ca:acme", &chain[2..])];
    assert!(scene.decide_with(&bytes, &stores).expect("decided").holds());
    // A store that cannot be used leaves it undecided, wherever it stands, at every level.
    scene.policy["trustStores"] = json!(["ca:acme", "ca:gone"]);
    for level in ["strict", "audit"] {
        scene.policy["signatureVerification"]["level"] = level.into();
        let fault = scene.decide().expect_err("a store is gone");
        assert_eq!(fault.to_string(), "trust store ca:gone: not there");
    }
    scene.policy["trustStores"] = json!(["signingAuthority:gone", "ca:acme"]);
    assert!(scene.decide().expect("that one is not asked").holds());
    scene.policy["trustStores"] = json!(["tsa:acme"]);
    scene.at_levels(
        rule::TRUST_STORE,
        [("strict", false), ("permissive", false), ("audit", true)],
    );
}

#[test]
fn a_certificate_that_signed_itself_is_a_chain_of_its_own() {
    let mut scene = Scene::new();
    let alone = Made {
        name: "leaf",
        issuer: None,
        subject: "/C=PT/ST=Lisboa/O=IR/CN=Alone",
        key: P256,
        extensions: SIGNER,
        more: "",
    };
    alone.make(&scene.signer.sandbox);
    let chain = Certificate::read_all(&scene.signer.sandbox.read("leaf.crt"));
    scene.signer.chain = chain.expect("one");
    // The certificate was made after the scene.
    scene.now = SystemTime::now();
    let decide = |scene: &Scene, trusted: &[Certificate]| {
        let decision = scene.decide_with(&scene.bytes(), &[("ca:acme", trusted)]);
        let decision = decision.expect("decided");
        (
            decision.holds(),
            decision
                .failure()
                .map(|(rule, reason)| format!("{rule}: {reason}")),
        )
    };
    assert_eq!(decide(&scene, &scene.signer.chain), (true, None));
    assert!(!decide(&scene, &Signer::new().chain[2..]).0);
}

#[test]
fn a_store_holds_nothing_but_cas_and_certificates_that_signed_themselves() {
    let signer = Signer::new();
    let chain = &signer.chain;
    assert_eq!(check_store(&chain[1..]), Ok(()));
    let error = check_store(chain).expect_err("a leaf");
    assert!(error.contains("CN=Leaf\" is neither a CA's"), "{error}");
    assert!(
        check_store(&[])
            .expect_err("nothing")
            .contains("no certificate")
    );
    let alone = Made {
        name: "alone",
        issuer: None,
        subject: "/C=PT/ST=Lisboa/O=IR/CN=Alone",
        key: P256,
        extensions: SIGNER,
        more: "",
    };
    alone.make(&signer.sandbox);
    let alone = Certificate::read_all(&signer.sandbox.read("alone.crt")).expect("one");
    assert_eq!(check_store(&alone), Ok(()));
    assert_eq!(Store::new(StoreKind::Ca, "..").map(|s| s.name), None);
}

#[test]
fn a_signer_is_trusted_by_its_subject_whatever_the_order() {
    let mut scene = Scene::new();
    for (identities, holds) in [
        (json!(["*"]), true),
        (
            json!(["x509.subject: CN=Leaf, O=IR, ST=Lisboa, C=PT"]),
            true,
        ),
        (json!(["x509.subject: C=US, ST=WA, O=Z", IDENTITY]), true),
        (json!(["x509.subject: C=PT, ST=lisboa, O=IR"]), false),
        (
            json!(["x509.subject: C=PT, ST=Lisboa, O=IR, CN=Root"]),
            false,
        ),
        (json!(["x509.subject: C=PT, ST=Lisboa, O=IR, OU=x"]), false),
        (json!(["other: C=PT"]), false),
    ] {
        scene.policy["trustedIdentities"] = identities.clone();
        let decision = scene.decide().expect("decided");
        assert_eq!(decision.holds(), holds, "{identities}: {decision:?}");
        if !holds {
            scene.fails(
                rule::IDENTITY,
                "\"C=PT, ST=Lisboa, O=IR, CN=Leaf\" is not one",
            );
        }
    }
    scene.at_levels(
        rule::IDENTITY,
        [("strict", false), ("permissive", false), ("audit", true)],
    );
}

#[test]
fn a_subject_without_the_wanted_attributes_or_with_one_twice_has_no_identity() {
    let signer = Signer::new();
    for (number, (subject, reason)) in [
        ("/C=PT/ST=Lisboa/CN=x", "has no O"),
        ("/C=PT/O=IR/CN=x", "has no ST"),
        ("/C=PT/ST=Lisboa/O=IR/OU=a/OU=b", "two attributes OU"),
        (
            "/C=PT/ST=Lisboa/O=IR/emailAddress=a",
            "has the attribute 1.2.840",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("odd{number}");
        let made = Made {
            name: &name,
            issuer: Some("ca"),
            subject,
            key: P256,
            extensions: SIGNER,
            more: "",
        };
        made.make(&signer.sandbox);
        let leaf = Certificate::read_all(&signer.sandbox.read(format!("{name}.crt")));
        let leaf = leaf.expect("one").remove(0);
        let policy = with(&json!({})).expect("a policy");
        let identity = &policy.for_any().expect("a wildcard").identities[0];
        let fault = identity
            .admits(leaf.subject())
            .expect_err(reason)
            .to_string();
        assert!(fault.contains(reason), "{fault}");
    }
}

#[test]
fn an_expired_signature_is_refused_or_logged() {
    let mut scene = Scene::new();
    scene.protected["crit"] = json!([SCHEME, EXPIRY]);
    let expiry = |at: SystemTime| ir_sign::encoding::time::write(at).into();
    scene.protected[EXPIRY] = expiry(scene.now + Duration::from_hours(1));
    let decision = scene.decide().expect("decided");
    assert!(decision.holds() && decision.holds_until < Some(scene.now + Duration::from_hours(1)));
    scene.protected[EXPIRY] = expiry(scene.now - Duration::from_secs(30));
    scene.fails(rule::EXPIRY, "the signature expired at 20");
    scene.at_levels(
        rule::EXPIRY,
        [("strict", false), ("permissive", true), ("audit", true)],
    );
    scene.policy["signatureVerification"] =
        json!({"level": "permissive", "override": {"expiry": "enforce"}});
    scene.fails(rule::EXPIRY, "the signature expired at 20");
}

#[test]
fn certificates_that_do_not_live_and_signatures_from_the_future_are_refused_or_logged() {
    let mut scene = Scene::new();
    scene.now = SystemTime::now() + Duration::from_hours(24 * 60);
    scene.fails(rule::TIMESTAMP, "expired at");
    scene.at_levels(
        rule::TIMESTAMP,
        [("strict", false), ("permissive", true), ("audit", true)],
    );
    let mut scene = Scene::new();
    let later = scene.now + Duration::from_hours(1);
    scene.protected[TIME] = ir_sign::encoding::time::write(later).into();
    scene.fails(rule::TIMESTAMP, "in the future");
    scene.now = later - Duration::from_mins(4);
    assert!(scene.decide().expect("decided").holds(), "clocks differ");
    let mut scene = Scene::new();
    scene.now -= Duration::from_hours(24);
    scene.protected[TIME] = ir_sign::encoding::time::write(scene.now).into();
    scene.fails(rule::TIMESTAMP, "not valid before");
}

#[test]
fn a_signing_authority_vouches_for_the_time_of_signing() {
    let mut scene = Scene::new();
    scene.policy["trustStores"] = json!(["signingAuthority:acme"]);
    let header = scene.protected.as_object_mut().expect("an object");
    let time = header.remove(TIME).expect("a time");
    scene.protected[SCHEME] = "notary.x509.signingAuthority".into();
    scene.protected[AUTHENTIC] =
        ir_sign::encoding::time::write(SystemTime::now() + Duration::from_mins(1)).into();
    scene.protected["crit"] = json!([SCHEME, AUTHENTIC]);
    // The certificates have ended meanwhile, and lived when it was signed.
    scene.now = SystemTime::now() + Duration::from_hours(24 * 60);
    assert!(scene.decide().expect("decided").holds());
    scene.policy["trustStores"] = json!(["ca:acme"]);
    scene.fails(
        rule::TRUST_STORE,
        "no trust store of the type \"signingAuthority\"",
    );
    scene.policy["trustStores"] = json!(["signingAuthority:acme"]);
    scene.protected[AUTHENTIC] = "2020-01-01T00:00:00Z".into();
    scene.fails(rule::TIMESTAMP, "not valid before");
    assert!(time.is_string());
}

#[test]
fn a_policy_that_wants_timestamps_refuses_what_has_none() {
    let mut scene = Scene::new();
    scene.policy["trustStores"] = json!(["ca:acme", "tsa:acme"]);
    scene.fails(rule::TIMESTAMP, "the policy asks for a timestamp");
    for when in ["always", ""] {
        scene.policy["signatureVerification"]["verifyTimestamp"] = when.into();
        scene.fails(rule::TIMESTAMP, "the policy asks for a timestamp");
    }
    scene.policy["signatureVerification"]["verifyTimestamp"] = "afterCertExpiry".into();
    assert!(scene.decide().expect("decided").holds());
    scene.now = SystemTime::now() + Duration::from_hours(24 * 60);
    scene.fails(rule::TIMESTAMP, "the policy asks for a timestamp");
}

#[test]
fn a_revoked_certificate_is_refused_and_one_of_unknown_standing_too() {
    let mut scene = Scene::new();
    let levels = [("strict", false), ("permissive", true), ("audit", true)];
    for (standing, reason) in [
        (
            Standing::Revoked("2026".into()),
            "CN=Leaf\" is revoked (2026)",
        ),
        (Standing::Unusable("stale".into()), "CN=Leaf\": stale"),
    ] {
        scene.policy = statement();
        scene.standing = standing;
        scene.fails(rule::REVOCATION, reason);
        scene.at_levels(rule::REVOCATION, levels);
        scene.policy["signatureVerification"] =
            json!({"level": "strict", "override": {"revocation": "skip"}});
        let decision = scene.decide().expect("decided");
        assert!(decision.holds() && decision.warnings().next().is_none());
        assert!(
            decision
                .checks
                .iter()
                .any(|check| check.outcome == Outcome::LeftOut)
        );
    }
    scene.standing = Standing::Good;
    scene.policy = statement();
    let decision = scene.decide().expect("decided");
    assert!(decision.holds() && decision.notes.is_empty());
}

#[test]
fn a_certificate_that_says_where_its_list_is_wants_one() {
    for place in [
        "crlDistributionPoints=URI:http://127.0.0.1:9/a.crl\n",
        "authorityInfoAccess=OCSP;URI:http://127.0.0.1:9/\n",
    ] {
        let mut scene = Scene::new();
        let made = Made {
            name: "leaf",
            issuer: Some("ca"),
            subject: "/C=PT/ST=Lisboa/O=IR/CN=Leaf",
            key: P256,
            extensions: &format!("{SIGNER}{place}"),
            more: "",
        };
        made.make(&scene.signer.sandbox);
        pki::chain(&scene.signer.sandbox, &["leaf", "ca", "root"], "chain.crt");
        let chain = Certificate::read_all(&scene.signer.sandbox.read("chain.crt"));
        scene.signer.chain = chain.expect("a chain");
        // The leaf is younger than the scene.
        scene.now = SystemTime::now();
        scene.fails(rule::REVOCATION, "did not check");
        scene.standing = Standing::Good;
        assert!(scene.decide().expect("decided").holds());
    }
    assert!(CA.contains("cRLSign"));
}

#[test]
fn a_signature_is_of_the_very_artifact_and_has_the_metadata_that_is_asked_for() {
    let mut scene = Scene::new();
    scene.policy["signatureVerification"]["level"] = "audit".into();
    for change in [
        |one: &mut Descriptor| one.size += 1,
        |one: &mut Descriptor| one.media_type = "application/vnd.oci.image.index.v1+json".into(),
        |one: &mut Descriptor| {
            one.digest =
                ir_sign::crypto::Digest::of(ir_sign::crypto::HashAlgorithm::Sha256, b"other");
        },
    ] {
        scene.artifact = image();
        change(&mut scene.artifact);
        scene.fails(rule::SUBJECT, "bytes), not ");
    }
    scene.artifact = image();
    scene.metadata = BTreeMap::from([("a".to_owned(), "x".to_owned())]);
    scene.fails(rule::METADATA, "does not have the metadata a=x");
}
