//! Distinguished names (RFC 5280, section 4.1.2.4), in the order of their encoding.

use std::fmt;

use der::asn1::{Any, BmpString, ObjectIdentifier};
use der::{Decode, Encode, Tag, Tagged};
use x509_cert::name::Name;

use crate::encoding::hex::hex;

/// The types of attributes that people know by a name.
pub const KNOWN: [(&str, ObjectIdentifier); 9] = [
    ("CN", ObjectIdentifier::new_unwrap("2.5.4.3")),
    ("SERIALNUMBER", ObjectIdentifier::new_unwrap("2.5.4.5")),
    ("C", ObjectIdentifier::new_unwrap("2.5.4.6")),
    ("L", ObjectIdentifier::new_unwrap("2.5.4.7")),
    ("ST", ObjectIdentifier::new_unwrap("2.5.4.8")),
    ("STREET", ObjectIdentifier::new_unwrap("2.5.4.9")),
    ("O", ObjectIdentifier::new_unwrap("2.5.4.10")),
    ("OU", ObjectIdentifier::new_unwrap("2.5.4.11")),
    ("POSTALCODE", ObjectIdentifier::new_unwrap("2.5.4.17")),
];

/// A distinguished name: its DER bytes, by which names are compared, and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName {
    der: Vec<u8>,
    rdns: Vec<Vec<Attribute>>,
}

/// One attribute of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The type.
    pub oid: ObjectIdentifier,
    /// The text; none if the value is of a type that holds no text.
    pub text: Option<String>,
    der: Vec<u8>,
}

impl Attribute {
    /// The name that people know the type by.
    pub fn known(&self) -> Option<&'static str> {
        let known = KNOWN.iter().find(|(_, oid)| *oid == self.oid);
        known.map(|(name, _)| *name)
    }
}

impl DistinguishedName {
    /// The attributes of a name that was decoded.
    pub fn of(name: &Name) -> der::Result<Self> {
        let attribute = |atv: &x509_cert::attr::AttributeTypeAndValue| {
            Ok(Attribute {
                oid: atv.oid,
                text: text_of(&atv.value),
                der: atv.value.to_der()?,
            })
        };
        let rdns = name.iter_rdn();
        let rdns = rdns.map(|rdn| rdn.iter().map(attribute).collect());
        Ok(Self {
            der: name.to_der()?,
            rdns: rdns.collect::<der::Result<_>>()?,
        })
    }

    /// Reads a `Name` in DER.
    pub fn read(bytes: &[u8]) -> der::Result<Self> {
        Self::of(&Name::from_der(bytes)?)
    }

    /// The `Name` in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its relative distinguished names, in order, each with its attributes.
    pub fn rdns(&self) -> &[Vec<Attribute>] {
        &self.rdns
    }

    /// Whether it has no attribute.
    pub const fn is_empty(&self) -> bool {
        self.rdns.is_empty()
    }
}

fn text_of(value: &Any) -> Option<String> {
    let bytes = value.value();
    let utf8 = || String::from_utf8(bytes.to_vec()).ok();
    match value.tag() {
        Tag::Utf8String => utf8(),
        // The first 128 characters of teletex are those of ASCII. On the others readers do not agree.
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::TeletexString
            if bytes.is_ascii() =>
        {
            utf8()
        }
        Tag::BmpString => Some(value.decode_as::<BmpString>().ok()?.to_string()),
        _ => None,
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some(name) => write!(f, "{name}=")?,
            None => write!(f, "{}=", self.oid)?,
        }
        let Some(text) = &self.text else {
            return write!(f, "#{}", hex(&self.der));
        };
        let last = text.chars().count().saturating_sub(1);
        for (at, c) in text.chars().enumerate() {
            let is_at_an_edge = (at == 0 && (c == '#' || c == ' ')) || (at == last && c == ' ');
            match c {
                ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' => write!(f, "\\{c}")?,
                c if is_at_an_edge => write!(f, "\\{c}")?,
                c if c.is_control() => {
                    let mut bytes = [0; 4];
                    for byte in c.encode_utf8(&mut bytes).bytes() {
                        write!(f, "\\{byte:02X}")?;
                    }
                }
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// In the spelling of trust policies: `C=PT, ST=Lisboa, O=A\, B`, in the order of the encoding.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, rdn) in self.rdns.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            for (at, attribute) in rdn.iter().enumerate() {
                if at > 0 {
                    f.write_str(" + ")?;
                }
                write!(f, "{attribute}")?;
            }
        }
        Ok(())
    }
}
