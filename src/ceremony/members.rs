//! The members of a plan, as its TOML has them.

use std::path::PathBuf;

use serde::Deserialize;

use super::{layout, payload};
use crate::key::pkcs11::SignMechanism;
use crate::text;

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
    #[serde(default)]
    pub(super) payloads: Vec<Payload>,
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
    /// It signs payloads of cosign's with the root key.
    SignPayloads,
}

impl Kind {
    /// The kind's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RootKey => "root-key",
            Self::EndorseVendors => "endorse-vendors",
            Self::SignPayloads => "sign-payloads",
        }
    }
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
pub(super) struct Payload {
    pub(super) file: PathBuf,
    pub(super) sha384: String,
    pub(super) signature: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outputs {
    pub(super) public: Option<PathBuf>,
    pub(super) passport: Option<PathBuf>,
    pub(super) transcript: PathBuf,
}

impl Members {
    /// Reads a plan's text. The error is in words.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        check_seen(text)?;
        toml::from_str(text).map_err(|error| told(&error, text))
    }

    /// Refuses a payload that is named twice.
    fn check_payloads(&self) -> Result<(), String> {
        for (n, payload) in self.payloads.iter().enumerate() {
            let is_same = |other: &&Payload| {
                other.sha384 == payload.sha384
                    || payload::plain(&other.file) == payload::plain(&payload.file)
            };
            if let Some(other) = self.payloads[..n].iter().find(is_same) {
                let (one, two) = (other.file.display(), payload.file.display());
                return Err(format!(
                    "payloads {one} and {two} are one: each is signed once"
                ));
            }
        }
        Ok(())
    }

    /// Checks which members go together.
    pub(super) fn check_kind(&self) -> Result<(), String> {
        let Outputs {
            public, passport, ..
        } = &self.outputs;
        if !self.vendors.is_empty() && self.ceremony != Kind::EndorseVendors {
            return Err("only an endorse-vendors ceremony has vendors".into());
        }
        if !self.payloads.is_empty() && self.ceremony != Kind::SignPayloads {
            return Err("only a sign-payloads ceremony has payloads".into());
        }
        let of_root = public.is_some() || passport.is_some();
        if of_root && self.ceremony != Kind::RootKey {
            return Err("only a root-key ceremony has outputs.public and outputs.passport".into());
        }
        let wrong = match self.ceremony {
            Kind::RootKey if public.is_none() || passport.is_none() => {
                "a root-key ceremony has outputs.public and outputs.passport"
            }
            Kind::RootKey if self.root.is_some() || self.passport.is_some() => {
                "a root-key ceremony has no root and no passport: it makes them"
            }
            Kind::EndorseVendors if self.root.is_none() => {
                "an endorse-vendors ceremony has a root: the CA's public key"
            }
            Kind::EndorseVendors if self.vendors.is_empty() => {
                "an endorse-vendors ceremony has vendors"
            }
            Kind::SignPayloads if self.root.is_none() => {
                "a sign-payloads ceremony has a root: the public half of the key that signs"
            }
            Kind::SignPayloads if self.payloads.is_empty() => {
                "a sign-payloads ceremony has payloads"
            }
            Kind::SignPayloads if self.key.mechanism != SignMechanism::Ecdsa => {
                "a sign-payloads ceremony signs under SHA-256 and SHA-384, and CKM_ECDSA_SHA384 makes no signature \
                 under SHA-256: it needs a token that offers CKM_ECDSA, and no key.mechanism"
            }
            Kind::RootKey | Kind::EndorseVendors | Kind::SignPayloads => {
                return self.check_payloads();
            }
        };
        Err(wrong.into())
    }
}

/// Refuses a plan that reviewers would read differently from this program, comments included.
fn check_seen(text: &str) -> Result<(), String> {
    // Windows' editors put this mark at a file's beginning and end lines in CR LF.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (n, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if let Some(c) = text::hidden(&line.replace('\t', " ")) {
            return Err(format!("line {} has {}", n + 1, layout::unseen(c)));
        }
    }
    Ok(())
}

/// A TOML error on one line, with its position.
fn told(error: &toml::de::Error, text: &str) -> String {
    let line = error
        .span()
        .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let message = error.message().replace('\n', " ");
    line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
}
