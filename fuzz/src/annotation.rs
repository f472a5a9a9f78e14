//! The annotations of a signed manifest: the signature, the vendor's key and the endorsement, a line each. Trusted
//! is only what another implementation verifies too.

use std::collections::BTreeMap;

use ir_sign::crypto::{Digest, HashAlgorithm, P384Key};
use ir_sign::encoding::hex::{hex, unhex};
use ir_sign::image::{Blob, Descriptor, Embedded, Image, Manifest, Platform, media};
use ir_sign::report::Outcome;
use ir_sign::scheme::VerifyScheme;
use ir_sign::scheme::annotation::{ENDORSEMENT, Root, SIGNATURE, VENDOR_KEY, claim, rule};
use p384::ecdsa::signature::hazmat::PrehashVerifier;
use p384::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha384};

use super::scene::{CA, VENDOR, ca};

/// The signed bytes.
const CONFIG: &[u8] = b"{}";

pub fn run(bytes: &[u8]) {
    let text = super::text(bytes);
    if let Some(known) = unhex(text) {
        assert_eq!(hex(&known), text);
    }
    assert_eq!(unhex(&hex(bytes)).as_deref(), Some(bytes));
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
        assert!(Digest::is_digest_form(text));
    }

    let keys = [SIGNATURE, VENDOR_KEY, ENDORSEMENT];
    let annotations: BTreeMap<String, String> = keys
        .into_iter()
        .zip(text.split('\n'))
        .filter(|(_, value)| *value != "-")
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let image = image(annotations.clone());
    let vendor = P384Key::from_spki(VENDOR).expect("a public key");
    for pinned in [Vec::new(), vec![vendor], vec![ca()]] {
        let pins = !pinned.is_empty();
        let scheme = Root::new(ca(), pinned.clone());
        let candidate = scheme.verify(&image).remove(0);
        let rules: Vec<_> = candidate.checks.iter().map(|check| check.rule).collect();
        assert_eq!(rules, scheme.rules(), "each rule is told of once");
        let passed = |rule| {
            let of = candidate.checks.iter().find(|check| check.rule == rule);
            of.is_some_and(|check| check.outcome == Outcome::Passed)
        };
        if passed(rule::VENDOR_ENDORSED) {
            let key = &annotations[VENDOR_KEY];
            assert!(verifies(CA, &decoded(key), &annotations[ENDORSEMENT]));
            assert!(pinned.contains(&vendor) == passed(rule::VENDOR_PINNED) || !pins);
        }
        if passed(rule::CONFIG_SIGNED) {
            assert!(passed(rule::VENDOR_ENDORSED), "signed by whom?");
            let key = decoded(&annotations[VENDOR_KEY]);
            assert!(verifies(&key, CONFIG, &annotations[SIGNATURE]));
        }
        let all = candidate
            .checks
            .iter()
            .all(|c| c.outcome == Outcome::Passed);
        assert!(!all || candidate.signatories.len() == 2);
    }
    let claim = claim(&image);
    assert_eq!(claim.is_none(), annotations.is_empty());
    if let Some(claim) = claim
        && claim.config_signed
    {
        let key = decoded(&annotations[VENDOR_KEY]);
        assert!(verifies(&key, CONFIG, &annotations[SIGNATURE]));
    }
}

fn image(annotations: BTreeMap<String, String>) -> Image {
    let config = Blob::new(HashAlgorithm::Sha256, CONFIG.to_vec());
    let platform = Platform {
        os: "linux".into(),
        architecture: "arm64".into(),
        variant: None,
        ..Platform::default()
    };
    Image {
        name: "it".into(),
        platform,
        manifest_blob: Blob::new(HashAlgorithm::Sha256, Vec::new()),
        manifest: Manifest {
            config: Descriptor {
                media_type: media::CONFIG.into(),
                digest: config.digest(),
                size: config.size(),
                tag: None,
                full_name: None,
                platform: None,
                embedded: Embedded::Nothing,
            },
            layers: Vec::new(),
            annotations,
            subject: None,
            artifact_type: None,
        },
        config,
        diff_ids: Vec::new(),
    }
}

/// Hex read without the code under test: lower case only.
pub fn decoded(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2) && !text.contains(|c: char| c.is_uppercase()));
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = str::from_utf8(pair).expect("digits");
            u8::from_str_radix(pair, 16).expect("digits")
        })
        .collect()
}

/// Whether a signature in hex is the key's over a message, by an implementation that the program does not verify with.
pub fn verifies(spki: &[u8], message: &[u8], signature: &str) -> bool {
    let point = &spki[spki.len() - 97..];
    let key = VerifyingKey::from_sec1_bytes(point).expect("a point");
    let signature = Signature::from_der(&decoded(signature)).expect("a signature");
    let hash = Sha384::digest(message);
    key.verify_prehash(&hash, &signature).is_ok()
}
