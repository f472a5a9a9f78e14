//! The texts that registries send about errors, made safe to show (R20, R34).

use std::io::Read;

use serde::Deserialize;

use crate::text::plain;

/// The most bytes that the client reads of such a text, and the most characters that it shows.
const MOST_BYTES: u64 = 64 << 10;
const MOST_SHOWN: usize = 500;

#[derive(Deserialize)]
struct Errors {
    errors: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// The words of a body about an error, on one line: the codes and messages of registries, else its text. If it repeats
/// a secret, this returns none of it.
pub(super) fn words(body: &mut dyn Read, is_secret: &dyn Fn(&[u8]) -> bool) -> String {
    const HIDDEN: &str = "its words are hidden: they repeat a secret that ir-sign sent";
    let mut bytes = Vec::new();
    // Show the part that arrived before the connection broke.
    let _ = body.take(MOST_BYTES).read_to_end(&mut bytes);
    if is_secret(&bytes) {
        return HIDDEN.into();
    }
    let text = match serde_json::from_slice::<Errors>(&bytes) {
        Ok(all) => {
            let one = |one: &One| {
                let parts = [one.code.as_deref(), one.message.as_deref()];
                let parts: Vec<_> = parts
                    .into_iter()
                    .flatten()
                    .filter(|p| !p.is_empty())
                    .collect();
                parts.join(": ")
            };
            let all: Vec<_> = all.errors.iter().map(one).collect();
            all.join("; ")
        }
        Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
    };
    // As JSON may spell it.
    if is_secret(text.as_bytes()) {
        return HIDDEN.into();
    }
    // This comes before blanks go, so that no limit cuts a secret in two and hides it from the search.
    let start: String = text.chars().take(4 * MOST_SHOWN).collect();
    shown(&start)
}

/// A text of a registry's on one line, not too long, and without what drives a terminal.
pub(super) fn shown(text: &str) -> String {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let line = words.join(" ");
    let mut shown: String = plain(&line).chars().take(MOST_SHOWN).collect();
    if line.chars().count() > MOST_SHOWN {
        shown.push_str(" …");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r34_what_a_registry_says_is_one_safe_line() {
        for (body, shown) in [
            (
                r#"{"errors":[{"code":"DENIED","message":"no"},{"code":"X"}]}"#,
                "DENIED: no; X",
            ),
            (
                r#"{"errors":[{"message":"a\nb\u001b[31m"}]}"#,
                "a b\\u{1b}[31m",
            ),
            ("<html>\r\n  gone \u{202e}", "<html> gone \\u{202e}"),
            ("", ""),
            (r#"{"errors":[]}"#, ""),
            (r#"{"errors":"x"}"#, r#"{"errors":"x"}"#),
        ] {
            assert_eq!(words(&mut body.as_bytes(), &|_| false), shown);
        }
        let endless = std::io::repeat(b'x');
        let words = words(&mut { endless }, &|_| false);
        assert_eq!(words.chars().count(), MOST_SHOWN + 2);
    }

    #[test]
    fn r20_what_repeats_a_secret_is_not_shown() {
        let is_secret = |bytes: &[u8]| bytes.windows(7).any(|part| part == b"hunter2");
        for body in [
            "you sent hunter2".to_owned(),
            r#"{"errors":[{"message":"hunte\u00722"}]}"#.to_owned(),
            format!("{}hunter2", " ".repeat(5000)),
        ] {
            let shown = words(&mut body.as_bytes(), &is_secret);
            assert!(
                shown.contains("are hidden") && !shown.contains("hunt"),
                "{shown}"
            );
        }
    }
}
