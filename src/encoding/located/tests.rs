//! The located reader of JSON beside `serde_json`, and what it does with bytes that are not text.

use serde_json::Value as Json;

use super::*;

fn read(text: &[u8], unicode: Unicode) -> Result<Value<'_>, Malformed> {
    let mut reader = Reader::new(text, unicode);
    let value = reader.value()?;
    reader.end()?;
    Ok(value)
}

fn json(value: &Value<'_>) -> Json {
    match &value.data {
        Data::Null => Json::Null,
        Data::Bool(b) => (*b).into(),
        Data::Number(text) => text.parse::<serde_json::Number>().expect("one").into(),
        Data::Text(text) => text.as_ref().into(),
        Data::List(items) => items.iter().map(json).collect(),
        Data::Object(members) => {
            let member = |m: &Member<'_>| (m.name.clone().into_owned(), json(&m.value));
            Json::Object(members.iter().map(member).collect())
        }
    }
}

#[test]
fn it_takes_and_refuses_the_same_texts_as_serde_json() {
    let texts = [
        r#"{"a":[1,-0.5e+7,true,false,null,"x\n\u00e9\ud83d\ude00é"],"b":{"c":{}}}"#,
        " [ ] ",
        "0",
        "\"\\/\"",
        "",
        " ",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "tru",
        "nulls",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "\"\t\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\ud800\"",
        "\"open",
        "\"open\\",
        "{} {}",
        "[1}",
        "// x\n1",
        "\u{feff}1",
        "1\u{0}",
        "[1 2]",
        "NaN",
    ];
    for text in texts {
        let ours = read(text.as_bytes(), Unicode::Refused);
        let theirs = serde_json::from_str::<Json>(text);
        assert_eq!(ours.is_ok(), theirs.is_ok(), "{text:?}: {ours:?}");
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            assert_eq!(json(&ours), theirs, "{text:?}");
        }
    }
}

#[test]
fn bytes_that_are_no_unicode_are_replaced_one_by_one_or_refused() {
    for (text, replaced) in [
        (&b"\"a\xffb\""[..], "a\u{fffd}b"),
        (b"\"\xe2\x82\"", "\u{fffd}\u{fffd}"),
        (b"\"\\n\xe2\x82\"", "\n\u{fffd}\u{fffd}"),
        (b"\"\\ud800\"", "\u{fffd}"),
        (b"\"\\ud800\\u0041\"", "\u{fffd}A"),
        (b"\"\\ud800\\ud83d\\ude00\"", "\u{fffd}\u{1f600}"),
    ] {
        let value = read(text, Unicode::Replaced).expect("a text");
        assert_eq!(value.data, Data::Text(replaced.into()), "{text:?}");
        read(text, Unicode::Refused).expect_err("not Unicode");
    }
}

#[test]
fn an_error_has_its_line() {
    let text = b"{\n  \"a\": 1,\n  \"b\": x\n}";
    let error = read(text, Unicode::Refused).expect_err("x is not a value");
    assert_eq!(line(text, error.at), 3);
    assert_eq!(error.reason, "there is 'x' in the place of a value");
}

#[test]
fn deep_nesting_is_refused() {
    let text = |n: usize| "[".repeat(n) + &"]".repeat(n);
    read(text(DEEPEST).as_bytes(), Unicode::Refused).expect("the deepest");
    let deeper = text(DEEPEST + 1);
    let error = read(deeper.as_bytes(), Unicode::Refused).expect_err("one deeper");
    assert!(error.reason.contains("100 deep"), "{error}");
}
