//! `tests/data/notary-vectors.tar.zst`: layouts, policies and trust stores with the verdicts of two versions of notation.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ir_sign::crypto::{Digest, HashAlgorithm};
use ir_sign::encoding::time;
use ir_sign::image::{Descriptor, Embedded};
use ir_sign::scheme::notary::{Chains, Envelope, SignatureManifest};
use ir_sign::trust::notary::{
    Decision, NoLists, Question, Store, StoreFault, Stores, TrustPolicy, check_store, decide,
};
use ir_sign::x509::Certificate;
use serde::Deserialize;
use serde_json::Value;

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
            lists: &NoLists,
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

#[test]
fn every_verdict_is_notations_or_the_stricter_one_of_the_specification() {
    let sandbox = harness::Sandbox::new();
    let packed = fs::File::open(harness::data("notary-vectors.tar.zst")).expect("the cases");
    let tar = zstd::stream::read::Decoder::new(packed).expect("zstd");
    tar::Archive::new(tar)
        .unpack(sandbox.root())
        .expect("it unpacks");
    let mut seen = 0;
    for name in sandbox.names() {
        if !name.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let folder = sandbox.path(&name);
        let case: Case =
            serde_json::from_slice(&sandbox.read(folder.join("case.json"))).expect("JSON");
        assert_eq!(case.head, case.released, "{name}");
        let found = decisions(&folder, &case);
        let trusted = found
            .as_ref()
            .is_ok_and(|all| all.iter().any(Decision::holds));
        let wanted = case.head == 0 && !STRICTER.contains(&&*case.name);
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
