//! The members of a plan, as its TOML has them.

use std::path::PathBuf;

use serde::Deserialize;

use crate::key::pkcs11::SignMechanism;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Members {
    pub(super) ceremony: Kind,
    pub(super) title: String,
    #[serde(default)]
    pub(super) rehearsal: bool,
    pub(super) token: PlannedToken,
    pub(super) key: PlannedKey,
    pub(super) people: Vec<Person>,
    pub(super) root: Option<Input>,
    pub(super) passport: Option<Input>,
    #[serde(default)]
    pub(super) vendors: Vec<Vendor>,
    pub(super) outputs: Outputs,
}

/// The kind of a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It makes a root key.
    RootKey,
    /// It endorses vendors with the root key.
    EndorseVendors,
}

/// The token of a plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlannedToken {
    /// Its label.
    pub label: String,
    /// Its serial number.
    pub serial: String,
    /// The token is hardware although its slot does not say so.
    #[serde(default)]
    pub hardware_without_flag: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlannedKey {
    pub(super) label: String,
    /// The mechanism that the token signs by.
    #[serde(default)]
    pub(super) mechanism: SignMechanism,
}

/// The people who take part.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The person's name.
    pub name: String,
    /// The person's role.
    pub role: Role,
}

/// A person's role in a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Types `Yes` before each step.
    Operator,
    /// Sees each step, and retypes a code.
    Witness,
}

impl Role {
    /// The role's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Witness => "witness",
        }
    }
}

/// An input file, with the digest that it must have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    pub(super) file: PathBuf,
    pub(super) sha384: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vendor {
    pub(super) name: String,
    pub(super) public: PathBuf,
    pub(super) sha384: String,
    pub(super) endorsement: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outputs {
    pub(super) public: Option<PathBuf>,
    pub(super) passport: Option<PathBuf>,
    pub(super) transcript: PathBuf,
}
