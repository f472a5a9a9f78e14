//! Token services: the requests to them, and the tokens that may become a header (R11, R12, R16).
//!
//! Sources: distribution, "Token Authentication Specification" and "`OAuth2` Token Authentication"; RFC 6750, section 2.1.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Deserialize;
use ureq::http::Method;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use zeroize::{Zeroize, Zeroizing};

use super::basic::basic;
use super::credential::Credentials;
use super::error::Problem;
use super::object::{self, OBJECT};
use super::problem::words;
use super::redirect::{self, MOST};
use super::retry::retry;
use super::scope::Scope;
use super::url::{Origin, Scheme, Url, escaped};
use super::wire::{Answer, Payload, Wire};
use crate::secret::Secret;

/// Bytes of the longest answer.
const LONGEST: u64 = 1 << 20;
/// How long a token is valid if the service does not say, or says less.
const SHORTEST: Duration = Duration::from_mins(1);
/// How long before its expiry the client stops using a token (R15).
const BEFORE: Duration = Duration::from_secs(10);

/// A token, ready to be sent.
pub(super) struct Token {
    pub(super) header: HeaderValue,
    pub(super) secret: Secret,
    pub(super) until: Instant,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A token service.
pub(super) struct Service {
    pub(super) realm: Url,
    pub(super) service: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<f64>,
}

impl Drop for Document {
    fn drop(&mut self) {
        for text in [&mut self.token, &mut self.access_token]
            .into_iter()
            .flatten()
        {
            text.zeroize();
        }
    }
}

/// The token service that a registry names, if credentials may go there (R16).
pub(super) fn realm(registry: &Origin, realm: &str) -> Result<Url, Problem> {
    let url = Url::parse(realm).ok_or(Problem::Realm(
        "its address must be http or https, and have no user",
    ))?;
    if url.origin.scheme == Scheme::Http && registry.scheme == Scheme::Https {
        return Err(Problem::Realm("it has no TLS, but the registry has"));
    }
    Ok(url)
}

/// The header with a token. A malformed token never becomes a header.
pub(super) fn bearer(token: &[u8]) -> Result<HeaderValue, Problem> {
    let refused = Problem::Token("its token has characters that no token may have");
    let stem = token
        .iter()
        .rposition(|byte| *byte != b'=')
        .map_or(0, |at| at + 1);
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    if stem == 0 || !token[..stem].iter().all(is_inside) {
        return Err(refused);
    }
    let text = Zeroizing::new([b"Bearer ", token].concat());
    let mut header = HeaderValue::from_bytes(&text).map_err(|_| refused)?;
    header.set_sensitive(true);
    Ok(header)
}

/// Asks for a token.
pub(super) fn ask(
    wire: &Wire,
    service: &Service,
    scope: &Scope,
    credentials: Option<&Credentials>,
    is_secret: &dyn Fn(&[u8]) -> bool,
) -> Result<Token, Problem> {
    let asked = Instant::now();
    let what = format!("token service {}", service.realm.origin);
    let mut answer = None;
    if let Some(Credentials::Identity { token, .. }) = credentials {
        let posted = retry(&wire.options, &what, || post(wire, service, scope, token))?;
        // The service supports only the other method.
        if !matches!(posted.status, 404 | 405) {
            answer = Some(posted);
        }
    }
    let mut answer = match answer {
        Some(answer) => answer,
        None => retry(&wire.options, &what, || {
            get(wire, service, scope, credentials)
        })?,
    };
    match answer.status {
        200 => {}
        401 | 403 => {
            let words = words(answer.body(), is_secret);
            return Err(match credentials {
                Some(_) => Problem::Credentials { words },
                None => Problem::Anonymous { words },
            });
        }
        status => {
            let words = words(answer.body(), is_secret);
            return Err(Problem::Status { status, words });
        }
    }
    let text = Zeroizing::new(answer.bytes(LONGEST)?);
    read(&text, asked)
}

fn get(
    wire: &Wire,
    service: &Service,
    scope: &Scope,
    credentials: Option<&Credentials>,
) -> Result<Answer, Problem> {
    let mut url = service.realm.clone();
    if let Some(name) = &service.service {
        url = url.with("service", name);
    }
    for text in scope.texts() {
        url = url.with("scope", &text);
    }
    let mut headers = Vec::new();
    match credentials {
        Some(Credentials::Basic { user, password }) => {
            url = url.with("account", user);
            headers.push((AUTHORIZATION, basic(user, password)));
        }
        Some(Credentials::Identity {
            user: Some(user), ..
        }) => url = url.with("account", user),
        _ => {}
    }
    let mut seen = vec![url.clone()];
    loop {
        let answer = wire.send(&Method::GET, &url, &headers, Payload::Nothing)?;
        if !redirect::is_redirect(answer.status) {
            return Ok(answer);
        }
        if seen.len() > MOST {
            return Err(Problem::Redirect("more than ten times"));
        }
        url = redirect::target(&answer, answer.header(&LOCATION))?;
        if seen.contains(&url) {
            return Err(Problem::Redirect("in a circle"));
        }
        seen.push(url.clone());
        // The password was only for the service.
        headers.clear();
    }
}

fn post(wire: &Wire, service: &Service, scope: &Scope, token: &Secret) -> Result<Answer, Problem> {
    let text =
        str::from_utf8(token).map_err(|_| Problem::Token("the identity token is not text"))?;
    let mut form = Zeroizing::new(String::with_capacity(4096 + 3 * text.len()));
    form.push_str("grant_type=refresh_token");
    if let Some(name) = &service.service {
        form.push_str("&service=");
        form.push_str(&escaped(name));
    }
    form.push_str("&client_id=ir-sign&scope=");
    form.push_str(&escaped(&scope.texts().join(" ")));
    form.push_str("&refresh_token=");
    form.push_str(&Zeroizing::new(escaped(text)));
    let mut url = service.realm.clone();
    for _ in 0..=MOST {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let answer = wire.send(
            &Method::POST,
            &url,
            &[(CONTENT_TYPE, kind)],
            Payload::Bytes(form.as_bytes()),
        )?;
        if !redirect::is_redirect(answer.status) {
            return Ok(answer);
        }
        // R29: the content of the body goes nowhere else.
        url = redirect::target_within(&answer, answer.header(&LOCATION))?;
    }
    Err(Problem::Redirect("more than ten times"))
}

/// Reads the answer of a token service to a request that the client sent at that moment.
fn read(text: &[u8], asked: Instant) -> Result<Token, Problem> {
    let document: Document =
        object::read(text, &OBJECT).map_err(|_| Problem::Token("it is not JSON with a token"))?;
    let set = |token: &Option<String>| token.clone().filter(|token| !token.is_empty());
    let token = set(&document.token).or_else(|| set(&document.access_token));
    let token = Zeroizing::new(token.ok_or(Problem::Token("it holds no token"))?);
    // A year is as good as for ever, and no number that a Duration does not hold.
    let holds = document.expires_in.unwrap_or(0.0).clamp(0.0, 31_536_000.0);
    let holds = Duration::from_secs_f64(holds).max(SHORTEST);
    Ok(Token {
        header: bearer(token.as_bytes())?,
        secret: Secret::of(token.as_bytes()),
        until: asked + holds.saturating_sub(BEFORE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r11_a_token_is_read_with_its_time() {
        let asked = Instant::now();
        for (text, token, seconds) in [
            (r#"{"token":"a.b-c_~+/=="}"#, "a.b-c_~+/==", 60),
            (r#"{"access_token":"x","expires_in":300}"#, "x", 300),
            (
                r#"{"token":"t","access_token":"x","expires_in":5}"#,
                "t",
                60,
            ),
            (
                r#"{"token":"","access_token":"x","expires_in":-5}"#,
                "x",
                60,
            ),
            (r#"{"token":"t","expires_in":1e300}"#, "t", 31_536_000),
            (r#"{"token":"t","expires_in":null,"x":[1]}"#, "t", 60),
        ] {
            let read = read(text.as_bytes(), asked).expect(text);
            assert_eq!(*read.secret, *token.as_bytes());
            assert_eq!(read.header.as_bytes(), format!("Bearer {token}").as_bytes());
            assert_eq!((read.until - asked).as_secs(), seconds - 10, "{text}");
            assert!(read.header.is_sensitive());
        }
    }

    #[test]
    fn r11_what_is_no_token_never_reaches_a_header() {
        for text in [
            "",
            "x",
            "[]",
            r#"["x"]"#,
            "{}",
            r#"{"token":null}"#,
            r#"{"token":7}"#,
            r#"{"token":""}"#,
            r#"{"token":"="}"#,
            r#"{"token":"a b"}"#,
            r#"{"token":"a\r\nX: y"}"#,
            r#"{"token":"a\u0000"}"#,
            r#"{"token":"\u00e9"}"#,
            r#"{"token":"a=b"}"#,
            r#"{"token":"a","token":"b"}"#,
        ] {
            let error = read(text.as_bytes(), Instant::now()).expect_err(text);
            assert!(matches!(error, Problem::Token(_)), "{text}: {error}");
        }
    }

    #[test]
    fn r16_a_password_goes_to_no_realm_without_tls_where_the_registry_has_it() {
        let origin = |text| Url::parse(text).expect("an address").origin;
        let (tls, plain) = (origin("https://r.example"), origin("http://localhost:5000"));
        for text in ["https://auth.example/token?x=y", "https://r.example/t"] {
            assert!(
                realm(&tls, text).is_ok() && realm(&plain, text).is_ok(),
                "{text}"
            );
        }
        assert!(realm(&plain, "http://localhost:5001/t").is_ok());
        for text in [
            "http://auth.example/token",
            "http://r.example/t",
            "https://u:p@auth.example/t",
            "file:///etc/passwd",
            "/token",
            "",
        ] {
            assert!(
                matches!(realm(&tls, text), Err(Problem::Realm(_))),
                "{text}"
            );
        }
    }
}
