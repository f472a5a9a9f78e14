//! The parts that a signer with a network adds to a bundle: entries of a transparency log, and timestamps (sigstore's
//! `protobuf-specs`, `sigstore_rekor.proto` and `sigstore_bundle.proto`, in the JSON form of protocol buffers).
//!
//! This code does not verify what they prove. A bundle whose entries have another shape is malformed.

use serde::Deserialize;

use crate::encoding::base64::unbase64;

/// A number of 64 bits, which protocol buffers write as text and read as either.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Text(String),
    Number(i64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct LogEntry {
    log_index: Number,
    log_id: LogId,
    kind_version: KindVersion,
    #[serde(default)]
    integrated_time: Option<Number>,
    #[serde(default)]
    inclusion_promise: Option<Promise>,
    inclusion_proof: Proof,
    canonicalized_body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LogId {
    key_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindVersion {
    kind: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Proof {
    log_index: Number,
    root_hash: String,
    tree_size: Number,
    #[serde(default)]
    hashes: Vec<String>,
    checkpoint: Checkpoint,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    envelope: String,
}

/// Timestamps of RFC 3161.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Timestamps {
    #[serde(default)]
    rfc3161_timestamps: Vec<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Timestamp {
    signed_timestamp: String,
}

impl LogEntry {
    /// Refuses an entry whose texts are not of the types that protocol buffers give them.
    pub(super) fn check(&self) -> Result<(), String> {
        let proof = &self.inclusion_proof;
        for (number, name) in [
            (Some(&self.log_index), "logIndex"),
            (self.integrated_time.as_ref(), "integratedTime"),
            (Some(&proof.log_index), "inclusionProof.logIndex"),
            (Some(&proof.tree_size), "inclusionProof.treeSize"),
        ] {
            if let Some(Number::Text(text)) = number
                && text.parse::<i64>().is_err()
            {
                return Err(format!("{name} is not a number"));
            }
            if let Some(Number::Number(number)) = number
                && *number < 0
            {
                return Err(format!("{name} is negative"));
            }
        }
        let promise = self.inclusion_promise.iter();
        let promise = promise.map(|p| (&p.signed_entry_timestamp, "signedEntryTimestamp"));
        let hashes = proof
            .hashes
            .iter()
            .map(|hash| (hash, "inclusionProof.hashes"));
        let bytes = [
            (&self.log_id.key_id, "logId.keyId"),
            (&self.canonicalized_body, "canonicalizedBody"),
            (&proof.root_hash, "inclusionProof.rootHash"),
        ];
        for (text, name) in bytes.into_iter().chain(promise).chain(hashes) {
            if unbase64(text).is_none_or(|bytes| bytes.is_empty()) {
                return Err(format!("{name} is not base64"));
            }
        }
        let texts = [
            (&self.kind_version.kind, "kindVersion.kind"),
            (&self.kind_version.version, "kindVersion.version"),
            (&proof.checkpoint.envelope, "checkpoint.envelope"),
        ];
        match texts.iter().find(|(text, _)| text.is_empty()) {
            Some((_, name)) => Err(format!("{name} is empty")),
            None => Ok(()),
        }
    }
}

impl Timestamps {
    pub(super) fn check(&self) -> Result<(), String> {
        let mut all = self.rfc3161_timestamps.iter();
        if all.all(|one| unbase64(&one.signed_timestamp).is_some()) {
            Ok(())
        } else {
            Err("signedTimestamp is not base64".into())
        }
    }
}
