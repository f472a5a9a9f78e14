//! Scalars of YAML as `go-yaml` decodes them into texts and booleans.

use crate::encoding::base64::unbase64_of_go;
use crate::encoding::yaml::{Data, Malformed, Node, ScalarTag};

/// That no scalar of a tree has a tag that says more than its text does.
pub(super) fn plain(node: &Node) -> Result<(), Malformed> {
    match &node.data {
        Data::List(items) => items.iter().try_for_each(plain),
        Data::Map(pairs) => pairs.iter().try_for_each(|(key, value)| {
            plain(key)?;
            plain(value)
        }),
        Data::Scalar { text, tag, .. } => match tag {
            ScalarTag::None | ScalarTag::Str | ScalarTag::Other => Ok(()),
            ScalarTag::Bool if ["true", "false"].contains(&text.as_str()) => Ok(()),
            _ => Err(Malformed::new(
                node.line,
                "ir-sign does not read this tag here",
            )),
        },
    }
}

/// Whether a key merges another map into its own.
pub(super) fn is_merge(key: &Node) -> bool {
    matches!(&key.data, Data::Scalar { text, tag: ScalarTag::None | ScalarTag::Merge, .. }
        if !key.data.is_text() && text == "<<")
}

/// A text; `""` for `null`, and the text of a number.
pub(super) fn go_text(node: &Node) -> Result<String, Malformed> {
    let Data::Scalar { text, tag, .. } = &node.data else {
        return Err(Malformed::new(node.line, "this must be a text"));
    };
    if node.is_null() {
        return Ok(String::new());
    }
    match tag {
        ScalarTag::Binary => binary(node, text),
        ScalarTag::None | ScalarTag::Str | ScalarTag::Merge | ScalarTag::Other => Ok(text.clone()),
        ScalarTag::Bool if as_bool(text).is_some() => Ok(text.clone()),
        ScalarTag::Int | ScalarTag::Float if is_decimal(text) => Ok(text.clone()),
        ScalarTag::Bool
        | ScalarTag::Int
        | ScalarTag::Float
        | ScalarTag::Null
        | ScalarTag::Timestamp => Err(Malformed::new(node.line, "the tag does not fit")),
    }
}

/// A boolean: the words of YAML 1.2, and in a text too some of YAML 1.1.
pub(super) fn go_bool(node: &Node) -> Result<Option<bool>, Malformed> {
    if node.is_null() {
        return Ok(None);
    }
    let wrong = || Malformed::new(node.line, "this must be true or false");
    let Data::Scalar { text, tag, .. } = &node.data else {
        return Err(wrong());
    };
    let found = match tag {
        ScalarTag::None if node.data.is_text() => as_word(text),
        ScalarTag::None => as_bool(text).or_else(|| as_word(text)),
        ScalarTag::Bool => as_bool(text),
        ScalarTag::Binary => as_word(&binary(node, text)?),
        ScalarTag::Str | ScalarTag::Merge | ScalarTag::Other => as_word(text),
        ScalarTag::Int | ScalarTag::Float | ScalarTag::Null | ScalarTag::Timestamp => None,
    };
    found.map(Some).ok_or_else(wrong)
}

fn binary(node: &Node, text: &str) -> Result<String, Malformed> {
    let bytes = unbase64_of_go(text).and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.ok_or_else(|| Malformed::new(node.line, "it is not the base64 of a text"))
}

fn as_bool(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

fn as_word(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Whether it is a whole number to every reader.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let fits = (1..=18).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits && (digits == "0" || !digits.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::yaml::read;

    fn node(text: &str) -> Node {
        let document = read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        document.first.expect(text)
    }

    #[test]
    fn tags_say_what_a_scalar_is() {
        for (text, found) in [
            ("!!bool \"true\"", Some(true)),
            ("!!bool |-\n  true", Some(true)),
            ("!<tag:yaml.org,2002:bool> false", Some(false)),
            ("!!binary eWVz", Some(true)),
            ("!own yes", Some(true)),
            ("! true", Some(true)),
            ("!!bool yes", None),
            ("!!str true", None),
            ("!<tag:yaml.org,2002:str> true", None),
            ("!own true", None),
            ("!!binary dHJ1ZQ==", None),
            ("!!int 1", None),
            ("%TAG !! tag:x,2000:\n---\n!!bool true", None),
        ] {
            assert_eq!(go_bool(&node(text)).ok().flatten(), found, "{text}");
        }
        for (text, found) in [
            ("!!int 7", Some("7")),
            ("!!int x", None),
            ("!!null x", None),
            ("!!null ~", Some("")),
            ("!!binary YWI=", Some("ab")),
            ("!!binary \"@\"", None),
            ("!own a", Some("a")),
            ("[a]", None),
        ] {
            assert_eq!(go_text(&node(text)).ok().as_deref(), found, "{text}");
        }
    }

    #[test]
    fn tags_of_members_that_nobody_reads_do_not_matter_to_go_alone() {
        assert!(plain(&node("a: [!own x, !!str y, !!bool true]")).is_ok());
        assert!(plain(&node("a: !!int x")).is_err());
    }
}
