//! Trust policies: `trustpolicy.json` and `trustpolicy.oci.json`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::identity::{self, Identity};
use super::level::Levels;
use super::scope;
use super::store::{Store, StoreKind};
use crate::class::Class;
use crate::encoding::strict::{self, Refusal, Shape};

const VERSION: &str = "1.0";

const SHAPE: Shape = Shape::Object(&[
    ("version", &Shape::Any),
    (
        "trustPolicies",
        &Shape::List(&Shape::Object(&[
            ("name", &Shape::Any),
            ("registryScopes", &Shape::List(&Shape::Any)),
            (
                "signatureVerification",
                &Shape::Object(&[
                    ("level", &Shape::Any),
                    ("override", &Shape::Map(&Shape::Any)),
                    ("verifyTimestamp", &Shape::Any),
                ]),
            ),
            ("trustStores", &Shape::List(&Shape::Any)),
            ("trustedIdentities", &Shape::List(&Shape::Any)),
        ])),
    ),
]);

/// Why a text is not a trust policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// It is not JSON of the right shape.
    #[error("it is not a trust policy: {0}")]
    Json(String),
    /// The version is missing or another one.
    #[error("its version is {0:?}, but must be \"1.0\"")]
    Version(String),
    /// It has no statement.
    #[error("it has no statement (\"trustPolicies\")")]
    Empty,
    /// A statement has no name.
    #[error("its statement number {0} has no name")]
    Unnamed(usize),
    /// Two statements have one name.
    #[error("it has two statements {0:?}")]
    NameTwice(String),
    /// One scope is in two statements, or twice in one.
    #[error("it has the scope {0:?} twice")]
    ScopeTwice(String),
    /// A statement is invalid.
    #[error("its statement {name:?}: {reason}")]
    Statement {
        /// The statement's name.
        name: String,
        /// The reason.
        reason: String,
    },
}

impl PolicyError {
    /// The exit status follows this class.
    pub const fn class(&self) -> Class {
        match self {
            Self::Json(_)
            | Self::Version(_)
            | Self::Empty
            | Self::Unnamed(_)
            | Self::NameTwice(_)
            | Self::ScopeTwice(_)
            | Self::Statement { .. } => Class::Undecided,
        }
    }
}

/// When the policy asks for a timestamp, if there is a trust store for timestamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampWhen {
    /// Always.
    #[default]
    Always,
    /// Once a certificate of the chain has expired.
    AfterCertExpiry,
}

/// A trust policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustPolicy {
    /// The statements, in order.
    pub statements: Vec<Statement>,
    /// Unknown members, as paths. They have no effect.
    pub unknown: Vec<String>,
}

/// One statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The name.
    pub name: String,
    /// The scopes: repositories, or a sole `*`.
    pub scopes: Vec<String>,
    /// The checks, and how strict they are.
    pub levels: Levels,
    /// When a timestamp is wanted.
    pub timestamps: TimestampWhen,
    /// The trust stores.
    pub stores: Vec<Store>,
    /// The trusted identities.
    pub identities: Vec<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: Option<String>,
    trust_policies: Option<Vec<Entry>>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: Option<String>,
    registry_scopes: Option<Vec<String>>,
    signature_verification: Option<Verification>,
    trust_stores: Option<Vec<String>>,
    trusted_identities: Option<Vec<String>>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verification {
    level: Option<String>,
    #[serde(rename = "override")]
    overridden: Option<BTreeMap<String, String>>,
    verify_timestamp: Option<String>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

impl TrustPolicy {
    /// Reads a policy. All of it has to be valid, also the statements for other artifacts.
    ///
    /// Members that notation does not know have no effect. A member in other capitals, which notation would take for a
    /// known one, or a repeated member makes the policy invalid.
    pub fn read(bytes: &[u8]) -> Result<Self, PolicyError> {
        strict::check_shape(bytes, &SHAPE).map_err(|refusal| {
            PolicyError::Json(match refusal {
                Refusal::Invalid(error) => error.to_string(),
                Refusal::Member(name) => format!("it has the member {name:?}"),
                Refusal::Alike { name, known } => {
                    format!("its member {name:?} is {known:?} to notation")
                }
            })
        })?;
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| PolicyError::Json(error.to_string()))?;
        match document.version.as_deref() {
            Some(VERSION) => {}
            other => return Err(PolicyError::Version(other.unwrap_or_default().to_owned())),
        }
        let entries = document.trust_policies.unwrap_or_default();
        if entries.is_empty() {
            return Err(PolicyError::Empty);
        }
        let mut unknown: Vec<_> = document.unknown.into_iter().map(|(name, _)| name).collect();
        let (mut names, mut scopes) = (BTreeSet::new(), BTreeSet::new());
        let mut statements = Vec::new();
        for (at, entry) in entries.into_iter().enumerate() {
            let name = entry.name.clone().filter(|name| !name.is_empty());
            let name = name.ok_or(PolicyError::Unnamed(at + 1))?;
            if !names.insert(name.clone()) {
                return Err(PolicyError::NameTwice(name));
            }
            let more = entry.unknown.keys().map(|key| format!("{name}.{key}"));
            unknown.extend(more);
            if let Some(verification) = &entry.signature_verification {
                let more = verification.unknown.keys();
                unknown.extend(more.map(|key| format!("{name}.signatureVerification.{key}")));
            }
            let read = statement(entry, &name);
            let read = read.map_err(|reason| PolicyError::Statement { name, reason })?;
            for scope in &read.scopes {
                if !scopes.insert(scope.clone()) {
                    return Err(PolicyError::ScopeTwice(scope.clone()));
                }
            }
            statements.push(read);
        }
        Ok(Self {
            statements,
            unknown,
        })
    }

    /// The statement for a repository, written out with its host: the one that names it, or else the one with `*`.
    pub fn for_repository(&self, repository: &str) -> Option<&Statement> {
        let mut statements = self.statements.iter();
        let named = statements.find(|one| one.scopes.iter().any(|scope| scope == repository));
        named.or_else(|| self.for_any())
    }

    /// The statement with `*`, which also is for artifacts that are in no repository.
    pub fn for_any(&self) -> Option<&Statement> {
        let mut statements = self.statements.iter();
        statements.find(|one| one.scopes.iter().any(|scope| scope == scope::WILDCARD))
    }
}

fn statement(entry: Entry, name: &str) -> Result<Statement, String> {
    let verification = entry.signature_verification.as_ref();
    let level = verification.and_then(|one| one.level.as_deref());
    let level = level.ok_or("it has no level of verification")?;
    let overridden = verification.and_then(|one| one.overridden.as_ref());
    let overridden = overridden.into_iter().flatten();
    let levels = Levels::read(level, overridden.map(|(name, action)| (&**name, &**action)))?;
    let when = verification.and_then(|one| one.verify_timestamp.as_deref());
    let timestamps = match when {
        None | Some("" | "always") => TimestampWhen::Always,
        Some("afterCertExpiry") => TimestampWhen::AfterCertExpiry,
        Some(other) => return Err(format!("there is no verifyTimestamp {other:?}")),
    };
    let stores = entry.trust_stores.unwrap_or_default();
    let identities = entry.trusted_identities.unwrap_or_default();
    if levels.skips_all() {
        if !stores.is_empty() || !identities.is_empty() {
            return Err("it verifies nothing, but names trust stores or identities".into());
        }
    } else if stores.is_empty() || identities.is_empty() {
        return Err("it names no trust store or no trusted identity".into());
    }
    let stores = stores.iter().map(|text| Store::read(text));
    let identities = identities.iter().map(|text| Identity::read(text));
    let identities: Vec<_> = identities.collect::<Result<_, _>>()?;
    if identities.len() > 1 && identities.contains(&Identity::Any) {
        let wildcard = identity::WILDCARD;
        return Err(format!("it trusts {wildcard:?} and other identities too"));
    }
    for (at, one) in identities.iter().enumerate() {
        let mut others = identities.iter().enumerate();
        if others.any(|(other_at, other)| other_at != at && one.covers(other)) {
            return Err("one of its identities contains another".into());
        }
    }
    Ok(Statement {
        name: name.to_owned(),
        scopes: scopes(entry.registry_scopes.unwrap_or_default())?,
        levels,
        timestamps,
        stores: stores.collect::<Result<_, _>>()?,
        identities,
    })
}

fn scopes(scopes: Vec<String>) -> Result<Vec<String>, String> {
    if scopes.is_empty() {
        return Err("it has no scope".into());
    }
    let is_wildcard = |scope: &&String| *scope == scope::WILDCARD;
    if scopes.len() > 1 && scopes.iter().any(|scope| is_wildcard(&scope)) {
        return Err("it has the scope \"*\" and others too".into());
    }
    let is_wrong = |scope: &&String| !is_wildcard(scope) && !scope::is_repository(scope);
    match scopes.iter().find(is_wrong) {
        Some(wrong) => Err(format!(
            "its scope {wrong:?} is neither a repository with its host nor \"*\""
        )),
        None => Ok(scopes),
    }
}

impl Statement {
    /// Its stores of a type.
    pub fn stores_of(&self, kind: StoreKind) -> impl Iterator<Item = &Store> {
        self.stores.iter().filter(move |store| store.kind == kind)
    }
}
