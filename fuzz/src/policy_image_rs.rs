//! Policies of image-rs: a reader derived as image-rs derives its own accepts them too, unless they have types of
//! ir-sign.

use std::collections::HashMap;

use ir_sign::trust::{Dialect, Policy, Rest};
use serde::Deserialize;

#[derive(Deserialize)]
struct Peer {
    default: Vec<PeerRequirement>,
    transports: HashMap<String, HashMap<String, Vec<PeerRequirement>>>,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
#[expect(dead_code, reason = "read and not looked at")]
enum PeerRequirement {
    #[serde(rename = "insecureAcceptAnything")]
    Accept,
    #[serde(rename = "reject")]
    Reject,
    #[serde(rename = "signedBy")]
    SignedBy(PeerSignedBy),
    #[serde(rename = "sigstoreSigned")]
    SigstoreSigned(PeerSigstoreSigned),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "read and not looked at")]
struct PeerSignedBy {
    key_type: String,
    key_path: Option<String>,
    key_data: Option<String>,
    #[serde(default)]
    signed_identity: Option<PeerIdentity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "read and not looked at")]
struct PeerSigstoreSigned {
    key_path: Option<String>,
    key_data: Option<String>,
    #[serde(default)]
    signed_identity: Option<PeerIdentity>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
#[expect(dead_code, reason = "read and not looked at")]
enum PeerIdentity {
    MatchExact,
    MatchRepoDigestOrExact,
    MatchRepository,
    #[serde(rename_all = "camelCase")]
    ExactReference {
        docker_reference: String,
    },
    #[serde(rename_all = "camelCase")]
    ExactRepository {
        docker_repository: String,
    },
    #[serde(rename_all = "camelCase")]
    RemapIdentity {
        prefix: String,
        signed_prefix: String,
    },
}

pub fn run(bytes: &[u8]) {
    let Ok(policy) = Policy::read(bytes, Dialect::ImageRs) else {
        return;
    };
    let exported = policy.export(Rest::Reject).policy;
    Policy::read(exported.to_string().as_bytes(), Dialect::Containers).expect("a policy");
    let text = String::from_utf8_lossy(bytes);
    // In a scope that a second one of its name replaced there may be some too, also with escapes in their names.
    if ["endorsedBy", "notarySigned", "\\u"]
        .iter()
        .any(|word| text.contains(word))
    {
        return;
    }
    let peer: Peer = serde_json::from_slice(bytes).expect("image-rs takes it");
    let scopes: usize = peer.transports.values().map(HashMap::len).sum();
    assert_eq!(policy.scopes().count(), scopes + 1);
    let kinds = peer.default.iter().map(|requirement| match requirement {
        PeerRequirement::Accept => "insecureAcceptAnything",
        PeerRequirement::Reject => "reject",
        PeerRequirement::SignedBy(_) => "signedBy",
        PeerRequirement::SigstoreSigned(_) => "sigstoreSigned",
    });
    let default = policy.scopes().last().expect("the default");
    assert!(
        kinds.eq(default
            .requirements
            .iter()
            .map(ir_sign::trust::Requirement::kind))
    );
}
