//! The challenge that a registry sends before it answers: the header `WWW-Authenticate` (R10).
//!
//! It may come several times, each with several challenges. A challenge is a scheme, and after it either one word of
//! base64 or named values, each a token or in quotation marks.
//!
//! Source: RFC 9110, sections 5.6 and 11.2 to 11.6.

/// Bytes of all such headers together.
const LONGEST: usize = 16 << 10;

/// A challenge of a scheme that the client supports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A token of a token service (RFC 6750).
    Bearer {
        /// The token service's address.
        realm: String,
        /// The service that the token is for.
        service: Option<String>,
    },
    /// A name and a password (RFC 7617).
    Basic,
}

/// Why the client cannot use the headers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// The headers are too long.
    #[error("wants credentials in a header of more than {LONGEST} bytes")]
    TooLong,
    /// The headers are malformed.
    #[error("wants credentials in a malformed WWW-Authenticate header")]
    Malformed,
    /// No challenge is of a scheme that the client supports.
    #[error("wants credentials, but neither a bearer token nor a password")]
    Unknown,
    /// A bearer's challenge names no token service.
    #[error("wants a bearer token, but names no token service")]
    NoRealm,
}

/// The challenge to meet: a bearer's before one for a password.
///
/// ```
/// use ir_sign::store::remote::{Challenge, challenge};
///
/// let headers = [r#"Negotiate, bEaReR  REALM = "a\"b,c",service=x , Basic realm="y, z""#];
/// let bearer = Challenge::Bearer { realm: "a\"b,c".into(), service: Some("x".into()) };
/// assert_eq!(challenge(headers.iter().map(|h| h.as_bytes())), Ok(bearer));
/// ```
pub fn challenge<'h>(headers: impl Iterator<Item = &'h [u8]>) -> Result<Challenge, ChallengeError> {
    let mut length = 0;
    let mut all = Vec::new();
    let mut malformed = false;
    for header in headers {
        length += header.len();
        if length > LONGEST {
            return Err(ChallengeError::TooLong);
        }
        match read(header) {
            Some(challenges) => all.extend(challenges),
            None => malformed = true,
        }
    }
    let is = |name: &'static str| move |c: &&Raw| c.scheme.eq_ignore_ascii_case(name);
    if let Some(bearer) = all.iter().find(is("Bearer")) {
        let value = |name: &str| {
            let mut values = bearer.values.iter();
            values
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, v)| v.clone())
        };
        let realm = value("realm").filter(|realm| !realm.is_empty());
        return match realm {
            Some(realm) => Ok(Challenge::Bearer {
                realm,
                service: value("service"),
            }),
            None => Err(ChallengeError::NoRealm),
        };
    }
    if all.iter().any(|c| c.scheme.eq_ignore_ascii_case("Basic")) {
        return Ok(Challenge::Basic);
    }
    Err(if malformed {
        ChallengeError::Malformed
    } else {
        ChallengeError::Unknown
    })
}

struct Raw {
    scheme: String,
    values: Vec<(String, String)>,
}

/// All challenges of one header; `None` if it is malformed or names a value twice.
fn read(header: &[u8]) -> Option<Vec<Raw>> {
    let text = str::from_utf8(header).ok()?;
    let mut rest = text;
    let mut all: Vec<Raw> = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(all);
        }
        let (word, after) = token(rest)?;
        let blank = after.trim_start_matches([' ', '\t']);
        if let Some(value) = blank.strip_prefix('=')
            && let Some(challenge) = all.last_mut()
        {
            // A value with a name, of the challenge that came before.
            let (value, after) = value_of(value.trim_start_matches([' ', '\t']))?;
            if challenge
                .values
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case(word))
            {
                return None;
            }
            challenge.values.push((word.to_owned(), value));
            rest = after.trim_start_matches([' ', '\t']);
            if !rest.is_empty() && !rest.starts_with(',') {
                return None;
            }
            continue;
        }
        // A scheme, and after it a word of base64, a value, or nothing.
        if !after.is_empty() && !after.starts_with([' ', '\t', ',']) {
            return None;
        }
        all.push(Raw {
            scheme: word.to_owned(),
            values: Vec::new(),
        });
        rest = token68(blank).unwrap_or(blank);
    }
}

/// The token that a text starts with, and the rest.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !is_inside(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// The value that a text starts with, a token or in quotation marks, and the rest.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(inside) = text.strip_prefix('"') else {
        let (value, rest) = token(text)?;
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &inside[at + 1..])),
            '\\' => value.push(shown(chars.next()?.1)?),
            c => value.push(shown(c)?),
        }
    }
    None
}

/// A character that may stand between quotation marks.
fn shown(c: char) -> Option<char> {
    (!c.is_control() || c == '\t').then_some(c)
}

/// The text after a word of base64 that stands where values could.
fn token68(text: &str) -> Option<&str> {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
    let end = text.find(|c| !is_inside(c)).unwrap_or(text.len());
    let rest = text[end..].trim_start_matches('=');
    let is_end = rest.trim_start_matches([' ', '\t']).is_empty()
        || rest.trim_start_matches([' ', '\t']).starts_with(',');
    (end > 0 && is_end).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[&str]) -> Result<Challenge, ChallengeError> {
        challenge(headers.iter().map(|h| h.as_bytes()))
    }

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.into(),
            service: service.map(str::to_owned),
        }
    }

    #[test]
    fn r10_challenges_are_read_as_the_standard_has_them() {
        for (headers, wanted) in [
            (
                &[r#"Negotiate, bEaReR  REALM = "a\"b,c",service=x , Basic realm="y, z""#][..],
                bearer("a\"b,c", Some("x")),
            ),
            (
                &[r#"Bearer realm="https://a/t",service="s",scope="repository:x:pull,push""#],
                bearer("https://a/t", Some("s")),
            ),
            (
                &[r#"Basic realm="x""#, r#"Bearer realm="https://a/t""#],
                bearer("https://a/t", None),
            ),
            (&[r#"Basic realm="Bearer realm=x""#], Challenge::Basic),
            (&["Basic"], Challenge::Basic),
            (&["basic , , ,"], Challenge::Basic),
            (&["Negotiate YWJj==, Basic realm=x"], Challenge::Basic),
            (&["Negotiate YWJj", "Basic"], Challenge::Basic),
            (&["\t,Bearer\trealm=abc"], bearer("abc", None)),
            (
                &["Digest realm=x, nonce=\"y\", Bearer realm=z, service=\"\""],
                bearer("z", Some("")),
            ),
            // A malformed header does not hide another one.
            (&["Basic realm=\"", "Bearer realm=x"], bearer("x", None)),
        ] {
            assert_eq!(of(headers), Ok(wanted), "{headers:?}");
        }
    }

    #[test]
    fn r10_without_a_challenge_that_is_understood_there_is_an_error() {
        for (header, wanted) in [
            ("", ChallengeError::Unknown),
            ("Negotiate", ChallengeError::Unknown),
            ("Digest realm=\"Basic\"", ChallengeError::Unknown),
            ("Bearer", ChallengeError::NoRealm),
            ("Bearer service=x", ChallengeError::NoRealm),
            ("Bearer realm=\"\"", ChallengeError::NoRealm),
            ("Bearer realm=x, realm=y", ChallengeError::Malformed),
            ("Bearer realm=\"x", ChallengeError::Malformed),
            ("Bearer realm=\"x\\", ChallengeError::Malformed),
            ("Bearer realm=\"x\"y", ChallengeError::Malformed),
            ("Bearer realm=", ChallengeError::NoRealm),
            ("realm=x", ChallengeError::Malformed),
            ("\"", ChallengeError::Malformed),
        ] {
            assert_eq!(of(&[header]), Err(wanted), "{header}");
        }
        let long = format!("Basic realm=\"{}\"", "x".repeat(LONGEST));
        assert_eq!(of(&[&long]), Err(ChallengeError::TooLong));
        assert_eq!(
            challenge([&b"Basic \xff"[..]].into_iter()),
            Err(ChallengeError::Malformed)
        );
    }
}
