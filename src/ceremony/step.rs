//! The steps of ceremonies, as transcripts name them.

use std::borrow::Cow;
use std::fmt;

use super::rules::rule;

/// A step that people confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// The token makes the root key.
    MakeKey,
    /// The root key signs its passport.
    Passport,
    /// The root key signs the public key of the vendor of this name.
    Endorse(Cow<'a, str>),
    /// The root key signs the payload in this file.
    Sign(Cow<'a, str>),
    /// The root key signs its own certificate.
    Certify,
    /// The root key signs the certificate for the request in this file.
    Issue(Cow<'a, str>),
    /// The root key signs a CRL.
    Revoke,
    /// The root key signs the transcript.
    Close,
}

impl<'a> Step<'a> {
    /// The step of this name.
    pub(super) fn of(name: &'a str) -> Option<Self> {
        match name {
            "make-key" => Some(Self::MakeKey),
            "passport" => Some(Self::Passport),
            "certify" => Some(Self::Certify),
            "revoke" => Some(Self::Revoke),
            "close" => Some(Self::Close),
            _ => match name.split_once(':')? {
                ("endorse", vendor) => Some(Self::Endorse(vendor.into())),
                ("sign", file) => Some(Self::Sign(file.into())),
                ("issue", file) => Some(Self::Issue(file.into())),
                _ => None,
            },
        }
    }

    /// The page's words for the step.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::MakeKey => "make the root key on the token".into(),
            Self::Passport => "have the root key sign its passport".into(),
            Self::Endorse(vendor) => format!("sign the public key of vendor \"{vendor}\""),
            Self::Sign(file) => format!("sign payload {file} under SHA-256 and under SHA-384"),
            Self::Certify => "have the root key sign its own certificate".into(),
            Self::Issue(file) => format!("sign a certificate for request {file}"),
            Self::Revoke => "sign the certificate revocation list".into(),
            Self::Close => {
                "have the root key sign the transcript, which closes the ceremony".into()
            }
        }
    }

    /// The rule that a step breaks which the plan does not have, and the reason.
    pub(super) const fn unplanned(&self) -> (&'static str, &'static str) {
        match self {
            Self::Endorse(_) => (rule::VENDORS, "the plan names no such vendor"),
            Self::Sign(_) => (rule::PAYLOADS, "the plan names no such payload"),
            Self::Issue(_) => (rule::CERTIFICATES, "the plan names no such request"),
            Self::Certify | Self::Revoke => (rule::CERTIFICATES, "the plan has no such step"),
            Self::MakeKey | Self::Passport | Self::Close => {
                (rule::ORDER, "the plan has no such step")
            }
        }
    }

    /// The rule that a missing step breaks, and the reason.
    pub(super) const fn undone(&self) -> (&'static str, &'static str) {
        match self {
            Self::Endorse(_) => (rule::VENDORS, "the run did not endorse the plan's vendor"),
            Self::Sign(_) => (rule::PAYLOADS, "the run did not sign the plan's payload"),
            Self::Certify => (
                rule::CERTIFICATES,
                "the run did not sign the root's certificate",
            ),
            Self::Issue(_) => (
                rule::CERTIFICATES,
                "the run did not issue the plan's certificate",
            ),
            Self::Revoke => (rule::CERTIFICATES, "the run did not sign the plan's CRL"),
            Self::MakeKey | Self::Passport | Self::Close => {
                (rule::ORDER, "the run did not do the step")
            }
        }
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MakeKey => f.write_str("make-key"),
            Self::Passport => f.write_str("passport"),
            Self::Endorse(vendor) => write!(f, "endorse:{vendor}"),
            Self::Sign(file) => write!(f, "sign:{file}"),
            Self::Certify => f.write_str("certify"),
            Self::Issue(file) => write!(f, "issue:{file}"),
            Self::Revoke => f.write_str("revoke"),
            Self::Close => f.write_str("close"),
        }
    }
}
