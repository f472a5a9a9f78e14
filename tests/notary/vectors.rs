//! `tests/data/notary-vectors.tar.zst`: layouts, policies and trust stores with the verdicts of two versions of notation.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use harness::Sandbox;
use ir_sign::crypto::{Digest, HashAlgorithm};
use ir_sign::encoding::time;
use ir_sign::image::{Descriptor, Embedded};
use ir_sign::scheme::notary::{Chains, Envelope, SignatureManifest};
use ir_sign::trust::notary::{
    Decision, Lists, Question, Store, StoreFault, Stores, TrustPolicy, check_store, decide,
};
use ir_sign::x509::Certificate;
use serde::Deserialize;
use serde_json::{Value, json};

/// The cases in which this program refuses more than notation: the specification wants attributes refused that are
/// critical and unknown.
const STRICTER: [&str; 2] = ["jws-ext-attr-critical-no-plugin", "cose-ext-critical"];

#[derive(Deserialize)]
struct Case {
    name: String,
    scope: String,
    args: Vec<String>,
    #[serde(rename = "notation_rc")]
    head: i32,
    #[serde(rename = "notation_1_3_2_rc")]
    released: i32,
}

/// The trust stores of a folder.
struct Folder<'a>(&'a Path);

impl Stores for Folder<'_> {
    fn certificates(&self, store: &Store) -> Result<Arc<[Certificate]>, StoreFault> {
        let fault = |reason: String| StoreFault {
            store: store.to_string(),
            reason,
        };
        let folder = self.0.join("truststore/x509").join(store.kind.name());
        let files = fs::read_dir(folder.join(&store.name)).map_err(|e| fault(e.to_string()))?;
        let mut all = Vec::new();
        for file in files {
            let bytes = fs::read(file.expect("an entry").path()).expect("a file");
            let read = Certificate::read_all(&bytes).map_err(|e| fault(e.to_string()))?;
            all.extend(read);
        }
        check_store(&all).map_err(fault)?;
        Ok(all.into())
    }
}

fn descriptor(entry: &Value) -> Descriptor {
    let text = |name: &str| entry[name].as_str().expect("text").to_owned();
    Descriptor {
        media_type: text("mediaType").into(),
        digest: text("digest").parse().expect("a digest"),
        size: entry["size"].as_u64().expect("a number"),
        tag: None,
        full_name: None,
        platform: None,
        embedded: Embedded::Nothing,
    }
}

fn blob(layout: &Path, digest: &Digest) -> Vec<u8> {
    let bytes = fs::read(layout.join("blobs/sha256").join(digest.hex())).expect("a blob");
    assert_eq!(Digest::of(HashAlgorithm::Sha256, &bytes), *digest);
    bytes
}

/// The decisions on all signatures of the layout's image, or why there are none.
fn decisions(folder: &Path, case: &Case) -> Result<Vec<Decision>, String> {
    let config = folder.join("config");
    let policy = fs::read(config.join("trustpolicy.json")).expect("a policy");
    let policy = TrustPolicy::read(&policy).map_err(|error| error.to_string())?;
    let statement = policy.for_repository(&case.scope).ok_or("no statement")?;
    let layout = folder.join("layout");
    let index = fs::read(layout.join("index.json")).expect("an index");
    let index: Value = serde_json::from_slice(&index).expect("JSON");
    let entries = index["manifests"].as_array().expect("a list");
    let (image, others) = entries.split_first().expect("the image is first");
    let image = descriptor(image);
    let metadata: BTreeMap<_, _> = case
        .args
        .iter()
        .filter_map(|word| word.split_once('='))
        .collect();
    let metadata = metadata
        .into_iter()
        .map(|(a, b)| (a.to_owned(), b.to_owned()));
    let (metadata, chains) = (metadata.collect(), Chains::new());
    let mut all = Vec::new();
    for other in others {
        let manifest = blob(&layout, &descriptor(other).digest);
        let manifest = SignatureManifest::read(&manifest).expect("a signature");
        assert!(manifest.is_of(&image));
        let envelope = blob(&layout, &manifest.envelope.digest);
        let envelope = Envelope::read_with(manifest.format, &envelope, &chains);
        let question = Question {
            statement,
            stores: &Folder(&config),
            lists: &Lists(&[]),
            artifact: &image,
            metadata: &metadata,
            // They were made for this time.
            now: time::read("2026-11-21T12:00:00Z").expect("a time"),
        };
        let decision = decide(envelope.as_ref(), &question);
        all.push(decision.map_err(|fault| fault.to_string())?);
    }
    Ok(all)
}

/// A folder with all cases.
pub fn unpacked() -> Sandbox {
    let sandbox = Sandbox::new();
    let packed = fs::File::open(harness::data("notary-vectors.tar.zst")).expect("the cases");
    let tar = zstd::stream::read::Decoder::new(packed).expect("zstd");
    tar::Archive::new(tar)
        .unpack(sandbox.root())
        .expect("it unpacks");
    sandbox
}

/// The cases, each with the name of its folder.
fn cases(sandbox: &Sandbox) -> Vec<(String, Case)> {
    let read = |name: String| {
        let case = sandbox.read(format!("{name}/case.json"));
        (name, serde_json::from_slice(&case).expect("JSON"))
    };
    sandbox.names().into_iter().map(read).collect()
}

/// Whether this program is to trust the image.
fn is_trusted(case: &Case) -> bool {
    case.head == 0 && !STRICTER.contains(&&*case.name)
}

#[test]
fn every_verdict_is_notations_or_the_stricter_one_of_the_specification() {
    let sandbox = unpacked();
    let mut seen = 0;
    for (name, case) in cases(&sandbox) {
        let folder = sandbox.path(&name);
        assert_eq!(case.head, case.released, "{name}");
        let found = decisions(&folder, &case);
        let trusted = found
            .as_ref()
            .is_ok_and(|all| all.iter().any(Decision::holds));
        let wanted = is_trusted(&case);
        assert_eq!(trusted, wanted, "{name}: {found:?}");
        // A refusal says why.
        if let Ok(all) = &found
            && !trusted
        {
            assert!(
                all.iter().all(|one| one.failure().is_some()),
                "{name}: {all:?}"
            );
        }
        seen += 1;
    }
    assert_eq!(seen, 68);
}

/// A policy that wants a signature of the Notary Project, by the trust policy and the stores of a case.
pub fn policy(sandbox: &Sandbox, name: &str, scope: Option<&str>) {
    let config = sandbox.path(format!("{name}/config"));
    let mut requirement = json!({
        "type": "notarySigned",
        "trustPolicy": config.join("trustpolicy.json"),
        "trustStore": config.join("truststore"),
    });
    if let Some(scope) = scope {
        requirement["scope"] = scope.into();
    }
    let policy = json!({"default": [requirement], "transports": {}});
    sandbox.write(format!("{name}/policy.json"), policy.to_string());
}

#[test]
fn a_policy_of_containers_lets_in_what_notation_verifies() {
    let sandbox = unpacked();
    for (name, case) in cases(&sandbox) {
        // No policy asks for metadata.
        if !case.args.is_empty() {
            continue;
        }
        policy(&sandbox, &name, Some(&case.scope));
        let run = sandbox.run(&format!(
            "policy check oci:{name}/layout:v1 --policy {name}/policy.json"
        ));
        if is_trusted(&case) {
            assert_eq!(run.status, 0, "{name}: {run:?}");
            run.says("signed by C=PT, ST=Lisboa, O=IR, CN=L");
        } else {
            assert!(matches!(run.status, 1 | 3), "{name}: {run:?}");
        }
    }
}

#[test]
fn a_requirement_of_notarys_holds_in_both_dialects_and_for_the_statement_of_its_scope() {
    let sandbox = unpacked();
    let check = |name: &str, more: &str| {
        sandbox.run(&format!(
            "policy check oci:{name}/layout:v1 --policy {name}/policy.json {more}"
        ))
    };
    for dialect in ["containers", "image-rs"] {
        let dialect = format!("--dialect {dialect}");
        let good = "201-cose-baseline";
        policy(&sandbox, good, None);
        check(good, &dialect).exits(0).says("holds until 20");
        // A layout without a scope has no statement but one for all.
        let exact = "138-pol-scope-exact";
        policy(&sandbox, exact, None);
        let run = check(exact, &dialect).exits(1);
        run.says("no statement for images that are in no repository");
        policy(&sandbox, exact, Some("local/x"));
        check(exact, &dialect).exits(0);
        policy(&sandbox, exact, Some("local/y"));
        let run = check(exact, &dialect).exits(1);
        run.says("no statement for the repository local/y");
        // What is only logged is a warning.
        let audit = "099-pol-audit-expired";
        policy(&sandbox, audit, None);
        let run = check(audit, &dialect).exits(0);
        run.says("warning: the signature expired at 2026-01-03T00:00:00Z [notary.expiry]");
        let expired = "072-cert-leaf-expired";
        policy(&sandbox, expired, None);
        check(expired, &dialect).exits(1).says("[notary.timestamp]");
        let broken = "084-cert-ts-garbage-file";
        policy(&sandbox, broken, None);
        check(broken, &dialect).exits(3).says("z.pem");
        let invalid = "150-pol-version-missing";
        policy(&sandbox, invalid, None);
        check(invalid, &dialect)
            .exits(3)
            .says("its version is \"\"");
        let none = "042-store-not-in-index";
        policy(&sandbox, none, None);
        check(none, &dialect).exits(1).says("there is none");
        // A level that verifies nothing meets nothing.
        let skip = "111-pol-skip-with-stores";
        sandbox.write(
            format!("{skip}/config/trustpolicy.json"),
            r#"{"version":"1.0","trustPolicies":[{"name":"s","registryScopes":["*"],"signatureVerification":{"level":"skip"}}]}"#,
        );
        policy(&sandbox, skip, None);
        check(skip, &dialect).exits(1).says("verifies nothing");
    }
}

#[test]
fn a_trust_policy_comes_from_a_broker_too_and_never_from_a_pipe() {
    let sandbox = unpacked();
    let name = "201-cose-baseline";
    let policy = json!({"default": [{
        "type": "notarySigned",
        "trustPolicy": "kbs:///default/trust-policy/notary",
        "trustStore": sandbox.path(format!("{name}/config/truststore")),
    }], "transports": {}});
    sandbox.write("policy.json", policy.to_string());
    let check = format!("policy check oci:{name}/layout:v1 --policy policy.json");
    sandbox
        .run(&format!(
            "resource encode -o broker.json default/trust-policy/notary={name}/config/trustpolicy.json"
        ))
        .exits(0);
    sandbox.run(&format!("{check} --kbs broker.json")).exits(0);
    sandbox.run(&check).exits(3);
    let pipe = policy
        .to_string()
        .replace("kbs:///default/trust-policy/notary", "pipe");
    sandbox.write("policy.json", pipe);
    sandbox.shell("mkfifo pipe", "").exits(0);
    sandbox.run(&check).exits(3).says("a pipe or a device");
}
