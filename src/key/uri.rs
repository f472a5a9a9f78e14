//! PKCS#11 URIs (RFC 7512): which key on which token, and how to reach it.
//!
//! Read strictly: an attribute that is unknown, given twice or in the wrong part is an error that
//! names it, because a URI that half matches finds the wrong key. Errors never contain a value.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::hidden;
use super::pin::{PinSource, PinSourceError};

/// A PKCS#11 URI.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenUri {
    /// `token`: the token's label.
    pub token: Option<String>,
    /// `manufacturer` of the token.
    pub manufacturer: Option<String>,
    /// `serial` number of the token.
    pub serial: Option<String>,
    /// `model` of the token.
    pub model: Option<String>,
    /// `library-manufacturer`.
    pub library_manufacturer: Option<String>,
    /// `library-description`.
    pub library_description: Option<String>,
    /// `library-version`: major and minor.
    pub library_version: Option<(u8, u8)>,
    /// `slot-manufacturer`.
    pub slot_manufacturer: Option<String>,
    /// `slot-description`.
    pub slot_description: Option<String>,
    /// `slot-id`.
    pub slot_id: Option<u64>,
    /// `object`: the key's `CKA_LABEL`, never empty.
    pub object: Option<String>,
    /// `id`: the key's `CKA_ID`, never empty.
    pub id: Option<Vec<u8>>,
    /// `type`: what kind of object.
    pub kind: Option<ObjectType>,
    /// `pin-source`: where the PIN comes from.
    pub pin_source: Option<PinSource>,
    /// `module-name`: the file name of the module, without `lib` and ending.
    pub module_name: Option<String>,
    /// `module-path`: the module's shared library.
    pub module_path: Option<PathBuf>,
}

/// The values of the attribute `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectType {
    /// A public key.
    Public,
    /// A private key.
    Private,
    /// A certificate.
    Cert,
    /// A secret key.
    SecretKey,
    /// Data.
    Data,
}

impl ObjectType {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Public, "public"),
        (Self::Private, "private"),
        (Self::Cert, "cert"),
        (Self::SecretKey, "secret-key"),
        (Self::Data, "data"),
    ];

    /// The value's name.
    pub fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(kind, _)| *kind == self);
        known.map_or("", |(_, name)| name)
    }
}

/// Why a text is not a PKCS#11 URI that this program reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// It does not start with `pkcs11:`.
    #[error("it does not start with pkcs11:")]
    Scheme,
    /// It has bytes that are not ASCII.
    #[error("it has characters that are not ASCII and have to be percent-encoded")]
    NotAscii,
    /// A part between separators is empty or has no `=`.
    #[error("a part of it is not NAME=VALUE")]
    NotAnAttribute,
    /// An attribute that RFC 7512 does not know.
    #[error("attribute \"{0}\" is not known")]
    Unknown(String),
    /// An attribute twice.
    #[error("attribute \"{0}\" is given twice")]
    Duplicate(&'static str),
    /// A path attribute after the `?`, or a query attribute before it.
    #[error("attribute \"{name}\" belongs {} the question mark", if *.in_query { "before" } else { "behind" })]
    Misplaced {
        /// The attribute.
        name: &'static str,
        /// Whether it was found in the query.
        in_query: bool,
    },
    /// A `%` that two hexadecimal digits do not follow.
    #[error("attribute \"{0}\" has a % that two hexadecimal digits do not follow")]
    Escape(&'static str),
    /// A character that has to be percent-encoded.
    #[error("attribute \"{name}\" has a character that has to be written as {encoded}")]
    Character {
        /// The attribute.
        name: &'static str,
        /// The character, percent-encoded.
        encoded: String,
    },
    /// A text that is not UTF-8.
    #[error("attribute \"{0}\" is not UTF-8")]
    Utf8(&'static str),
    /// An empty value where that says nothing.
    #[error("attribute \"{0}\" is empty")]
    Empty(&'static str),
    /// A value that is none of those allowed.
    #[error("attribute \"{name}\" has to be {wanted}")]
    Value {
        /// The attribute.
        name: &'static str,
        /// What it may be.
        wanted: &'static str,
    },
    /// A PIN in the URI, which everybody on the machine can read.
    #[error(
        "attribute \"pin-value\" puts the PIN where others can see it; use \"pin-source=file:PATH\" or --pin-source"
    )]
    PinValue,
    /// A PIN and a source of a PIN.
    #[error("attributes \"pin-value\" and \"pin-source\" exclude each other")]
    PinTwice,
    /// A source of a PIN that is not read.
    #[error("attribute \"pin-source\": {0}")]
    PinSource(#[from] PinSourceError),
}

const PATH: [&str; 13] = [
    "token",
    "manufacturer",
    "serial",
    "model",
    "library-manufacturer",
    "library-description",
    "library-version",
    "slot-manufacturer",
    "slot-description",
    "slot-id",
    "object",
    "id",
    "type",
];
const QUERY: [&str; 4] = ["pin-source", "pin-value", "module-name", "module-path"];

/// Whether a text is meant as a PKCS#11 URI (RFC 3986, section 3.1: the scheme in any case).
pub fn is_pkcs11(text: &[u8]) -> bool {
    text.get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"pkcs11:"))
}

impl FromStr for TokenUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        if !is_pkcs11(text.as_bytes()) {
            return Err(UriError::Scheme);
        }
        let rest = &text[7..];
        let (path, query) = rest
            .split_once('?')
            .map_or((rest, None), |(path, query)| (path, Some(query)));
        let mut uri = Self::default();
        let mut seen = Vec::new();
        // An empty path is allowed by the grammar; a trailing separator is not.
        for attribute in path.split(';').filter(|_| !path.is_empty()) {
            let (name, value) = attribute_of(attribute, &PATH, false, &mut seen)?;
            uri.set_path(name, value)?;
        }
        // So is an empty query.
        let query = query.filter(|query| !query.is_empty());
        for attribute in query.into_iter().flat_map(|query| query.split('&')) {
            let (name, value) = attribute_of(attribute, &QUERY, true, &mut seen)?;
            if name != "pin-value" {
                uri.set_query(name, value)?;
            }
        }
        match (seen.contains(&"pin-value"), seen.contains(&"pin-source")) {
            (true, true) => Err(UriError::PinTwice),
            (true, false) => Err(UriError::PinValue),
            // A wrong separator has made it part of another value, and messages show those.
            _ => match hidden::first(text) {
                Some(("pin-value", _)) => Err(UriError::PinValue),
                Some((name, _)) => Err(UriError::Misplaced {
                    name,
                    in_query: false,
                }),
                None => Ok(uri),
            },
        }
    }
}

/// Splits an attribute and finds its name among those that this part allows.
fn attribute_of<'a>(
    attribute: &'a str,
    here: &[&'static str],
    in_query: bool,
    seen: &mut Vec<&'static str>,
) -> Result<(&'static str, &'a str), UriError> {
    let (name, value) = attribute.split_once('=').ok_or(UriError::NotAnAttribute)?;
    let find = |names: &[&'static str]| names.iter().find(|known| **known == name).copied();
    let Some(name) = find(here) else {
        return Err(match find(&PATH).or_else(|| find(&QUERY)) {
            Some(name) => UriError::Misplaced { name, in_query },
            // With the equals sign encoded, the value is part of the name.
            None if hidden::first(name).is_some() => UriError::PinValue,
            None => UriError::Unknown(name.chars().take(40).collect()),
        });
    };
    if seen.contains(&name) {
        return Err(UriError::Duplicate(name));
    }
    seen.push(name);
    Ok((name, value))
}

impl TokenUri {
    /// The files that it names: the PIN's, and the module.
    pub fn files(&self) -> Vec<&Path> {
        let pin = self.pin_source.as_ref().and_then(|source| match source {
            PinSource::File(path) => Some(path),
            _ => None,
        });
        let files = pin.into_iter().chain(&self.module_path);
        files.map(PathBuf::as_path).collect()
    }

    fn set_path(&mut self, name: &'static str, value: &str) -> Result<(), UriError> {
        let bytes = decode(name, value, false)?;
        let number = |wanted| UriError::Value { name, wanted };
        let text = || String::from_utf8(bytes.clone()).map_err(|_| UriError::Utf8(name));
        match name {
            "token" => self.token = Some(text()?),
            "manufacturer" => self.manufacturer = Some(text()?),
            "serial" => self.serial = Some(text()?),
            "model" => self.model = Some(text()?),
            "library-manufacturer" => self.library_manufacturer = Some(text()?),
            "library-description" => self.library_description = Some(text()?),
            "library-version" => {
                let version = version(&text()?);
                self.library_version = Some(version.ok_or(number("MAJOR or MAJOR.MINOR"))?);
            }
            "slot-manufacturer" => self.slot_manufacturer = Some(text()?),
            "slot-description" => self.slot_description = Some(text()?),
            "slot-id" => {
                let id = decimal(&text()?).ok_or(number("a decimal number"))?;
                self.slot_id = Some(id);
            }
            // An empty label or id would match what has none.
            "object" | "id" if bytes.is_empty() => return Err(UriError::Empty(name)),
            "object" => self.object = Some(text()?),
            "id" => self.id = Some(bytes),
            "type" => {
                let text = text()?;
                let known = ObjectType::ALL.iter().find(|(_, known)| *known == text);
                let wanted = number("public, private, cert, secret-key or data");
                self.kind = Some(known.ok_or(wanted)?.0);
            }
            _ => return Err(UriError::Unknown(name.to_owned())),
        }
        Ok(())
    }

    fn set_query(&mut self, name: &'static str, value: &str) -> Result<(), UriError> {
        let bytes = decode(name, value, true)?;
        if bytes.is_empty() {
            return Err(UriError::Empty(name));
        }
        let text = String::from_utf8(bytes).map_err(|_| UriError::Utf8(name))?;
        match name {
            "pin-source" => self.pin_source = Some(PinSource::from_uri(&text)?),
            "module-name" => self.module_name = Some(text),
            "module-path" => self.module_path = Some(text.into()),
            _ => return Err(UriError::Unknown(name.to_owned())),
        }
        Ok(())
    }
}

/// Percent-decodes a value. Characters outside the grammar of this part have to be encoded.
fn decode(name: &'static str, value: &str, in_query: bool) -> Result<Vec<u8>, UriError> {
    let extra: &[u8] = if in_query { b"/?|" } else { b"&" };
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
            let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
                return Err(UriError::Escape(name));
            };
            // Two hexadecimal digits make a byte.
            bytes.push(u8::try_from(high * 16 + low).map_err(|_| UriError::Escape(name))?);
        } else if is_plain(byte) || extra.contains(&byte) {
            bytes.push(byte);
        } else {
            let encoded = format!("%{byte:02X}");
            return Err(UriError::Character { name, encoded });
        }
    }
    Ok(bytes)
}

/// The characters that may stand for themselves in both parts (RFC 7512, section 2.3).
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:[]@!$'()*+,=".contains(&byte)
}

fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn version(text: &str) -> Option<(u8, u8)> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let part = |text| u8::try_from(decimal(text)?).ok();
    Some((part(major)?, part(minor)?))
}

impl fmt::Display for TokenUri {
    /// The URI in its usual order. It holds no PIN, only the PIN's source.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut path = Vec::new();
        let mut text = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                path.push(format!("{name}={}", encode(value.as_bytes(), false)));
            }
        };
        text("library-manufacturer", &self.library_manufacturer);
        text("library-description", &self.library_description);
        let version = self.library_version.map(|(a, b)| format!("{a}.{b}"));
        text("library-version", &version);
        text("slot-manufacturer", &self.slot_manufacturer);
        text("slot-description", &self.slot_description);
        text("slot-id", &self.slot_id.map(|id| id.to_string()));
        text("model", &self.model);
        text("manufacturer", &self.manufacturer);
        text("serial", &self.serial);
        text("token", &self.token);
        if let Some(id) = &self.id {
            // A binary value: each byte is encoded, as other tools print it.
            let bytes: Vec<String> = id.iter().map(|b| format!("%{b:02X}")).collect();
            path.push(format!("id={}", bytes.concat()));
        }
        if let Some(object) = &self.object {
            path.push(format!("object={}", encode(object.as_bytes(), false)));
        }
        if let Some(kind) = self.kind {
            path.push(format!("type={}", kind.name()));
        }
        let mut query = Vec::new();
        if let Some(source) = &self.pin_source {
            query.push(format!(
                "pin-source={}",
                encode(source.to_string().as_bytes(), true)
            ));
        }
        if let Some(name) = &self.module_name {
            query.push(format!("module-name={}", encode(name.as_bytes(), true)));
        }
        if let Some(path) = &self.module_path {
            let path = path.as_os_str().as_encoded_bytes();
            query.push(format!("module-path={}", encode(path, true)));
        }
        write!(f, "pkcs11:{}", path.join(";"))?;
        if query.is_empty() {
            Ok(())
        } else {
            write!(f, "?{}", query.join("&"))
        }
    }
}

fn encode(bytes: &[u8], in_query: bool) -> String {
    let extra: &[u8] = if in_query { b"/:" } else { b"" };
    bytes
        .iter()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || extra.contains(byte) {
                char::from(*byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
