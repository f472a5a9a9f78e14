//! A Sigstore signature as containers/image keeps it in a file, read as Go reads it: names of members in any case, the last
//! of two counts, and bytes are base64 or a list of numbers.
//!
//! Source: containers/image, `internal/signature/sigstore.go`.

use std::collections::BTreeMap;

use crate::encoding::base64::unbase64_of_go;
use crate::encoding::located::{Data, Member, Reader, Unicode};
use crate::encoding::strict::is_like;
use crate::scheme::malformed::Malformed;

const WHAT: &str = "Sigstore signature as containers/image stores it";

/// The content of such a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredText {
    /// The payload's media type.
    pub media_type: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// What a layer would say of itself, the signature among it.
    pub annotations: BTreeMap<String, String>,
}

impl StoredText {
    /// Reads the text behind the file's first line.
    ///
    /// ```
    /// use ir_sign::scheme::cosign::StoredText;
    ///
    /// let text = br#"{"mimeType": "a", "payload": "QQ==", "MimeType": "b", "more": 1}"#;
    /// let read = StoredText::read(text)?;
    /// assert_eq!((read.media_type.as_str(), read.payload.as_slice()), ("b", &b"A"[..]));
    /// # Ok::<(), ir_sign::scheme::cosign::Malformed>(())
    /// ```
    pub fn read(text: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(text, Unicode::Replaced);
        let value = reader.value().and_then(|value| {
            reader.end()?;
            Ok(value.data)
        });
        let value = value.map_err(|bad| Malformed::new(WHAT, bad.to_string()))?;
        let mut found = Self::default();
        for Member { name, value, .. } in object(value)? {
            if is_like("mimeType", &name) {
                set_text(&mut found.media_type, value.data)?;
            } else if is_like("payload", &name) {
                found.payload = bytes(value.data)?;
            } else if is_like("annotations", &name) {
                found.annotate(value.data)?;
            }
        }
        Ok(found)
    }

    /// Go adds the members of a second object to those of the first.
    fn annotate(&mut self, data: Data<'_>) -> Result<(), Malformed> {
        if matches!(data, Data::Null) {
            self.annotations.clear();
        }
        for Member { name, value, .. } in object(data)? {
            let mut text = String::new();
            set_text(&mut text, value.data)?;
            self.annotations.insert(name.into_owned(), text);
        }
        Ok(())
    }
}

fn wrong(found: &Data<'_>, wanted: &str) -> Malformed {
    let found = found.kind();
    Malformed::new(WHAT, format!("there is {found} in the place of {wanted}"))
}

/// The members of an object; none of `null`.
fn object(data: Data<'_>) -> Result<Vec<Member<'_>>, Malformed> {
    match data {
        Data::Null => Ok(Vec::new()),
        Data::Object(members) => Ok(members),
        other => Err(wrong(&other, "an object")),
    }
}

/// Sets a text; `null` leaves it.
fn set_text(text: &mut String, data: Data<'_>) -> Result<(), Malformed> {
    match data {
        Data::Null => {}
        Data::Text(found) => *text = found.into_owned(),
        other => return Err(wrong(&other, "a text")),
    }
    Ok(())
}

fn bytes(data: Data<'_>) -> Result<Vec<u8>, Malformed> {
    match data {
        Data::Null => Ok(Vec::new()),
        Data::Text(text) => {
            unbase64_of_go(&text).ok_or_else(|| Malformed::new(WHAT, "its payload is not base64"))
        }
        Data::List(items) => {
            let byte = |item: Data<'_>| match item {
                Data::Null => Ok(0),
                Data::Number(text) if text.bytes().all(|b| b.is_ascii_digit()) => text
                    .parse()
                    .map_err(|_| Malformed::new(WHAT, "a byte is at most 255")),
                other => Err(wrong(&other, "a whole number")),
            };
            items.into_iter().map(|item| byte(item.data)).collect()
        }
        other => Err(wrong(&other, "base64")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_go_reads_it() {
        let read = |text: &str| StoredText::read(text.as_bytes());
        assert_eq!(read(" null\n"), Ok(StoredText::default()));
        let whole = r#"{"mimeType":"m","payload":"QQ==","annotations":{"a":"b"}}"#;
        let all = read(whole).expect("a signature");
        for (old, new) in [
            ("{\"mimeType", "{\"x\":[1e999],\"mimeType"),
            ("payload", "PAYLOAD"),
            ("annotations", "annotation\u{17f}"),
            ("{\"mimeType", "{\"payload\":\"AAAA\",\"mimeType"),
            ("\"payload\"", "\"mimeType\":null,\"payload\""),
            ("\"QQ==\"", "\"Q\\nQ==\""),
            ("\"QQ==\"", "[65]"),
            ("}}", "},\"annotations\":{}}"),
        ] {
            let changed = whole.replacen(old, new, 1);
            assert_ne!(changed, whole);
            assert_eq!(read(&changed).as_ref(), Ok(&all), "{changed}");
        }
        let last = read(r#"{"mimeType":"m","payload":"QQ==","MIMETYPE":"x","Payload":null}"#);
        let last = last.expect("a signature");
        assert_eq!((last.media_type.as_str(), last.payload), ("x", Vec::new()));
        let last = read(r#"{"annotations":{"a":"b","a":null}}"#).expect("a signature");
        assert_eq!(last.annotations["a"], "");
        let last = read(r#"{"annotations":{"a":"b"},"annotations":null}"#).expect("a signature");
        assert!(last.annotations.is_empty());
    }

    #[test]
    fn text_that_go_does_not_read_is_refused() {
        for text in [
            "",
            "[]",
            "1",
            "{}x",
            r#"{"mimeType":1}"#,
            r#"{"payload":"QQ"}"#,
            r#"{"payload":[256]}"#,
            r#"{"payload":[1.0]}"#,
            r#"{"payload":{}}"#,
            r#"{"annotations":[]}"#,
            r#"{"annotations":{"a":1}}"#,
        ] {
            assert!(StoredText::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
