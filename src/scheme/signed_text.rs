//! The signed text of either kind of signature as containers/image reads it, with Go's reader of JSON: it takes texts
//! that are not Unicode, and ignores the content of other members of `optional`.
//!
//! Sources: containers/image, `signature/internal/sigstore_payload.go`, `signature/simple.go` and
//! `signature/internal/json.go`.

use super::malformed::Malformed;
use crate::crypto::Digest;
use crate::crypto::digest::DigestError;
use crate::encoding::located::{Data, Member, Reader, Unicode};
use crate::encoding::strict::MOST_VALUES;

/// What the text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedText {
    pub(super) docker_reference: String,
    pub(super) digest: Digest,
    pub(super) creator: Option<String>,
    pub(super) timestamp: Option<i64>,
}

/// A kind of signature.
pub(super) struct Kind {
    /// What the text is, for errors.
    pub(super) what: &'static str,
    /// The text's `type`.
    pub(super) name: &'static str,
    /// Whether `optional` can be `null`.
    pub(super) takes_null: bool,
}

impl Kind {
    /// Reads a text: exactly the members of the specification, each there once.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<SignedText, Malformed> {
        let error = |reason: String| Malformed::new(self.what, reason);
        let values = bytes.iter().filter(|byte| b",[{".contains(byte)).count();
        if values > MOST_VALUES {
            let reason = format!("it may have more than {MOST_VALUES} members and items");
            return Err(error(reason));
        }
        self.text(bytes).map_err(error)
    }

    fn text(&self, bytes: &[u8]) -> Result<SignedText, String> {
        let mut reader = Reader::new(bytes, Unicode::Replaced);
        let value = reader.value().map_err(|bad| bad.to_string())?;
        reader.end().map_err(|bad| bad.to_string())?;
        let [critical, optional] = exactly(value.data, ["critical", "optional"])?;
        let (creator, timestamp) = match optional {
            Data::Null if self.takes_null => (None, None),
            optional => said(optional)?,
        };
        let [kind, image, identity] = exactly(critical, ["type", "image", "identity"])?;
        let kind = text(kind)?;
        if kind != self.name {
            return Err(format!("its type is {kind:?}"));
        }
        let [digest] = exactly(image, ["docker-manifest-digest"])?;
        let [docker_reference] = exactly(identity, ["docker-reference"])?;
        let digest = text(digest)?.parse();
        Ok(SignedText {
            docker_reference: text(docker_reference)?,
            digest: digest.map_err(|e: DigestError| format!("docker-manifest-digest: {e}"))?,
            creator,
            timestamp,
        })
    }
}

/// The members of an object. Two names that are not Unicode can be one.
fn members(data: Data<'_>) -> Result<Vec<Member<'_>>, String> {
    let Data::Object(members) = data else {
        return Err(format!(
            "there is {} in the place of an object",
            data.kind()
        ));
    };
    let mut names: Vec<_> = members.iter().map(|member| &*member.name).collect();
    names.sort_unstable();
    match names.windows(2).find(|two| two[0] == two[1]) {
        Some(two) => Err(format!("member {:?} is there twice", two[0])),
        None => Ok(members),
    }
}

/// The values of an object that has these members and no others.
fn exactly<'t, const N: usize>(data: Data<'t>, names: [&str; N]) -> Result<[Data<'t>; N], String> {
    let mut found = [const { None }; N];
    for member in members(data)? {
        let place = names.iter().position(|name| *name == member.name);
        let place = place.ok_or_else(|| format!("it has a member {:?}", member.name))?;
        found[place] = Some(member.value.data);
    }
    if let Some(missing) = found.iter().position(Option::is_none) {
        return Err(format!("it has no member {:?}", names[missing]));
    }
    Ok(found.map(|data| data.expect("none is missing")))
}

/// A text; Go leaves one empty where there is `null`.
fn text(data: Data<'_>) -> Result<String, String> {
    match data {
        Data::Text(text) => Ok(text.into_owned()),
        Data::Null => Ok(String::new()),
        other => Err(format!("there is {} in the place of a text", other.kind())),
    }
}

/// The creator and the time in `optional`.
fn said(optional: Data<'_>) -> Result<(Option<String>, Option<i64>), String> {
    let (mut creator, mut timestamp) = (None, None);
    for Member { name, value, .. } in members(optional)? {
        match &*name {
            "creator" => {
                let said = text(value.data).map_err(|_| "its creator is not a text")?;
                creator = Some(said);
            }
            "timestamp" => {
                let whole = match value.data {
                    Data::Null => Some(0),
                    Data::Number(number) => double(number).and_then(whole),
                    _ => None,
                };
                timestamp = Some(whole.ok_or("its timestamp is not a whole number")?);
            }
            _ => check_numbers(&value.data)?,
        }
    }
    Ok((creator, timestamp))
}

fn double(number: &str) -> Option<f64> {
    number
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

/// The number as one of 64 bits, which has to be the same number.
fn whole(number: f64) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    let fits = number.fract() == 0.0 && (-BEYOND..BEYOND).contains(&number);
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and fits")]
    fits.then_some(number as i64)
}

/// Go reads every number as a double.
fn check_numbers(data: &Data<'_>) -> Result<(), String> {
    match data {
        Data::Number(text) if double(text).is_none() => Err(format!(
            "the number {} is out of range",
            &text[..text.len().min(20)]
        )),
        Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => Ok(()),
        Data::List(items) => items.iter().try_for_each(|item| check_numbers(&item.data)),
        Data::Object(members) => {
            let mut values = members.iter().map(|member| &member.value.data);
            values.try_for_each(check_numbers)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    fn read(optional: &[u8]) -> Result<SignedText, Malformed> {
        let start = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"a/b"}},"image":{{"docker-manifest-digest":"{DIGEST}"}},"type":"x"}},"optional":"#
        );
        let kind = Kind {
            what: "text",
            name: "x",
            takes_null: true,
        };
        kind.read(&[start.as_bytes(), optional, b"}"].concat())
    }

    #[test]
    fn optional_holds_whatever_go_reads() {
        for (text, creator, timestamp) in [
            (&b"null"[..], None, None),
            (b" { } ", None, None),
            (b"{\"x\":{\"a\":1,\"a\":2}}", None, None),
            (b"{\"x\":\"\xff\",\"\xff\":\"\\ud800\"}", None, None),
            (
                b"{\"creator\":\"\xff\",\"timestamp\":null}",
                Some("\u{fffd}"),
                Some(0),
            ),
            (
                b"{\"creator\":null,\"timestamp\":-9223372036854775808}",
                Some(""),
                Some(i64::MIN),
            ),
            (b"{\"timestamp\":1.5e1}", None, Some(15)),
            (
                b"{\"timestamp\":9223372036854774784}",
                None,
                Some(9_223_372_036_854_774_784),
            ),
            (b"{\"timestamp\":1e-400}", None, Some(0)),
        ] {
            let found = read(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(
                (found.creator.as_deref(), found.timestamp),
                (creator, timestamp)
            );
            assert_eq!(found.docker_reference, "a/b");
        }
    }

    #[test]
    fn text_that_go_does_not_read_is_refused() {
        let many = format!("[{}1]", "1,".repeat(MOST_VALUES));
        for text in [
            &b"1"[..],
            b"[]",
            b"null,\"more\":1",
            b"null,\"optional\":null",
            b"{\"\xff\":1,\"\xfe\":2}",
            b"{\"x\":1,\"\\u0078\":2}",
            b"{\"x\":[{\"y\":1e400}]}",
            b"{\"timestamp\":9223372036854775807}",
            b"{\"timestamp\":1.5}",
            b"{\"timestamp\":\"1\"}",
            b"{\"creator\":1}",
            many.as_bytes(),
        ] {
            assert!(
                read(text).is_err(),
                "{}",
                String::from_utf8_lossy(&text[..text.len().min(60)])
            );
        }
    }
}
