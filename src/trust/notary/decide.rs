//! The decision on one signature, in the order of the specification ("Signature Verification", "Steps").

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::level::{Action, Validation};
use super::policy::{Statement, TimestampWhen};
use super::revocation::{self, Revocations};
use super::rule;
use super::store::{StoreFault, StoreKind, Stores};
use crate::crypto::p384::Fingerprint;
use crate::encoding::time;
use crate::image::Descriptor;
use crate::report::{Check, Outcome, Signatory};
use crate::scheme::notary::{Envelope, Malformed, SigningScheme};
use crate::x509::{Certificate, chain};

/// How far the clock of a signer may be ahead of this machine's.
const CLOCK: Duration = Duration::from_mins(5);

/// The conditions that a signature must meet.
pub struct Question<'a> {
    /// The statement of the policy. It does not skip all: then nothing is to be asked.
    pub statement: &'a Statement,
    /// The trust stores.
    pub stores: &'a dyn Stores,
    /// The revocation lists at hand.
    pub lists: &'a dyn Revocations,
    /// The artifact.
    pub artifact: &'a Descriptor,
    /// The metadata that the signature has to have.
    pub metadata: &'a BTreeMap<String, String>,
    /// The time of the decision.
    pub now: SystemTime,
}

/// What became of one signature.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// The checks, one a rule. A failure that the policy only logs is a warning.
    pub checks: Vec<Check>,
    /// Facts for the user that decide nothing.
    pub notes: Vec<String>,
    /// The signer, if the envelope holds.
    pub signatory: Option<Signatory>,
    /// The signer's subject, if the envelope holds.
    pub subject: Option<String>,
    /// Until when the certificates live and the signature does not expire, if the envelope holds.
    pub holds_until: Option<SystemTime>,
}

impl Decision {
    /// Whether nothing that the policy enforces failed, and all was looked at.
    pub fn holds(&self) -> bool {
        self.checks.len() == rule::ALL.len()
            && self.signatory.is_some()
            && self.checks.iter().all(|check| match check.outcome {
                Outcome::Passed | Outcome::Warned(_) | Outcome::LeftOut => true,
                // ir-sign does all checks of these.
                Outcome::Failed(_) | Outcome::Blocked | Outcome::Unchecked(_) => false,
            })
    }

    /// Why it does not hold: the rule, and the reason.
    pub fn failure(&self) -> Option<(&'static str, &str)> {
        let mut checks = self.checks.iter();
        checks.find_map(|check| Some((check.rule, check.failure()?)))
    }

    /// The failures that the policy only logs.
    pub fn warnings(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.checks.iter().filter_map(|check| match &check.outcome {
            Outcome::Warned(reason) => Some((check.rule, &**reason)),
            Outcome::Passed
            | Outcome::Failed(_)
            | Outcome::Blocked
            | Outcome::LeftOut
            | Outcome::Unchecked(_) => None,
        })
    }

    /// Adds a check; whether to go on.
    fn add(&mut self, rule: &'static str, action: Action, result: Result<(), String>) -> bool {
        let check = match (result, action) {
            (_, Action::Skip) => Check::left_out(rule),
            (Ok(()), _) => Check::passed(rule),
            (Err(reason), Action::Log) => Check::warned(rule, reason),
            (Err(reason), Action::Enforce) => Check::failed(rule, reason),
        };
        let goes_on = !check.has_failed();
        self.checks.push(check);
        goes_on
    }
}

/// Decides on a signature. A trust store that ir-sign cannot use leaves the matter undecided.
///
/// The first failure that the policy enforces ends the checks and blocks the later ones.
pub fn decide(
    envelope: Result<&Envelope, &Malformed>,
    question: &Question<'_>,
) -> Result<Decision, StoreFault> {
    let mut decision = Decision::default();
    run(&mut decision, envelope, question)?;
    let reached = decision.checks.len();
    let rest = rule::ALL[reached..].iter().map(|rule| Check::blocked(rule));
    decision.checks.extend(rest);
    Ok(decision)
}

fn run(
    decision: &mut Decision,
    envelope: Result<&Envelope, &Malformed>,
    question: &Question<'_>,
) -> Result<(), StoreFault> {
    let statement = question.statement;
    let action = |validation| statement.levels.action(validation);
    let intact = match envelope {
        Ok(envelope) => envelope.check().map_err(|error| error.to_string()),
        Err(malformed) => Err(malformed.to_string()),
    };
    let goes_on = decision.add(rule::INTEGRITY, Action::Enforce, intact);
    let (true, Ok(envelope)) = (goes_on, envelope) else {
        return Ok(());
    };
    let leaf = envelope.leaf();
    decision.subject = Some(leaf.subject().to_string());
    decision.signatory = Some(Signatory {
        role: "signer",
        fingerprint: Fingerprint::of_spki(leaf.public_key().spki()),
    });
    decision.holds_until = holds_until(envelope);
    let plugin = plugin(envelope);
    if !decision.add(rule::PLUGIN, Action::Enforce, plugin) {
        return Ok(());
    }
    let authenticity = action(Validation::Authenticity);
    let trusted = trusted(envelope, question)?;
    if !decision.add(rule::TRUST_STORE, authenticity, trusted)
        || !decision.add(rule::IDENTITY, authenticity, identity(leaf, statement))
        || !decision.add(
            rule::EXPIRY,
            action(Validation::Expiry),
            expiry(envelope, question.now),
        )
        || !decision.add(
            rule::TIMESTAMP,
            action(Validation::AuthenticTimestamp),
            timestamp(envelope, question),
        )
    {
        return Ok(());
    }
    let (lists, now) = (question.lists, question.now);
    let certificates = envelope.chain.certificates();
    let of_revocation = action(Validation::Revocation);
    let result = match of_revocation {
        Action::Skip => Ok(()),
        Action::Enforce | Action::Log => {
            revocation::check(certificates, lists, now, &mut decision.notes)
        }
    };
    if !decision.add(rule::REVOCATION, of_revocation, result)
        || !decision.add(rule::SUBJECT, Action::Enforce, subject(envelope, question))
    {
        return Ok(());
    }
    decision.add(
        rule::METADATA,
        Action::Enforce,
        metadata(envelope, question),
    );
    Ok(())
}

fn holds_until(envelope: &Envelope) -> Option<SystemTime> {
    let ends = envelope.chain.certificates().iter();
    let ends = ends.map(Certificate::not_after);
    ends.chain(envelope.attributes.expiry).min()
}

fn plugin(envelope: &Envelope) -> Result<(), String> {
    match &envelope.attributes.plugin {
        None => Ok(()),
        Some(plugin) => Err(format!(
            "it asks for the plugin {:?} to verify it, but ir-sign runs no plugins",
            plugin.name
        )),
    }
}

fn trusted(envelope: &Envelope, question: &Question<'_>) -> Result<Result<(), String>, StoreFault> {
    let kind = match envelope.attributes.scheme {
        SigningScheme::X509 => StoreKind::Ca,
        SigningScheme::SigningAuthority => StoreKind::SigningAuthority,
    };
    let statement = question.statement;
    let chain = envelope.chain.certificates();
    let mut looked = Vec::new();
    let mut is_trusted = false;
    // This reads all of them, so that it reports a broken one in any order.
    for store in statement.stores_of(kind) {
        let certificates = question.stores.certificates(store)?;
        is_trusted |= chain.iter().any(|one| certificates.contains(one));
        looked.push(store.to_string());
    }
    if is_trusted {
        return Ok(Ok(()));
    }
    let root = chain.last().map(|root| root.subject().to_string());
    Ok(Err(if looked.is_empty() {
        format!(
            "the policy's statement {:?} has no trust store of the type {:?}, which a signature of the scheme {} needs",
            statement.name,
            kind.name(),
            envelope.attributes.scheme.name()
        )
    } else {
        format!(
            "no certificate of the chain, which ends in \"{}\", is in the trust store {}",
            root.unwrap_or_default(),
            looked.join(", ")
        )
    }))
}

fn identity(leaf: &Certificate, statement: &Statement) -> Result<(), String> {
    for identity in &statement.identities {
        let admits = identity.admits(leaf.subject());
        if admits.map_err(|fault| fault.to_string())? {
            return Ok(());
        }
    }
    Err(format!(
        "the signer \"{}\" is not one of the identities that the policy's statement {:?} trusts",
        leaf.subject(),
        statement.name
    ))
}

fn expiry(envelope: &Envelope, now: SystemTime) -> Result<(), String> {
    match envelope.attributes.expiry {
        Some(expiry) if now > expiry => {
            Err(format!("the signature expired at {}", time::write(expiry)))
        }
        _ => Ok(()),
    }
}

fn timestamp(envelope: &Envelope, question: &Question<'_>) -> Result<(), String> {
    let chain = envelope.chain.certificates();
    let (attributes, now) = (&envelope.attributes, question.now);
    let signed = attributes.signing_time;
    if signed > now + CLOCK {
        let signed = time::write(signed);
        return Err(format!(
            "the signature says that it was made at {signed}, in the future"
        ));
    }
    let at = match attributes.scheme {
        // The authority vouches for the time of signing.
        SigningScheme::SigningAuthority => signed,
        SigningScheme::X509 => {
            let statement = question.statement;
            let has_store = statement.stores_of(StoreKind::Tsa).next().is_some();
            let has_ended = chain
                .iter()
                .any(|one| now > one.not_after() && !one.is_valid_at(now));
            let wants = match statement.timestamps {
                TimestampWhen::Always => true,
                TimestampWhen::AfterCertExpiry => has_ended,
            };
            if has_store && wants {
                return Err(
                    "the policy asks for a timestamp of an authority, but ir-sign reads none"
                        .into(),
                );
            }
            now
        }
    };
    chain::check_validity(chain, at).map_err(|fault| fault.to_string())
}

fn subject(envelope: &Envelope, question: &Question<'_>) -> Result<(), String> {
    let (signed, asked) = (&envelope.payload, question.artifact);
    if signed.is_of(asked) {
        return Ok(());
    }
    Err(format!(
        "it signs {} ({}, {} bytes), not {} ({}, {} bytes)",
        signed.digest, signed.media_type, signed.size, asked.digest, asked.media_type, asked.size
    ))
}

fn metadata(envelope: &Envelope, question: &Question<'_>) -> Result<(), String> {
    let signed = &envelope.payload.annotations;
    let mut asked = question.metadata.iter();
    let missing = asked.find(|(name, value)| signed.get(*name) != Some(value));
    missing.map_or(Ok(()), |(name, value)| {
        Err(format!(
            "the signature does not have the metadata {name}={value}"
        ))
    })
}
