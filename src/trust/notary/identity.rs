//! Trusted identities: distinguished names of signers (RFC 4514), compared attribute by attribute, in whatever order.

use std::collections::BTreeMap;

use crate::x509::DistinguishedName;

/// The identity that every signer has.
pub(super) const WILDCARD: &str = "*";
const SUBJECT: &str = "x509.subject";
/// The attributes that a name has to have.
const MANDATORY: [&str; 3] = ["C", "ST", "O"];

/// An identity of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Every signer.
    Any,
    /// A signer whose subject has these attributes, by their names, and perhaps more.
    Subject(BTreeMap<String, String>),
    /// An identity of another kind. Only a plugin could check it, and ir-sign runs none, so no signer has it.
    Foreign(String),
}

/// Why a subject is compared with no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subject \"{subject}\" {reason}, so no identity can match it")]
pub struct SubjectFault {
    subject: String,
    reason: String,
}

impl Identity {
    /// Reads `*` or `x509.subject: NAME`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an identity is empty".into());
        }
        if text == WILDCARD {
            return Ok(Self::Any);
        }
        let about = |reason: &str| format!("identity {text:?} {reason}");
        let (kind, name) = text
            .split_once(':')
            .ok_or_else(|| about("has no colon behind its kind"))?;
        if kind != SUBJECT {
            return Ok(Self::Foreign(kind.to_owned()));
        }
        if name.trim().is_empty() {
            return Err(about("has no name"));
        }
        let read = attributes(name).and_then(complete);
        read.map(Self::Subject).map_err(|reason| about(&reason))
    }

    /// Whether everybody with the other identity has this one too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Subject(own), Self::Subject(other)) => is_part(own, other),
            (Self::Any | Self::Subject(_) | Self::Foreign(_), _) => false,
        }
    }

    /// Whether a subject has this identity.
    pub fn admits(&self, subject: &DistinguishedName) -> Result<bool, SubjectFault> {
        match self {
            Self::Any => Ok(true),
            Self::Foreign(_) => Ok(false),
            Self::Subject(own) => {
                let fault = |reason| SubjectFault {
                    subject: subject.to_string(),
                    reason,
                };
                let found = of_subject(subject).and_then(complete).map_err(fault)?;
                Ok(is_part(own, &found))
            }
        }
    }
}

fn is_part(part: &BTreeMap<String, String>, whole: &BTreeMap<String, String>) -> bool {
    let mut part = part.iter();
    part.all(|(name, value)| whole.get(name) == Some(value))
}

fn complete(all: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
    let is_missing = |name: &&&str| all.get(**name).is_none_or(String::is_empty);
    match MANDATORY.iter().find(is_missing) {
        Some(name) => Err(format!("has no {name}: C, ST and O are required")),
        None => Ok(all),
    }
}

fn add(all: &mut BTreeMap<String, String>, name: String, value: String) -> Result<(), String> {
    // To notation `S` is another spelling.
    let name = if name == "S" { "ST".into() } else { name };
    if all.contains_key(&name) {
        return Err(format!("has two attributes {name}"));
    }
    all.insert(name, value);
    Ok(())
}

/// The attributes of a certificate's subject.
fn of_subject(subject: &DistinguishedName) -> Result<BTreeMap<String, String>, String> {
    let mut all = BTreeMap::new();
    for attribute in subject.rdns().iter().flatten() {
        let name = attribute.known();
        let name = name.ok_or_else(|| format!("has the attribute {}", attribute.oid))?;
        let text = attribute
            .text
            .as_deref()
            .filter(|text| !text.contains("=#"));
        let text = text.ok_or_else(|| format!("has no plain text as {name}"))?;
        add(&mut all, name.to_owned(), text.to_owned())?;
    }
    Ok(all)
}

/// The attributes of a name in text.
fn attributes(name: &str) -> Result<BTreeMap<String, String>, String> {
    if name.contains("=#") {
        return Err("has a value in hexadecimal (\"=#\")".into());
    }
    let mut all = BTreeMap::new();
    for part in split(name, &[',', ';']) {
        if split(part, &['+']).len() > 1 {
            return Err("has two attributes joined by \"+\"".into());
        }
        let unfinished = || format!("has an unfinished attribute {:?}", part.trim_matches(' '));
        let (kind, value) = part.split_once('=').ok_or_else(unfinished)?;
        let (kind, value) = (decoded(kind)?, decoded(value)?);
        if kind.is_empty() {
            return Err(unfinished());
        }
        add(&mut all, kind, value)?;
    }
    Ok(all)
}

/// Splits at marks without a backslash before them.
fn split<'a>(text: &'a str, marks: &[char]) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let (mut start, mut is_escaped) = (0, false);
    for (at, c) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' {
            is_escaped = true;
        } else if marks.contains(&c) {
            parts.push(&text[start..at]);
            start = at + c.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// A type or a value without the blanks around it and without its backslashes (RFC 4514, section 3).
fn decoded(text: &str) -> Result<String, String> {
    let text = text.trim_start_matches(' ');
    let mut bytes = Vec::new();
    // Bytes up to here are not blanks at the end.
    let mut kept = 0;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let mut encoded = [0; 4];
        match c {
            '\\' => {
                let after = rest.next();
                match after {
                    Some(c) if " \"#+,;<=>\\".contains(c) => bytes.push(c as u8),
                    Some(c) => {
                        let digits = c.to_digit(16).zip(rest.next().and_then(|c| c.to_digit(16)));
                        let byte = digits.and_then(|(a, b)| u8::try_from(a * 16 + b).ok());
                        bytes.push(byte.ok_or("has a backslash before something else")?);
                    }
                    None => return Err("ends in a backslash".into()),
                }
                kept = bytes.len();
            }
            '"' | '<' | '>' | '\0' => return Err(format!("has {c:?} without a backslash")),
            ' ' => bytes.push(b' '),
            c => {
                bytes.extend(c.encode_utf8(&mut encoded).bytes());
                kept = bytes.len();
            }
        }
    }
    bytes.truncate(kept);
    String::from_utf8(bytes).map_err(|_| "is not in UTF-8".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match Identity::read(text) {
            Ok(Identity::Subject(all)) => {
                let all = all.iter().map(|(name, value)| format!("{name}={value}"));
                all.collect::<Vec<_>>().join("|")
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_name_is_read_as_notation_reads_it() {
        for (text, read) in [
            ("x509.subject: C=PT, ST=Lisboa, O=IR", "C=PT|O=IR|ST=Lisboa"),
            ("x509.subject:O=IR,S=Lisboa;C=PT", "C=PT|O=IR|ST=Lisboa"),
            (
                r"x509.subject: C=PT, ST=L\,\2b\C3\A9\ , O=a=b\5c, DC=x",
                "C=PT|DC=x|O=a=b\\|ST=L,+é ",
            ),
            ("x509.subject:  C = PT , ST=a b , O=c", "C=PT|O=c|ST=a b"),
            ("*", "Ok(Any)"),
            ("a:b", "Ok(Foreign(\"a\"))"),
        ] {
            assert_eq!(shown(text), read, "{text}");
        }
        for (text, reason) in [
            ("", "is empty"),
            ("C=PT, ST=Lisboa, O=IR", "no colon"),
            ("x509.subject:", "has no name"),
            ("x509.subject: ", "has no name"),
            ("x509.subject: C=PT, ST=Lisboa", "has no O"),
            ("x509.subject: c=PT, st=Lisboa, o=IR", "has no C"),
            ("x509.subject: C=PT, ST=, O=IR", "has no ST"),
            ("x509.subject: C=PT+ST=Lisboa, O=IR", "\\\"+\\\""),
            ("x509.subject: C=#0500, ST=Lisboa, O=IR", "=#"),
            ("x509.subject: C=PT, ST=a, S=b, O=c", "two attributes ST"),
            ("x509.subject: C=PT, ST=a, O=c,", "unfinished"),
            ("x509.subject: C=PT, ST=a, O=c, x", "unfinished"),
            ("x509.subject: C=PT, ST=a, O=c, =x", "unfinished"),
            (r"x509.subject: C=PT, ST=a, O=c\", "backslash"),
            (r"x509.subject: C=PT, ST=a, O=c\zz", "backslash"),
            (r"x509.subject: C=PT, ST=a, O=c\ff", "UTF-8"),
            (r#"x509.subject: C=PT, ST=a, O="c""#, "without a backslash"),
        ] {
            let read = shown(text);
            assert!(
                read.starts_with("Err") && read.contains(reason),
                "{text}: {read}"
            );
        }
    }

    #[test]
    fn an_identity_covers_those_that_say_more() {
        let read = |more: &str| {
            Identity::read(&format!("x509.subject: C=PT, ST=a, O=b{more}")).expect("a name")
        };
        let (short, long) = (read(""), read(", CN=c"));
        assert!(short.covers(&long) && !long.covers(&short) && short.covers(&short));
        assert!(!Identity::Any.covers(&short));
    }
}
