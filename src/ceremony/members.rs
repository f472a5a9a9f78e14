//! The members of a plan, as its TOML has them.

use std::path::PathBuf;

use serde::Deserialize;

use super::certificates::members::{Crl, Issue, Revocation, RootTerms};
use super::layout;
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
    pub(super) issuer: Option<Input>,
    pub(super) certificate: Option<RootTerms>,
    pub(super) crl: Option<Crl>,
    #[serde(default)]
    pub(super) vendors: Vec<Vendor>,
    #[serde(default)]
    pub(super) payloads: Vec<Payload>,
    #[serde(default)]
    pub(super) certificates: Vec<Issue>,
    #[serde(default)]
    pub(super) revocations: Vec<Revocation>,
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
    /// It makes a root key, and the certificate that the key signs for itself.
    RootCertificate,
    /// It issues certificates with the root key.
    IssueCertificates,
    /// It signs a CRL with the root key.
    Revoke,
}

impl Kind {
    /// The kind's name, after "a" or "an".
    pub(super) fn with_article(self) -> String {
        let article = if self.name().starts_with(['e', 'i']) {
            "an"
        } else {
            "a"
        };
        format!("{article} {}", self.name())
    }

    /// The kind's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RootKey => "root-key",
            Self::EndorseVendors => "endorse-vendors",
            Self::SignPayloads => "sign-payloads",
            Self::RootCertificate => "root-certificate",
            Self::IssueCertificates => "issue-certificates",
            Self::Revoke => "revoke",
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
    pub(super) certificate: Option<PathBuf>,
    pub(super) crl: Option<PathBuf>,
    pub(super) transcript: PathBuf,
}

impl Members {
    /// The texts of certificates, each with its member's name.
    pub(super) fn texts(&self) -> Vec<(&'static str, &str)> {
        let own = self.certificate.iter();
        let mut texts: Vec<_> = own.map(|c| ("certificate.subject", &*c.subject)).collect();
        for issue in &self.certificates {
            let subject = issue.subject.as_deref();
            texts.extend(subject.map(|subject| ("a certificate's subject", subject)));
            texts.extend(
                issue
                    .crl_url
                    .as_deref()
                    .map(|url| ("a certificate's crl-url", url)),
            );
        }
        texts
    }

    /// Reads a plan's text. The error is in words.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        check_seen(text)?;
        toml::from_str(text).map_err(|error| told(&error, text))
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
