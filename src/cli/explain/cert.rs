//! Advice on the commands on certificates.

use crate::ops::cert::Error;
use crate::x509::{
    CertificateError, CrlError, FormError, IssueError, RequestError, RevokeError, ValidityError,
};

pub(super) fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::Times(ValidityError::Order) => Some("give a later --not-after, or --days"),
        Error::Times(_) => Some("give times from 1970 to 9999"),
        Error::PathLen => Some("leave --path-len out, or issue with --profile ca"),
        Error::Certificate { source, .. } => of_certificate(source),
        Error::Request { source, .. } => of_request(source),
        Error::Crl { source, .. } => of_list(source),
        Error::Several { .. } => Some("name a file with the one certificate, or its serial number"),
        Error::Unknown(_) => {
            Some("ir-sign shows no private keys; for public ones: ir-sign fingerprint FILE")
        }
        Error::Issue(error) => of_issue(error),
        Error::Revoke(error) => of_revoke(error),
        Error::Chain(_) => {
            Some("give the CA's certificate first and each issuer's after it, or only the CA's")
        }
        Error::SelfCheck { .. } | Error::Random(_) | Error::NoSigner(_) => None,
    }
}

const fn of_certificate(error: &CertificateError) -> Option<&'static str> {
    match error {
        CertificateError::Label(_) => {
            Some("a file of certificates holds nothing else: take keys and other blocks out of it")
        }
        _ => None,
    }
}

const fn of_request(error: &RequestError) -> Option<&'static str> {
    match error {
        RequestError::Form(FormError::Label { .. }) => {
            Some("`ir-sign cert request` makes a request, and so does `openssl req -new`")
        }
        RequestError::Signature => Some(
            "the requester has to make a new one: somebody changed it, or signed it with another key",
        ),
        _ => None,
    }
}

const fn of_list(error: &CrlError) -> Option<&'static str> {
    match error {
        CrlError::Delta | CrlError::Scope => Some("ask the issuer for its complete list"),
        CrlError::Times(_) => Some("ask the issuer for a list that says when the next one is due"),
        _ => None,
    }
}

fn of_issue(error: &IssueError) -> Option<&'static str> {
    match error {
        IssueError::CaKey(_) => {
            Some("name the key that is in the CA's certificate, or that CA's certificate")
        }
        IssueError::Life { .. } => Some("give a shorter life: --not-after, or fewer --days"),
        IssueError::Subject(_) => Some("give it another name: --subject DN"),
        IssueError::Itself(_) => Some("give the subject a name of its own: --subject DN"),
        IssueError::SignerKey(_) => Some("ask the requester for a key on P-256, P-384 or P-521"),
        IssueError::Ca(_)
        | IssueError::NoSigner(_)
        | IssueError::NoCrlSign(_)
        | IssueError::OwnKey => None,
    }
}

fn of_revoke(error: &RevokeError) -> Option<&'static str> {
    match error {
        RevokeError::Issuer(error) => of_issue(error),
        RevokeError::Foreign { .. } => {
            Some("its own issuer revokes it: name that CA's certificate and key")
        }
        RevokeError::Twice(_) => Some("see what is revoked: ir-sign cert show CRL"),
        RevokeError::Newer(_) => {
            Some("name the newest list as --previous, or a later --not-before")
        }
        _ => None,
    }
}
