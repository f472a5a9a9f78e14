//! The rules by which the scheme refuses.

use std::collections::BTreeMap;

use ir_sign::crypto::{Algorithm, Curve, Digest, HashAlgorithm, PublicKey, Signed};
use ir_sign::image::{Blob, Change};
use ir_sign::image::{Descriptor, media};
use ir_sign::key::{EcKey, Signer};
use ir_sign::scheme::SignScheme;
use ir_sign::scheme::cosign::{
    BundleContent, ByTag, Envelope, Hashes, Layer, PredicateType, Statement, Statements, Tagged,
    Target, Wanted, attachment, bundle_of, of_bundle, of_layer, pae, rule,
};
use serde_json::{Value, json};

fn digest() -> Digest {
    Digest::of(HashAlgorithm::Sha256, b"image")
}

fn key(byte: u8) -> EcKey {
    EcKey::from_scalar(Curve::P256, &[byte; 32]).expect("a scalar below the order")
}

const BY: Algorithm = Algorithm::Ecdsa(Curve::P256, HashAlgorithm::Sha256);

fn signed(key: &EcKey, message: &[u8]) -> Vec<u8> {
    key.sign(BY, Signed::Bytes(message))
        .expect("a signature")
        .to_bytes()
}

/// The first rule that fails; none where all hold.
fn fails(
    of: &(
        ir_sign::report::Candidate,
        Option<ir_sign::scheme::cosign::Met>,
    ),
) -> Option<&'static str> {
    assert_eq!(of.0.holds(), of.1.is_some());
    let mut checks = of.0.checks.iter();
    checks
        .find(|check| check.has_failed())
        .map(|check| check.rule)
}

/// A `.sig` with one signature of this payload, as an attacker may write it.
fn layer(payload: &[u8], signature: &[u8], media_type: &str) -> Layer {
    use ir_sign::encoding::base64::base64;
    let blob = Blob::new(HashAlgorithm::Sha256, payload.to_vec());
    let manifest = json!({
        "schemaVersion": 2,
        "layers": [{
            "mediaType": media_type,
            "digest": blob.digest().to_string(),
            "size": blob.size(),
            "annotations": { "dev.cosignproject.cosign/signature": base64(signature) },
        }],
    });
    let read = attachment(manifest.to_string().as_bytes()).expect("a manifest");
    read.layers()[0].clone()
}

const IN_TOTO: &str = "application/vnd.in-toto+json";
const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

fn payload(digest: &Digest) -> String {
    json!({
        "critical": {
            "identity": { "docker-reference": "h.example/r:1" },
            "image": { "docker-manifest-digest": digest.to_string() },
            "type": "cosign container image signature",
        },
        "optional": { "k": "v" },
    })
    .to_string()
}

#[test]
fn a_layer_is_refused_by_the_rule_that_it_breaks() {
    let (ours, theirs) = (key(7), key(8));
    let keys = [ours.public_key().clone()];
    let look = |text: &str, by: &EcKey, kind: &str, notes: &[(&str, &str)]| {
        let layer = layer(text.as_bytes(), &signed(by, text.as_bytes()), kind);
        let notes = notes
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let wanted = Wanted(notes.collect());
        fails(&of_layer(
            &layer,
            text.as_bytes(),
            &digest(),
            &keys,
            &wanted,
        ))
    };
    let good = payload(&digest());
    assert_eq!(look(&good, &ours, SIMPLE, &[]), None);
    assert_eq!(look(&good, &ours, SIMPLE, &[("k", "v")]), None);
    assert_eq!(
        look(&good, &ours, SIMPLE, &[("k", "w")]),
        Some(rule::ANNOTATIONS)
    );
    assert_eq!(
        look(&good, &ours, SIMPLE, &[("l", "v")]),
        Some(rule::ANNOTATIONS)
    );
    assert_eq!(look(&good, &theirs, SIMPLE, &[]), Some(rule::SIGNED));
    let other = "application/vnd.oci.image.layer.v1.tar";
    assert_eq!(look(&good, &ours, other, &[]), Some(rule::FORM));
    let elsewhere = payload(&Digest::of(HashAlgorithm::Sha256, b"other"));
    assert_eq!(look(&elsewhere, &ours, SIMPLE, &[]), Some(rule::SUBJECT));
    for (old, new) in [
        (r#""optional""#, r#""optional":null,"optional""#),
        (r#""critical""#, r#""more":1,"critical""#),
        ("docker-manifest-digest", "Docker-Manifest-Digest"),
        ("h.example/r:1", ""),
        ("cosign container", "atomic container"),
    ] {
        let changed = good.replacen(old, new, 1);
        assert_ne!(changed, good);
        assert_eq!(
            look(&changed, &ours, SIMPLE, &[]),
            Some(rule::SUBJECT),
            "{changed}"
        );
    }
}

fn bundle(key: &EcKey, statement: &[u8], kind: &str) -> Vec<u8> {
    let mut envelope = Envelope::of(statement.to_vec(), Vec::new());
    kind.clone_into(&mut envelope.payload_type);
    envelope.signatures = vec![signed(key, &pae(kind, statement))];
    bundle_of(key.public_key(), &BundleContent::Envelope(envelope))
}

#[test]
fn a_bundle_is_refused_by_the_rule_that_it_breaks() {
    let (ours, theirs) = (key(7), key(8));
    let keys = [ours.public_key().clone()];
    let look = |bundle: &[u8], kind: Option<&str>| {
        fails(&of_bundle(
            bundle,
            &digest(),
            &keys,
            kind,
            &Wanted::default(),
        ))
    };
    let statement = Statement::of_image(&digest(), &BTreeMap::new());
    let good = bundle(&ours, &statement, IN_TOTO);
    assert_eq!(look(&good, None), None);
    assert_eq!(
        look(&good, Some("https://slsa.dev/provenance/v1")),
        Some(rule::KIND)
    );
    assert_eq!(
        look(&bundle(&theirs, &statement, IN_TOTO), None),
        Some(rule::SIGNED)
    );
    assert_eq!(
        look(&bundle(&ours, &statement, "text/plain"), None),
        Some(rule::FORM)
    );
    let elsewhere = Statement::of_image(&Digest::of(HashAlgorithm::Sha256, b"x"), &BTreeMap::new());
    assert_eq!(
        look(&bundle(&ours, &elsewhere, IN_TOTO), None),
        Some(rule::SUBJECT)
    );
    // An attestation instead of a signature.
    let kind: PredicateType = "slsaprovenance1".parse().expect("a type");
    let predicate = kind.predicate(b"{}", "").expect("an object");
    let attestation = Statement::attesting("h.example/r", &digest(), &kind, &predicate);
    let attestation = bundle(&ours, &attestation, IN_TOTO);
    assert_eq!(look(&attestation, None), Some(rule::KIND));
    assert_eq!(look(&attestation, Some(kind.uri())), None);
    let change = |edit: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_slice(&good).expect("JSON");
        edit(&mut value);
        look(value.to_string().as_bytes(), None)
    };
    let entry = json!({
        "logIndex": "1", "logId": { "keyId": "AA==" }, "kindVersion": { "kind": "dsse", "version": "0.0.1" },
        "integratedTime": "1", "canonicalizedBody": "e30=",
        "inclusionProof": { "logIndex": "1", "rootHash": "AA==", "treeSize": "2", "hashes": [], "checkpoint": { "envelope": "x" } },
    });
    assert_eq!(
        change(&|value| value["verificationMaterial"]["tlogEntries"] = json!([entry])),
        None
    );
    for edit in [
        &|value: &mut Value| value["mediaType"] = "application/json".into(),
        &|value: &mut Value| value["more"] = 1.into(),
        &|value: &mut Value| {
            value["verificationMaterial"] = json!({ "certificate": { "rawBytes": "AA==" } });
        },
        &|value: &mut Value| value["verificationMaterial"]["tlogEntries"] = json!([{}]),
        &|value: &mut Value| {
            value["messageSignature"] = json!({ "messageDigest": { "algorithm": "SHA2_256", "digest": "" }, "signature": "" });
        },
        &|value: &mut Value| {
            let signature = value["dsseEnvelope"]["signatures"][0].clone();
            value["dsseEnvelope"]["signatures"] = json!([signature.clone(), signature]);
        },
        &|value: &mut Value| value["dsseEnvelope"]["signatures"] = json!([]),
    ] as [&dyn Fn(&mut Value); 7]
    {
        assert_eq!(change(edit), Some(rule::FORM));
    }
    assert_eq!(look(b"", None), Some(rule::FORM));
    let deep = "[".repeat(100_000);
    assert_eq!(look(deep.as_bytes(), None), Some(rule::FORM));
}

#[test]
fn a_scheme_drafts_what_its_own_rules_take() {
    let key = EcKey::from_scalar(Curve::P384, &[7; 48]).expect("a scalar");
    let target = Target {
        descriptor: Descriptor {
            media_type: media::MANIFEST.into(),
            digest: digest(),
            size: 5,
            tag: None,
            full_name: None,
            platform: None,
            embedded: ir_sign::image::Embedded::Nothing,
        },
        tagged: Tagged::default(),
        bundles: Vec::new(),
    };
    let scheme = ByTag {
        says: Statements::Signature {
            docker_reference: "h.example/r:1".into(),
            annotations: BTreeMap::new(),
        },
        hashes: Hashes::default(),
    };
    let draft = scheme.draft(&target, key.public_key()).expect("a draft");
    assert_eq!(draft.messages().len(), 2);
    let change =
        draft.finish(|message| key.sign(message.by, Signed::Bytes(message.content.bytes())));
    let Change::Attach {
        manifest, blobs, ..
    } = change.expect("signatures")
    else {
        panic!("it attaches");
    };
    let keys: [PublicKey; 1] = [key.public_key().clone()];
    let read = attachment(manifest.bytes()).expect("a manifest");
    assert_eq!(read.layers().len(), 2);
    for layer in read.layers() {
        let mut blobs = blobs.iter();
        let blob = blobs
            .find(|blob| blob.digest() == layer.descriptor.digest)
            .expect("its blob");
        let looked = of_layer(layer, blob.bytes(), &digest(), &keys, &Wanted::default());
        assert_eq!(fails(&looked), None);
    }
}
