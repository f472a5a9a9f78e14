//! Signatures and attestations, as cosign prints them.

use serde_json::{Value, json};

use crate::encoding::base64::base64;
use crate::ops::cosign::verify::CosignVerdict;
use crate::scheme::cosign::{Met, Said};

/// A signature that holds, as `cosign verify -o json` prints it.
pub(super) fn signature(image: &CosignVerdict, met: &Met) -> Value {
    let digest = image.verdict.report().digest.to_string();
    match &met.said {
        Said::Payload(payload) => json!({
            "critical": {
                "identity": { "docker-reference": payload.docker_reference },
                "image": { "docker-manifest-digest": payload.digest.to_string() },
                "type": "cosign container image signature",
            },
            "optional": payload.optional,
        }),
        Said::Statement(statement, _) => {
            let about = statement.about(&image.verdict.report().digest);
            let annotations = about.and_then(|subject| subject.annotations.clone());
            json!({
                "critical": {
                    "identity": { "docker-reference": "" },
                    "image": { "docker-manifest-digest": digest },
                    "type": statement.predicate_type,
                },
                "optional": annotations.unwrap_or_default(),
            })
        }
    }
}

/// An attestation that holds, as `cosign verify-attestation` prints it.
pub(super) fn envelope(met: &Met) -> Option<Value> {
    let Said::Statement(_, envelope) = &met.said else {
        return None;
    };
    let signatures = envelope.signatures.iter();
    let signatures = signatures.map(|signature| json!({ "keyid": "", "sig": base64(signature) }));
    Some(json!({
        "payloadType": envelope.payload_type,
        "payload": base64(&envelope.payload),
        "signatures": signatures.collect::<Vec<_>>(),
    }))
}

/// How a signature that holds was made, in a line.
pub(super) fn line(met: &Met) -> String {
    format!("{}: {} by {}", met.form, met.key.fingerprint(), met.by)
}
