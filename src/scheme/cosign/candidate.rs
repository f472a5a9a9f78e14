//! One signature or attestation, looked at.

use serde_json::{Map, Value};

use super::algorithms::for_verifying;
use super::bundle::{Bundle, Content};
use super::envelope::{Envelope, PAYLOAD_TYPE};
use super::payload::Payload;
use super::rule;
use super::sig_manifest::Layer;
use super::statement::{PredicateType, Statement};
use super::wanted::Wanted;
use crate::crypto::{Algorithm, Digest, HashAlgorithm, PublicKey, Signed};
use crate::report::{Candidate, Check, Signatory};

/// The content of a signature or attestation that holds for a key.
#[derive(Clone, Debug)]
pub struct Met {
    /// The form: `.sig`, `.att` or `bundle`.
    pub form: &'static str,
    /// The key.
    pub key: PublicKey,
    /// How it signed.
    pub by: Algorithm,
    /// What it says.
    pub said: Said,
    /// Whether log entries or timestamps came along. The run did not verify them.
    pub has_log: bool,
}

/// What is signed.
#[derive(Clone, Debug)]
pub enum Said {
    /// A payload.
    Payload(Payload),
    /// A statement, in its envelope.
    Statement(Statement, Envelope),
}

/// A candidate that the run looked at, and its content if it holds.
pub type Looked = (Candidate, Option<Met>);

/// The checks so far; the checks that the run did not reach are blocked.
struct Checks(Vec<Check>);

impl Checks {
    fn failed(mut self, rule: &'static str, reason: impl Into<String>) -> Looked {
        self.0.push(Check::failed(rule, reason));
        let left = rule::ALL.iter().skip(self.0.len());
        self.0.extend(left.map(|rule| Check::blocked(rule)));
        let signatories = Vec::new();
        (
            Candidate {
                checks: self.0,
                signatories,
            },
            None,
        )
    }
}

/// The key and the algorithm that a signature verifies by.
fn verifies(
    keys: &[PublicKey],
    message: &[u8],
    signature: &[u8],
) -> Option<(PublicKey, Algorithm)> {
    keys.iter().find_map(|key| {
        let by = for_verifying(key.kind()).into_iter().find(|by| {
            let what = Signed::Bytes(message);
            key.verify(*by, what, signature).is_ok()
        })?;
        Some((key.clone(), by))
    })
}

const NO_KEY: &str = "no trusted key made this signature";

/// A layer under the tag `.sig`: the signature is among its annotations, and made over its blob.
pub fn of_layer(
    layer: &Layer,
    payload: &[u8],
    image: &Digest,
    keys: &[PublicKey],
    wanted: &Wanted,
) -> Looked {
    let mut checks = Checks(Vec::new());
    if layer.descriptor.media_type != super::payload::PAYLOAD_MEDIA_TYPE {
        let found = &layer.descriptor.media_type;
        return checks.failed(rule::FORM, format!("its media type is {found}"));
    }
    let signature = match layer.signature() {
        Ok(signature) => signature,
        Err(error) => return checks.failed(rule::FORM, error.to_string()),
    };
    checks.0.push(Check::passed(rule::FORM));
    let keyless = layer.has_certificate();
    of_bytes(checks, payload, &signature, keyless, image, keys, wanted)
}

/// A payload and a signature of it, attached to nothing.
pub fn of_payload(
    payload: &[u8],
    signature: &[u8],
    image: &Digest,
    keys: &[PublicKey],
    wanted: &Wanted,
) -> Looked {
    let checks = Checks(vec![Check::passed(rule::FORM)]);
    of_bytes(checks, payload, signature, false, image, keys, wanted)
}

fn of_bytes(
    mut checks: Checks,
    payload: &[u8],
    signature: &[u8],
    keyless: bool,
    image: &Digest,
    keys: &[PublicKey],
    wanted: &Wanted,
) -> Looked {
    let Some((key, by)) = verifies(keys, payload, signature) else {
        let why = if keyless {
            "a certificate came along: keyless signatures are not verified here, and no trusted key made this signature"
        } else {
            NO_KEY
        };
        return checks.failed(rule::SIGNED, why);
    };
    checks.0.push(Check::passed(rule::SIGNED));
    // From here on the bytes are those that were verified.
    let payload = match Payload::read(payload) {
        Ok(payload) => payload,
        Err(error) => return checks.failed(rule::SUBJECT, error.to_string()),
    };
    if payload.digest != *image {
        let found = payload.digest;
        return checks.failed(rule::SUBJECT, format!("it is about {found}"));
    }
    checks.0.push(Check::passed(rule::SUBJECT));
    checks.0.push(Check::passed(rule::KIND));
    let said = payload.optional.clone();
    let met = Met {
        form: ".sig",
        key,
        by,
        said: Said::Payload(payload),
        has_log: false,
    };
    annotated(checks, said.as_ref(), wanted, met)
}

/// A bundle that refers to the image: a signature of it if `kind` is `None`, else an attestation of that type.
pub fn of_bundle(
    bundle: &[u8],
    subject: &Digest,
    keys: &[PublicKey],
    kind: Option<&str>,
    wanted: &Wanted,
) -> Looked {
    let checks = Checks(Vec::new());
    match Bundle::read(bundle) {
        Ok(Bundle {
            content: Content::Envelope(envelope),
            has_log,
        }) => of_envelope("bundle", envelope, subject, keys, kind, wanted, has_log),
        Ok(_) => checks.failed(rule::FORM, "it holds a signature of a file"),
        Err(error) => checks.failed(rule::FORM, error.to_string()),
    }
}

/// A layer under the tag `.att`: an attestation of that type.
pub fn of_attestation(
    layer: &Layer,
    envelope: &[u8],
    subject: &Digest,
    keys: &[PublicKey],
    kind: &str,
) -> Looked {
    let checks = Checks(Vec::new());
    if layer.descriptor.media_type != super::sig_manifest::ENVELOPE_MEDIA_TYPE {
        let found = &layer.descriptor.media_type;
        return checks.failed(rule::FORM, format!("its media type is {found}"));
    }
    match Envelope::read(envelope) {
        Ok(envelope) => {
            let wanted = Wanted::default();
            of_envelope(".att", envelope, subject, keys, Some(kind), &wanted, false)
        }
        Err(error) => checks.failed(rule::FORM, error.to_string()),
    }
}

fn of_envelope(
    form: &'static str,
    envelope: Envelope,
    subject: &Digest,
    keys: &[PublicKey],
    kind: Option<&str>,
    wanted: &Wanted,
    has_log: bool,
) -> Looked {
    let mut checks = Checks(Vec::new());
    if envelope.payload_type != PAYLOAD_TYPE {
        let found = Value::from(envelope.payload_type);
        return checks.failed(rule::FORM, format!("its payloadType is {found}"));
    }
    checks.0.push(Check::passed(rule::FORM));
    let message = envelope.message();
    let mut signatures = envelope.signatures.iter();
    let found = signatures.find_map(|signature| verifies(keys, &message, signature));
    let Some((key, by)) = found else {
        return checks.failed(rule::SIGNED, NO_KEY);
    };
    checks.0.push(Check::passed(rule::SIGNED));
    let statement = match Statement::read(&envelope.payload) {
        Ok(statement) => statement,
        Err(error) => return checks.failed(rule::SUBJECT, error.to_string()),
    };
    let Some(about) = statement.about(subject).cloned() else {
        return checks.failed(rule::SUBJECT, "none of its subjects has this digest");
    };
    checks.0.push(Check::passed(rule::SUBJECT));
    let wants = kind.unwrap_or(PredicateType::SIGNATURE);
    if statement.predicate_type != wants {
        let found = Value::from(statement.predicate_type);
        let reason = format!(
            "its predicateType is {found}; expected {}",
            Value::from(wants)
        );
        return checks.failed(rule::KIND, reason);
    }
    checks.0.push(Check::passed(rule::KIND));
    let met = Met {
        form,
        key,
        by,
        said: Said::Statement(statement, envelope),
        has_log,
    };
    annotated(checks, about.annotations.as_ref(), wanted, met)
}

fn annotated(
    mut checks: Checks,
    said: Option<&Map<String, Value>>,
    wanted: &Wanted,
    met: Met,
) -> Looked {
    let check = wanted.check(said);
    if let Some(reason) = check.failure() {
        let reason = reason.to_owned();
        return checks.failed(rule::ANNOTATIONS, reason);
    }
    checks.0.push(check);
    let signatory = Signatory {
        role: "key",
        fingerprint: met.key.fingerprint(),
    };
    let candidate = Candidate {
        checks: checks.0,
        signatories: vec![signatory],
    };
    (candidate, Some(met))
}

/// A candidate that is unreadable.
pub fn unreadable(reason: &str) -> Looked {
    Checks(Vec::new()).failed(rule::FORM, reason)
}

/// The same, but refused if it holds under another hash than this one.
pub fn only_under(hash: HashAlgorithm, looked: Looked) -> Looked {
    match &looked.1 {
        Some(met) if met.by.hash() != Some(hash) => {
            let reason = format!("its signature is {}; expected {hash}", met.by);
            let form = vec![Check::passed(rule::FORM)];
            Checks(form).failed(rule::SIGNED, reason)
        }
        _ => looked,
    }
}
