//! The text of distinguished names, as trust policies write it: `C=PT, ST=Lisboa, O=A\, B, CN=Café`, in the order of
//! the encoding. RFC 4514 has the reverse order.
//!
//! ```
//! use ir_sign::x509::dn;
//!
//! let name = dn::parse(r"C=PT, S=Lisboa, O=A\, B, CN=Café")?;
//! assert_eq!(name.to_string(), r"C=PT, ST=Lisboa, O=A\, B, CN=Café");
//! assert!(dn::parse("C=Portugal").is_err());
//! # Ok::<(), ir_sign::x509::dn::DnError>(())
//! ```

use der::asn1::{Any, ObjectIdentifier};
use der::{Encode, Tag};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{RdnSequence, RelativeDistinguishedName};

use super::name::{DistinguishedName, KNOWN};

/// Why a text is not a distinguished name that a certificate can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DnError {
    /// There is no attribute.
    #[error("the name has no attribute")]
    Empty,
    /// An attribute has no `=`, or no type before it.
    #[error("attribute {0:?} is unfinished; expected TYPE=VALUE")]
    Unfinished(String),
    /// The type has a name that is unknown here.
    #[error(
        "attribute type {0:?} is unknown; the types are C, ST, L, STREET, POSTALCODE, O, OU, CN and SERIALNUMBER"
    )]
    Unknown(String),
    /// An attribute has no value.
    #[error("attribute {0} has no value")]
    NoValue(&'static str),
    /// Several attributes stand in one element.
    #[error("attribute {0} is joined to another with +; expected one attribute in each element")]
    Several(&'static str),
    /// A character that has to be escaped.
    #[error("attribute {kind}: {character:?} has to be escaped with a backslash")]
    Bare {
        /// The attribute's type.
        kind: &'static str,
        /// The character.
        character: char,
    },
    /// A value in the hexadecimal of its DER bytes.
    #[error("attribute {0}: a value that begins with # is DER in hexadecimal; expected text")]
    Hexadecimal(&'static str),
    /// A backslash with nothing after it that one can escape.
    #[error(
        "attribute {0}: a backslash escapes a character of , + \" \\ < > ; = # and space, or has two hexadecimal digits behind it"
    )]
    Escape(&'static str),
    /// A character that does not print.
    #[error("attribute {0} has a control character")]
    Control(&'static str),
    /// The escaped bytes are not text.
    #[error("attribute {0} is not UTF-8")]
    Utf8(&'static str),
    /// A country is something else than two letters.
    #[error("attribute C is {0:?}; a country has two letters")]
    Country(String),
    /// A character that the type does not take.
    #[error("attribute {kind}: {character:?} is not a character of a PrintableString")]
    Printable {
        /// The attribute's type.
        kind: &'static str,
        /// The character.
        character: char,
    },
    /// The value is too long.
    #[error("attribute {kind} has {found} characters; at most {most} are allowed")]
    Long {
        /// The attribute's type.
        kind: &'static str,
        /// Its characters.
        found: usize,
        /// The most characters (RFC 5280, appendix A.1; X.520 for streets).
        most: usize,
    },
}

/// The most characters of each type (RFC 5280, appendix A.1, and X.520 for streets).
const MOST: [(&str, usize); 9] = [
    ("CN", 64),
    ("SERIALNUMBER", 64),
    ("C", 2),
    ("L", 128),
    ("ST", 128),
    ("STREET", 128),
    ("O", 64),
    ("OU", 64),
    ("POSTALCODE", 40),
];

/// Reads a name. Spaces around an element, its type and its value do not count unless they are escaped.
pub fn parse(text: &str) -> Result<DistinguishedName, DnError> {
    if text.trim_matches(' ').is_empty() {
        return Err(DnError::Empty);
    }
    let mut rdns = RdnSequence::default();
    let mut rest = text;
    loop {
        let (kind, oid, value) = attribute_type(rest)?;
        let (value, behind) = read_value(kind, value)?;
        check_value(kind, &value)?;
        rdns.push(element(kind, oid, &value));
        match behind {
            Some(behind) => rest = behind,
            None => break,
        }
    }
    let der = rdns.to_der().expect("short texts are encoded");
    Ok(DistinguishedName::read(&der).expect("the encoding is right"))
}

/// Checks a name that somebody else encoded: the attributes whose types are known here hold the text that
/// [`parse`] takes. Others are theirs to know.
pub fn check(name: &DistinguishedName) -> Result<(), DnError> {
    if name.is_empty() {
        return Err(DnError::Empty);
    }
    for attribute in name.rdns().iter().flatten() {
        let Some(kind) = attribute.known() else {
            continue;
        };
        let text = attribute.text.as_deref();
        let text = text.ok_or(DnError::Utf8(kind))?;
        check_value(kind, text)?;
    }
    Ok(())
}

/// The type at the start of an element, and the text after its `=`.
fn attribute_type(text: &str) -> Result<(&'static str, ObjectIdentifier, &str), DnError> {
    let end = text.find([',', '=']).unwrap_or(text.len());
    let unfinished = || DnError::Unfinished(text[..end].trim_matches(' ').to_owned());
    let value = text[end..].strip_prefix('=').ok_or_else(unfinished)?;
    let written = text[..end].trim_matches(' ');
    if written.is_empty() {
        let shown: String = text.chars().take(20).collect();
        return Err(DnError::Unfinished(shown.trim_matches(' ').to_owned()));
    }
    // openssl and Notary Project take both.
    let wanted = if written.eq_ignore_ascii_case("S") {
        "ST"
    } else {
        written
    };
    let known = KNOWN
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let (kind, oid) = known.ok_or_else(|| DnError::Unknown(written.to_owned()))?;
    Ok((kind, *oid, value))
}

/// The value that the text begins with, and what follows its comma.
fn read_value<'a>(kind: &'static str, text: &'a str) -> Result<(String, Option<&'a str>), DnError> {
    let text = text.trim_start_matches(' ');
    if text.starts_with('#') {
        return Err(DnError::Hexadecimal(kind));
    }
    let mut bytes = Vec::new();
    // Where trailing spaces that count end.
    let mut kept = 0;
    let mut behind = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ',' => {
                behind = Some(&text[at + 1..]);
                break;
            }
            '\\' => {
                bytes.push(escaped(kind, &mut chars)?);
                kept = bytes.len();
            }
            '+' => return Err(DnError::Several(kind)),
            '"' | '<' | '>' | ';' | '=' => return Err(DnError::Bare { kind, character: c }),
            c => {
                let mut encoded = [0; 4];
                bytes.extend(c.encode_utf8(&mut encoded).as_bytes());
                if c != ' ' {
                    kept = bytes.len();
                }
            }
        }
    }
    bytes.truncate(kept);
    let value = String::from_utf8(bytes).map_err(|_| DnError::Utf8(kind))?;
    Ok((value, behind))
}

/// The byte that the characters after a backslash stand for.
fn escaped(kind: &'static str, chars: &mut std::str::CharIndices<'_>) -> Result<u8, DnError> {
    let error = DnError::Escape(kind);
    let Some((_, first)) = chars.next() else {
        return Err(error);
    };
    if let ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' | '#' | ' ' = first {
        return u8::try_from(first).map_err(|_| error);
    }
    let second = chars.next().and_then(|(_, c)| c.to_digit(16));
    match (first.to_digit(16), second) {
        (Some(high), Some(low)) => u8::try_from(high * 16 + low).map_err(|_| error),
        _ => Err(error),
    }
}

fn check_value(kind: &'static str, value: &str) -> Result<(), DnError> {
    if value.is_empty() {
        return Err(DnError::NoValue(kind));
    }
    if value.chars().any(char::is_control) {
        return Err(DnError::Control(kind));
    }
    if kind == "C" && !(value.len() == 2 && value.bytes().all(|b| b.is_ascii_alphabetic())) {
        return Err(DnError::Country(value.to_owned()));
    }
    if kind == "SERIALNUMBER"
        && let Some(character) = value.chars().find(|c| !is_printable(*c))
    {
        return Err(DnError::Printable { kind, character });
    }
    let most = MOST.iter().find(|(name, _)| *name == kind);
    let most = most.map_or(0, |(_, most)| *most);
    let found = value.chars().count();
    if found > most {
        return Err(DnError::Long { kind, found, most });
    }
    Ok(())
}

/// X.680, section 41.4.
const fn is_printable(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(
            c,
            ' ' | '\'' | '(' | ')' | '+' | ',' | '-' | '.' | '/' | ':' | '=' | '?'
        )
}

/// One element. Countries and serial numbers are `PrintableString`s (RFC 5280, appendix A.1), the others `UTF8String`s.
fn element(kind: &str, oid: ObjectIdentifier, value: &str) -> RelativeDistinguishedName {
    let tag = match kind {
        "C" | "SERIALNUMBER" => Tag::PrintableString,
        _ => Tag::Utf8String,
    };
    let value = Any::new(tag, value.as_bytes()).expect("a short text has a length");
    let mut element = RelativeDistinguishedName::default();
    let inserted = element.insert(AttributeTypeAndValue { oid, value });
    inserted.expect("one attribute has an order");
    element
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::hex::hex;

    #[test]
    fn a_name_is_encoded_in_the_order_of_its_text() {
        let name = parse("C=PT, ST=Lisboa").expect("a name");
        // SET of SEQUENCE of OID and string: a PrintableString for C, a UTF8String for ST.
        let c = "310b3009060355040613025054";
        let st = "310f300d06035504080c064c6973626f61";
        assert_eq!(hex(name.der()), format!("301e{c}{st}"));
        let reverse = parse("ST=Lisboa,C=PT").expect("a name");
        assert_eq!(hex(reverse.der()), format!("301e{st}{c}"));
    }

    #[test]
    fn spaces_case_and_s_do_not_matter() {
        let name = parse("C=PT, ST=Lisboa, O=A B, CN=x").expect("a name");
        for text in [
            "C=PT,ST=Lisboa,O=A B,CN=x",
            " C = PT ,  S =  Lisboa , o=A B,cn=x  ",
            "c=PT,s=Lisboa,O=A\\20B,CN=\\78",
        ] {
            assert_eq!(parse(text).as_ref(), Ok(&name), "{text}");
        }
    }

    #[test]
    fn a_shown_name_is_read_as_that_name() {
        for text in [
            r"C=PT, ST=Lisboa, L=Sé, STREET=Rua 1, POSTALCODE=1000-001, O=A\, B, OU=a\+b, CN=Café, SERIALNUMBER=12",
            r"O=\ a\ , CN=\#1\=\;\<\>\\\+",
        ] {
            let name = parse(text).expect("a name");
            assert_eq!(name.to_string(), text);
            assert_eq!(parse(&name.to_string()), Ok(name));
        }
        let name = parse(r"CN=Caf\C3\A9").expect("a name");
        assert_eq!(name.to_string(), "CN=Café");
        assert_eq!(parse("CN=a#b").expect("a name").to_string(), "CN=a#b");
    }

    #[test]
    fn a_text_that_is_no_name_is_refused() {
        for (text, reason) in [
            ("", "the name has no attribute"),
            ("   ", "the name has no attribute"),
            ("CN", "attribute \"CN\" is unfinished"),
            ("C=PT,", "attribute \"\" is unfinished"),
            ("C=PT,,CN=a", "attribute \"\" is unfinished"),
            (",CN=a", "attribute \"\" is unfinished"),
            ("=a", "attribute \"=a\" is unfinished"),
            ("C=PT, Lisboa", "attribute \"Lisboa\" is unfinished"),
            ("X=a", "attribute type \"X\" is unknown"),
            ("2.5.4.3=a", "attribute type \"2.5.4.3\" is unknown"),
            (
                "emailAddress=a",
                "attribute type \"emailAddress\" is unknown",
            ),
            ("/C=PT/CN=a", "attribute type \"/C\" is unknown"),
            ("CN=", "attribute CN has no value"),
            ("CN= , O=a", "attribute CN has no value"),
            ("CN=a+O=b", "attribute CN is joined to another"),
            ("CN=\"a\"", "'\"' has to be escaped"),
            ("CN=a;b", "';' has to be escaped"),
            ("CN=a=b", "'=' has to be escaped"),
            ("CN=<a", "'<' has to be escaped"),
            ("CN=#0c0161", "begins with #"),
            ("CN=a\\", "a backslash escapes"),
            ("CN=a\\1", "a backslash escapes"),
            ("CN=a\\zz", "a backslash escapes"),
            ("CN=a\\é", "a backslash escapes"),
            ("CN=a\nb", "control character"),
            ("CN=a\\00b", "control character"),
            ("CN=a\\C2\\85b", "control character"),
            ("CN=\\ff", "is not UTF-8"),
            ("C=Portugal", "a country has two letters"),
            ("C=P1", "a country has two letters"),
            ("C=P", "a country has two letters"),
            ("C=é", "a country has two letters"),
            (
                "SERIALNUMBER=a_b",
                "'_' is not a character of a PrintableString",
            ),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }

    #[test]
    fn each_attribute_has_a_longest_value() {
        for (kind, most) in MOST.into_iter().filter(|(kind, _)| *kind != "C") {
            let longest = "1".repeat(most);
            assert!(parse(&format!("{kind}={longest}")).is_ok(), "{kind}");
            let error = parse(&format!("{kind}={longest}1")).expect_err(kind);
            let (kind, found) = (error.to_string(), most + 1);
            assert!(kind.contains(&format!("has {found} characters")), "{kind}");
        }
        // Characters count, not bytes.
        assert!(parse(&format!("CN={}", "é".repeat(64))).is_ok());
        assert!(
            KNOWN
                .iter()
                .all(|(kind, _)| MOST.iter().any(|(k, _)| k == kind))
        );
    }
}
